// SPDX-License-Identifier: Apache-2.0
/* Pending flushes: what they own, and what may not happen before them. Also the dump. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "mm/pt_dump.h"
#include "mm/tdp_iter.h"
#include "tests/host/tdp_world.h"

#define BLOCK 0x200000ULL

static void map(u64 ia, u64 size, u64 oa)
{
	assert_int_equal(world_map(ia, size, oa, PT_RWX, PT_MEM_WB), 0);
}

/* Tables wait in the batch for its flush, and are freed by it. */
static void test_tables_wait(void **state)
{
	u64 frees;

	(void)state;
	world_start(&pt_ept, 48, 1);
	w.auto_flush = false;
	map(0, 3 * PAGE_SIZE, 0);
	map(BLOCK, 3 * PAGE_SIZE, BLOCK);
	frees = w.frees;
	assert_int_equal(world_unmap(0, 2 * BLOCK), 0);
	assert_int_equal(w.batch.page_count, 2);
	assert_true(w.frees == frees);
	tlb_batch_flush(&w.batch);
	assert_true(w.frees == frees + 2 && w.batch.flushes == 1);
	assert_int_equal(w.batch.page_count, 0);
	tlb_batch_assert_empty(&w.batch);
	world_check_flushed();
	world_stop();
}

/* Nothing that could be cached was there: nothing to flush. */
static void test_nothing_pending(void **state)
{
	(void)state;
	world_start(&pt_s2_4k, 40, 1);
	w.auto_flush = false;
	map(0, BLOCK, 0);
	assert_int_equal(world_unmap(BLOCK, BLOCK), 0);
	assert_int_equal(world_device(BLOCK, BLOCK), 0);
	assert_int_equal(world_unmap(BLOCK, BLOCK), 0);
	assert_int_equal(world_protect(0, BLOCK, PT_RWX), 0);
	assert_true(tlb_batch_is_empty(&w.batch) && w.flushes == 0);
	world_stop();
}

/* T6 over two operations: unmapped, not flushed, mapped to another page. */
static void remap(const struct pt_format *fmt)
{
	u64 flushes;

	world_start(fmt, fmt->ia_bits_max, 1);
	w.auto_flush = false;
	map(0, BLOCK, 0);
	assert_int_equal(world_unmap(0, PAGE_SIZE << (fmt->page_shift - PAGE_SHIFT)), 0);
	flushes = w.flushes;
	map(0, PAGE_SIZE << (fmt->page_shift - PAGE_SHIFT), 5 * BLOCK);
	assert_true(w.flushes == flushes + 1);
	/* Somewhere else, nothing is held back. */
	map(64 * BLOCK, BLOCK, 64 * BLOCK);
	assert_true(w.flushes == flushes + 1);
	world_stop();
}

static void test_remap(void **state)
{
	(void)state;
	for (unsigned f = 0; pt_formats[f]; f++) {
		remap(pt_formats[f]);
	}
}

/* The same when another thread holds the batch. */
static void test_other_batch(void **state)
{
	struct tlb_batch other;
	struct tdp_attr attr = {hpa(BLOCK), PT_RWX, PT_MEM_WB};
	u64 flushes;

	(void)state;
	world_start(&pt_s2_4k, 48, 1);
	w.auto_flush = false;
	map(0, BLOCK, 0);
	tlb_batch_init(&other, &w.tdp);
	assert_int_equal(tdp_unmap(&w.tdp, gpa(0), BLOCK, &other), 0);
	assert_int_equal(w.tdp.pending_batches, 1);
	flushes = w.flushes;
	assert_int_equal(tdp_map(&w.tdp, gpa(0), BLOCK, attr, &w.batch), 0);
	assert_true(w.flushes == flushes + 1);
	assert_true(tlb_batch_is_empty(&w.batch) && !tlb_batch_is_empty(&other));
	assert_int_equal(tdp_unmap(&w.tdp, gpa(0), BLOCK, &w.batch), 0);
	assert_int_equal(w.tdp.pending_batches, 2);
	tlb_batch_flush(&w.batch);
	tlb_batch_flush(&other);
	assert_int_equal(w.tdp.pending_batches, 0);
	assert_true(w.tdp.pending_start > w.tdp.pending_end);
	w.model.count = 0;
	world_check();
	world_stop();
}

/* One batch over both halves of a canonical space flushes all. */
static void test_both_halves(void **state)
{
	u64 high = BIT(47);

	(void)state;
	world_start(&pt_x86_64, 48, 1);
	w.auto_flush = false;
	map(0, PAGE_SIZE, 0);
	map(high, PAGE_SIZE, BLOCK);
	assert_true(tdp_lookup(&w.tdp, gpa(0xffff800000000123)).oa.v == BLOCK + 0x123);
	assert_int_equal(tdp_lookup(&w.tdp, gpa(high)).kind, PT_HOLE);
	assert_int_equal(world_unmap(0, PAGE_SIZE), 0);
	assert_int_equal(world_unmap(high, PAGE_SIZE), 0);
	tlb_batch_flush(&w.batch);
	assert_true(w.flushes == 1);
	world_check_flushed();
	/* Up to the last byte of the space. */
	map(2 * high - BLOCK, BLOCK, 0);
	assert_int_equal(world_unmap(2 * high - PAGE_SIZE, PAGE_SIZE), 0);
	tlb_batch_flush(&w.batch);
	world_check_flushed();
	world_stop();
}

static void test_iter(void **state)
{
	static const unsigned levels[] = {4, 3, 2, 1, 1};
	struct tdp_iter it;
	unsigned n = 0;

	(void)state;
	world_start(&pt_npt, 48, 1);
	map(0, 2 * PAGE_SIZE, 0);
	map(BLOCK, BLOCK, BLOCK);
	tdp_iter_start(&it, &w.tdp, PAGE_SIZE, BLOCK);
	for (; it.valid && n < 4; tdp_iter_next(&it)) {
		assert_int_equal(it.level, levels[n++]);
	}
	assert_int_equal(n, 4);
	/* Skipping a table leaves out what is below. */
	tdp_iter_start(&it, &w.tdp, 0, BLOCK);
	tdp_iter_next(&it);
	tdp_iter_next(&it);
	assert_true(it.level == 2 && it.kind == PT_TABLE && it.ia == 0);
	tdp_iter_skip(&it);
	assert_true(it.valid && it.level == 2 && it.kind == PT_LEAF && it.ia == BLOCK);
	tdp_iter_skip(&it);
	assert_false(it.valid);
	/* Out of a table at its end. */
	tdp_iter_find(&it, &w.tdp, BLOCK - PAGE_SIZE);
	assert_true(it.level == 1 && it.kind == PT_HOLE);
	it.last = ~(u64)0 >> 16;
	tdp_iter_skip(&it);
	assert_true(it.level == 2 && it.ia == BLOCK && tdp_iter_entry_last(&it) == 2 * BLOCK - 1);
	world_stop();
}

static char dump[4096];

static void add_line(void *ctx, const char *text)
{
	size_t used = strlen(dump);

	assert_ptr_equal(ctx, dump);
	assert_true(strlen(text) < PT_DUMP_LINE_MAX);
	snprintf(dump + used, sizeof(dump) - used, "%s\n", text);
}

static void test_dump(void **state)
{
	(void)state;
	world_start(&pt_x86_64, 48, 1);
	dump[0] = 0;
	pt_dump(&w.tdp, add_line, dump);
	assert_string_equal(dump, "");
	assert_int_equal(world_map(0x1000, 0x3000, 0x5000, PT_RW, PT_MEM_WB), 0);
	assert_int_equal(world_map(0x4000, 0x1000, 0x8000, PT_U | PT_RX, PT_MEM_WC), 0);
	assert_int_equal(world_map(0x40000000, 0x80000000, 0x40000000, PT_R, PT_MEM_UC), 0);
	assert_int_equal(world_device(0xfec00000, 0x2000), 0);
	assert_int_equal(world_map(BIT(48) - BLOCK, BLOCK, 0, PT_RX, PT_MEM_WT), 0);
	pt_dump(&w.tdp, add_line, dump);
	assert_string_equal(
		dump, "0000000000001000-0000000000003fff -> 0000000000005000 rw-- wb 4K x3\n"
		      "0000000000004000-0000000000004fff -> 0000000000008000 r-xu wc 4K x1\n"
		      "0000000040000000-00000000bfffffff -> 0000000040000000 r--- uc 1G x2\n"
		      "00000000fec00000-00000000fec01fff device 4K x2\n"
		      "ffffffffffe00000-ffffffffffffffff -> 0000000000000000 r-x- wt 2M x1\n");
	world_stop();
}

/* The largest marker that there is, and a leaf right behind it. */
static void test_dump_large(void **state)
{
	(void)state;
	world_start(&pt_ept, 57, 1);
	assert_int_equal(world_device(0, BIT(48)), 0);
	assert_int_equal(world_device(BIT(48), BIT(39)), 0);
	assert_int_equal(world_map(BIT(48) + BIT(39), 0x1000, 0, PT_RW, PT_MEM_WB), 0);
	dump[0] = 0;
	pt_dump(&w.tdp, add_line, dump);
	assert_string_equal(
		dump, "0000000000000000-0000ffffffffffff device 256T x1\n"
		      "0001000000000000-0001007fffffffff device 512G x1\n"
		      "0001008000000000-0001008000000fff -> 0000000000000000 rw-- wb 4K x1\n");
	world_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_wait), cmocka_unit_test(test_nothing_pending),
		cmocka_unit_test(test_remap),       cmocka_unit_test(test_other_batch),
		cmocka_unit_test(test_both_halves), cmocka_unit_test(test_iter),
		cmocka_unit_test(test_dump),        cmocka_unit_test(test_dump_large),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
