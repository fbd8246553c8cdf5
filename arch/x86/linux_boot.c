// SPDX-License-Identifier: Apache-2.0
/*
 * Guest memory at the first instruction:
 *
 *	0x001000  GDT
 *	0x010000  boot_params ("zero page")
 *	0x020000  command line
 *	0x030000  page tables, identity for the first 4 GiB
 *	0x09fc00  -- hole for the guest: reserved up to 1 MiB
 *	0x0e0000  ACPI tables
 *	pref_address   kernel
 *	top of memory below 3 GiB   initrd
 */
#include "arch/x86/linux_boot.h"

#include <errno.h>
#include <string.h>

#include "arch/x86/regs.h"
#include "arch/x86/vacpi.h"
#include "mm/page.h"
#include "vmm/log.h"
#include "vmm/vcpu.h"

#define GDT_ADDR       0x1000
#define ZERO_PAGE_ADDR 0x10000
#define CMDLINE_ADDR   0x20000
#define TABLES_ADDR    0x30000
#define LOW_END        0x9fc00
#define ACPI_ADDR      0xe0000
#define HIGH_START     0x100000

/* boot_params. */
#define BP_ACPI_RSDP   0x070
#define BP_E820_COUNT  0x1e8
#define BP_HDR         0x1f1
#define BP_LOADER_TYPE 0x210
#define BP_INITRD_ADDR 0x218
#define BP_INITRD_SIZE 0x21c
#define BP_CMDLINE     0x228
#define BP_E820        0x2d0
#define E820_MAX       128
#define E820_RAM       1
#define E820_RESERVED  2
#define E820_ACPI      3
#define LOADER_UNKNOWN 0xff

#define BOOT_CS 0x10
#define BOOT_DS 0x18

struct e820_entry {
	u64 base, size;
	u32 type;
} __attribute__((packed));

struct zero_page {
	u8 bytes[4096];
	u8 e820_count;
};

static void put(struct zero_page *zp, u32 offset, u64 val, u32 size)
{
	memcpy(zp->bytes + offset, &val, size);
}

static void e820_add(struct zero_page *zp, u64 base, u64 end, u32 type)
{
	struct e820_entry e = {base, end - base, type};

	if (end > base && zp->e820_count < E820_MAX) {
		memcpy(zp->bytes + BP_E820 + sizeof(e) * zp->e820_count++, &e, sizeof(e));
	}
}

/* Memory from 1 MiB up: slots that touch are one range to the guest. */
static void e820_memory(struct zero_page *zp, const struct memslots *slots)
{
	u64 start = HIGH_START, end = HIGH_START;

	for (u32 i = 0; i < slots->count; i++) {
		const struct memslot *s = &slots->slot[i];

		if (s->base.v > end) {
			e820_add(zp, start, end, E820_RAM);
			start = s->base.v;
		}
		end = max_u64(end, s->base.v + s->size);
	}
	e820_add(zp, start, end, E820_RAM);
}

/* End of the memory that begins at 0 without a hole. */
static u64 low_memory_end(const struct memslots *slots)
{
	u64 end = 0;

	for (u32 i = 0; i < slots->count && slots->slot[i].base.v == end; i++) {
		end += slots->slot[i].size;
	}
	return end;
}

static int load_initrd(struct vm *vm, const struct bzimage *bz, struct zero_page *zp)
{
	u64 top = low_memory_end(&vm->slots), addr;
	const struct boot_module *m;

	if (vm->config->initrd_module == BOOT_NO_MODULE) {
		return 0;
	}
	m = &vm->boot->modules[vm->config->initrd_module];
	top = min_u64(top, bz->initrd_max + 1);
	addr = m->size < top ? align_down(top - m->size, PAGE_SIZE) : 0;
	if (addr < bz->load_addr + bz->init_size) {
		log_vm(LOG_WARN, vm->config->name,
		       "%s: %lu MiB do not fit behind the kernel (%lu MiB memory)", m->path,
		       m->size >> 20, top >> 20);
		return -ENOMEM;
	}
	put(zp, BP_INITRD_ADDR, addr, 4);
	put(zp, BP_INITRD_SIZE, m->size, 4);
	return vm_write(vm, gpa(addr), phys_ptr(hpa(m->base)), m->size);
}

static int load_kernel(struct vm *vm, struct bzimage *bz, struct zero_page *zp)
{
	const struct boot_module *m = &vm->boot->modules[vm->config->linux_module];
	const u8 *image = phys_ptr(hpa(m->base));
	const char *expected = bzimage_parse(image, m->size, bz);

	if (expected) {
		log_vm(LOG_WARN, vm->config->name, "%s: expected %s", m->path, expected);
		return -ENOEXEC;
	}
	if (bz->load_addr + bz->init_size > low_memory_end(&vm->slots)) {
		log_vm(LOG_WARN, vm->config->name, "%s: needs %lu MiB of memory, has %lu", m->path,
		       (bz->load_addr + bz->init_size + BIT(20) - 1) >> 20,
		       low_memory_end(&vm->slots) >> 20);
		return -ENOMEM;
	}
	memcpy(zp->bytes + BP_HDR, image + BP_HDR, bz->setup_header_end - BP_HDR);
	return vm_write(vm, gpa(bz->load_addr), image + bz->payload_offset, bz->payload_size);
}

static int load_cmdline(struct vm *vm, const struct bzimage *bz)
{
	size_t size = strlen(vm->config->options) + 1;

	if (size - 1 > bz->cmdline_max) {
		log_vm(LOG_WARN, vm->config->name, "options: %lu characters, the kernel takes %u",
		       size - 1, bz->cmdline_max);
		return -EINVAL;
	}
	return vm_write(vm, gpa(CMDLINE_ADDR), vm->config->options, size);
}

static int load_acpi(struct vm *vm)
{
	static u8 tables[VACPI_SIZE_MAX];
	struct vacpi_config config = {.cpu_count = vm->vcpu_count};
	size_t size = vacpi_build(tables, sizeof(tables), gpa(ACPI_ADDR), &config);

	assert(size);
	return vm_write(vm, gpa(ACPI_ADDR), tables, size);
}

/* Identity map of 4 GiB in 2 MiB pages: a root, one PDPT, four page directories. */
static int load_tables(struct vm *vm)
{
	const u64 link = 0x3, page = 0x83;
	u64 pdpt = TABLES_ADDR + PAGE_SIZE, pd = pdpt + PAGE_SIZE, entry = pdpt | link;
	int err = vm_write(vm, gpa(TABLES_ADDR), &entry, sizeof(entry));

	for (u64 i = 0; i < 4; i++) {
		entry = (pd + i * PAGE_SIZE) | link;
		err |= vm_write(vm, gpa(pdpt + i * 8), &entry, sizeof(entry));
	}
	for (u64 i = 0; i < 2048; i++) {
		entry = i << 21 | page;
		err |= vm_write(vm, gpa(pd + i * 8), &entry, sizeof(entry));
	}
	return err;
}

static int load_gdt(struct vm *vm)
{
	static const u64 gdt[4] = {
		[BOOT_CS / 8] = 0x00af9b000000ffffULL,
		[BOOT_DS / 8] = 0x00cf93000000ffffULL,
	};

	return vm_write(vm, gpa(GDT_ADDR), gdt, sizeof(gdt));
}

/* "64-bit Boot Protocol": paging on, flat __BOOT_CS and __BOOT_DS, RSI at boot_params. */
static void set_registers(struct vcpu *vcpu, const struct bzimage *bz)
{
	struct x86_seg code = {BOOT_CS, 0xa09b, 0xffffffff, 0};
	struct x86_seg data = {BOOT_DS, 0xc093, 0xffffffff, 0};
	struct x86_seg gdtr = {.limit = 31, .base = GDT_ADDR};

	x86_ops->set_seg(vcpu, X86_SEG_CS, code);
	x86_ops->set_seg(vcpu, X86_SEG_DS, data);
	x86_ops->set_seg(vcpu, X86_SEG_ES, data);
	x86_ops->set_seg(vcpu, X86_SEG_SS, data);
	x86_ops->set_seg(vcpu, X86_SEG_GDTR, gdtr);
	x86_set_reg(vcpu, X86_REG_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_PG);
	x86_set_reg(vcpu, X86_REG_CR3, TABLES_ADDR);
	x86_set_reg(vcpu, X86_REG_CR4, CR4_PAE);
	x86_set_reg(vcpu, X86_REG_EFER, EFER_LME | EFER_LMA);
	vcpu->arch.gpr[6] = ZERO_PAGE_ADDR;
	vcpu->arch.gpr[4] = LOW_END;
	vcpu->arch.rip = bz->load_addr + 0x200;
}

int linux_boot(struct vm *vm)
{
	static struct zero_page zp; /* VMs are loaded one at a time */
	struct bzimage bz;
	int err;

	memset(&zp, 0, sizeof(zp));
	err = load_kernel(vm, &bz, &zp);
	if (err) {
		return err;
	}
	err = load_initrd(vm, &bz, &zp);
	if (err) {
		return err;
	}
	err = load_cmdline(vm, &bz);
	if (err) {
		return err;
	}
	e820_add(&zp, 0, LOW_END, E820_RAM);
	e820_add(&zp, LOW_END, ACPI_ADDR, E820_RESERVED);
	e820_add(&zp, ACPI_ADDR, ACPI_ADDR + VACPI_SIZE_MAX, E820_ACPI);
	e820_add(&zp, ACPI_ADDR + VACPI_SIZE_MAX, HIGH_START, E820_RESERVED);
	e820_memory(&zp, &vm->slots);
	put(&zp, BP_E820_COUNT, zp.e820_count, 1);
	put(&zp, BP_LOADER_TYPE, LOADER_UNKNOWN, 1);
	put(&zp, BP_CMDLINE, CMDLINE_ADDR, 4);
	put(&zp, BP_ACPI_RSDP, ACPI_ADDR, 8);
	if (load_acpi(vm) || load_tables(vm) || load_gdt(vm) ||
	    vm_write(vm, gpa(ZERO_PAGE_ADDR), zp.bytes, sizeof(zp.bytes))) {
		return -EFAULT;
	}
	set_registers(vm->vcpu[0], &bz);
	return 0;
}
