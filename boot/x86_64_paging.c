// SPDX-License-Identifier: Apache-2.0
/*
 * Builds 4- and 5-level tables (AMD64 Architecture Programmer's Manual volume 2, "Long-Mode Page
 * Translation"). Level 1 is the table of 4 KiB leaves. Upper entries permit everything, so the
 * leaf alone says what is allowed.
 */
#include "boot/x86_64_paging.h"

#include <errno.h>

#include "mm/bits.h"
#include "vmm/boot_info.h"

#define TABLE_ENTRIES  512
#define SIZE_2M        ((u64)1 << 21)
#define SIZE_1G        ((u64)1 << 30)
#define TABLE_FLAGS    (PAGE_ENTRY_PRESENT | PAGE_ENTRY_WRITE | PAGE_ENTRY_ACCESSED)
#define LEAF_FLAGS     (PAGE_ENTRY_PRESENT | PAGE_ENTRY_ACCESSED | PAGE_ENTRY_DIRTY)
#define LEVEL_LEAF_MAX 3

static unsigned level_shift(unsigned level)
{
	return PAGE_SHIFT + 9 * (level - 1);
}

static u64 *table_new(struct page_tables *tables)
{
	if (tables->page_used == tables->page_count) {
		return NULL;
	}
	return tables->pages + TABLE_ENTRIES * tables->page_used++;
}

static u64 *table_below(struct page_tables *tables, u64 *entry)
{
	u64 *table;

	if (*entry & PAGE_ENTRY_PRESENT) {
		return *entry & PAGE_ENTRY_LARGE ? NULL
						 : (u64 *)(uintptr_t)(*entry & PAGE_ENTRY_ADDRESS);
	}
	table = table_new(tables);
	if (table) {
		*entry = (u64)(uintptr_t)table | TABLE_FLAGS;
	}
	return table;
}

/* The entry of @level that translates @virt; NULL without pages, or under a large leaf. */
static u64 *entry_find(struct page_tables *tables, u64 virt, unsigned level)
{
	u64 *table = tables->page_used ? tables->pages : table_new(tables);

	for (unsigned at = tables->levels; table; at--) {
		u64 *entry = &table[virt >> level_shift(at) & (TABLE_ENTRIES - 1)];

		if (at == level) {
			return entry;
		}
		table = table_below(tables, entry);
	}
	return NULL;
}

/* The highest level, up to @max, whose leaves @virt and @phys are aligned to and @size fills. */
static unsigned leaf_level(u64 virt, u64 phys, u64 size, unsigned max)
{
	unsigned level = max;

	while (level > 1 && (((virt | phys) & (((u64)1 << level_shift(level)) - 1)) ||
			     size >> level_shift(level) == 0)) {
		level--;
	}
	return level;
}

int page_tables_map(struct page_tables *tables, const struct page_mapping *mapping)
{
	unsigned max = tables->has_1g_pages ? LEVEL_LEAF_MAX : LEVEL_LEAF_MAX - 1;
	u64 done = 0;

	max = mapping->max_level < max ? mapping->max_level : max;
	while (done < mapping->size) {
		u64 phys = mapping->phys + done;
		unsigned level = leaf_level(mapping->virt + done, phys, mapping->size - done, max);
		u64 *entry = entry_find(tables, mapping->virt + done, level);

		if (!entry) {
			return -ENOMEM;
		}
		if (*entry) {
			return -EEXIST;
		}
		*entry = phys | mapping->flags | LEAF_FLAGS | (level > 1 ? PAGE_ENTRY_LARGE : 0);
		done += (u64)1 << level_shift(level);
	}
	return 0;
}

/*
 * A large page must not span memory types of different MTRRs (Intel SDM volume 3, "Large Page Size
 * Considerations"; the same on AMD: the behaviour is undefined). So 4 KiB pages under the
 * fixed-range MTRRs, 2 MiB pages up to 4 GiB, where memory and devices alternate, and 1 GiB pages
 * only above.
 */
int page_tables_map_direct(struct page_tables *tables, u64 size)
{
	static const struct {
		u64 end;
		unsigned max_level;
	} parts[] = {{SIZE_2M, 1}, {4 * SIZE_1G, 2}, {~(u64)0, LEVEL_LEAF_MAX}};
	u64 done = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts) && done < size; i++) {
		u64 end = min_u64(parts[i].end, size);
		struct page_mapping mapping = {
			.virt = DIRECT_MAP_BASE + done,
			.phys = done,
			.size = end - done,
			.flags = PAGE_ENTRY_WRITE | PAGE_ENTRY_NX,
			.max_level = parts[i].max_level,
		};
		int error = page_tables_map(tables, &mapping);

		if (error) {
			return error;
		}
		done = end;
	}
	return 0;
}

size_t page_tables_count(u64 direct_size, u64 other_size, bool has_1g_pages)
{
	u64 gigabytes = direct_size / SIZE_1G + 1;
	u64 direct = gigabytes / TABLE_ENTRIES + 2 + (has_1g_pages ? 4 : gigabytes) + 1;
	u64 other = 2 * (other_size / SIZE_2M + 8);

	return (size_t)(3 + direct + other);
}
