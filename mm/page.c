// SPDX-License-Identifier: Apache-2.0
/*
 * Buddy allocator. A zone is one range of memory with one struct page for each of its pages; the
 * arrays of all zones lie one after the other, so that a page is known by one 32-bit index.
 *
 * Invariant: a free block of order n is aligned to 2^n pages in the physical address space, lies
 * in one zone, its first page (the head) is in the list of its order, and its buddy is not a free
 * block of the same order (they would have been joined).
 */
#include "mm/page.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "mm/bits.h"
#include "mm/lock.h"

#define INDEX_NONE 0xffffffffu

enum page_state {
	STATE_BODY, /* inside a block, not its head */
	STATE_FREE,
	STATE_USED,
};

struct page {
	u32 next, prev; /* of a free head; indices */
	u8 state, order, owner;
};

struct zone {
	u64 pfn, count;
	u32 first; /* index of its first page */
};

uintptr_t phys_offset;
bool (*page_fail_hook)(unsigned order);

static struct {
	struct lock lock;
	struct zone *zones;
	size_t zone_count;
	struct page *pages;
	u32 free_head[PAGE_MAX_ORDER + 1];
	struct page_stats stats;
} pa;

static u64 range_first_pfn(const struct range *r)
{
	/* Page 0 is left out: an address of 0 stays an error everywhere. */
	return max_u64(1, align_up(r->base, PAGE_SIZE) >> PAGE_SHIFT);
}

static u64 range_end_pfn(const struct range *r)
{
	return (r->base + r->size) >> PAGE_SHIFT;
}

/* The zone of @pfn, or NULL. */
static const struct zone *zone_find(u64 pfn)
{
	size_t lo = 0, hi = pa.zone_count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct zone *z = &pa.zones[mid];

		if (pfn < z->pfn) {
			hi = mid;
		} else if (pfn - z->pfn >= z->count) {
			lo = mid + 1;
		} else {
			return z;
		}
	}
	return NULL;
}

static const struct zone *zone_of_index(u32 index)
{
	size_t lo = 0, hi = pa.zone_count - 1;

	while (lo < hi) {
		size_t mid = lo + (hi - lo + 1) / 2;

		if (pa.zones[mid].first <= index) {
			lo = mid;
		} else {
			hi = mid - 1;
		}
	}
	return &pa.zones[lo];
}

static u32 zone_index(const struct zone *z, u64 pfn)
{
	return z->first + (u32)(pfn - z->pfn);
}

static void list_push(u32 index, unsigned order)
{
	struct page *p = &pa.pages[index];
	u32 head = pa.free_head[order];

	*p = (struct page){
		.next = head, .prev = INDEX_NONE, .state = STATE_FREE, .order = (u8)order};
	if (head != INDEX_NONE) {
		pa.pages[head].prev = index;
	}
	pa.free_head[order] = index;
}

static void list_remove(u32 index)
{
	struct page *p = &pa.pages[index];

	if (p->prev != INDEX_NONE) {
		pa.pages[p->prev].next = p->next;
	} else {
		pa.free_head[p->order] = p->next;
	}
	if (p->next != INDEX_NONE) {
		pa.pages[p->next].prev = p->prev;
	}
	p->state = STATE_BODY;
}

/* Frees a block, joined with its buddies as long as they are free and in the same zone. */
static void block_free(const struct zone *z, u64 pfn, unsigned order)
{
	for (; order < PAGE_MAX_ORDER; order++) {
		u64 buddy = pfn ^ BIT(order);
		const struct page *b;

		if (buddy < z->pfn || buddy + BIT(order) > z->pfn + z->count) {
			break;
		}
		b = &pa.pages[zone_index(z, buddy)];
		if (b->state != STATE_FREE || b->order != order) {
			break;
		}
		list_remove(zone_index(z, buddy));
		pfn &= ~BIT(order);
	}
	list_push(zone_index(z, pfn), order);
}

/* Frees [pfn, end) of a zone in the largest aligned blocks. */
static void zone_free_range(const struct zone *z, u64 pfn, u64 end)
{
	while (pfn < end) {
		unsigned order = 0;

		while (order < PAGE_MAX_ORDER && !(pfn & BIT(order)) &&
		       pfn + BIT(order + 1) <= end) {
			order++;
		}
		block_free(z, pfn, order);
		pfn += BIT(order);
	}
}

static int zone_compare(const void *a, const void *b)
{
	u64 x = ((const struct zone *)a)->pfn, y = ((const struct zone *)b)->pfn;

	return (x > y) - (x < y);
}

/* Sorted zones out of the ranges, neighbours joined. Returns -EINVAL when two overlap. */
static int zones_build(const struct range *free, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		u64 pfn = range_first_pfn(&free[i]), end = range_end_pfn(&free[i]);

		if (end > pfn) {
			pa.zones[pa.zone_count++] = (struct zone){.pfn = pfn, .count = end - pfn};
		}
	}
	qsort(pa.zones, pa.zone_count, sizeof(pa.zones[0]), zone_compare);
	for (size_t i = 1; i < pa.zone_count; i++) {
		struct zone *z = &pa.zones[kept];

		if (pa.zones[i].pfn < z->pfn + z->count) {
			return -EINVAL;
		}
		if (pa.zones[i].pfn == z->pfn + z->count) {
			z->count += pa.zones[i].count;
		} else {
			pa.zones[++kept] = pa.zones[i];
		}
	}
	pa.zone_count = pa.zone_count ? kept + 1 : 0;
	return 0;
}

/* Bytes of the allocator's data for these ranges: an upper bound, zones may be joined. */
static u64 meta_size(const struct range *free, size_t count, u64 *pages)
{
	*pages = 0;
	for (size_t i = 0; i < count; i++) {
		u64 pfn = range_first_pfn(&free[i]), end = range_end_pfn(&free[i]);

		*pages += end > pfn ? end - pfn : 0;
	}
	return align_up(count * sizeof(struct zone) + *pages * sizeof(struct page), PAGE_SIZE);
}

/* The smallest range that holds the allocator's data: the big ones stay whole for big pages. */
static const struct range *meta_place(const struct range *free, size_t count, u64 size)
{
	const struct range *best = NULL;

	for (size_t i = 0; i < count; i++) {
		u64 pfn = range_first_pfn(&free[i]), end = range_end_pfn(&free[i]);

		if (end > pfn && (end - pfn) << PAGE_SHIFT >= size &&
		    (!best || free[i].size < best->size)) {
			best = &free[i];
		}
	}
	return best;
}

/* Makes the pages of the zones free, but for the allocator's own [meta, meta_end). */
static void zones_release(u64 meta, u64 meta_end)
{
	u32 first = 0;

	for (size_t i = 0; i < pa.zone_count; i++) {
		struct zone *z = &pa.zones[i];
		u64 end = z->pfn + z->count;

		z->first = first;
		first += (u32)z->count;
		if (meta >= z->pfn && meta < end) {
			zone_free_range(z, z->pfn, meta);
			zone_free_range(z, meta_end, end);
		} else {
			zone_free_range(z, z->pfn, end);
		}
	}
}

int page_init(const struct range *free, size_t count)
{
	u64 pages, size = meta_size(free, count, &pages);
	const struct range *place = meta_place(free, count, size);
	u64 meta, meta_pages = size >> PAGE_SHIFT;
	int r;

	memset(&pa, 0, sizeof(pa));
	lock_init(&pa.lock, LOCK_RANK_PAGE);
	memset(pa.free_head, 0xff, sizeof(pa.free_head));
	if (!place || pages >= INDEX_NONE) {
		return -ENOMEM;
	}
	meta = range_end_pfn(place) - meta_pages;
	pa.zones = phys_ptr(hpa(meta << PAGE_SHIFT));
	r = zones_build(free, count);
	if (r) {
		memset(&pa, 0, sizeof(pa));
		return r;
	}
	pa.pages = (void *)(pa.zones + count);
	memset(pa.pages, 0, pages * sizeof(struct page)); /* STATE_BODY */
	zones_release(meta, meta + meta_pages);
	pa.stats.total_pages = pages;
	pa.stats.free_pages = pages - meta_pages;
	pa.stats.used_pages[PAGE_OWNER_CORE] = meta_pages;
	return 0;
}

/* Takes a block off the lists, splitting a larger one; INDEX_NONE when there is none. */
static u32 block_take(unsigned order)
{
	unsigned from = order;
	u32 index;

	while (from <= PAGE_MAX_ORDER && pa.free_head[from] == INDEX_NONE) {
		from++;
	}
	if (from > PAGE_MAX_ORDER) {
		return INDEX_NONE;
	}
	index = pa.free_head[from];
	list_remove(index);
	while (from > order) {
		from--;
		list_push(index + (u32)BIT(from), from);
	}
	return index;
}

hpa_t page_alloc(unsigned order, enum page_owner owner)
{
	hpa_t page = HPA_NONE;
	u32 index;

	assert((unsigned)owner < PAGE_OWNER_COUNT);
	if (order > PAGE_MAX_ORDER || !pa.zone_count || (page_fail_hook && page_fail_hook(order))) {
		return HPA_NONE;
	}
	lock_take(&pa.lock);
	index = block_take(order);
	if (index != INDEX_NONE) {
		const struct zone *z = zone_of_index(index);
		struct page *p = &pa.pages[index];

		p->state = STATE_USED;
		p->order = (u8)order;
		p->owner = (u8)owner;
		pa.stats.free_pages -= BIT(order);
		pa.stats.used_pages[owner] += BIT(order);
		page = hpa((z->pfn + (index - z->first)) << PAGE_SHIFT);
	}
	lock_drop(&pa.lock);
	return page;
}

hpa_t page_alloc_zeroed(unsigned order, enum page_owner owner)
{
	hpa_t page = page_alloc(order, owner);

	if (!hpa_is_none(page)) {
		memset(phys_ptr(page), 0, PAGE_SIZE << order);
	}
	return page;
}

void page_free(hpa_t page, unsigned order)
{
	const struct zone *z = zone_find(page.v >> PAGE_SHIFT);
	struct page *p;

	assert(z && is_aligned(page.v, PAGE_SIZE));
	lock_take(&pa.lock);
	p = &pa.pages[zone_index(z, page.v >> PAGE_SHIFT)];
	assert(p->state == STATE_USED && p->order == order);
	pa.stats.free_pages += BIT(order);
	pa.stats.used_pages[p->owner] -= BIT(order);
	p->state = STATE_BODY;
	block_free(z, page.v >> PAGE_SHIFT, order);
	lock_drop(&pa.lock);
}

bool page_is_managed(hpa_t page)
{
	return zone_find(page.v >> PAGE_SHIFT);
}

void page_stats(struct page_stats *stats)
{
	lock_take(&pa.lock);
	*stats = pa.stats;
	lock_drop(&pa.lock);
}

unsigned page_order(u64 size)
{
	assert(size);
	return size <= PAGE_SIZE ? 0 : 64 - (unsigned)__builtin_clzll((size - 1) >> PAGE_SHIFT);
}
