// SPDX-License-Identifier: Apache-2.0
/* The memory map: examples of odd firmware, then random claims against a page-by-page model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/memmap.h"

#define CLAIMS_MAX 64
#define KINDS      (BOOT_RANGE_MMIO + 1)

static struct boot_range claims[CLAIMS_MAX], ranges[MEMMAP_RANGES_FOR(CLAIMS_MAX)];

static struct memmap map_new(size_t claim_capacity, size_t range_capacity)
{
	return (struct memmap){
		.claims = claims,
		.claim_capacity = claim_capacity,
		.ranges = ranges,
		.range_capacity = range_capacity,
	};
}

struct expected {
	u64 base, end;
	u32 kind;
};

static void expect_ranges(const struct memmap *map, const struct expected *expected, size_t count)
{
	assert_int_equal(map->range_count, count);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(map->ranges[i].base, expected[i].base);
		assert_int_equal(map->ranges[i].base + map->ranges[i].size, expected[i].end);
		assert_int_equal(map->ranges[i].kind, expected[i].kind);
	}
}

static void add(struct memmap *map, u64 base, u64 size, enum boot_range_kind kind)
{
	assert_int_equal(memmap_add(map, base, size, kind), 0);
}

static void test_unsorted_merged(void **state)
{
	struct memmap map = map_new(CLAIMS_MAX, ARRAY_SIZE(ranges));
	static const struct expected expected[] = {
		{0, 0xa0000, BOOT_RANGE_FREE},
		{0x100000, 0x300000, BOOT_RANGE_FREE},
		{0x300000, 0x301000, BOOT_RANGE_ACPI},
	};

	(void)state;
	add(&map, 0x300000, 0x1000, BOOT_RANGE_ACPI);
	add(&map, 0x200000, 0x100000, BOOT_RANGE_FREE);
	add(&map, 0, 0xa0000, BOOT_RANGE_FREE);
	add(&map, 0x100000, 0x100000, BOOT_RANGE_FREE);
	assert_int_equal(memmap_resolve(&map), 0);
	expect_ranges(&map, expected, ARRAY_SIZE(expected));
	assert_int_equal(memmap_sum(&map, BOOT_RANGE_FREE), 0x2a0000);
	assert_int_equal(memmap_memory_end(&map), 0x301000);
}

/* The core and two modules in the middle of what the firmware calls the loader's. */
static void test_split_around_ours(void **state)
{
	struct memmap map = map_new(CLAIMS_MAX, ARRAY_SIZE(ranges));
	static const struct expected expected[] = {
		{0x100000, 0x110000, BOOT_RANGE_LOADER}, {0x110000, 0x120000, BOOT_RANGE_CORE},
		{0x120000, 0x121000, BOOT_RANGE_LOADER}, {0x121000, 0x124000, BOOT_RANGE_MODULE},
		{0x124000, 0x200000, BOOT_RANGE_LOADER},
	};

	(void)state;
	add(&map, 0x110000, 0x10000, BOOT_RANGE_CORE);
	add(&map, 0x121000, 0x1001, BOOT_RANGE_MODULE);
	add(&map, 0x123000, 1, BOOT_RANGE_MODULE);
	add(&map, 0x100000, 0x100000, BOOT_RANGE_LOADER);
	assert_int_equal(memmap_resolve(&map), 0);
	expect_ranges(&map, expected, ARRAY_SIZE(expected));
}

static void test_overlap_careful_wins(void **state)
{
	struct memmap map = map_new(CLAIMS_MAX, ARRAY_SIZE(ranges));
	static const struct expected expected[] = {
		{0, 0x1000, BOOT_RANGE_FREE},
		{0x1000, 0x2000, BOOT_RANGE_RESERVED},
		{0x2000, 0x4000, BOOT_RANGE_RUNTIME},
		{0x4000, 0x5000, BOOT_RANGE_FREE},
	};

	(void)state;
	add(&map, 0, 0x5000, BOOT_RANGE_FREE);
	add(&map, 0x1000, 0x3000, BOOT_RANGE_RUNTIME);
	add(&map, 0x1000, 0x1000, BOOT_RANGE_RESERVED);
	add(&map, 0x2000, 0x1000, BOOT_RANGE_FREE);
	assert_int_equal(memmap_resolve(&map), 0);
	expect_ranges(&map, expected, ARRAY_SIZE(expected));
}

static void test_odd_edges(void **state)
{
	struct memmap map = map_new(CLAIMS_MAX, ARRAY_SIZE(ranges));
	static const struct expected expected[] = {
		{0x2000, 0x3000, BOOT_RANGE_FREE},
		{0x5000, 0x7000, BOOT_RANGE_ACPI},
		{0xffffffffffffd000, 0xfffffffffffff000, BOOT_RANGE_RESERVED},
	};

	(void)state;
	add(&map, 0x1001, 0x2ffe, BOOT_RANGE_FREE);
	add(&map, 0x5fff, 2, BOOT_RANGE_ACPI);
	add(&map, 0x9000, 0, BOOT_RANGE_RESERVED);
	add(&map, 0xa001, 0xffe, BOOT_RANGE_FREE);
	add(&map, ~(u64)0x2fff, ~(u64)0, BOOT_RANGE_RESERVED);
	add(&map, ~(u64)0, ~(u64)0, BOOT_RANGE_RESERVED);
	assert_int_equal(memmap_resolve(&map), 0);
	expect_ranges(&map, expected, ARRAY_SIZE(expected));
	assert_int_equal(memmap_memory_end(&map), 0x7000);
}

static void test_empty(void **state)
{
	struct memmap map = map_new(CLAIMS_MAX, ARRAY_SIZE(ranges));

	(void)state;
	assert_int_equal(memmap_resolve(&map), 0);
	assert_int_equal(map.range_count, 0);
	assert_int_equal(memmap_memory_end(&map), 0);
}

static void test_no_space(void **state)
{
	struct memmap map = map_new(1, 2);

	(void)state;
	add(&map, 0, 0x10000, BOOT_RANGE_FREE);
	assert_int_equal(memmap_add(&map, 0, 0x1000, BOOT_RANGE_FREE), -ENOSPC);
	map.claim_capacity = 2;
	add(&map, 0x4000, 0x1000, BOOT_RANGE_ACPI);
	assert_int_equal(memmap_resolve(&map), -ENOSPC);
	map.range_capacity = 3;
	assert_int_equal(memmap_resolve(&map), 0);
}

#define MODEL_PAGES 96

/* From the last to win to the first, as memmap.h lists them. */
static const u8 careful_order[KINDS] = {
	BOOT_RANGE_FREE, BOOT_RANGE_LOADER,   BOOT_RANGE_ACPI,   BOOT_RANGE_RUNTIME,
	BOOT_RANGE_MMIO, BOOT_RANGE_RESERVED, BOOT_RANGE_MODULE, BOOT_RANGE_CORE,
};

/* For each page the place in careful_order of its owner plus one, 0: nobody's. */
static u8 model[MODEL_PAGES];

static void check_against_model(const struct memmap *map)
{
	u64 end = 0, covered = 0, owned = 0;

	for (size_t i = 0; i < map->range_count; i++) {
		const struct boot_range *r = &map->ranges[i];

		assert_true(r->size && !(r->base % PAGE_SIZE) && !(r->size % PAGE_SIZE));
		assert_true(r->base >= end);
		assert_false(i && r->base == end && r[-1].kind == r->kind);
		end = r->base + r->size;
		assert_true(end <= MODEL_PAGES * PAGE_SIZE);
		for (u64 page = r->base / PAGE_SIZE; page < end / PAGE_SIZE; page++, covered++) {
			assert_int_not_equal(model[page], 0);
			assert_int_equal(careful_order[model[page] - 1], r->kind);
		}
	}
	for (size_t i = 0; i < MODEL_PAGES; i++) {
		owned += model[i] != 0;
	}
	assert_int_equal(covered, owned);
}

static void test_random_against_model(void **state)
{
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 5000; round++) {
		struct memmap map = map_new(CLAIMS_MAX, ARRAY_SIZE(ranges));
		int count = rand() % CLAIMS_MAX;

		memset(model, 0, sizeof(model));
		for (int i = 0; i < count; i++) {
			u64 base = (u64)rand() % MODEL_PAGES;
			u64 pages = (u64)rand() % 12 % (MODEL_PAGES - base);
			u8 place = (u8)(rand() % KINDS);

			add(&map, base * PAGE_SIZE, pages * PAGE_SIZE,
			    (enum boot_range_kind)careful_order[place]);
			for (u64 page = base; page < base + pages; page++) {
				model[page] = place >= model[page] ? place + 1 : model[page];
			}
		}
		map.range_capacity = MEMMAP_RANGES_FOR(map.claim_count);
		assert_int_equal(memmap_resolve(&map), 0);
		check_against_model(&map);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsorted_merged),
		cmocka_unit_test(test_split_around_ours),
		cmocka_unit_test(test_overlap_careful_wins),
		cmocka_unit_test(test_odd_edges),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_no_space),
		cmocka_unit_test(test_random_against_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
