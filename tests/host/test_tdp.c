// SPDX-License-Identifier: Apache-2.0
/* The builder against the model and the simulated hardware of tdp_world.h, for every format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include <errno.h>

#include "tests/host/tdp_world.h"

/* One table shape: a format with a width of input addresses. */
struct shape {
	const struct pt_format *fmt;
	unsigned ia_bits, root_level, root_order;
};

static const struct shape shapes[] = {
	{&pt_ept, 48, 4, 0},           {&pt_ept, 57, 5, 0},    {&pt_ept, 36, 4, 0},
	{&pt_ept_xonly, 48, 4, 0},     {&pt_npt, 48, 4, 0},    {&pt_npt, 57, 5, 0},
	{&pt_s2_4k, 48, 4, 0},         {&pt_s2_4k, 40, 3, 1},  {&pt_s2_4k, 43, 3, 4},
	{&pt_s2_4k, 33, 2, 3},         {&pt_s2_16k, 48, 3, 3}, {&pt_s2_16k, 40, 2, 6},
	{&pt_s2_64k, 48, 3, 4},        {&pt_s2_64k, 44, 2, 6}, {&pt_x86_64, 48, 4, 0},
	{&pt_x86_64_5level, 57, 5, 0}, {&pt_pae, 32, 3, 0},    {&pt_x86_32, 32, 2, 0},
};

/* Most permissions that every format has, and a stricter one. */
static unsigned prot_all(void)
{
	return PT_RWX;
}

static unsigned prot_less(void)
{
	return PT_RX;
}

static u64 page(void)
{
	return pt_level_size(w.fmt, 1);
}

static u64 block(void)
{
	return pt_level_size(w.fmt, 2);
}

static void for_each_shape(void (*test)(void))
{
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		world_start(shapes[i].fmt, shapes[i].ia_bits, 1 + i);
		test();
		world_stop();
	}
}

static void test_roots(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		world_start(shapes[i].fmt, shapes[i].ia_bits, 1);
		assert_int_equal(w.tdp.root_level, shapes[i].root_level);
		assert_int_equal(w.tdp.root_order, shapes[i].root_order);
		world_stop();
	}
}

static void test_bad_widths(void **state)
{
	static const struct {
		const struct pt_format *fmt;
		unsigned ia_bits;
	} bad[] = {{&pt_ept, 12},    {&pt_ept, 58},           {&pt_npt, 0},    {&pt_x86_64, 47},
		   {&pt_x86_64, 49}, {&pt_x86_64_5level, 48}, {&pt_pae, 33},   {&pt_x86_32, 33},
		   {&pt_s2_4k, 49},  {&pt_s2_64k, 16},        {&pt_s2_16k, 49}};
	struct tdp tdp;

	(void)state;
	world_start(&pt_npt, 48, 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(tdp_init(&tdp, bad[i].fmt, w.tdp.ops, bad[i].ia_bits), -EINVAL);
	}
	w.fail_at = 0;
	assert_int_equal(tdp_init(&tdp, &pt_npt, w.tdp.ops, 48), -ENOMEM);
	world_stop();
}

static void bad_arguments(void)
{
	struct tdp_attr attr;
	u64 stores = w.stores, oa_end = BIT(w.fmt->oa_bits);
	struct tlb_batch *b = &w.batch;
	const struct {
		u64 ia, size, oa;
		unsigned prot, mem;
	} bad[] = {
		{0, 0, 0, PT_RWX, PT_MEM_WB},
		{page() / 2, page(), 0, PT_RWX, PT_MEM_WB},
		{0, page() + 1, 0, PT_RWX, PT_MEM_WB},
		{0, page(), page() / 2, PT_RWX, PT_MEM_WB},
		{0, page(), oa_end, PT_RWX, PT_MEM_WB},
		{0, 2 * page(), oa_end - page(), PT_RWX, PT_MEM_WB},
		{0, page(), ~(u64)0, PT_RWX, PT_MEM_WB},
		{0, page(), 0, 0, PT_MEM_WB},
		{0, page(), 0, PT_U | PT_W, PT_MEM_WB},
		{0, page(), 0, PT_PROT_COUNT, PT_MEM_WB},
		{0, page(), 0, PT_RWX, PT_MEM_OTHER},
		{0, page(), 0, PT_RWX, 255},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		attr = (struct tdp_attr){hpa(bad[i].oa), (u8)bad[i].prot, (u8)bad[i].mem};
		assert_int_equal(tdp_map(&w.tdp, gpa(bad[i].ia), bad[i].size, attr, b), -EINVAL);
	}
	assert_true(w.stores == stores);
}

static void bad_ranges(void)
{
	struct tdp_attr attr = {hpa(0), (u8)prot_all(), PT_MEM_WB};
	u64 stores = w.stores, half = BIT(w.tdp.ia_bits - 1);
	struct tlb_batch *b = &w.batch;

	/* Past the end, wrapping, across or inside the hole of canonical addresses. */
	assert_int_equal(tdp_map(&w.tdp, gpa(half - page()), 2 * half, attr, b), -EINVAL);
	assert_int_equal(tdp_map(&w.tdp, gpa(2 * half), page(), attr, b), -EINVAL);
	assert_int_equal(tdp_map(&w.tdp, gpa(-page()), 2 * page(), attr, b), -EINVAL);
	assert_int_equal(tdp_unmap(&w.tdp, gpa(page()), -page(), b), -EINVAL);
	assert_int_equal(tdp_unmap(&w.tdp, gpa(1), page(), b), -EINVAL);
	assert_int_equal(tdp_set_device(&w.tdp, gpa(0), 0, b), -EINVAL);
	assert_int_equal(tdp_protect(&w.tdp, gpa(0), 0, prot_all(), b), -EINVAL);
	assert_int_equal(tdp_protect(&w.tdp, gpa(0), page(), 0, b), -EINVAL);
	assert_int_equal(tdp_protect(&w.tdp, gpa(0), page(), PT_PROT_COUNT, b), -EINVAL);
	if (w.fmt->flags & PT_CANONICAL) {
		assert_int_equal(tdp_unmap(&w.tdp, gpa(half - page()), 2 * page(), b), -EINVAL);
		assert_int_equal(tdp_unmap(&w.tdp, gpa(half), page(), b), -EINVAL);
	}
	assert_true(w.stores == stores);
	assert_int_equal(tdp_lookup(&w.tdp, gpa(2 * half)).kind, PT_HOLE);
	assert_int_equal(tdp_lookup(&w.tdp, gpa(2 * half)).level, 0);
}

static void test_bad_arguments(void **state)
{
	(void)state;
	for_each_shape(bad_arguments);
	for_each_shape(bad_ranges);
}

/* Each leaf size by itself, and its lookup. */
static void leaf_sizes(void)
{
	for (unsigned level = 1; level <= w.tdp.top_leaf_level; level++) {
		u64 size = pt_level_size(w.fmt, level), ia = size;
		struct tdp_entry e;

		assert_int_equal(world_map(ia, size, 0, prot_less(), PT_MEM_UC), 0);
		assert_true(world_leaves(level) == 1);
		e = tdp_lookup(&w.tdp, world_gpa(ia + size - 1));
		assert_int_equal(e.kind, PT_LEAF);
		assert_int_equal(e.level, level);
		assert_int_equal(e.prot, prot_less());
		assert_int_equal(e.mem, PT_MEM_UC);
		assert_true(e.oa.v == size - 1);
		e = tdp_lookup(&w.tdp, world_gpa(ia - 1));
		assert_int_equal(e.kind, PT_HOLE);
		assert_true(hpa_is_none(e.oa));
		assert_int_equal(world_unmap(ia, size), 0);
		assert_true(world_leaves(level) == 0);
	}
}

static void test_leaf_sizes(void **state)
{
	(void)state;
	for_each_shape(leaf_sizes);
}

/* T8: the same again is found to be nothing. */
static void spurious(void)
{
	u64 changes;

	assert_int_equal(world_map(block(), block(), 0, prot_less(), PT_MEM_WB), 0);
	changes = w.batch.changes;
	assert_int_equal(world_map(block(), block(), 0, prot_less(), PT_MEM_WB), 0);
	assert_int_equal(world_map(block() + page(), page(), page(), prot_less(), PT_MEM_WB), 0);
	assert_true(w.batch.changes == changes && w.tdp.spurious == 2);
	assert_int_equal(world_map(block(), block(), 0, prot_all(), PT_MEM_WB), 0);
	assert_true(w.batch.changes == changes + 1 && w.tdp.spurious == 2);
}

static void test_spurious(void **state)
{
	(void)state;
	for_each_shape(spurious);
}

/* T6: refused, and nothing of the range is touched, wherever the conflict lies. */
static void conflict(void)
{
	u64 stores;

	assert_int_equal(world_map(3 * block(), page(), 0, prot_all(), PT_MEM_WB), 0);
	stores = w.stores;
	assert_int_equal(world_map(block(), 3 * block(), 0, prot_all(), PT_MEM_WB), -EEXIST);
	assert_int_equal(world_map(3 * block(), page(), page(), prot_all(), PT_MEM_WB), -EEXIST);
	assert_true(w.stores == stores);
	assert_int_equal(world_unmap(3 * block(), page()), 0);
	assert_int_equal(world_map(3 * block(), page(), page(), prot_all(), PT_MEM_WB), 0);
}

static void test_conflict(void **state)
{
	(void)state;
	for_each_shape(conflict);
}

/* Unmapping in the middle of a block splits it; mapping that again makes it one block. */
static void split_and_collapse(void)
{
	u64 ia = 2 * block(), leaves;

	assert_int_equal(world_map(ia, block(), 0, prot_all(), PT_MEM_WB), 0);
	assert_true(world_leaves(2) == 1);
	assert_int_equal(world_unmap(ia + page(), page()), 0);
	assert_true(world_leaves(2) == 0);
	leaves = world_leaves(1);
	assert_true(leaves == BIT(w.fmt->index_bits) - 1);
	assert_int_equal(world_map(ia, block(), 0, prot_all(), PT_MEM_WB), 0);
	assert_true(world_leaves(2) == 1 && world_leaves(1) == 0);
	/* Both ends in one block; other permissions; another memory type. */
	assert_int_equal(world_protect(ia + page(), 2 * page(), prot_less()), 0);
	assert_int_equal(tdp_lookup(&w.tdp, world_gpa(ia)).prot, prot_all());
	assert_int_equal(tdp_lookup(&w.tdp, world_gpa(ia + page())).prot, prot_less());
	assert_int_equal(world_map(ia, block(), 0, prot_all(), PT_MEM_UC), 0);
	assert_true(world_leaves(2) == 1 && world_leaves(1) == 0);
	assert_int_equal(world_map(ia + page(), page(), page(), prot_all(), PT_MEM_WB), 0);
	assert_int_equal(tdp_lookup(&w.tdp, world_gpa(ia)).mem, PT_MEM_UC);
	assert_int_equal(tdp_lookup(&w.tdp, world_gpa(ia + page())).mem, PT_MEM_WB);
}

static void test_split_and_collapse(void **state)
{
	(void)state;
	for_each_shape(split_and_collapse);
}

/* The largest leaf split down to pages at both ends at once. */
static void split_largest(void)
{
	unsigned top = w.tdp.top_leaf_level;
	u64 size = pt_level_size(w.fmt, top);

	assert_int_equal(world_map(0, 2 * size, 0, prot_all(), PT_MEM_WB), 0);
	assert_true(world_leaves(top) == 2);
	assert_int_equal(world_unmap(page(), 2 * size - 2 * page()), 0);
	assert_int_equal(tdp_lookup(&w.tdp, gpa(0)).level, 1);
	assert_true(tdp_lookup(&w.tdp, gpa(2 * size - 1)).oa.v == 2 * size - 1);
	assert_int_equal(world_map(0, 2 * size, 0, prot_all(), PT_MEM_WB), 0);
	assert_true(world_leaves(top) == 2 && world_leaves(1) == 0);
}

static void test_split_largest(void **state)
{
	(void)state;
	for_each_shape(split_largest);
}

static void leaf_limit(void)
{
	w.tdp.max_leaf_level = 1;
	assert_int_equal(world_map(0, block(), 0, prot_all(), PT_MEM_WB), 0);
	assert_true(world_leaves(1) == BIT(w.fmt->index_bits) && world_leaves(2) == 0);
	/* What is larger already stays, and is split where the permissions say so. */
	w.tdp.max_leaf_level = 2;
	assert_int_equal(world_map(0, block(), 0, prot_less(), PT_MEM_WB), 0);
	assert_true(world_leaves(2) == 1);
	w.tdp.max_leaf_level = 1;
	assert_int_equal(world_map(0, block(), 0, prot_all(), PT_MEM_WB), 0);
	assert_true(world_leaves(2) == 1);
	assert_int_equal(world_map(0, page(), 0, prot_less(), PT_MEM_WB), 0);
	assert_true(world_leaves(2) == 0);
}

static void test_leaf_limit(void **state)
{
	(void)state;
	for_each_shape(leaf_limit);
}

static void devices(void)
{
	u64 root = pt_level_size(w.fmt, w.tdp.root_level), stores;

	/* A marker as large as the root's entries, then memory inside it. */
	if (w.tdp.ia_bits > pt_level_shift(w.fmt, w.tdp.root_level)) {
		assert_int_equal(world_device(0, root), 0);
		assert_int_equal(tdp_lookup(&w.tdp, gpa(page())).kind, PT_DEVICE);
		assert_int_equal(tdp_lookup(&w.tdp, gpa(page())).level, w.tdp.root_level);
		stores = w.stores;
		assert_int_equal(world_device(page(), page()), 0);
		assert_int_equal(world_protect(page(), page(), prot_less()), 0);
		assert_true(w.stores == stores);
	}
	assert_int_equal(world_map(block(), page(), 0, prot_all(), PT_MEM_WB), 0);
	assert_int_equal(world_device(0, 2 * page()), 0);
	assert_int_equal(world_map(0, block(), 5 * block(), prot_all(), PT_MEM_WB), 0);
	assert_true(world_leaves(2) == 1);
	/* Over memory: zapped, and in pieces. */
	assert_int_equal(world_device(page(), page()), 0);
	assert_int_equal(tdp_lookup(&w.tdp, gpa(page())).kind, PT_DEVICE);
	assert_int_equal(tdp_lookup(&w.tdp, gpa(0)).kind, PT_LEAF);
	assert_int_equal(world_unmap(page(), page()), 0);
	assert_int_equal(tdp_lookup(&w.tdp, gpa(page())).kind, PT_HOLE);
}

static void test_devices(void **state)
{
	(void)state;
	for_each_shape(devices);
}

/* T5: a range operation flushes once, however many entries it breaks. */
static void one_flush(void)
{
	u64 flushes, size = 2 * block();

	w.auto_flush = false;
	w.tdp.max_leaf_level = 1;
	assert_int_equal(world_map(0, size, 0, prot_all(), PT_MEM_WB), 0);
	assert_true(w.flushes == 0 && tlb_batch_is_empty(&w.batch));
	assert_int_equal(world_map(0, size, 0, prot_all(), PT_MEM_UC), 0);
	assert_true(w.flushes == 1);
	tlb_batch_flush(&w.batch);
	flushes = w.flushes;
	w.tdp.max_leaf_level = 2;
	assert_int_equal(world_map(0, size, 0, prot_all(), PT_MEM_UC), 0);
	assert_true(w.flushes == flushes + (w.fmt->flags & PT_BBM ? 1 : 0));
	tlb_batch_flush(&w.batch);
	flushes = w.flushes;
	/* Two blocks split at once. */
	assert_int_equal(world_protect(page(), size - 2 * page(), prot_less()), 0);
	assert_true(w.flushes == flushes + (w.fmt->flags & PT_BBM ? 1 : 0));
	tlb_batch_flush(&w.batch);
	assert_int_equal(world_unmap(0, size), 0);
	flushes = w.flushes;
	tlb_batch_flush(&w.batch);
	assert_true(w.flushes == flushes + 1);
	tlb_batch_flush(&w.batch);
	assert_true(w.flushes == flushes + 1);
	world_check_flushed();
}

static void test_one_flush(void **state)
{
	(void)state;
	for_each_shape(one_flush);
}

/* Granting more needs a flush only where the processor keeps what was denied. */
static void relax(void)
{
	w.auto_flush = false;
	assert_int_equal(world_map(0, page(), 0, prot_less(), PT_MEM_WB), 0);
	assert_int_equal(world_protect(0, page(), prot_all()), 0);
	assert_int_equal(tlb_batch_is_empty(&w.batch), !!(w.fmt->flags & PT_REWALKS));
	tlb_batch_flush(&w.batch);
	assert_int_equal(world_protect(0, page(), prot_less()), 0);
	assert_false(tlb_batch_is_empty(&w.batch));
	tlb_batch_flush(&w.batch);
}

static void test_relax(void **state)
{
	(void)state;
	for_each_shape(relax);
}

/* T4 by hand: each way in which an entry can go. */
static void aged(void)
{
	u64 ia = 2 * block();

	if (!w.fmt->volatile_mask) {
		return;
	}
	assert_int_equal(world_map(ia, block(), 0, prot_all(), PT_MEM_WB), 0);
	world_access(ia + 3 * page(), true);
	assert_true(tdp_lookup(&w.tdp, world_gpa(ia)).dirty);
	assert_int_equal(world_protect(ia, block(), prot_less()), 0);
	assert_true(tdp_lookup(&w.tdp, world_gpa(ia)).dirty);
	assert_int_equal(world_protect(ia, page(), prot_all()), 0); /* split */
	assert_true(tdp_lookup(&w.tdp, world_gpa(ia + 3 * page())).dirty);
	assert_true(w.harvests == 0);
	assert_int_equal(world_map(ia, block(), 0, prot_all(), PT_MEM_WB), 0); /* collapse */
	assert_true(w.harvests == BIT(w.fmt->index_bits));
	world_access(ia, false);
	assert_true(tdp_lookup(&w.tdp, world_gpa(ia)).accessed);
	assert_false(tdp_lookup(&w.tdp, world_gpa(ia)).dirty);
	assert_int_equal(world_unmap(ia, block()), 0);
	assert_true(w.harvests == BIT(w.fmt->index_bits) + 1);
}

static void test_aged(void **state)
{
	(void)state;
	for_each_shape(aged);
}

/* A split meets hardware that sets a bit at each moment. */
static void aged_race(void)
{
	w.race = true;
	for (unsigned i = 0; i < 40; i++) {
		u64 ia = 2 * block();

		assert_int_equal(world_map(ia, block(), 0, prot_all(), PT_MEM_WB), 0);
		world_access(ia, i & 1);
		assert_int_equal(world_protect(ia + page(), page(), prot_less()), 0);
		assert_int_equal(world_protect(ia, block(), prot_all()), 0);
		assert_int_equal(world_unmap(ia + (i & 3) * page(), (1 + (i & 1)) * page()), 0);
		if (i & 4) {
			assert_int_equal(world_unmap(ia, block()), 0);
		}
	}
	assert_true(w.races > 0);
}

static void test_aged_race(void **state)
{
	(void)state;
	for_each_shape(aged_race);
}

/* Environments may leave out what they do not need. */
static void test_optional_ops(void **state)
{
	struct tdp_ops ops;
	struct tdp_attr attr = {hpa(0), PT_RWX, PT_MEM_WB};
	struct tlb_batch batch;
	struct tdp tdp;
	hpa_t leaf;

	(void)state;
	world_start(&pt_npt, 48, 1);
	ops = *w.tdp.ops;
	ops.written = NULL;
	ops.harvest = NULL;
	assert_int_equal(tdp_init(&tdp, &pt_npt, &ops, 48), 0);
	tlb_batch_init(&batch, &tdp);
	assert_int_equal(tdp_map(&tdp, gpa(0), PAGE_SIZE, attr, &batch), 0);
	leaf = tdp_lookup(&tdp, gpa(0)).oa;
	assert_true(leaf.v == 0);
	assert_int_equal(tdp_protect(&tdp, gpa(0), PAGE_SIZE, PT_RX, &batch), 0);
	tlb_batch_flush(&batch);
	tlb_batch_assert_empty(&batch);
	assert_true(batch.flushes == 1);
	tdp_destroy(&tdp);
	world_stop();
}

/* Fewer rounds where tables are larger: reading them all back after each one is what takes time. */
static unsigned rounds(unsigned count)
{
	return (unsigned)max_u64(60, count * 512ULL >> w.fmt->index_bits);
}

static void random_ops(void)
{
	unsigned done[2] = {0}, count = rounds(250);

	for (unsigned i = 0; i < count; i++) {
		int r = world_random_op(world_random());

		done[0] += r == 0;
		done[1] += r == -EEXIST;
		w.race = i & 32;
	}
	assert_true(done[0] > count / 2);
	assert_true(done[1] > 0);
}

static void test_random_ops(void **state)
{
	(void)state;
	for_each_shape(random_ops);
}

/* The same without a flush after each operation: what is pending must hold the next one back. */
static void random_ops_lazy(void)
{
	w.auto_flush = false;
	for (unsigned i = 0, count = rounds(120); i < count; i++) {
		(void)world_random_op(world_random());
		if (i % 5 == 4) {
			tlb_batch_flush(&w.batch);
			world_check_flushed();
		}
	}
	tlb_batch_flush(&w.batch);
	world_check_flushed();
}

static void test_random_ops_lazy(void **state)
{
	(void)state;
	for_each_shape(random_ops_lazy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roots),
		cmocka_unit_test(test_bad_widths),
		cmocka_unit_test(test_bad_arguments),
		cmocka_unit_test(test_leaf_sizes),
		cmocka_unit_test(test_spurious),
		cmocka_unit_test(test_conflict),
		cmocka_unit_test(test_split_and_collapse),
		cmocka_unit_test(test_split_largest),
		cmocka_unit_test(test_leaf_limit),
		cmocka_unit_test(test_devices),
		cmocka_unit_test(test_one_flush),
		cmocka_unit_test(test_relax),
		cmocka_unit_test(test_aged),
		cmocka_unit_test(test_aged_race),
		cmocka_unit_test(test_optional_ops),
		cmocka_unit_test(test_random_ops),
		cmocka_unit_test(test_random_ops_lazy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
