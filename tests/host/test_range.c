// SPDX-License-Identifier: Apache-2.0
/* Range sets, by example and against a bitmap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "mm/range.h"

#define MAX 8

static struct range store[MAX];
static struct range_set set;

static int setup(void **state)
{
	(void)state;
	set = (struct range_set){.r = store, .max = MAX};
	return 0;
}

static void assert_set(const struct range *want, size_t count)
{
	assert_int_equal(set.count, count);
	for (size_t i = 0; i < count; i++) {
		assert_true(set.r[i].base == want[i].base && set.r[i].size == want[i].size);
	}
}

static void test_add_merges(void **state)
{
	(void)state;
	assert_int_equal(range_add(&set, 0x3000, 0x1000), 0);
	assert_int_equal(range_add(&set, 0x1000, 0x1000), 0);
	assert_set((struct range[]){{0x1000, 0x1000}, {0x3000, 0x1000}}, 2);
	assert_int_equal(range_add(&set, 0x2000, 0x1000), 0);
	assert_set((struct range[]){{0x1000, 0x3000}}, 1);
	assert_int_equal(range_add(&set, 0x0, 0x8000), 0);
	assert_set((struct range[]){{0, 0x8000}}, 1);
	assert_int_equal(range_add(&set, 0x1000, 0x10), 0);
	assert_int_equal(range_add(&set, 0x9000, 0), 0);
	assert_set((struct range[]){{0, 0x8000}}, 1);
}

static void test_top_of_space(void **state)
{
	(void)state;
	assert_int_equal(range_add(&set, -0x1000ULL, 0x1000), 0);
	assert_int_equal(range_add(&set, -0x1000ULL, 0x2000), -EINVAL);
	assert_int_equal(range_remove(&set, -0x1000ULL, 0x2000), -EINVAL);
	assert_int_equal(range_add(&set, 0, 0x1000), 0);
	assert_set((struct range[]){{0, 0x1000}, {-0x1000ULL, 0x1000}}, 2);
	assert_true(range_contains(&set, -1ULL, 1));
	assert_false(range_contains(&set, -1ULL, 2));
	assert_int_equal(range_add(&set, 0x1000, -0x2000ULL), 0);
	assert_int_equal(set.count, 1); /* all of it, but for the size that wraps */
}

static void test_remove(void **state)
{
	(void)state;
	assert_int_equal(range_add(&set, 0x1000, 0x9000), 0);
	assert_int_equal(range_remove(&set, 0x3000, 0x1000), 0);
	assert_set((struct range[]){{0x1000, 0x2000}, {0x4000, 0x6000}}, 2);
	assert_int_equal(range_remove(&set, 0x2000, 0x3000), 0);
	assert_set((struct range[]){{0x1000, 0x1000}, {0x5000, 0x5000}}, 2);
	assert_int_equal(range_remove(&set, 0x2000, 0x3000), 0);
	assert_int_equal(range_remove(&set, 0x2000, 0), 0);
	assert_int_equal(range_remove(&set, 0, 0x6000), 0);
	assert_set((struct range[]){{0x6000, 0x4000}}, 1);
	assert_int_equal(range_remove(&set, 0x6000, 0x4000), 0);
	assert_int_equal(set.count, 0);
}

static void test_full(void **state)
{
	(void)state;
	for (u64 i = 0; i < MAX; i++) {
		assert_int_equal(range_add(&set, i * 0x10000, 0x4000), 0);
	}
	assert_int_equal(range_add(&set, MAX * 0x10000, 0x4000), -ENOSPC);
	assert_int_equal(range_remove(&set, 0x1000, 0x1000), -ENOSPC);
	assert_true(range_contains(&set, 0, 0x4000));
	assert_int_equal(set.count, MAX);
	assert_true(range_total(&set) == MAX * 0x4000);
	assert_int_equal(range_add(&set, 0x4000, 0xc000), 0);
	assert_int_equal(set.count, MAX - 1);
}

static void test_find(void **state)
{
	(void)state;
	assert_null(range_find(&set, 0));
	assert_int_equal(range_add(&set, 0x1000, 0x1000), 0);
	assert_int_equal(range_add(&set, 0x4000, 0x1000), 0);
	assert_null(range_find(&set, 0xfff));
	assert_ptr_equal(range_find(&set, 0x1000), &store[0]);
	assert_ptr_equal(range_find(&set, 0x4fff), &store[1]);
	assert_null(range_find(&set, 0x5000));
	assert_true(range_contains(&set, 0x1800, 0x800));
	assert_false(range_contains(&set, 0x1800, 0x801));
	assert_true(range_contains(&set, 0x9000, 0));
	assert_false(range_contains(&set, 0x9000, 1));
}

static void test_find_place(void **state)
{
	struct range_want want = {.size = 0x1000, .align = 0x1000};
	u64 base = 0;

	(void)state;
	assert_false(range_find_place(&set, want, &base));
	assert_int_equal(range_add(&set, 0x1800, 0x1000), 0);
	assert_int_equal(range_add(&set, 0x4800, 0x4800), 0);
	assert_true(range_find_place(&set, want, &base));
	assert_true(base == 0x5000);
	want.min = 0x6001;
	assert_true(range_find_place(&set, want, &base));
	assert_true(base == 0x7000);
	want.max = 0x8000;
	assert_true(range_find_place(&set, want, &base));
	want.max = 0x7fff;
	assert_false(range_find_place(&set, want, &base));
	want = (struct range_want){.size = 0x4000, .align = 0x2000};
	assert_false(range_find_place(&set, want, &base));
	want = (struct range_want){.size = ~(u64)0, .align = 1, .min = 2};
	assert_false(range_find_place(&set, want, &base));
	want = (struct range_want){.size = 1, .align = BIT(63), .min = 0x4900};
	assert_false(range_find_place(&set, want, &base));
	assert_int_equal(range_add(&set, -0x1000ULL, 0x1000), 0);
	want = (struct range_want){.size = 1, .align = BIT(63), .min = BIT(63) + 1};
	assert_false(range_find_place(&set, want, &base));
}

/* 64 cells of a bitmap say the same. */
static void test_model(void **state)
{
	u64 model = 0;

	(void)state;
	srand(1);
	for (unsigned n = 0; n < 20000; n++) {
		unsigned from = (unsigned)rand() % 64,
			 count = (unsigned)rand() % (64 - from) / 3 + 1;
		u64 mask = GENMASK(from + count - 1, from), runs;
		bool add = rand() & 1;
		u64 next = add ? model | mask : model & ~mask;
		int r = add ? range_add(&set, from * 0x100, count * 0x100)
			    : range_remove(&set, from * 0x100, count * 0x100);

		runs = (u64)__builtin_popcountll(next & ~(next << 1));
		assert_int_equal(r, runs > MAX ? -ENOSPC : 0);
		model = r ? model : next;
		assert_int_equal(set.count, __builtin_popcountll(model & ~(model << 1)));
		for (unsigned i = 0; i < 64; i++) {
			assert_int_equal(range_find(&set, i * 0x100 + 7) != NULL, model >> i & 1);
		}
		assert_true(range_total(&set) == (u64)__builtin_popcountll(model) * 0x100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_add_merges, setup),
		cmocka_unit_test_setup(test_top_of_space, setup),
		cmocka_unit_test_setup(test_remove, setup),
		cmocka_unit_test_setup(test_full, setup),
		cmocka_unit_test_setup(test_find, setup),
		cmocka_unit_test_setup(test_find_place, setup),
		cmocka_unit_test_setup(test_model, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
