// SPDX-License-Identifier: Apache-2.0
/*
 * Physical page allocator: buddies of order 0 to PAGE_MAX_ORDER, naturally aligned.
 *
 * All memory is reached through the direct map: host-physical address + phys_offset. The
 * allocator's own data (one struct page for each page of each free range) is carved out of the
 * ranges it is given, so holes and high addresses cost nothing. A lock inside; every function may
 * be called on any CPU, with locks of a rank below LOCK_RANK_PAGE held.
 */
#pragma once

#include "mm/range.h"
#include "mm/types.h"

#define PAGE_MAX_ORDER 18 /* 1 GiB */

enum page_owner {
	PAGE_OWNER_CORE,  /* the hypervisor's own data, this allocator's included */
	PAGE_OWNER_TABLE, /* page tables of any kind */
	PAGE_OWNER_GUEST, /* guest memory */
	PAGE_OWNER_IMAGE, /* boot images */
	PAGE_OWNER_COUNT,
};

struct page_stats {
	u64 total_pages; /* free + used */
	u64 free_pages;
	u64 used_pages[PAGE_OWNER_COUNT];
};

/* hpa + phys_offset = address in the direct map; set once, before page_init(). */
extern uintptr_t phys_offset;

static inline void *phys_ptr(hpa_t a)
{
	return (void *)((uintptr_t)a.v + phys_offset);
}

/* Only of a pointer into the direct map. */
static inline hpa_t ptr_phys(const void *p)
{
	return hpa((uintptr_t)p - phys_offset);
}

/*
 * Starts the allocator with @count free ranges, in any order, page-aligned or not (rounded
 * inwards); adjacent ranges that come one after the other are merged. Page 0 is never given out.
 * Errors: -ENOMEM when no range has room for the allocator's data, -EINVAL when two overlap.
 */
__must_check int page_init(const struct range *free, size_t count);

/* 2^order pages, contents undefined, aligned to their size; HPA_NONE when there are none. */
__must_check hpa_t page_alloc(unsigned order, enum page_owner owner);

/* The same, filled with zeros. */
__must_check hpa_t page_alloc_zeroed(unsigned order, enum page_owner owner);

/* Gives back what page_alloc() gave, whole. Asserts on anything else (our bug). */
void page_free(hpa_t page, unsigned order);

/* Whether @page lies in memory that the allocator manages. */
bool page_is_managed(hpa_t page);

/* A snapshot, consistent in itself. */
void page_stats(struct page_stats *stats);

/* Order that holds @size bytes (not 0); above PAGE_MAX_ORDER if none does. */
unsigned page_order(u64 size);

/* Tests: when set and it returns true, the allocation fails as if memory were out. */
extern bool (*page_fail_hook)(unsigned order);
