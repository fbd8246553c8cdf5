// SPDX-License-Identifier: Apache-2.0
/*
 * Multiboot Specification 0.6.96, "Machine state" and "Boot information format"; Xen, "x86/HVM
 * direct boot ABI" and its public header "arch-x86/hvm/start_info".
 */
#include "arch/x86/image_boot.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "arch/x86/guest_setup.h"
#include "vmm/vcpu.h"

#define MAP_ADDR     (GUEST_INFO_ADDR + 0x1000)
#define MODULES_ADDR (GUEST_INFO_ADDR + 0x4000)
#define STRING_MAX   (BOOT_PATH_MAX + 1 + BOOT_OPTIONS_MAX)
#define HIGH_START   0x100000

#define MULTIBOOT_EAX     0x2badb002
#define MULTIBOOT_MEMORY  BIT(0)
#define MULTIBOOT_CMDLINE BIT(2)
#define MULTIBOOT_MODULES BIT(3)
#define MULTIBOOT_MAP     BIT(6)
#define MULTIBOOT_LOADER  BIT(9)

#define PVH_MAGIC   0x336ec578
#define PVH_VERSION 1

struct multiboot_info {
	u32 flags;
	u32 mem_lower, mem_upper; /* KiB, from 0 and from 1 MiB up */
	u32 boot_device;
	u32 cmdline;
	u32 mods_count, mods_addr;
	u32 syms[4];
	u32 mmap_length, mmap_addr;
	u32 drives[2];
	u32 config_table;
	u32 boot_loader_name;
	u32 apm_table;
};

struct multiboot_module {
	u32 start, end, string, reserved;
};

struct multiboot_range {
	u32 size; /* of what follows */
	u64 base, length;
	u32 type;
} __attribute__((packed));

struct pvh_info {
	u32 magic, version, flags, nr_modules;
	u64 modlist, cmdline, rsdp, memmap;
	u32 memmap_entries, reserved;
};

struct pvh_module {
	u64 addr, size, cmdline, reserved;
};

struct pvh_range {
	u64 addr, size;
	u32 type, reserved;
};

static_assert(sizeof(struct multiboot_info) == 72, "up to apm_table");
static_assert(sizeof(struct pvh_info) == 56, "hvm_start_info of version 1");
static_assert((BOOT_VM_MODULES + 2) * STRING_MAX <= GUEST_TEXT_SIZE, "strings in their place");
static_assert(GUEST_RANGES_MAX * sizeof(struct pvh_range) <= MODULES_ADDR - MAP_ADDR,
	      "as is the map");

/* A kernel on its way into memory. */
struct load {
	struct vm *vm;
	struct guest_image image;
	u64 text; /* where the next string goes */
	u64 top;  /* above which modules lie */
	u64 module[BOOT_VM_MODULES], string[BOOT_VM_MODULES];
};

/* Puts "PATH TEXT" into guest memory, as boot loaders do. Returns its address. */
static u64 string_put(struct load *l, const char *path, const char *text)
{
	static char buffer[STRING_MAX]; /* VMs are loaded one at a time */
	int size = snprintf(buffer, sizeof(buffer), "%s%s%s", path, *text ? " " : "", text) + 1;
	u64 addr = l->text;

	l->text += (u64)size;
	return vm_write(l->vm, gpa(addr), buffer, (size_t)size) ? 0 : addr;
}

static int load_all(struct vm *vm, struct load *l)
{
	const struct boot_vm *config = vm->config;
	int err = guest_kernel_load(vm, &l->image);

	l->vm = vm;
	l->text = GUEST_TEXT_ADDR;
	l->top = guest_low_memory_end(vm);
	for (u32 i = 0; i < config->module_count && !err; i++) {
		const struct boot_vm_module *m = &config->modules[i];

		err = guest_module_load(vm, m->module, l->image.end, &l->top);
		l->module[i] = l->top;
		l->string[i] = string_put(l, vm->boot->modules[m->module].path, m->text);
	}
	return err ? err : guest_tables_load(vm, false);
}

static int multiboot_modules_put(const struct load *l)
{
	const struct boot_vm *config = l->vm->config;
	int err = 0;

	for (u32 i = 0; i < config->module_count; i++) {
		u64 size = l->vm->boot->modules[config->modules[i].module].size;
		struct multiboot_module m = {(u32)l->module[i], (u32)(l->module[i] + size),
					     (u32)l->string[i], 0};

		err |= vm_write(l->vm, gpa(MODULES_ADDR + i * sizeof(m)), &m, sizeof(m));
	}
	return err;
}

static int multiboot_map_put(const struct load *l, u32 *size)
{
	static struct guest_map map;
	int err = 0;

	guest_map_make(l->vm, &map);
	for (u32 i = 0; i < map.count; i++) {
		const struct guest_range *r = &map.range[i];
		struct multiboot_range e = {sizeof(e) - sizeof(e.size), r->base, r->size, r->type};

		err |= vm_write(l->vm, gpa(MAP_ADDR + i * sizeof(e)), &e, sizeof(e));
	}
	*size = map.count * (u32)sizeof(struct multiboot_range);
	return err;
}

int multiboot_boot(struct vm *vm)
{
	static struct load l; /* VMs are loaded one at a time */
	struct multiboot_info info;
	int err = load_all(vm, &l);

	if (err) {
		return err;
	}
	info = (struct multiboot_info){
		.flags = MULTIBOOT_MEMORY | MULTIBOOT_CMDLINE | MULTIBOOT_MODULES | MULTIBOOT_MAP |
			 MULTIBOOT_LOADER,
		.mem_lower = GUEST_LOW_END >> 10,
		.mem_upper = (u32)((guest_low_memory_end(vm) - HIGH_START) >> 10),
		.cmdline = (u32)string_put(&l, vm->boot->modules[vm->config->linux_module].path,
					   vm->config->options),
		.mods_count = vm->config->module_count,
		.mods_addr = MODULES_ADDR,
		.mmap_addr = MAP_ADDR,
		.boot_loader_name = (u32)string_put(&l, "Socle", ""),
	};
	if (multiboot_map_put(&l, &info.mmap_length) || multiboot_modules_put(&l) ||
	    vm_write(vm, gpa(GUEST_INFO_ADDR), &info, sizeof(info))) {
		return -EFAULT;
	}
	guest_enter_32(vm, l.image.entry);
	vm->vcpu[0]->arch.gpr[0] = MULTIBOOT_EAX;
	vm->vcpu[0]->arch.gpr[3] = GUEST_INFO_ADDR;
	return 0;
}

static int pvh_modules_put(const struct load *l)
{
	const struct boot_vm *config = l->vm->config;
	int err = 0;

	for (u32 i = 0; i < config->module_count; i++) {
		u64 size = l->vm->boot->modules[config->modules[i].module].size;
		struct pvh_module m = {l->module[i], size, l->string[i], 0};

		err |= vm_write(l->vm, gpa(MODULES_ADDR + i * sizeof(m)), &m, sizeof(m));
	}
	return err;
}

static int pvh_map_put(const struct load *l, u32 *count)
{
	static struct guest_map map;
	int err = 0;

	guest_map_make(l->vm, &map);
	for (u32 i = 0; i < map.count; i++) {
		const struct guest_range *r = &map.range[i];
		struct pvh_range e = {r->base, r->size, r->type, 0};

		err |= vm_write(l->vm, gpa(MAP_ADDR + i * sizeof(e)), &e, sizeof(e));
	}
	*count = map.count;
	return err;
}

/* The command line is the options alone: the kernel's path is no part of it here. */
int pvh_boot(struct vm *vm)
{
	static struct load l; /* VMs are loaded one at a time */
	struct pvh_info info;
	int err = load_all(vm, &l);

	if (err) {
		return err;
	}
	info = (struct pvh_info){
		.magic = PVH_MAGIC,
		.version = PVH_VERSION,
		.nr_modules = vm->config->module_count,
		.modlist = vm->config->module_count ? MODULES_ADDR : 0,
		.cmdline = string_put(&l, vm->config->options, ""),
		.rsdp = GUEST_ACPI_ADDR,
		.memmap = MAP_ADDR,
	};
	if (pvh_map_put(&l, &info.memmap_entries) || pvh_modules_put(&l) ||
	    vm_write(vm, gpa(GUEST_INFO_ADDR), &info, sizeof(info))) {
		return -EFAULT;
	}
	guest_enter_32(vm, l.image.entry);
	vm->vcpu[0]->arch.gpr[3] = GUEST_INFO_ADDR;
	return 0;
}
