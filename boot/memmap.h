// SPDX-License-Identifier: Apache-2.0
/*
 * The map of physical memory: whatever the firmware reports, in any order and overlapping, and the
 * loader's own allocations on top of it, made into sorted, merged ranges that do not overlap.
 */
#pragma once

#include "vmm/boot_info.h"

/* Both arrays are the caller's. */
struct memmap {
	struct boot_range *claims; /* as added */
	size_t claim_count, claim_capacity;
	struct boot_range *ranges; /* as resolved */
	size_t range_count, range_capacity;
};

/* Room in ranges that suffices for any @claims claims. */
#define MEMMAP_RANGES_FOR(claims) (2 * (claims))

/*
 * Adds a claim that the @size bytes at @base are of @kind. Free memory is rounded to the whole
 * pages inside, all else to the pages it touches; what lies above the 64-bit space is cut.
 * Returns 0, or -ENOSPC.
 */
int memmap_add(struct memmap *map, u64 base, u64 size, enum boot_range_kind kind) __must_check;

/*
 * Computes the ranges from all claims. Where claims disagree the more careful one wins: what the
 * loader loaded, then reserved, MMIO, runtime, ACPI, loader, and free memory last.
 * Returns 0, or -ENOSPC.
 */
int memmap_resolve(struct memmap *map) __must_check;

/* Bytes of @kind in the resolved ranges. */
u64 memmap_sum(const struct memmap *map, enum boot_range_kind kind);

/* The end of the highest resolved range of memory, that is: not reserved and not MMIO. */
u64 memmap_memory_end(const struct memmap *map);

/* Adds claims for the core and the modules of @info, and resolves. Returns 0, or -ENOSPC. */
int memmap_add_loaded(struct memmap *map, const struct boot_info *info) __must_check;
