// SPDX-License-Identifier: Apache-2.0
/* Formats: golden entries worked out by hand from the manuals, and decode(encode) = id. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "mm/pt_format.h"

static const struct {
	const struct pt_format *fmt;
	unsigned level;
	u64 oa;
	unsigned prot;
	enum pt_mem mem;
	u64 entry; /* 0: cannot be expressed */
} golden[] = {
	/* AMD APM: P, RW, US = 1, 2, 4; PWT 8, PCD 0x10; PS 0x80; PAT 0x80 or 0x1000; NX 63. */
	{&pt_npt, 1, 0x1000, PT_RWX, PT_MEM_WB, 0x1007},
	{&pt_npt, 1, 0x1000, PT_RW, PT_MEM_WB, 0x8000000000001007},
	{&pt_npt, 1, 0x1000, PT_R, PT_MEM_UC, 0x800000000000101d},
	{&pt_npt, 1, 0x1000, PT_RX, PT_MEM_WC, 0x100d},
	{&pt_npt, 1, 0x1000, PT_RX, PT_MEM_WT, 0x108d},
	{&pt_npt, 2, 0x200000, PT_RWX, PT_MEM_WB, 0x200087},
	{&pt_npt, 2, 0x200000, PT_RWX, PT_MEM_WT, 0x20108f},
	{&pt_npt, 3, 0xfffffc0000000, PT_RWX, PT_MEM_WB, 0xfffffc0000087},
	{&pt_npt, 4, 0, PT_RWX, PT_MEM_WB, 0},
	{&pt_npt, 1, 0x1000, PT_U | PT_RWX, PT_MEM_WB, 0},
	{&pt_npt, 1, 0x1000, PT_W, PT_MEM_WB, 0},
	{&pt_npt, 1, 0x10000000000000, PT_RWX, PT_MEM_WB, 0},
	{&pt_npt, 1, 0x800, PT_RWX, PT_MEM_WB, 0},
	{&pt_npt, 2, 0x1000, PT_RWX, PT_MEM_WB, 0},
	{&pt_x86_64, 1, 0x1000, PT_RWX, PT_MEM_WB, 0x1003},
	{&pt_x86_64, 1, 0x1000, PT_RX, PT_MEM_WB, 0x1001},
	{&pt_x86_64, 2, 0x200000, PT_RW, PT_MEM_UC, 0x800000000020009b},
	{&pt_x86_64, 3, 0x40000000, PT_U | PT_RWX, PT_MEM_WC, 0x4000008f},
	{&pt_x86_64_5level, 3, 0x40000000, PT_RW, PT_MEM_WB, 0x8000000040000083},
	{&pt_x86_64_5level, 5, 0, PT_RW, PT_MEM_WB, 0},
	{&pt_pae, 2, 0x200000, PT_RX, PT_MEM_WB, 0x200081},
	{&pt_pae, 3, 0, PT_RX, PT_MEM_WB, 0},
	/* 32-bit: no NX; PSE-36 keeps address bits 39:32 in 20:13. */
	{&pt_x86_32, 1, 0x1000, PT_RWX, PT_MEM_WB, 0x1003},
	{&pt_x86_32, 1, 0x1000, PT_RW, PT_MEM_WB, 0},
	{&pt_x86_32, 1, 0x100000000, PT_RWX, PT_MEM_WB, 0},
	{&pt_x86_32, 2, 0x400000, PT_U | PT_RWX, PT_MEM_WB, 0x400087},
	{&pt_x86_32, 2, 0x8100400000, PT_RX, PT_MEM_WB, 0x502081},
	{&pt_x86_32, 2, 0x200000, PT_RX, PT_MEM_WB, 0},
	/* Intel SDM: R, W, X = 1, 2, 4; memory type in 5:3; PS 0x80. */
	{&pt_ept, 1, 0x1000, PT_RWX, PT_MEM_WB, 0x1037},
	{&pt_ept, 1, 0x1000, PT_R, PT_MEM_UC, 0x1001},
	{&pt_ept, 2, 0x200000, PT_RW, PT_MEM_WC, 0x20008b},
	{&pt_ept, 3, 0x40000000, PT_RX, PT_MEM_WT, 0x400000a5},
	{&pt_ept, 1, 0x1000, PT_X, PT_MEM_WB, 0},
	{&pt_ept, 1, 0x1000, PT_W, PT_MEM_WB, 0},
	{&pt_ept, 1, 0x1000, PT_W | PT_X, PT_MEM_WB, 0},
	{&pt_ept_xonly, 1, 0x1000, PT_X, PT_MEM_WB, 0x1034},
	{&pt_ept_xonly, 1, 0x1000, PT_W | PT_X, PT_MEM_WB, 0},
	/* Arm ARM: type 3 or 1; MemAttr 5:2; S2AP 7:6; SH 9:8; AF 10; XN 54. */
	{&pt_s2_4k, 1, 0x1000, PT_RWX, PT_MEM_WB, 0x17ff},
	{&pt_s2_4k, 1, 0x1000, PT_RX, PT_MEM_WB, 0x177f},
	{&pt_s2_4k, 2, 0x200000, PT_RW, PT_MEM_UC, 0x400000002007c5},
	{&pt_s2_4k, 3, 0x40000000, PT_R, PT_MEM_WC, 0x40000040000755},
	{&pt_s2_4k, 1, 0x1000, PT_W, PT_MEM_WT, 0x400000000017ab},
	{&pt_s2_4k, 1, 0x1000, PT_X, PT_MEM_WB, 0x173f},
	{&pt_s2_4k, 1, 0x1000, PT_W | PT_X, PT_MEM_WB, 0x17bf},
	{&pt_s2_4k, 1, 0x1000, 0, PT_MEM_WB, 0},
	/* The same document, stage 1: AttrIndx 4:2; AP 7:6; PXN 53; XN or UXN 54. */
	{&pt_el2, 1, 0x1000, PT_RX, PT_MEM_WB, 0x17c3},
	{&pt_el2, 2, 0x200000, PT_RW, PT_MEM_UC, 0x4000000020074d},
	{&pt_el2_vhe, 1, 0x1000, PT_RX, PT_MEM_WB, 0x40000000001783},
	{&pt_el2_vhe, 3, 0x40000000, PT_RW, PT_MEM_WC, 0x60000040000709},
	{&pt_el2_vhe, 1, 0x1000, PT_W, PT_MEM_WB, 0},
	{&pt_s2_4k, 1, 0x1000000000000, PT_RWX, PT_MEM_WB, 0},
	{&pt_s2_16k, 1, 0x4000, PT_RWX, PT_MEM_WB, 0x47ff},
	{&pt_s2_16k, 1, 0x1000, PT_RWX, PT_MEM_WB, 0},
	{&pt_s2_16k, 2, 0x2000000, PT_RWX, PT_MEM_WB, 0x20007fd},
	{&pt_s2_16k, 3, 0, PT_RWX, PT_MEM_WB, 0},
	{&pt_s2_64k, 1, 0x10000, PT_RWX, PT_MEM_WB, 0x107ff},
	{&pt_s2_64k, 2, 0x20000000, PT_RWX, PT_MEM_WB, 0x200007fd},
	{&pt_s2_64k, 3, 0, PT_RWX, PT_MEM_WB, 0},
};

static void test_golden_leaves(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(golden); i++) {
		u64 e = pt_encode_leaf(golden[i].fmt, golden[i].level, hpa(golden[i].oa),
				       golden[i].prot, golden[i].mem);

		if (e != golden[i].entry) {
			print_error("row %zu: %llx\n", i, (unsigned long long)e);
		}
		assert_true(e == golden[i].entry);
	}
}

static const struct {
	const struct pt_format *fmt;
	unsigned level;
	u64 oa, entry;
} golden_tables[] = {
	{&pt_npt, 2, 0x5000, 0x5007},      {&pt_npt, 5, 0x5000, 0x5007},
	{&pt_x86_64, 4, 0x5000, 0x5007},   {&pt_x86_64_5level, 5, 0x5000, 0x5007},
	{&pt_pae, 2, 0x5000, 0x5007},      {&pt_pae, 3, 0x5000, 0x5001},
	{&pt_x86_32, 2, 0x5000, 0x5007},   {&pt_x86_32, 2, 0x100000000, 0},
	{&pt_ept, 4, 0x5000, 0x5007},      {&pt_s2_4k, 2, 0x5000, 0x5003},
	{&pt_s2_16k, 3, 0x4000, 0x4003},   {&pt_s2_16k, 3, 0x5000, 0},
	{&pt_s2_64k, 2, 0x10000, 0x10003}, {&pt_npt, 1, 0x5000, 0},
	{&pt_npt, 2, 0x10000000000000, 0}, {&pt_s2_4k, 2, 0x1000000000000, 0},
};

static void test_golden_tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(golden_tables); i++) {
		assert_true(pt_encode_table(golden_tables[i].fmt, golden_tables[i].level,
					    hpa(golden_tables[i].oa)) == golden_tables[i].entry);
	}
}

/* A one in each address bit that the level can hold. */
static void check_identity(const struct pt_format *fmt, unsigned level, unsigned prot,
			   enum pt_mem mem)
{
	for (unsigned bit = 0; bit < 64; bit++) {
		u64 oa = BIT(bit), e = pt_encode_leaf(fmt, level, hpa(oa), prot, mem);
		struct pt_entry d;

		if (!e) {
			continue;
		}
		for (u64 aged = 0; aged < 4; aged++) {
			u64 ad = (aged & 1 ? fmt->accessed : 0) | (aged & 2 ? fmt->dirty : 0);

			d = pt_decode(fmt, level, e | ad);
			assert_int_equal(d.kind, PT_LEAF);
			assert_true(d.oa.v == oa);
			assert_int_equal(d.prot, prot);
			assert_int_equal(d.mem, mem);
			assert_int_equal(d.dirty, fmt->dirty && aged & 2);
			assert_int_equal(d.accessed, ((e | ad) & fmt->accessed) != 0);
		}
	}
}

static void test_identity(void **state)
{
	(void)state;
	for (unsigned f = 0; pt_formats[f]; f++) {
		const struct pt_format *fmt = pt_formats[f];
		unsigned addresses = 0;

		for (unsigned level = 1; level <= fmt->max_level; level++) {
			for (unsigned i = 0; i < PT_PROT_COUNT * PT_MEM_COUNT; i++) {
				check_identity(fmt, level, i / PT_MEM_COUNT,
					       (enum pt_mem)(i % PT_MEM_COUNT));
			}
			for (unsigned bit = 0; bit < 64; bit++) {
				addresses += !!pt_encode_leaf(fmt, level, hpa(BIT(bit)), PT_RWX,
							      PT_MEM_WB);
			}
		}
		assert_true(addresses > 30); /* ... so the test was about something */
		assert_int_equal(pt_format_check(fmt), 0);
	}
}

static void test_classify(void **state)
{
	(void)state;
	for (unsigned f = 0; pt_formats[f]; f++) {
		const struct pt_format *fmt = pt_formats[f];

		for (unsigned level = 1; level <= fmt->max_level; level++) {
			assert_int_equal(pt_classify(fmt, level, 0), PT_HOLE);
			assert_int_equal(pt_classify(fmt, level, PT_MARKER), PT_DEVICE);
			assert_int_equal(pt_decode(fmt, level, PT_MARKER).kind, PT_DEVICE);
			assert_true(hpa_is_none(pt_decode(fmt, level, 0).oa));
		}
	}
	/* What the architecture reserves is no translation. */
	assert_int_equal(pt_classify(&pt_s2_4k, 1, 0x17fd), PT_HOLE);
	assert_int_equal(pt_classify(&pt_s2_4k, 4, 0x7fd), PT_HOLE);
	assert_int_equal(pt_classify(&pt_npt, 4, 0x87), PT_HOLE);
	assert_int_equal(pt_classify(&pt_ept, 4, 0x87), PT_HOLE);
	assert_int_equal(pt_classify(&pt_pae, 3, 0x81), PT_TABLE);
	assert_int_equal(pt_classify(&pt_ept, 1, 0x1004), PT_LEAF);
}

/* Entries that others wrote. */
static void test_decode_foreign(void **state)
{
	(void)state;
	assert_int_equal(pt_decode(&pt_npt, 1, 0x1003).prot, 0); /* no U/S: nothing allowed */
	assert_int_equal(pt_decode(&pt_npt, 1, 0x1017).mem, PT_MEM_OTHER); /* UC- */
	assert_int_equal(pt_decode(&pt_ept, 1, 0x102f).mem, PT_MEM_OTHER); /* WP */
	assert_int_equal(pt_decode(&pt_x86_64, 3, 0x5005).prot, PT_U | PT_RX);
	assert_int_equal(pt_decode(&pt_x86_64, 3, 0x8000000000005003).prot, PT_RW);
	assert_int_equal(pt_decode(&pt_ept, 2, 0x5001).prot, PT_R);
	assert_int_equal(pt_decode(&pt_s2_4k, 2, 0x5003).prot, PT_RWX | PT_U);
	assert_int_equal(pt_decode(&pt_pae, 3, 0x5001).prot, PT_RWX | PT_U);
	assert_true(pt_decode(&pt_s2_4k, 2, 0x5003).oa.v == 0x5000);
	assert_false(pt_decode(&pt_s2_4k, 1, 0x13ff).accessed);
}

static void test_check_rejects(void **state)
{
	static struct pt_format bad[12];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		bad[i] = pt_npt;
	}
	bad[0].present_mask |= PT_MARKER;
	bad[1].leaf_levels = BIT(1) | BIT(3);
	bad[2].max_level = PT_MAX_LEVELS + 1;
	bad[3].level[2].oa_mask |= BIT(12);               /* the PAT bit */
	bad[4].prot_is[1].value = 0;                      /* decodes otherwise */
	bad[5].level[3].table_bits = 0x80;                /* written as a leaf */
	bad[6].level[1].mem[PT_MEM_WC] = BIT(3) | BIT(4); /* same as UC */
	bad[7].level[2].leaf_bits = 0;                    /* reads as a table */
	bad[8].volatile_mask |= BIT(12);
	bad[9].min_root_level = 6;
	bad[10].table_oa_mask |= BIT(2);
	bad[11].leaf_levels = BIT(2);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (!pt_format_check(&bad[i])) {
			print_error("row %zu passes\n", i);
		}
		assert_int_equal(pt_format_check(&bad[i]), -EINVAL);
	}
}

/* What the builder and its tests take from the row as given. */
static void test_properties(void **state)
{
	const struct pt_format *x86[] = {&pt_ept, &pt_ept_xonly, &pt_npt, &pt_pae, &pt_x86_32};
	const struct pt_format *arm[] = {&pt_s2_4k, &pt_s2_16k, &pt_s2_64k};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(x86); i++) {
		assert_int_equal(x86[i]->flags, PT_REWALKS);
	}
	for (size_t i = 0; i < ARRAY_SIZE(arm); i++) {
		assert_int_equal(arm[i]->flags, PT_BBM);
		assert_true(arm[i]->volatile_mask == 0);
	}
	assert_int_equal(pt_x86_64.flags, PT_REWALKS | PT_CANONICAL);
	assert_int_equal(pt_x86_64_5level.flags, PT_REWALKS | PT_CANONICAL);
	assert_true(pt_x86_64.volatile_mask == 0x60 && pt_npt.volatile_mask == 0x60);
	assert_true(pt_ept.volatile_mask == 0x300 && pt_x86_32.volatile_mask == 0x60);
}

static void test_sizes(void **state)
{
	(void)state;
	assert_true(pt_level_size(&pt_npt, 1) == 0x1000);
	assert_true(pt_level_size(&pt_npt, 2) == 0x200000);
	assert_true(pt_level_size(&pt_npt, 3) == 0x40000000);
	assert_true(pt_level_size(&pt_x86_32, 2) == 0x400000);
	assert_true(pt_level_size(&pt_s2_16k, 2) == 0x2000000);
	assert_true(pt_level_size(&pt_s2_64k, 2) == 0x20000000);
	/* The table entry PAT layout that the rows are written for. */
	assert_int_equal(PT_X86_PAT >> 0 & 0xff, 6);
	assert_int_equal(PT_X86_PAT >> 8 & 0xff, 1);
	assert_int_equal(PT_X86_PAT >> 24 & 0xff, 0);
	assert_int_equal(PT_X86_PAT >> 40 & 0xff, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_leaves),  cmocka_unit_test(test_golden_tables),
		cmocka_unit_test(test_identity),       cmocka_unit_test(test_classify),
		cmocka_unit_test(test_decode_foreign), cmocka_unit_test(test_check_rejects),
		cmocka_unit_test(test_properties),     cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
