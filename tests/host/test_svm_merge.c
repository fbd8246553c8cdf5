// SPDX-License-Identifier: Apache-2.0
/* What L2 runs with: a merged bit is set if and only if L0's or L1's is; and whose an exit is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/x86.h"
#include "nested/x86/svm_merge.h"

#define ROUNDS   2000
#define MEM_SIZE 0x8000

static u8 memory[MEM_SIZE] __attribute__((aligned(8)));
static u64 memory_base;
static unsigned reads;

static bool memory_read(void *ctx, u64 pa, void *buf, u32 size)
{
	assert_ptr_equal(ctx, memory);
	assert_true((pa & ~PAGE_MASK) + size <= PAGE_SIZE);
	reads++;
	if (pa < memory_base || pa - memory_base + size > MEM_SIZE) {
		return false;
	}
	memcpy(buf, memory + (pa - memory_base), size);
	return true;
}

static const struct svm_mem mem = {memory_read, memory};

static u64 random_u64(void)
{
	static u64 s = 0x9e3779b97f4a7c15;

	s ^= s << 13;
	s ^= s >> 7;
	s ^= s << 17;
	return s;
}

static void random_fill(void *to, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		((u8 *)to)[i] = (u8)(random_u64() >> 20);
	}
}

static bool bit_of(const void *map, u32 bit)
{
	return ((const u8 *)map)[bit / 8] >> bit % 8 & 1;
}

static void test_controls(void **state)
{
	static struct vmcb l0, l1, out;

	(void)state;
	for (unsigned i = 0; i < ROUNDS; i++) {
		random_fill(&l0, sizeof(l0));
		random_fill(&l1, sizeof(l1));
		memset(&out, i & 1 ? 0xff : 0, sizeof(out));
		svm_merge_controls(&out, &l0, &l1);
		for (u32 code = 0; code < 6 * 32; code++) {
			bool l0_wants = bit_of(&l0, code);

			if (code == SVM_EXIT_CR_WRITE + 8 && (l1.vintr & VINTR_MASKING)) {
				l0_wants = false;
			}
			assert_int_equal(bit_of(&out, code), l0_wants || bit_of(&l1, code));
		}
		assert_true(out.tsc_offset == l0.tsc_offset + l1.tsc_offset);
	}
}

/* Against the manual's sentence: taken if V_IRQ, and V_IGN_TPR or V_INTR_PRIO above V_TPR. */
static bool taken(u64 vintr)
{
	return (vintr & BIT(8)) && ((vintr & BIT(20)) || (vintr >> 16 & 15) > (vintr & 15));
}

static void test_vintr(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 100 * ROUNDS; i++) {
		u64 l1 = random_u64(), hw, back;
		u8 cr8 = (u8)(random_u64() & 15);

		hw = svm_merge_vintr(l1, cr8);
		assert_true(hw & VINTR_MASKING);
		assert_true(taken(hw) == taken(l1));
		assert_int_equal(hw & VINTR_TPR, l1 & VINTR_MASKING ? l1 & 15 : cr8);
		if (taken(hw)) {
			assert_int_equal(hw >> 32 & 0xff, l1 >> 32 & 0xff);
		}
		/* No bit that is none of the above: V_GIF, V_NMI, AVIC. */
		assert_true(!(hw & ~0xff011f010full));
		/* Nothing happened, then the interrupt was taken, then CR8 was written. */
		assert_true(svm_split_vintr(l1, hw) == l1);
		back = svm_split_vintr(l1, hw & ~VINTR_IRQ);
		assert_true(back == (taken(l1) || (l1 & VINTR_MASKING) ? l1 & ~VINTR_IRQ : l1));
		back = svm_split_vintr(l1, hw ^ 5);
		assert_true(back == (l1 & VINTR_MASKING ? l1 ^ 5 : l1));
	}
}

static void test_open(void **state)
{
	static u64 map[SVM_MSRPM_WORDS];
	struct svm_open open;

	(void)state;
	memset(map, 0xff, sizeof(map));
	assert_true(svm_open_find(&open, map, SVM_MSRPM_WORDS));
	assert_int_equal(open.count, 0);
	for (unsigned i = 0; i < SVM_OPEN_MAX; i++) {
		map[i * 64 + 5] &= ~BIT(i);
	}
	assert_true(svm_open_find(&open, map, SVM_MSRPM_WORDS));
	assert_int_equal(open.count, SVM_OPEN_MAX);
	for (unsigned i = 0; i < SVM_OPEN_MAX; i++) {
		assert_int_equal(open.at[i], i * 64 + 5);
	}
	map[SVM_MSRPM_WORDS - 1] = 0;
	assert_false(svm_open_find(&open, map, SVM_MSRPM_WORDS));
}

/* L1's map in its memory: somewhere, over either edge, or outside. */
static u64 random_map(unsigned size)
{
	memory_base = 0x10000000;
	random_fill(memory, sizeof(memory));
	switch (random_u64() % 4) {
	case 0:
		return memory_base + MEM_SIZE - PAGE_SIZE + (random_u64() & 0xfff);
	case 1:
		return memory_base - PAGE_SIZE;
	case 2:
		return GENMASK(51, 0) - size;
	default:
		return memory_base + random_u64() % (MEM_SIZE - size);
	}
}

static bool l1_bit(u64 pa, u32 bit)
{
	u8 byte;

	return !memory_read(memory, (pa & PAGE_MASK) + bit / 8, &byte, 1) || (byte >> bit % 8 & 1);
}

static void merge_maps(unsigned words)
{
	static u64 l0[SVM_IOPM_WORDS], out[SVM_IOPM_WORDS];
	struct svm_open open;

	for (unsigned i = 0; i < ROUNDS / 20; i++) {
		u64 pa = random_map(words * 8);
		bool wanted = i % 5;

		memset(l0, 0xff, sizeof(l0));
		for (unsigned k = 0; k < 12; k++) {
			l0[random_u64() % words] &= random_u64();
		}
		assert_true(svm_open_find(&open, l0, words));
		memcpy(out, l0, sizeof(out));
		for (unsigned k = 0; k < open.count; k++) {
			out[open.at[k]] = random_u64(); /* as a merge before left it */
		}
		reads = 0;
		svm_merge_map(out, l0, &open, wanted ? &mem : NULL, pa);
		assert_int_equal(reads, wanted ? open.count : 0);
		for (u32 bit = 0; bit < words * 64; bit++) {
			bool l1 = wanted && l1_bit(pa, bit);

			assert_int_equal(bit_of(out, bit), bit_of(l0, bit) || l1);
		}
	}
}

static void test_maps(void **state)
{
	(void)state;
	merge_maps(SVM_MSRPM_WORDS);
	merge_maps(SVM_IOPM_WORDS);
}

static bool wants(const struct vmcb *l1, u32 code, u32 msr, u64 info1)
{
	struct svm_l2_exit exit = {.code = code, .msr = msr, .info1 = info1};

	return svm_l1_wants(l1, &exit, &mem);
}

static bool never_l1s(u32 code)
{
	return (code >= 0x60 && code <= 0x63) || code == 0x7e || code == 0x52;
}

static void test_codes(void **state)
{
	static struct vmcb l1;

	(void)state;
	for (u32 code = 0; code < 0x500; code++) {
		bool is_map = code == SVM_EXIT_IOIO || code == SVM_EXIT_MSR;

		memset(&l1, 0, sizeof(l1));
		assert_false(wants(&l1, code, 0, 0));
		memset(&l1, 0xff, sizeof(l1));
		assert_int_equal(wants(&l1, code, 0, 1 << 4), code < 0xc0 && !never_l1s(code));
		if (code < 0xc0 && !is_map && !never_l1s(code)) {
			((u8 *)&l1)[code / 8] ^= (u8)(1 << code % 8);
			assert_false(wants(&l1, code, 0, 0));
		}
	}
	memset(&l1, 0, sizeof(l1));
	assert_true(wants(&l1, SVM_EXIT_INVALID, 0, 0));
	assert_false(wants(&l1, 0x80000000, 0, 0));
	assert_false(wants(&l1, 0xfffffffe, 0, 0));
}

/* Byte offsets and ranges as in the manual's table, without the arithmetic under test. */
static void test_msr_bits(void **state)
{
	static const struct {
		u32 msr, byte;
	} at[] = {{0, 0},
		  {0x1fff, 0x7ff},
		  {0x174, 0x5d},
		  {0xc0000000, 0x800},
		  {0xc0000080, 0x820},
		  {0xc0001fff, 0xfff},
		  {0xc0010000, 0x1000},
		  {0xc0011fff, 0x17ff}};
	static struct vmcb l1;

	(void)state;
	memset(&l1, 0, sizeof(l1));
	memory_base = 0x7000;
	l1.msrpm_base_pa = 0x8123; /* the low bits are ignored */
	for (unsigned i = 0; i < ARRAY_SIZE(at); i++) {
		for (unsigned write = 0; write < 2; write++) {
			memset(memory, 0, sizeof(memory));
			l1.intercept_misc1 = (u32)MISC1_MSR;
			assert_false(wants(&l1, SVM_EXIT_MSR, at[i].msr, write));
			memory[0x1000 + at[i].byte] = (u8)(1 << (at[i].msr % 4 * 2 + write));
			assert_true(wants(&l1, SVM_EXIT_MSR, at[i].msr, write));
			assert_false(wants(&l1, SVM_EXIT_MSR, at[i].msr, !write));
			l1.intercept_misc1 = 0;
			assert_false(wants(&l1, SVM_EXIT_MSR, at[i].msr, write));
		}
	}
	memset(memory, 0, sizeof(memory));
	l1.intercept_misc1 = (u32)MISC1_MSR;
	assert_true(wants(&l1, SVM_EXIT_MSR, 0x2000, 0));
	assert_true(wants(&l1, SVM_EXIT_MSR, 0x4b564d00, 1));
	assert_true(wants(&l1, SVM_EXIT_MSR, 0xc0002000, 1));
	assert_true(wants(&l1, SVM_EXIT_MSR, 0xc0012000, 0));
	l1.msrpm_base_pa = memory_base + MEM_SIZE - 0x1000; /* its second page is outside */
	assert_false(wants(&l1, SVM_EXIT_MSR, 0xc0000080, 0));
	assert_true(wants(&l1, SVM_EXIT_MSR, 0xc0010000, 0));
}

static void test_io_bits(void **state)
{
	static struct vmcb l1;

	(void)state;
	memset(&l1, 0, sizeof(l1));
	l1.intercept_misc1 = (u32)MISC1_IOIO;
	memory_base = 0;
	l1.iopm_base_pa = 0x1fff;
	for (unsigned i = 0; i < 200 * ROUNDS; i++) {
		u32 port = (u32)(i % 3 ? random_u64() & 0xffff : 0xfff8 + random_u64() % 8);
		u32 size = 1u << random_u64() % 3, set = (u32)(random_u64() % 0x10003);

		set = i & 1 ? port - 2 + (u32)(random_u64() % 8) : set;
		if (set > 0x10002) {
			continue;
		}
		memory[0x1000 + set / 8] = (u8)(1 << set % 8);
		assert_int_equal(wants(&l1, SVM_EXIT_IOIO, 0, (u64)port << 16 | size << 4 | BIT(0)),
				 set >= port && set < port + size);
		memory[0x1000 + set / 8] = 0;
	}
	/* The third page is outside: what reaches into it is intercepted, all else is not. */
	l1.iopm_base_pa = MEM_SIZE - 0x2000;
	assert_false(wants(&l1, SVM_EXIT_IOIO, 0, 0xffffull << 16 | 1 << 4));
	assert_true(wants(&l1, SVM_EXIT_IOIO, 0, 0xffffull << 16 | 2 << 4));
	assert_false(wants(&l1, SVM_EXIT_IOIO, 0, 0xfffcull << 16 | 4 << 4));
	l1.intercept_misc1 = 0;
	assert_false(wants(&l1, SVM_EXIT_IOIO, 0, 0xffffull << 16 | 2 << 4));
}

static void test_cr0_sel(void **state)
{
	static struct vmcb l1;

	(void)state;
	memset(&l1, 0, sizeof(l1));
	assert_false(svm_l1_wants_cr0_sel(&l1, true, 0, ~0ull));
	assert_false(svm_l1_wants_cr0_sel(&l1, false, 0, ~0ull));
	l1.intercept_misc1 = (u32)MISC1_CR0_SEL;
	for (unsigned bit = 0; bit < 64; bit++) {
		bool ts_mp = BIT(bit) == CR0_TS || BIT(bit) == CR0_MP;

		assert_int_equal(
			svm_l1_wants_cr0_sel(&l1, false, 0x80000011, 0x80000011 ^ BIT(bit)),
			!ts_mp);
		assert_true(svm_l1_wants_cr0_sel(&l1, true, 0x80000011, 0x80000011));
	}
	assert_false(svm_l1_wants_cr0_sel(&l1, false, 0x80000011, 0x80000011));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_controls), cmocka_unit_test(test_vintr),
		cmocka_unit_test(test_open),     cmocka_unit_test(test_maps),
		cmocka_unit_test(test_codes),    cmocka_unit_test(test_msr_bits),
		cmocka_unit_test(test_io_bits),  cmocka_unit_test(test_cr0_sel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
