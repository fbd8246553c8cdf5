// SPDX-License-Identifier: Apache-2.0
/*
 * Builds stage-1 tables for the EL2 and EL2&0 translation regimes (Arm ARM, "VMSAv8-64 translation
 * table format descriptors"). Levels count as in mm/types.h: 1 is the 4 KiB leaf, 4 the root.
 * Table descriptors restrict nothing, so the leaf alone says what is allowed.
 *
 * The direct map has memory only, since it is Normal Write-Back: any such location may be read
 * speculatively, at any time, by any address that translates to it (Arm ARM, "Normal memory"),
 * and a read can have an effect on a device, or be answered by an external abort where nothing is.
 * No translation, no speculative access.
 */
#include "boot/arm64_paging.h"

#include <errno.h>

#include "mm/bits.h"

#define TABLE_ENTRIES   512
#define LEVEL_ROOT      4
#define LEVEL_LEAF_MAX  3
#define TABLE_FLAGS     (PAGE_ENTRY_VALID | PAGE_ENTRY_TABLE)
#define LEAF_FLAGS      (PAGE_ENTRY_VALID | PAGE_ENTRY_INNER | PAGE_ENTRY_ACCESSED)
#define ROOT_ENTRY_SIZE ((u64)1 << 39)
#define TABLES_PER_END  2 /* of level 1 and 2, where a range is not aligned to large leaves */

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

	if (*entry & PAGE_ENTRY_VALID) {
		return *entry & PAGE_ENTRY_TABLE ? (u64 *)(uintptr_t)(*entry & PAGE_ENTRY_ADDRESS)
						 : NULL;
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

	for (unsigned at = LEVEL_ROOT; table; at--) {
		u64 *entry = &table[virt >> level_shift(at) & (TABLE_ENTRIES - 1)];

		if (at == level) {
			return entry;
		}
		table = table_below(tables, entry);
	}
	return NULL;
}

/* The highest level whose leaves @virt and @phys are aligned to and @size fills. */
static unsigned leaf_level(u64 virt, u64 phys, u64 size)
{
	unsigned level = LEVEL_LEAF_MAX;

	while (level > 1 && (((virt | phys) & (((u64)1 << level_shift(level)) - 1)) ||
			     size >> level_shift(level) == 0)) {
		level--;
	}
	return level;
}

/*
 * Attribute index 0 in MAIR_EL2. Without E2H there is one privilege level, whose XN is bit 54;
 * with it there is an EL0 too, which never gets anything (Arm ARM, "Data access permissions" and
 * "Instruction execution permissions").
 */
static u64 leaf_flags(const struct page_tables *tables, unsigned prot)
{
	u64 flags = LEAF_FLAGS;
	bool execute = prot & PAGE_PROT_X;

	if (tables->has_e2h) {
		flags |= PAGE_ENTRY_XN | (execute ? 0 : PAGE_ENTRY_PXN);
	} else {
		flags |= PAGE_ENTRY_EL2_RES1 | (execute ? 0 : PAGE_ENTRY_XN);
	}
	return flags | (prot & PAGE_PROT_W ? 0 : PAGE_ENTRY_READ_ONLY);
}

int page_tables_map(struct page_tables *tables, const struct page_mapping *mapping)
{
	u64 flags = leaf_flags(tables, mapping->prot);
	u64 done = 0;

	while (done < mapping->size) {
		u64 phys = mapping->phys + done;
		unsigned level = leaf_level(mapping->virt + done, phys, mapping->size - done);
		u64 *entry = entry_find(tables, mapping->virt + done, level);

		if (!entry) {
			return -ENOMEM;
		}
		if (*entry) {
			return -EEXIST;
		}
		*entry = phys | flags | (level == 1 ? PAGE_ENTRY_TABLE : 0);
		done += (u64)1 << level_shift(level);
	}
	return 0;
}

static bool range_is_memory(const struct boot_range *r)
{
	return r->kind != BOOT_RANGE_RESERVED && r->kind != BOOT_RANGE_MMIO;
}

/*
 * The next piece of memory from range *@next on: ranges that adjoin are one piece, whatever their
 * kinds. Returns false behind the last.
 */
static bool memory_next(const struct memmap *map, size_t *next, struct boot_range *piece)
{
	while (*next < map->range_count && !range_is_memory(&map->ranges[*next])) {
		++*next;
	}
	if (*next == map->range_count) {
		return false;
	}
	*piece = map->ranges[(*next)++];
	while (*next < map->range_count && range_is_memory(&map->ranges[*next]) &&
	       map->ranges[*next].base == piece->base + piece->size) {
		piece->size += map->ranges[(*next)++].size;
	}
	return true;
}

int page_tables_map_direct(struct page_tables *tables, const struct memmap *map)
{
	struct boot_range piece;
	size_t next = 0;

	while (memory_next(map, &next, &piece)) {
		struct page_mapping mapping = {
			.virt = DIRECT_MAP_BASE + piece.base,
			.phys = piece.base,
			.size = piece.size,
			.prot = PAGE_PROT_W,
		};
		int error = page_tables_map(tables, &mapping);

		if (error) {
			return error;
		}
	}
	return 0;
}

/* Of each range the tables of its two ends, and one for each root entry that it touches. */
static size_t range_tables(u64 size)
{
	return (size_t)(2 * TABLES_PER_END + size / ROOT_ENTRY_SIZE + 2);
}

size_t page_tables_count(const struct memmap *map, u64 other_size)
{
	size_t other = (size_t)(2 * (range_tables(other_size) + (other_size >> level_shift(2))));
	size_t direct = 0, next = 0;
	struct boot_range piece;

	while (memory_next(map, &next, &piece)) {
		direct += range_tables(piece.size);
	}
	return 1 + direct + other;
}
