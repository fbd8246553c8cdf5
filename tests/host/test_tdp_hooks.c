// SPDX-License-Identifier: Apache-2.0
/* What the builder tells its environment of single leaves, and ageing. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page.h"
#include "mm/tdp.h"
#include "mm/tdp_iter.h"

static u32 held_ranks;

u32 *lock_held_ranks(void)
{
	return &held_ranks;
}

#define MAX 1024

static struct {
	u64 ia;
	unsigned level;
} gone[MAX];
static unsigned gone_count, flushes;

static hpa_t table_alloc(struct tdp *tdp, unsigned order)
{
	(void)tdp;
	return ptr_phys(aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order));
}

static void table_free(struct tdp *tdp, hpa_t table, unsigned order)
{
	(void)tdp;
	(void)order;
	free(phys_ptr(table));
}

static void flush(struct tdp *tdp, gpa_t start, u64 size)
{
	(void)tdp;
	(void)start;
	(void)size;
	flushes++;
}

static void removed(struct tdp *tdp, gpa_t ia, unsigned level)
{
	assert_true(lock_is_taken(&tdp->lock));
	assert_true(gone_count < MAX);
	gone[gone_count].ia = ia.v;
	gone[gone_count++].level = level;
}

static const struct tdp_ops ops = {
	.alloc = table_alloc, .free = table_free, .flush = flush, .removed = removed};

static const struct pt_format *const formats[] = {&pt_npt, &pt_ept, &pt_s2_4k};

static void start(struct tdp *tdp, struct tlb_batch *batch, const struct pt_format *fmt)
{
	assert_int_equal(tdp_init(tdp, fmt, &ops, 44), 0);
	tlb_batch_init(batch, tdp);
	gone_count = 0;
}

static void map(struct tdp *tdp, u64 ia, u64 size, struct tlb_batch *batch)
{
	struct tdp_attr attr = {.oa = hpa(ia), .prot = PT_RW, .mem = PT_MEM_WB};

	assert_int_equal(tdp_map(tdp, gpa(ia), size, attr, batch), 0);
	tlb_batch_flush(batch);
}

/* Each leaf once: by itself, below a removed table, replaced by a larger one, at the end. */
static void test_removed(void **state)
{
	(void)state;
	for (unsigned f = 0; f < ARRAY_SIZE(formats); f++) {
		struct tlb_batch batch;
		struct tdp tdp;

		start(&tdp, &batch, formats[f]);
		map(&tdp, 0x200000, 0x200000, &batch);
		map(&tdp, 0x400000, 0x1000, &batch);
		map(&tdp, 0x402000, 0x1000, &batch);
		assert_int_equal(gone_count, 0);
		assert_int_equal(tdp_unmap(&tdp, gpa(0x200000), 0x200000, &batch), 0);
		assert_int_equal(gone_count, 1);
		assert_true(gone[0].ia == 0x200000 && gone[0].level == 2);
		assert_int_equal(tdp_unmap(&tdp, gpa(0x402000), 0x1000, &batch), 0);
		assert_int_equal(gone_count, 2);
		assert_true(gone[1].ia == 0x402000 && gone[1].level == 1);
		tlb_batch_flush(&batch);
		map(&tdp, 0x402000, 0x1000, &batch);
		map(&tdp, 0x400000, 0x200000, &batch); /* in place of the table */
		assert_int_equal(gone_count, 4);
		assert_true(gone[2].ia == 0x400000 && gone[3].ia == 0x402000 && gone[3].level == 1);
		map(&tdp, 0x800000, 0x1000, &batch);
		assert_int_equal(tdp_unmap(&tdp, gpa(0), BIT(44), &batch), 0);
		assert_int_equal(gone_count, 6);
		assert_true(gone[4].ia == 0x400000 && gone[4].level == 2 && gone[5].ia == 0x800000);
		tlb_batch_flush(&batch);
		map(&tdp, 0x5000, 0x1000, &batch);
		tdp_destroy(&tdp);
		assert_int_equal(gone_count, 7);
	}
}

static void set_bits(struct tdp *tdp, u64 ia, u64 bits)
{
	struct tdp_iter it;

	tdp_iter_find(&it, tdp, ia);
	*(u64 *)it.ptep |= bits;
}

static void test_age(void **state)
{
	struct tlb_batch batch;
	struct tdp tdp;
	bool young;

	(void)state;
	for (unsigned f = 0; f < 2; f++) {
		const struct pt_format *fmt = formats[f];

		start(&tdp, &batch, fmt);
		map(&tdp, 0x200000, 0x200000, &batch);
		map(&tdp, 0x400000, 0x2000, &batch);
		assert_int_equal(tdp_age(&tdp, gpa(0), BIT(44), &batch, &young), 0);
		assert_true(!young && !batch.pending);
		set_bits(&tdp, 0x200000, fmt->accessed | fmt->dirty);
		set_bits(&tdp, 0x401000, fmt->accessed);
		assert_int_equal(tdp_age(&tdp, gpa(0x400000), 0x1000, &batch, &young), 0);
		assert_false(young);
		assert_int_equal(tdp_age(&tdp, gpa(0x3ff000), 0x3000, &batch, &young), 0);
		assert_true(young && batch.pending);
		flushes = 0;
		tlb_batch_flush(&batch);
		assert_int_equal(flushes, 1);
		assert_false(tdp_lookup(&tdp, gpa(0x200000)).accessed);
		assert_false(tdp_lookup(&tdp, gpa(0x401000)).accessed);
		assert_true(tdp_lookup(&tdp, gpa(0x200000)).dirty); /* kept (T4) */
		assert_true(tdp_lookup(&tdp, gpa(0x200000)).prot == PT_RW);
		assert_int_equal(tdp_age(&tdp, gpa(1), 0x1000, &batch, &young), -EINVAL);
		assert_int_equal(gone_count, 0);
		tdp_destroy(&tdp);
	}
	/* Where hardware sets none, software's access flag stays. */
	start(&tdp, &batch, &pt_s2_4k);
	map(&tdp, 0x200000, 0x1000, &batch);
	assert_int_equal(tdp_age(&tdp, gpa(0), BIT(44), &batch, &young), 0);
	assert_false(young);
	assert_true(tdp_lookup(&tdp, gpa(0x200000)).accessed);
	tdp_destroy(&tdp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_removed),
		cmocka_unit_test(test_age),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
