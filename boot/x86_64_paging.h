// SPDX-License-Identifier: Apache-2.0
/*
 * The page tables under which the core starts. Built in identity-mapped memory of the loader's
 * (a pointer is a physical address), used from the jump until the core has its own. Pure.
 */
#pragma once

#include "mm/types.h"

enum page_entry_bits {
	PAGE_ENTRY_PRESENT = 0x1,
	PAGE_ENTRY_WRITE = 0x2,
	PAGE_ENTRY_ACCESSED = 0x20,
	PAGE_ENTRY_DIRTY = 0x40,
	PAGE_ENTRY_LARGE = 0x80,
};
#define PAGE_ENTRY_NX      ((u64)1 << 63)
#define PAGE_ENTRY_ADDRESS (((u64)1 << 52) - PAGE_SIZE)

struct page_tables {
	u64 *pages; /* zeroed, page-aligned; the first page becomes the root */
	size_t page_count, page_used;
	unsigned levels; /* 4, or 5 with CR4.LA57 */
	bool has_1g_pages;
};

struct page_mapping {
	u64 virt, phys, size; /* page-aligned */
	u64 flags;            /* PAGE_ENTRY_WRITE, PAGE_ENTRY_NX */
	unsigned max_level;   /* of a leaf: 1 = 4 KiB, 2 = 2 MiB, 3 = 1 GiB */
};

/* Pages that suffice for a direct map of @direct_size bytes and, apart from it, @other_size. */
size_t page_tables_count(u64 direct_size, u64 other_size, bool has_1g_pages);

/* Maps with the largest leaves that fit. Returns 0, -ENOMEM, or -EEXIST where one is mapped. */
int page_tables_map(struct page_tables *tables, const struct page_mapping *mapping) __must_check;

/* Maps physical memory from 0 to @size (a multiple of 1 GiB) at DIRECT_MAP_BASE, data only. */
int page_tables_map_direct(struct page_tables *tables, u64 size) __must_check;
