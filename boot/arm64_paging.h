// SPDX-License-Identifier: Apache-2.0
/*
 * The stage-1 tables of EL2 under which the core starts: 4 KiB granule, 48 bits of address, Normal
 * Write-Back memory only. Built in identity-mapped memory of the loader's (a pointer is a physical
 * address), used from the jump until the core has its own. Pure.
 */
#pragma once

#include "boot/memmap.h"

/* Of a descriptor; "VMSAv8-64 descriptor formats", "Stage 1" attribute fields. */
#define PAGE_ENTRY_VALID     ((u64)1 << 0)
#define PAGE_ENTRY_TABLE     ((u64)1 << 1) /* or, at level 1, a page */
#define PAGE_ENTRY_EL2_RES1  ((u64)1 << 6) /* AP[1] without E2H */
#define PAGE_ENTRY_READ_ONLY ((u64)1 << 7) /* AP[2] */
#define PAGE_ENTRY_INNER     ((u64)3 << 8) /* SH: Inner Shareable */
#define PAGE_ENTRY_ACCESSED  ((u64)1 << 10)
#define PAGE_ENTRY_PXN       ((u64)1 << 53) /* RES0 without E2H */
#define PAGE_ENTRY_XN        ((u64)1 << 54) /* UXN with E2H */
#define PAGE_ENTRY_ADDRESS   (((u64)1 << 48) - PAGE_SIZE)

struct page_tables {
	u64 *pages; /* zeroed, page-aligned; the first page becomes the root */
	size_t page_count, page_used;
	bool has_e2h; /* descriptors of the EL2&0 regime */
};

enum page_prot { PAGE_PROT_W = 1, PAGE_PROT_X = 2 };

struct page_mapping {
	u64 virt, phys, size; /* page-aligned */
	unsigned prot;        /* of enum page_prot; readable in any case */
};

/* Pages that suffice for the direct map of @map and, apart from it, @other_size bytes. */
size_t page_tables_count(const struct memmap *map, u64 other_size);

/* Maps with the largest leaves that fit. Returns 0, -ENOMEM, or -EEXIST where one is mapped. */
int page_tables_map(struct page_tables *tables, const struct page_mapping *mapping) __must_check;

/* Maps @map's memory, and nothing else, at DIRECT_MAP_BASE, data only. */
int page_tables_map_direct(struct page_tables *tables, const struct memmap *map) __must_check;
