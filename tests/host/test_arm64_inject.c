// SPDX-License-Identifier: Apache-2.0
/*
 * Exceptions into EL1 beside a second writing of the pseudocode AArch64.TakeException, in its own
 * terms (fields of PSTATE), over all modes, all SCTLR_EL1 bits and features that matter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/esr.h"
#include "arch/arm64/idregs.h"
#include "arch/arm64/inject.h"

static u64 seed = 1;

static u64 rnd(void)
{
	seed = seed * 6364136223846793005ull + 1442695040888963407ull;
	return seed >> 13 ^ seed << 31;
}

static bool bit(u64 word, unsigned n)
{
	return word >> n & 1;
}

/* PSTATE at the handler's first instruction. */
static u64 take_exception(u64 spsr, u64 sctlr, u8 features)
{
	u64 nzcv = spsr >> 28 & 15, pan = bit(spsr, 22), dit = bit(spsr, 24);
	u64 tco = features & INJECT_HAS_MTE ? 1 : 0, ssbs = 0, allint = 0;

	if ((features & INJECT_HAS_PAN) && !bit(sctlr, 23)) {
		pan = 1;
	}
	if (features & INJECT_HAS_SSBS) {
		ssbs = bit(sctlr, 44);
	}
	if (features & INJECT_HAS_NMI) {
		allint = !bit(sctlr, 62);
	}
	return nzcv << 28 | tco << 25 | dit << 24 | pan << 22 | allint << 13 | ssbs << 12 |
	       0xfull << 6 | 5;
}

/* EL0t, EL1t, EL1h and AArch32 User, with all other bits random. */
static u64 random_pstate(unsigned mode)
{
	static const u8 modes[] = {0x00, 0x04, 0x05, 0x10};

	return (rnd() & 0xffffffe0 & ~BIT(4)) | modes[mode];
}

static const u16 vectors[] = {0x400, 0x000, 0x200, 0x600};

static struct inject_regs random_regs(unsigned mode)
{
	return (struct inject_regs){
		.vbar_el1 = rnd(),
		.sctlr_el1 = rnd(),
		.pc = rnd() & ~(u64)3,
		.pstate = random_pstate(mode),
		.far_el1 = 0xfa4,
		.features = rnd() & 15,
	};
}

static void assert_taken(const struct inject_regs *before, const struct inject_regs *after,
			 unsigned mode)
{
	assert_int_equal(after->elr_el1, before->pc);
	assert_int_equal(after->spsr_el1, before->pstate);
	assert_int_equal(after->pc, (before->vbar_el1 & ~(u64)0x7ff) + vectors[mode]);
	assert_int_equal(after->pstate,
			 take_exception(before->pstate, before->sctlr_el1, before->features));
	assert_int_equal(after->vbar_el1, before->vbar_el1);
	assert_int_equal(after->sctlr_el1, before->sctlr_el1);
}

static void test_undef(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40000; i++) {
		struct inject_regs before = random_regs(i % 4), after = before;

		inject_undef(&after);
		assert_taken(&before, &after, i % 4);
		assert_int_equal(after.esr_el1, 0x02000000);
		assert_int_equal(after.far_el1, 0xfa4);
	}
}

static void test_data_abort(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 40000; i++) {
		struct inject_regs before = random_regs(i % 4), after = before;
		struct inject_abort abort = {
			.far = rnd(),
			.far_valid = i & 4,
			.write = i & 8,
			.cm = i & 16,
			.fsc = i & 32 ? ESR_FSC_EXTERNAL : ESR_FSC_EXCLUSIVE,
		};
		bool same = i % 4 == 1 || i % 4 == 2;
		u64 esr = (same ? 0x25ull : 0x24ull) << 26 | 1 << 25 | (i & 32 ? 0x10 : 0x35);

		esr |= i & 4 ? 0 : 1 << 10;
		esr |= i & 24 ? 1 << 6 : 0;
		esr |= i & 16 ? 1 << 8 : 0;
		inject_data_abort(&after, &abort);
		assert_taken(&before, &after, i % 4);
		assert_int_equal(after.esr_el1, esr);
		assert_int_equal(after.far_el1, i & 4 ? abort.far : 0xfa4);
	}
}

static void test_instr_abort(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 4000; i++) {
		struct inject_regs before = random_regs(i % 4), after = before;
		struct inject_abort abort = {.far = before.pc, .far_valid = true, .fsc = 0x10};
		bool same = i % 4 == 1 || i % 4 == 2;

		inject_instr_abort(&after, &abort);
		assert_taken(&before, &after, i % 4);
		assert_int_equal(after.esr_el1, (same ? 0x21ull : 0x20ull) << 26 | 1 << 25 | 0x10);
		assert_int_equal(after.far_el1, before.pc);
	}
}

static void test_features(void **state)
{
	static struct idregs host;

	(void)state;
	assert_int_equal(inject_features(&host), 0);
	host.reg[ID_AA64MMFR1] = 1 << 20;
	assert_int_equal(inject_features(&host), INJECT_HAS_PAN);
	host.reg[ID_AA64PFR1] = 1 << 4;
	assert_int_equal(inject_features(&host), INJECT_HAS_PAN | INJECT_HAS_SSBS);
	host.reg[ID_AA64PFR1] = 2 << 8;
	assert_int_equal(inject_features(&host), INJECT_HAS_PAN | INJECT_HAS_MTE);
	host.reg[ID_AA64PFR1] = 1ull << 36;
	assert_int_equal(inject_features(&host), INJECT_HAS_PAN | INJECT_HAS_NMI);
}

static void assert_skip(u64 pc, u64 pstate, bool il32, u64 pc_after, u64 pstate_after)
{
	inject_skip_insn(&pc, &pstate, il32);
	assert_int_equal(pc, pc_after);
	assert_int_equal(pstate, pstate_after);
}

/* IT as in ITSTATE: 7..2 in bits 15..10, 1..0 in bits 26..25. */
static u64 it(u64 state)
{
	return (state >> 2) << 10 | (state & 3) << 25;
}

static void test_skip(void **state)
{
	(void)state;
	assert_skip(0x1000, 5, true, 0x1004, 5);
	assert_skip(0x1000, 5 | PSTATE_BTYPE | PSTATE_SS | PSTATE_N, true, 0x1004, 5 | PSTATE_N);
	assert_skip(~(u64)3, 0, true, 0, 0);
	assert_skip(0xfffffffe, 0x30, false, 0, 0x30);
	assert_skip(0x1000, 0x10, true, 0x1004, 0x10);
	/* ITTEE EQ, 0x06+: each instruction shifts, the last one ends. */
	assert_skip(0, 0x30 | it(0x07), false, 2, 0x30 | it(0x0e));
	assert_skip(0, 0x30 | it(0x0e), true, 4, 0x30 | it(0x1c));
	assert_skip(0, 0x30 | it(0x1c), true, 4, 0x30 | it(0x18));
	assert_skip(0, 0x30 | it(0x18), true, 4, 0x30);
	assert_skip(0, 0x30 | it(0xa8), true, 4, 0x30);
	assert_skip(0, 0x30, true, 4, 0x30);
	assert_skip(0, 0x10 | it(0x07), true, 4, 0x10 | it(0x07)); /* A32 has no IT */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undef),       cmocka_unit_test(test_data_abort),
		cmocka_unit_test(test_instr_abort), cmocka_unit_test(test_features),
		cmocka_unit_test(test_skip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
