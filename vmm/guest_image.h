// SPDX-License-Identifier: Apache-2.0
/*
 * Kernels that are not Linux' own formats: ELF, Multiboot 1, PVH and raw bytes, read into what is
 * to be placed where and entered how. Pure; any bytes are allowed. The loader asks while the
 * firmware can show the answer, and the core, which trusts no earlier answer, asks again.
 *
 * System V ABI, "Object Files"; Multiboot Specification 0.6.96, "OS image format"; Xen, "x86/HVM
 * direct boot ABI".
 */
#pragma once

#include "vmm/boot_info.h"

#define GUEST_SEGMENTS_MAX 16
#define GUEST_RAW_OFFSET   0x80000 /* of raw bytes in memory, as QEMU's -kernel has them */

/* On x86, memory below 1 MiB that is a kernel's own when it is entered. */
#define GUEST_X86_LOW     0x1000
#define GUEST_X86_LOW_END 0x80000

enum guest_machine { GUEST_MACHINE_X86, GUEST_MACHINE_ARM64 };

struct guest_file {
	const u8 *bytes;
	u64 size;
	enum guest_machine machine;
};

struct guest_segment {
	u64 addr; /* guest-physical */
	u64 file_offset, file_size;
	u64 memory_size; /* at least file_size: zeros behind */
};

struct guest_image {
	u64 entry;    /* guest-physical */
	u64 low, end; /* of all segments */
	bool is_64;   /* ELF's class */
	u32 segment_count;
	struct guest_segment segment[GUEST_SEGMENTS_MAX];
};

struct guest_image_fault {
	const char *field, *expected;
	u64 found;
};

/* Where the memory of a VM of @machine begins. */
static inline u64 guest_image_ram_base(enum guest_machine machine)
{
	return machine == GUEST_MACHINE_ARM64 ? 0x40000000 : 0;
}

/*
 * Reads @file as a kernel of @kind, which is not BOOT_IMAGE_LINUX. Segments lie in the file and
 * below 2^40; on x86 below 4 GiB, and in low memory only where nothing else is. Returns 0, or
 * -EINVAL with @fault filled.
 */
int guest_image_parse(const struct guest_file *file, enum boot_image_kind kind,
		      struct guest_image *out, struct guest_image_fault *fault) __must_check;
