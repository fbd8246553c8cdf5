// SPDX-License-Identifier: Apache-2.0
/*
 * What every boot protocol of x86 wants in guest memory and registers:
 *
 *	0x001000  segments of kernels that want to be there
 *	0x080000  the protocol's structures ("zero page", Multiboot information, hvm_start_info)
 *	0x088000  command line; strings of modules
 *	0x08f000  GDT
 *	0x090000  page tables, identity for the first 4 GiB (64-bit entry)
 *	0x09fc00  -- hole for the guest: reserved up to 1 MiB
 *	0x0e0000  ACPI tables
 *	1 MiB and above   kernel
 *	top of memory below 3 GiB   initrd or modules
 */
#pragma once

#include "vmm/guest_image.h"
#include "vmm/vm.h"

#define GUEST_INFO_ADDR  0x80000
#define GUEST_TEXT_ADDR  0x88000
#define GUEST_TEXT_SIZE  0x4000
#define GUEST_ACPI_ADDR  0xe0000
#define GUEST_LOW_END    0x9fc00
#define GUEST_RANGES_MAX (MEMSLOT_MAX + 4)

/* Types of ACPI's E820 interface, which the other protocols use, too. */
enum guest_range_type { GUEST_RANGE_RAM = 1, GUEST_RANGE_RESERVED = 2, GUEST_RANGE_ACPI = 3 };

struct guest_range {
	u64 base, size;
	u32 type; /* enum guest_range_type */
};

struct guest_map {
	u32 count;
	struct guest_range range[GUEST_RANGES_MAX];
};

/* The physical address space as the guest is told of it, in ascending order. */
void guest_map_make(const struct vm *vm, struct guest_map *map);

/* End of the memory that begins at 0 without a hole. */
u64 guest_low_memory_end(const struct vm *vm);

/* The VM's kernel file as the parser takes it. */
struct guest_file guest_kernel_file(const struct vm *vm);

/* Parses the VM's ELF, Multiboot or PVH kernel and copies its segments. Errors are logged. */
int guest_kernel_load(struct vm *vm, struct guest_image *image) __must_check;

/*
 * Copies module @index to the highest pages of low memory below *@top and above @floor, and lowers
 * *@top to them. Errors: -ENOMEM, logged.
 */
int guest_module_load(struct vm *vm, u32 index, u64 floor, u64 *top) __must_check;

/* ACPI tables and the GDT: code at 0x10, of 64 or 32 bits, data at 0x18. Errors: -EFAULT. */
int guest_tables_load(struct vm *vm, bool is_64) __must_check;

/* Flat segments, paging on (64-bit; from page tables put there) or off (32-bit), at @entry. */
int guest_enter_64(struct vm *vm, u64 entry) __must_check;
void guest_enter_32(struct vm *vm, u64 entry);
