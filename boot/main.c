// SPDX-License-Identifier: Apache-2.0
/*
 * The loader: everything that can go wrong for reasons outside Socle goes wrong here, while
 * the firmware's console works. Each step either succeeds or prints a report and ends the loader,
 * which gives back what it took and returns to the firmware. After the last step the core runs.
 */
#include "boot/loader.h"

#include <errno.h>

#include "boot/choice.h"
#include "boot/console.h"
#include "boot/core_elf.h"
#include "boot/crash.h"
#include "boot/firmware.h"
#include "boot/image.h"
#include "boot/inventory.h"
#include "boot/machine.h"
#include "boot/report.h"
#include "boot/text.h"
#include "boot/volume.h"
#include "mm/bits.h"
#include "vmm/guest_image.h"

#define MIB ((u64)1 << 20)

/* Of a VM that a boot entry makes: what is more takes its time to be zeroed. */
#define ENTRY_MEMORY_MAX (4096 * MIB)

/* What the core takes for itself, generously: page tables of the VMs and its own data. */
#define CORE_WORKING_SIZE(vm_memory) (16 * MIB + (vm_memory) / 256)

struct loader {
	struct volume volume;
	struct boot_info *info;
	struct memmap map;
	struct core_elf core;
	u64 start_cycles;
};

static u64 mib_up(u64 bytes)
{
	return align_up(bytes, MIB) / MIB;
}

static EFI_STATUS info_alloc(struct loader *l)
{
	l->info = firmware_pages_alloc(sizeof(*l->info));
	if (!l->info) {
		return report_memory("the loader", sizeof(*l->info), EFI_OUT_OF_RESOURCES);
	}
	l->info->magic = BOOT_INFO_MAGIC;
	l->info->loader_tsc = l->start_cycles;
	return EFI_SUCCESS;
}

static EFI_STATUS esp_open(struct loader *l)
{
	EFI_STATUS status = volume_open(&l->volume);

	if (EFI_ERROR(status)) {
		console_print("\nSocle cannot start: the volume it came from has no files.\n");
		console_report(
			"needs",
			"a FAT volume (EFI system partition) holding the loader and " CONFIG_PATH);
		console_report("found", "%s", report_status_text(status));
	}
	return status;
}

/* Both judge before either ends the loader: the user sees all that is to be put right. */
static EFI_STATUS preflight(struct loader *l)
{
	bool able = machine_check(inventory_start(&l->map));
	EFI_STATUS status;

	if (!able) {
		inventory_show(false);
		machine_refuse();
	}
	status = choice_read(&l->volume, l->info);
	return able ? status : EFI_UNSUPPORTED;
}

static EFI_STATUS menu_offer(struct loader *l)
{
	crash_take(&l->volume);
	return choice_make(&l->volume, l->info);
}

static EFI_STATUS core_check(struct loader *l)
{
	const char *why;
	size_t size = (size_t)(core_image_end - core_image_start);

	if (core_elf_parse(core_image_start, size, machine_elf_kind(), &l->core, &why)) {
		console_print("\nSocle cannot start: this loader carries a damaged core.\n");
		console_report("found", "%s", why);
		return EFI_LOAD_ERROR;
	}
	l->info->core_elf = (uintptr_t)core_image_start;
	l->info->core_elf_size = size;
	return EFI_SUCCESS;
}

/* Files that are one module: each begins at a multiple of 4, as Linux wants archives behind
 * another. */
static u64 file_start(u64 end)
{
	return align_up(end, 4);
}

static EFI_STATUS module_measure(struct loader *l, u64 index)
{
	struct boot_module *m = &l->info->modules[index];
	const char *paths[BLS_INITRDS_MAX];
	size_t count = choice_module_files(l->info, index, paths);
	EFI_STATUS worst = EFI_SUCCESS;

	for (size_t i = 0; i < count; i++) {
		u64 size = 0;
		EFI_STATUS status = volume_file_size(&l->volume, paths[i], &size);

		if (EFI_ERROR(status)) {
			worst = report_file(paths[i], status);
		}
		m->size = file_start(m->size) + size;
	}
	return worst;
}

static EFI_STATUS modules_measure(struct loader *l)
{
	EFI_STATUS worst = EFI_SUCCESS;

	for (u64 i = 0; i < l->info->module_count; i++) {
		EFI_STATUS status = module_measure(l, i);

		worst = EFI_ERROR(status) ? status : worst;
	}
	return worst;
}

static EFI_STATUS memmap_prepare(struct loader *l)
{
	EFI_STATUS status = firmware_memmap_alloc(&l->map, BOOT_MAX_MODULES + 2);

	return EFI_ERROR(status) ? report_memory("its memory map", MIB, status) : status;
}

/* A VM of a boot entry, which does not say, gets half of what is free. */
static EFI_STATUS memory_assign(struct loader *l)
{
	EFI_STATUS status = firmware_memmap_read(&l->map, NULL);
	u64 half = memmap_sum(&l->map, BOOT_RANGE_FREE) / 2;

	for (u32 i = 0; i < l->info->config.vm_count && !EFI_ERROR(status); i++) {
		struct boot_vm *vm = &l->info->config.vms[i];

		if (!vm->memory) {
			vm->memory = align_down(
				max_u64(min_u64(half, ENTRY_MEMORY_MAX), CONFIG_MEMORY_MIN),
				CONFIG_MEMORY_UNIT);
			console_report("vm", "%s: %lu MiB, 1 vCPU", vm->name, vm->memory / MIB);
		}
	}
	return EFI_ERROR(status) ? report_memory("its memory map", MIB, status) : status;
}

/*
 * The sum of what is to be taken, against what is free: before minutes go into loading, and again
 * once packed images have their true size.
 */
static EFI_STATUS memory_check(struct loader *l)
{
	u64 vms = 0, images = 0, loaded = 0, own, free;
	EFI_STATUS status = firmware_memmap_read(&l->map, NULL);

	if (EFI_ERROR(status)) {
		return report_memory("its memory map", MIB, status);
	}
	for (u32 i = 0; i < l->info->config.vm_count; i++) {
		vms += l->info->config.vms[i].memory;
	}
	for (u64 i = 0; i < l->info->module_count; i++) {
		images += l->info->modules[i].size;
		loaded += l->info->modules[i].base ? l->info->modules[i].size : 0;
	}
	own = l->core.size + CORE_WORKING_SIZE(vms);
	free = memmap_sum(&l->map, BOOT_RANGE_FREE) + loaded;
	if (free < own || free - own < vms || free - own - vms < images) {
		console_print("\nSocle cannot start: this machine has not enough memory.\n");
		console_report("needs", "%lu MiB: %lu for VMs, %lu for their images, %lu for Socle",
			       vms / MIB + mib_up(images) + mib_up(own), vms / MIB, mib_up(images),
			       mib_up(own));
		console_report("found", "%lu MiB free", free / MIB);
		return EFI_OUT_OF_RESOURCES;
	}
	return EFI_SUCCESS;
}

static EFI_STATUS module_load(struct loader *l, u64 index)
{
	struct boot_module *m = &l->info->modules[index];
	u8 *memory = firmware_pages_alloc(m->size);
	const char *paths[BLS_INITRDS_MAX];
	size_t count = choice_module_files(l->info, index, paths);
	u64 at = 0;

	if (!memory) {
		return report_memory(m->path, m->size, EFI_OUT_OF_RESOURCES);
	}
	m->base = (uintptr_t)memory;
	for (size_t i = 0; i < count; i++) {
		u64 size = 0;
		EFI_STATUS status = volume_file_size(&l->volume, paths[i], &size);

		at = file_start(at);
		if (!EFI_ERROR(status) && size > m->size - at) {
			status = EFI_MEDIA_CHANGED;
		}
		if (!EFI_ERROR(status)) {
			status =
				volume_file_read(&l->volume, paths[i], memory + at, size, paths[i]);
		}
		if (EFI_ERROR(status)) {
			return report_file(paths[i], status);
		}
		at += size;
	}
	return EFI_SUCCESS;
}

static EFI_STATUS modules_load(struct loader *l)
{
	EFI_STATUS status = EFI_SUCCESS;

	for (u64 i = 0; i < l->info->module_count && !EFI_ERROR(status); i++) {
		status = module_load(l, i);
	}
	return status;
}

static EFI_STATUS image_fail(const struct boot_vm *vm, const struct boot_module *kernel,
			     const struct image_error *error)
{
	console_print("\nSocle cannot start: vm %s has an image that cannot boot.\n", vm->name);
	console_report("file", "%s", kernel->path);
	console_report("field", "%s", error->field);
	console_report("problem", "%s", error->message);
	return EFI_LOAD_ERROR;
}

/* Kernels that are not Linux' own formats. */
static int other_image_check(enum boot_image_kind kind, const struct boot_module *kernel,
			     struct image_facts *facts, struct image_error *error)
{
	struct guest_file file = {(const void *)(uintptr_t)kernel->base, kernel->size,
				  machine_guest};
	struct guest_image_fault fault;
	struct guest_image image;

	if (guest_image_parse(&file, kind, &image, &fault)) {
		text_format(error->field, sizeof(error->field), "%s", fault.field);
		text_format(error->message, sizeof(error->message), "expected %s, found 0x%lx",
			    fault.expected, fault.found);
		return -EINVAL;
	}
	*facts = (struct image_facts){.memory = image.end - guest_image_ram_base(machine_guest)};
	return 0;
}

/* What the kernel needs beside itself. */
static u64 modules_size(const struct boot_info *info, const struct boot_vm *vm)
{
	u64 size = 0;

	if (vm->initrd_module != BOOT_NO_MODULE) {
		size += info->modules[vm->initrd_module].size;
	}
	for (u32 i = 0; i < vm->module_count; i++) {
		size += info->modules[vm->modules[i].module].size;
	}
	return size;
}

static EFI_STATUS vm_images_check(const struct boot_info *info, const struct boot_vm *vm,
				  struct image_facts *facts)
{
	const struct boot_module *kernel = &info->modules[vm->linux_module];
	enum boot_image_kind kind = (enum boot_image_kind)vm->kind;
	struct image_error error;
	u64 needed;

	if (kind == BOOT_IMAGE_LINUX ? image_check((const void *)(uintptr_t)kernel->base,
						   kernel->size, facts, &error)
				     : other_image_check(kind, kernel, facts, &error)) {
		return image_fail(vm, kernel, &error);
	}
	needed = facts->memory + modules_size(info, vm);
	if (needed > vm->memory) {
		console_print("\nSocle cannot start: the images of vm %s do not fit in it.\n",
			      vm->name);
		if (vm->line) { /* not of a boot entry */
			console_report("file", "%s", choice_config_path());
			console_report("line", "%u and below", vm->line);
		}
		console_report("field", "memory");
		console_report("problem",
			       "expected at least %luM for its kernel and initrd, found "
			       "%luM",
			       mib_up(needed), vm->memory / MIB);
		return EFI_INVALID_PARAMETER;
	}
	return EFI_SUCCESS;
}

/* The module becomes the kernel that it has packed. */
static EFI_STATUS kernel_unpack(const struct boot_vm *vm, struct boot_module *kernel,
				const struct image_facts *facts)
{
	void *packed = (void *)(uintptr_t)kernel->base;
	void *memory = firmware_pages_alloc(facts->unpacked_max);
	struct image_unpacking unpacking;
	char name[BOOT_PATH_MAX + 16];
	struct progress progress;
	struct image_error error;
	int more;

	if (!memory) {
		return report_memory(kernel->path, facts->unpacked_max, EFI_OUT_OF_RESOURCES);
	}
	text_format(name, sizeof(name), "unpacking %s", kernel->path);
	progress_start(&progress, name, facts->packed_size);
	image_unpack_start(&unpacking, packed, facts, memory);
	do {
		more = image_unpack(&unpacking, &error);
		progress_update(&progress, unpacking.used);
	} while (more > 0);
	if (more < 0) {
		console_print("\n");
		return image_fail(vm, kernel, &error);
	}
	progress_update(&progress, facts->packed_size);
	firmware_pages_free(packed);
	kernel->base = (uintptr_t)memory;
	kernel->size = unpacking.size;
	return EFI_SUCCESS;
}

static EFI_STATUS images_check(struct loader *l)
{
	EFI_STATUS worst = EFI_SUCCESS;

	for (u32 i = 0; i < l->info->config.vm_count; i++) {
		const struct boot_vm *vm = &l->info->config.vms[i];
		struct image_facts facts;
		EFI_STATUS status = vm_images_check(l->info, vm, &facts);

		if (!EFI_ERROR(status) && facts.packed_size) {
			status = kernel_unpack(vm, &l->info->modules[vm->linux_module], &facts);
		}
		worst = EFI_ERROR(status) ? status : worst;
	}
	return worst;
}

static EFI_STATUS core_load(struct loader *l)
{
	void *memory = firmware_pages_alloc(l->core.size);

	if (!memory) {
		return report_memory("the core", l->core.size, EFI_OUT_OF_RESOURCES);
	}
	core_elf_copy(&l->core, core_image_start, memory);
	l->info->core_base = (uintptr_t)memory;
	l->info->core_size = l->core.size;
	return EFI_SUCCESS;
}

static EFI_STATUS tables_build(struct loader *l)
{
	EFI_STATUS status;

	firmware_describe(l->info); /* with the screen, which the memory map leaves out */
	status = firmware_memmap_read(&l->map, NULL);
	if (!EFI_ERROR(status)) {
		status = machine_tables_build(l->info, &l->core, &l->map);
	}
	if (EFI_ERROR(status)) {
		console_print("\nSocle cannot start: it could not build its page tables.\n");
		console_report("needs", "memory ending below %lu TiB, and some of it free",
			       machine_memory_max / MIB / MIB);
		console_report("found", "memory ending at %lu GiB; %s",
			       memmap_memory_end(&l->map) / MIB / 1024, report_status_text(status));
	}
	return status;
}

/* What a VM is to have must be there. */
static EFI_STATUS screen_check(struct loader *l)
{
	const struct boot_framebuffer *screen = &l->info->framebuffer;

	for (u32 i = 0; i < l->info->config.vm_count; i++) {
		const struct boot_vm *vm = &l->info->config.vms[i];

		if (!(vm->flags & BOOT_VM_FRAMEBUFFER) ||
		    (screen->width && !((screen->base | screen->size) & ~PAGE_MASK))) {
			continue;
		}
		console_print("\nSocle cannot start: vm %s is to have the screen.\n", vm->name);
		console_report("file", "%s", choice_config_path());
		console_report("line", "%u and below", vm->line);
		console_report("field", "framebuffer");
		console_report("problem", "expected a framebuffer of whole pages, %s",
			       screen->width ? "found one that shares a page" : "found none");
		return EFI_UNSUPPORTED;
	}
	return EFI_SUCCESS;
}

/* The last step: returns only when boot services could not be ended. */
static EFI_STATUS core_start(struct loader *l)
{
	struct boot_info *info = l->info;
	EFI_STATUS status;

	console_print("\nStarting the hypervisor.\n");
	volume_close(&l->volume);
	status = firmware_exit(info, &l->map);
	if (EFI_ERROR(status)) {
		console_print("\nSocle cannot start: the firmware does not let go (%s).\n",
			      report_status_text(status));
		return status;
	}
	info->ranges = (struct boot_range *)(DIRECT_MAP_BASE + (uintptr_t)l->map.ranges);
	info->range_count = l->map.range_count;
	machine_enter(&l->core, DIRECT_MAP_BASE + (uintptr_t)info);
}

static EFI_STATUS (*const steps[])(struct loader *) = {
	info_alloc,      memmap_prepare, esp_open,     preflight,    menu_offer,   core_check,
	modules_measure, memory_assign,  memory_check, modules_load, images_check, memory_check,
	core_load,       tables_build,   screen_check, core_start,
};

EFI_STATUS loader_run(u64 start_cycles)
{
	struct loader loader = {.start_cycles = start_cycles};
	EFI_STATUS status = EFI_SUCCESS;

	console_print("\n\nSocle: %s loader\n", firmware_name);
	for (size_t i = 0; i < ARRAY_SIZE(steps) && !EFI_ERROR(status); i++) {
		status = steps[i](&loader);
	}
	if (EFI_ERROR(status) && status != EFI_ABORTED) { /* a report is to be read */
		unsigned key = console_hold();

		if (key == 's' || key == 'S') {
			inventory_save(&loader.volume);
		}
	}
	volume_close(&loader.volume);
	firmware_pages_free_all();
	return status;
}
