// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/guest_setup.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "arch/x86/regs.h"
#include "arch/x86/vacpi.h"
#include "mm/page.h"
#include "vmm/log.h"

#define GDT_ADDR    0x8f000
#define TABLES_ADDR 0x90000
#define HIGH_START  0x100000
#define BOOT_CS     0x10
#define BOOT_DS     0x18

static_assert(GUEST_INFO_ADDR >= GUEST_X86_LOW_END, "a kernel's segments are below");

static void map_add(struct guest_map *map, u64 base, u64 end, enum guest_range_type type)
{
	if (end > base && map->count < GUEST_RANGES_MAX) {
		map->range[map->count++] = (struct guest_range){base, end - base, type};
	}
}

/* Memory from 1 MiB up: slots that touch are one range to the guest. */
static void map_add_memory(struct guest_map *map, const struct memslots *slots)
{
	u64 start = HIGH_START, end = HIGH_START;

	for (u32 i = 0; i < slots->count; i++) {
		const struct memslot *s = &slots->slot[i];

		if (s->base.v > end) {
			map_add(map, start, end, GUEST_RANGE_RAM);
			start = s->base.v;
		}
		end = max_u64(end, s->base.v + s->size);
	}
	map_add(map, start, end, GUEST_RANGE_RAM);
}

void guest_map_make(const struct vm *vm, struct guest_map *map)
{
	u64 acpi_end = GUEST_ACPI_ADDR + VACPI_SIZE_MAX;

	map->count = 0;
	map_add(map, 0, GUEST_LOW_END, GUEST_RANGE_RAM);
	map_add(map, GUEST_LOW_END, GUEST_ACPI_ADDR, GUEST_RANGE_RESERVED);
	map_add(map, GUEST_ACPI_ADDR, acpi_end, GUEST_RANGE_ACPI);
	map_add(map, acpi_end, HIGH_START, GUEST_RANGE_RESERVED);
	map_add_memory(map, &vm->slots);
}

u64 guest_low_memory_end(const struct vm *vm)
{
	const struct memslots *slots = &vm->slots;
	u64 end = 0;

	for (u32 i = 0; i < slots->count && slots->slot[i].base.v == end; i++) {
		end += slots->slot[i].size;
	}
	return end;
}

struct guest_file guest_kernel_file(const struct vm *vm)
{
	const struct boot_module *m = &vm->boot->modules[vm->config->linux_module];

	return (struct guest_file){phys_ptr(hpa(m->base)), m->size, GUEST_MACHINE_X86};
}

/* Memory is zero: what follows a segment's bytes is as it must be. */
static int segments_copy(struct vm *vm, const u8 *file, const struct guest_image *image)
{
	for (u32 i = 0; i < image->segment_count; i++) {
		const struct guest_segment *s = &image->segment[i];

		if (vm_write(vm, gpa(s->addr), file + s->file_offset, s->file_size)) {
			return -EFAULT;
		}
	}
	return 0;
}

int guest_kernel_load(struct vm *vm, struct guest_image *image)
{
	const char *path = vm->boot->modules[vm->config->linux_module].path;
	struct guest_file file = guest_kernel_file(vm);
	struct guest_image_fault fault;

	if (guest_image_parse(&file, (enum boot_image_kind)vm->config->kind, image, &fault)) {
		log_vm(LOG_WARN, vm->config->name, "%s: %s: expected %s, found %#lx", path,
		       fault.field, fault.expected, fault.found);
		return -ENOEXEC;
	}
	if (image->end > guest_low_memory_end(vm)) {
		log_vm(LOG_WARN, vm->config->name, "%s: needs %lu MiB of memory, has %lu", path,
		       (image->end + BIT(20) - 1) >> 20, guest_low_memory_end(vm) >> 20);
		return -ENOMEM;
	}
	return segments_copy(vm, file.bytes, image);
}

int guest_module_load(struct vm *vm, u32 index, u64 floor, u64 *top)
{
	const struct boot_module *m = &vm->boot->modules[index];
	u64 addr = m->size < *top ? align_down(*top - m->size, PAGE_SIZE) : 0;

	if (addr < floor) {
		log_vm(LOG_WARN, vm->config->name,
		       "%s: %lu MiB do not fit behind the kernel (%lu MiB memory)", m->path,
		       m->size >> 20, guest_low_memory_end(vm) >> 20);
		return -ENOMEM;
	}
	*top = addr;
	return vm_write(vm, gpa(addr), phys_ptr(hpa(m->base)), m->size);
}

static int acpi_load(struct vm *vm)
{
	static u8 tables[VACPI_SIZE_MAX]; /* VMs are loaded one at a time */
	struct vacpi_config config = {.cpu_count = vm->vcpu_count};
	size_t size = vacpi_build(tables, sizeof(tables), gpa(GUEST_ACPI_ADDR), &config);

	assert(size);
	return vm_write(vm, gpa(GUEST_ACPI_ADDR), tables, size);
}

int guest_tables_load(struct vm *vm, bool is_64)
{
	const u64 gdt[4] = {
		[BOOT_CS / 8] = is_64 ? 0x00af9b000000ffffULL : 0x00cf9b000000ffffULL,
		[BOOT_DS / 8] = 0x00cf93000000ffffULL,
	};

	return acpi_load(vm) || vm_write(vm, gpa(GDT_ADDR), gdt, sizeof(gdt)) ? -EFAULT : 0;
}

static void segments_set(struct vcpu *vcpu, u16 code_attrib)
{
	static const enum x86_seg_name data_segs[] = {X86_SEG_DS, X86_SEG_ES, X86_SEG_SS,
						      X86_SEG_FS, X86_SEG_GS};
	struct x86_seg code = {BOOT_CS, code_attrib, 0xffffffff, 0};
	struct x86_seg data = {BOOT_DS, 0xc093, 0xffffffff, 0};
	struct x86_seg gdtr = {.limit = 31, .base = GDT_ADDR};

	x86_ops->set_seg(vcpu, X86_SEG_CS, code);
	for (unsigned i = 0; i < ARRAY_SIZE(data_segs); i++) {
		x86_ops->set_seg(vcpu, data_segs[i], data);
	}
	x86_ops->set_seg(vcpu, X86_SEG_GDTR, gdtr);
	vcpu->arch.gpr[4] = GUEST_LOW_END;
}

/* Identity map of 4 GiB in 2 MiB pages: a root, one PDPT, four page directories. */
static int identity_load(struct vm *vm)
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
	return err ? -EFAULT : 0;
}

int guest_enter_64(struct vm *vm, u64 entry)
{
	struct vcpu *vcpu = vm->vcpu[0];

	segments_set(vcpu, 0xa09b);
	x86_set_reg(vcpu, X86_REG_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_PG);
	x86_set_reg(vcpu, X86_REG_CR3, TABLES_ADDR);
	x86_set_reg(vcpu, X86_REG_CR4, CR4_PAE);
	x86_set_reg(vcpu, X86_REG_EFER, EFER_LME | EFER_LMA);
	vcpu->arch.rip = entry;
	return identity_load(vm);
}

/* A TSS that nobody uses, as PVH wants it: base 0, limit 0x67. */
void guest_enter_32(struct vm *vm, u64 entry)
{
	struct vcpu *vcpu = vm->vcpu[0];
	struct x86_seg tss = {.attrib = 0x8b, .limit = 0x67};

	segments_set(vcpu, 0xc09b);
	x86_ops->set_seg(vcpu, X86_SEG_TR, tss);
	x86_set_reg(vcpu, X86_REG_CR0, CR0_PE | CR0_ET);
	vcpu->arch.rip = entry;
}
