// SPDX-License-Identifier: Apache-2.0
/* The core's ELF file: checked, then copied to where it runs. Pure; trusts no field of the file. */
#pragma once

#include "mm/types.h"

#define CORE_SEGMENTS_MAX 8
#define CORE_SIZE_MAX     ((u64)256 << 20)

enum core_machine { CORE_MACHINE_X86_64 = 62, CORE_MACHINE_AARCH64 = 183 };

enum core_segment_flag { CORE_SEGMENT_X = 1, CORE_SEGMENT_W = 2, CORE_SEGMENT_R = 4 };

struct core_segment {
	u64 virt;        /* page-aligned link address */
	u64 memory_size; /* page-aligned; zero behind the file's bytes */
	u64 file_offset, file_size;
	u32 flags; /* of enum core_segment_flag; never W and X */
};

/* Segments ascend by address and share no page. */
struct core_elf {
	u64 virt, size; /* from the lowest page to the end of the highest */
	u64 entry;      /* in an executable segment */
	struct core_segment segments[CORE_SEGMENTS_MAX];
	size_t segment_count;
};

/*
 * Reads the headers of the @size bytes at @file, an ELF64 executable for @machine (enum
 * core_machine), into @elf. Returns 0, or -EINVAL with *@why set to the rule that is violated.
 */
int core_elf_parse(const void *file, size_t size, unsigned machine, struct core_elf *elf,
		   const char **why) __must_check;

/* Lays the segments of @file, as parsed into @elf, out in the @elf->size bytes at @memory. */
void core_elf_copy(const struct core_elf *elf, const void *file, void *memory);
