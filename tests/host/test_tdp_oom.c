// SPDX-License-Identifier: Apache-2.0
/* T17: every allocation of every operation fails once; the operation is then done again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/host/tdp_world.h"

static unsigned nomem_count, deepest;

/* The same operation with its first, second ... allocation failing, until none does. What must
 * hold after each -ENOMEM is checked by the world. */
static void each_allocation(u64 bits)
{
	int r;

	for (long fail = 0;; fail++) {
		w.fail_at = fail;
		r = world_random_op(bits);
		w.fail_at = -1;
		if (r != -ENOMEM) {
			break;
		}
		nomem_count++;
		deepest = (unsigned)fail > deepest ? (unsigned)fail : deepest;
		assert_true(fail < 4096);
	}
}

static void run(const struct pt_format *fmt, unsigned ia_bits, unsigned count)
{
	nomem_count = deepest = 0;
	world_start(fmt, ia_bits, ia_bits);
	for (unsigned i = 0; i < count; i++) {
		each_allocation(world_random());
		w.race = i & 8;
	}
	world_stop();
	assert_true(nomem_count > count / 8);
	assert_true(deepest >= 1);
}

static void test_oom_all_formats(void **state)
{
	(void)state;
	for (unsigned f = 0; pt_formats[f]; f++) {
		run(pt_formats[f], pt_formats[f]->ia_bits_max,
		    pt_formats[f]->index_bits > 10 ? 40 : 120);
	}
}

/* By hand: a split needs two tables at each end; whichever fails, the big leaves stay. */
static void test_oom_split(void **state)
{
	u64 size = pt_level_size(&pt_s2_4k, 3);

	(void)state;
	for (long fail = 0; fail < 4; fail++) {
		world_start(&pt_s2_4k, 48, 1);
		assert_int_equal(world_map(0, 2 * size, 0, PT_RWX, PT_MEM_WB), 0);
		w.fail_at = fail;
		assert_int_equal(world_unmap(PAGE_SIZE, 2 * size - 2 * PAGE_SIZE), -ENOMEM);
		assert_true(world_leaves(3) == 2);
		w.fail_at = fail;
		assert_int_equal(world_protect(PAGE_SIZE, 2 * size - 2 * PAGE_SIZE, PT_R), -ENOMEM);
		assert_true(world_leaves(3) == 2);
		w.fail_at = fail;
		assert_int_equal(world_device(PAGE_SIZE, 2 * size - 2 * PAGE_SIZE), -ENOMEM);
		assert_true(world_leaves(3) == 2);
		w.fail_at = 4;
		assert_int_equal(world_unmap(PAGE_SIZE, 2 * size - 2 * PAGE_SIZE), 0);
		world_stop();
	}
}

static void test_oom_map(void **state)
{
	(void)state;
	world_start(&pt_npt, 48, 1);
	for (long fail = 0; fail < 3; fail++) {
		w.fail_at = fail;
		assert_int_equal(world_map(0, PAGE_SIZE, 0, PT_RWX, PT_MEM_WB), -ENOMEM);
		/* What was allocated before the failure stays linked: the next try gets further. */
		world_stop();
		world_start(&pt_npt, 48, 1);
	}
	w.fail_at = 3;
	assert_int_equal(world_map(0, PAGE_SIZE, 0, PT_RWX, PT_MEM_WB), 0);
	world_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oom_all_formats),
		cmocka_unit_test(test_oom_split),
		cmocka_unit_test(test_oom_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
