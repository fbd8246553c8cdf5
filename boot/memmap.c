// SPDX-License-Identifier: Apache-2.0
/*
 * Resolving the memory map: walk up the address space from border to border, and in each piece
 * let the claim of the highest rank decide. Quadratic in the claims, of which there are hundreds.
 */
#include "boot/memmap.h"

#include <errno.h>

#include "mm/bits.h"

#define SPACE_END PAGE_MASK /* the last page of the 64-bit space is given up: ends fit in a u64 */

/* Who wins where claims disagree. */
static const u8 kind_rank[] = {
	[BOOT_RANGE_FREE] = 1,    [BOOT_RANGE_LOADER] = 2, [BOOT_RANGE_ACPI] = 3,
	[BOOT_RANGE_RUNTIME] = 4, [BOOT_RANGE_MMIO] = 5,   [BOOT_RANGE_RESERVED] = 6,
	[BOOT_RANGE_MODULE] = 7,  [BOOT_RANGE_CORE] = 8,
};

static u64 range_end(const struct boot_range *r)
{
	return r->base + r->size;
}

int memmap_add(struct memmap *map, u64 base, u64 size, enum boot_range_kind kind)
{
	u64 end;

	base = min_u64(base, SPACE_END);
	end = base + min_u64(size, SPACE_END - base);
	if (kind == BOOT_RANGE_FREE) {
		base = align_up(base, PAGE_SIZE);
		end = align_down(end, PAGE_SIZE);
	} else {
		base = align_down(base, PAGE_SIZE);
		end = align_up(end, PAGE_SIZE);
	}
	if (base >= end || !size) {
		return 0;
	}
	if (map->claim_count == map->claim_capacity) {
		return -ENOSPC;
	}
	map->claims[map->claim_count++] =
		(struct boot_range){.base = base, .size = end - base, .kind = kind};
	return 0;
}

/*
 * Finds the piece at @at: its *@end is the next border of any claim above @at. Returns the winning
 * claim, or NULL in a gap.
 */
static const struct boot_range *piece_find(const struct memmap *map, u64 at, u64 *end)
{
	const struct boot_range *best = NULL;

	*end = SPACE_END;
	for (size_t i = 0; i < map->claim_count; i++) {
		const struct boot_range *r = &map->claims[i];

		if (r->base > at) {
			*end = min_u64(*end, r->base);
		} else if (range_end(r) > at) {
			*end = min_u64(*end, range_end(r));
			if (!best || kind_rank[r->kind] > kind_rank[best->kind]) {
				best = r;
			}
		}
	}
	return best;
}

static int range_append(struct memmap *map, u64 base, u64 end, u32 kind)
{
	struct boot_range *last = map->ranges + map->range_count;

	if (map->range_count && range_end(last - 1) == base && last[-1].kind == kind) {
		last[-1].size += end - base;
		return 0;
	}
	if (map->range_count == map->range_capacity) {
		return -ENOSPC;
	}
	*last = (struct boot_range){.base = base, .size = end - base, .kind = kind};
	map->range_count++;
	return 0;
}

int memmap_resolve(struct memmap *map)
{
	u64 at, end;

	map->range_count = 0;
	for (at = 0; at < SPACE_END; at = end) {
		const struct boot_range *claim = piece_find(map, at, &end);

		if (claim && range_append(map, at, end, claim->kind)) {
			return -ENOSPC;
		}
	}
	return 0;
}

u64 memmap_sum(const struct memmap *map, enum boot_range_kind kind)
{
	u64 sum = 0;

	for (size_t i = 0; i < map->range_count; i++) {
		sum += map->ranges[i].kind == kind ? map->ranges[i].size : 0;
	}
	return sum;
}

u64 memmap_memory_end(const struct memmap *map)
{
	u64 end = 0;

	for (size_t i = 0; i < map->range_count; i++) {
		const struct boot_range *r = &map->ranges[i];

		if (r->kind != BOOT_RANGE_RESERVED && r->kind != BOOT_RANGE_MMIO) {
			end = range_end(r);
		}
	}
	return end;
}

int memmap_add_loaded(struct memmap *map, const struct boot_info *info)
{
	int full = memmap_add(map, info->core_base, info->core_size, BOOT_RANGE_CORE);

	for (u64 i = 0; i < info->module_count; i++) {
		const struct boot_module *m = &info->modules[i];

		full |= memmap_add(map, m->base, m->size, BOOT_RANGE_MODULE);
	}
	return full ? full : memmap_resolve(map);
}
