// SPDX-License-Identifier: Apache-2.0
/*
 * VMRUN's checks: states that pass, and for every rule a state that violates it and no other. The
 * table of what L1 is offered: that it means what it says; and its documentation, which this
 * program prints with --print.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/x86.h"
#include "nested/x86/svm_checks.h"
#include "nested/x86/svm_contract.h"

#define DOC_FILE "nested/x86/svm_contract.md"

static struct vmcb v;
static struct svm_check_env env;

/* A 64-bit kernel under nested paging, of an L1 with 40 bits of addresses. */
static int setup(void **state)
{
	(void)state;
	memset(&v, 0, sizeof(v));
	env = (struct svm_check_env){.cr4_allowed = 0x7707ff,
				     .efer_allowed = EFER_SCE | EFER_NXE | EFER_SVME | EFER_FFXSR,
				     .phys_bits = 40,
				     .long_mode = true,
				     .l1_paging = true,
				     .l1_long = true};
	v.intercept_misc2 = MISC2_VMRUN;
	v.iopm_base_pa = BIT(40) - 0x3000;
	v.msrpm_base_pa = BIT(40) - 0x2000;
	v.asid = 1;
	v.nested_ctl = NESTED_CTL_NP;
	v.nested_cr3 = BIT(40) - 0x1000;
	v.cs.attrib = 0x29b | VMCB_ATTR_L;
	v.efer = EFER_SVME | EFER_LME | EFER_LMA | EFER_SCE | EFER_NXE;
	v.cr0 = CR0_PE | CR0_PG | CR0_WP;
	v.cr3 = BIT(40) - 0x1000;
	v.cr4 = CR4_PAE;
	v.dr6 = DR6_INIT;
	v.dr7 = DR7_INIT;
	v.g_pat = 0x0007040600070406;
	return 0;
}

static void assert_passes(void)
{
	const char *rule = svm_check(&v, &env);

	if (rule) {
		fail_msg("%s", rule);
	}
}

static void inject(u64 type, u64 vector)
{
	v.event_inj = EVENT_VALID | FIELD_PREP(EVENT_TYPE, type) | vector;
}

static void test_good(void **state)
{
	(void)state;
	assert_passes();
	/* An all-zero register state, but for what must be: real mode without nested paging. */
	v.nested_ctl = 0;
	v.nested_cr3 = ~0ull;
	v.g_pat = ~0ull;
	v.efer = EFER_SVME;
	v.cr0 = v.cr4 = v.dr6 = v.dr7 = v.cs.attrib = 0;
	v.cr3 = ~0ull;
	assert_passes();
	/* Paged real mode: "VMRUN can load a guest value of CR0 with PE = 0 but PG = 1". */
	v.cr0 = CR0_PG | CR0_CD | CR0_NW;
	assert_passes();
	/* Long mode enabled but not yet active: none of its rules apply. */
	v.cr0 = CR0_PE;
	v.efer = EFER_SVME | EFER_LME;
	v.cs.attrib = 0xc9b | VMCB_ATTR_L | VMCB_ATTR_D;
	assert_passes();
}

static void test_good_edges(void **state)
{
	(void)state;
	/* The low 12 bits of the maps' addresses are ignored. */
	v.iopm_base_pa |= 0xfff;
	v.msrpm_base_pa |= 0xfff;
	v.cr3 |= 0xfff;
	v.nested_cr3 |= 0xfff;
	assert_passes();
	/* 32-bit code in long mode; a 32-bit L1, of whose nCR3 no bit is MBZ, on a 32-bit CPU. */
	v.cs.attrib = 0xc9b | VMCB_ATTR_D;
	assert_passes();
	setup(NULL);
	env.l1_long = env.long_mode = false;
	v.nested_cr3 = ~0ull;
	v.efer = EFER_SVME;
	assert_passes();
	/* Injection: NMI with any vector, what is not valid with any type, #BR outside of 64 bits.
	 */
	inject(EVENT_TYPE_NMI, 99);
	assert_passes();
	inject(EVENT_TYPE_INTR, 255);
	assert_passes();
	inject(EVENT_TYPE_SOFT, 128);
	assert_passes();
	inject(EVENT_TYPE_EXCP, VEC_BR);
	assert_passes();
	v.event_inj = ~EVENT_VALID;
	assert_passes();
	setup(NULL);
	inject(EVENT_TYPE_EXCP, VEC_PF);
	v.event_inj |= EVENT_EV | FIELD_PREP(EVENT_ERROR_CODE, 2);
	assert_passes();
}

static void no_svme(void)
{
	v.efer &= ~EFER_SVME;
}

static void nw_without_cd(void)
{
	v.cr0 |= CR0_NW;
}

static void cr0_bit_32(void)
{
	v.cr0 |= BIT(32);
}

static void cr3_beyond(void)
{
	v.cr3 |= BIT(40);
}

static void cr4_reserved(void)
{
	v.cr4 |= BIT(31);
}

static void dr6_bit_32(void)
{
	v.dr6 |= BIT(32);
}

static void dr7_bit_63(void)
{
	v.dr7 |= BIT(63);
}

static void efer_reserved(void)
{
	v.efer |= EFER_LMSLE;
}

static void no_long_mode(void)
{
	env.long_mode = false;
}

static void no_pae(void)
{
	v.cr4 &= ~CR4_PAE;
}

static void no_pe(void)
{
	v.cr0 &= ~CR0_PE;
}

static void cs_l_and_d(void)
{
	v.cs.attrib |= VMCB_ATTR_D;
}

static void vmrun_open(void)
{
	v.intercept_misc2 = (u32)~MISC2_VMRUN;
}

static void msrpm_beyond(void)
{
	v.msrpm_base_pa += 0x1000;
}

static void iopm_beyond(void)
{
	v.iopm_base_pa += 0x1000;
}

static void asid_0(void)
{
	v.asid = 0;
}

static void type_1(void)
{
	inject(1, 32);
}

static void exception_2(void)
{
	inject(EVENT_TYPE_EXCP, VEC_NMI);
}

static void br_in_64_bit(void)
{
	inject(EVENT_TYPE_EXCP, VEC_BR);
}

static void l1_without_paging(void)
{
	env.l1_paging = false;
}

static void ncr3_beyond(void)
{
	v.nested_cr3 |= BIT(63);
}

static void pat_type_2(void)
{
	v.g_pat = (v.g_pat & ~0xff00ull) | 0x200;
}

/* In the order of the rules. */
static void (*const violations[])(void) = {
	no_svme,      nw_without_cd,     cr0_bit_32,   cr3_beyond, cr4_reserved, dr6_bit_32,
	dr7_bit_63,   efer_reserved,     no_long_mode, no_pae,     no_pe,        cs_l_and_d,
	vmrun_open,   msrpm_beyond,      iopm_beyond,  asid_0,     type_1,       exception_2,
	br_in_64_bit, l1_without_paging, ncr3_beyond,  pat_type_2,
};

static void test_each_rule(void **state)
{
	(void)state;
	assert_int_equal(ARRAY_SIZE(violations), svm_rule_count);
	for (unsigned i = 0; i < svm_rule_count; i++) {
		setup(NULL);
		violations[i]();
		for (unsigned k = 0; k < svm_rule_count; k++) {
			if (svm_rules[k].holds(&v, &env) != (k != i)) {
				fail_msg("violation %u, rule %s", i, svm_rules[k].title);
			}
		}
		assert_ptr_equal(svm_check(&v, &env), svm_rules[i].title);
	}
}

/* All reserved types and every vector, by the manual's list of exceptions. */
static void test_injection(void **state)
{
	static const u8 exceptions[] = {0,  1,  3,  4,  5,  6,  7,  8,  10, 11, 12,
					13, 14, 16, 17, 18, 19, 21, 28, 29, 30};

	(void)state;
	v.cs.attrib = 0x49b;
	for (u64 type = 0; type < 8; type++) {
		for (u64 vector = 0; vector < 256; vector++) {
			bool ok = type == 0 || type == 2 || type == 4;

			for (unsigned i = 0; type == 3 && i < ARRAY_SIZE(exceptions); i++) {
				ok |= vector == exceptions[i];
			}
			inject(type, vector);
			assert_int_equal(!svm_check(&v, &env), ok);
		}
	}
}

/* The CPU derives LMA: long mode is LME with PG, whatever the VMCB says of LMA. */
static void test_lma(void **state)
{
	(void)state;
	v.efer = EFER_SVME | EFER_LME;
	assert_passes();
	v.cr4 = 0;
	assert_non_null(svm_check(&v, &env));
	v.efer = EFER_SVME | EFER_LMA;
	assert_passes();
}

/* A map that would end past 2^64 is none that ends within the width. */
static void test_maps_wrap(void **state)
{
	(void)state;
	v.msrpm_base_pa = ~0ull;
	assert_non_null(svm_check(&v, &env));
	setup(NULL);
	v.iopm_base_pa = 0ull - 0x2000;
	assert_non_null(svm_check(&v, &env));
	setup(NULL);
	v.iopm_base_pa = 0ull - 0x3000;
	assert_non_null(svm_check(&v, &env));
}

static void test_pat(void **state)
{
	(void)state;
	for (unsigned field = 0; field < 8; field++) {
		for (u64 type = 0; type < 256; type++) {
			bool ok = type < 8 && type != 2 && type != 3;

			v.g_pat = type << field * 8;
			assert_int_equal(!svm_check(&v, &env), ok);
		}
	}
}

static void test_contract_rows(void **state)
{
	u64 seen[SVM_WORD_COUNT] = {0};

	(void)state;
	for (unsigned i = 0; i < svm_row_count; i++) {
		const struct svm_row *row = &svm_rows[i];

		assert_true(row->word < SVM_WORD_COUNT && row->policy <= SVM_ALWAYS);
		assert_true(row->policy != SVM_CPU || row->word == SVM_WORD_CPUID);
		assert_int_equal(seen[row->word] & row->mask, 0);
		seen[row->word] |= row->mask;
	}
	/* Every exit code below A0h that the manual knows has been decided on. */
	assert_int_equal(seen[SVM_WORD_MISC1], 0xffffffff);
	assert_int_equal(seen[SVM_WORD_MISC2], 0xffffffff);
}

static void test_contract_cpuid(void **state)
{
	struct svm_contract none, all;

	(void)state;
	svm_contract_make(&none, 0);
	svm_contract_make(&all, ~0u);
	assert_int_equal(none.offered[SVM_WORD_CPUID], BIT(0) | BIT(6));
	assert_int_equal(all.offered[SVM_WORD_CPUID], BIT(0) | BIT(3) | BIT(6));
	for (unsigned i = 0; i < SVM_WORD_COUNT; i++) {
		if (i != SVM_WORD_CPUID) {
			assert_true(none.offered[i] == all.offered[i]);
		}
	}
}

/* What is not offered is 0 in the copy, what is stays, and the guest's state is not touched. */
static void test_contract_apply(void **state)
{
	struct svm_contract c;
	static struct vmcb all, copy;

	(void)state;
	svm_contract_make(&c, ~0u);
	memset(&all, 0xff, sizeof(all));
	copy = all;
	svm_contract_apply(&c, &copy);
	assert_int_equal(copy.intercept_exceptions, (u32)~BIT(VEC_MC));
	assert_int_equal(copy.intercept_cr_write, 0xffff);
	assert_int_equal(copy.intercept_misc1, (u32) ~(MISC1_SMI | MISC1_FERR));
	assert_int_equal(copy.intercept_misc2, GENMASK(14, 0));
	assert_int_equal(copy.intercept_misc3, 0);
	assert_true(copy.vintr == (VINTR_TPR | VINTR_IRQ | VINTR_PRIO | VINTR_IGN_TPR |
				   VINTR_MASKING | VINTR_VECTOR));
	assert_int_equal(copy.nested_ctl, NESTED_CTL_NP);
	assert_true(!copy.virt_ext && !copy.clean && !copy.avic_apic_bar && !copy.ghcb_pa &&
		    !copy.pause_filter_count && !copy.pause_filter_threshold);
	assert_int_equal(copy.tlb_control, TLB_CONTROL_ALL);
	assert_int_equal(copy.interrupt_shadow, SHADOW_INTERRUPT);
	assert_true(copy.iopm_base_pa == ~0ull && copy.msrpm_base_pa == ~0ull &&
		    copy.event_inj == ~0ull && copy.nested_cr3 == ~0ull && copy.asid == ~0u &&
		    copy.tsc_offset == ~0ull);
	assert_memory_equal(&copy.es, &all.es, sizeof(all) - offsetof(struct vmcb, es));
	for (unsigned i = 0; i < 256; i++) {
		copy.tlb_control = (u8)i;
		svm_contract_apply(&c, &copy);
		assert_int_equal(copy.tlb_control, i == 0 || i == 3 || i == 7 ? i : 1);
	}
	svm_contract_make(&c, ~(u32)CPUID_SVM_NRIPS);
	svm_contract_apply(&c, &copy);
	assert_true(copy.next_rip == 0);
}

/* ---- the documentation ---- */

static const char *const word_names[SVM_WORD_COUNT] = {
	[SVM_WORD_INSN] = "instructions",
	[SVM_WORD_MSR] = "MSRs",
	[SVM_WORD_CPUID] = "CPUID 8000_000A EDX",
	[SVM_WORD_CR] = "intercepts 000h",
	[SVM_WORD_DR] = "intercepts 004h",
	[SVM_WORD_EXCP] = "intercepts 008h",
	[SVM_WORD_MISC1] = "intercepts 00Ch",
	[SVM_WORD_MISC2] = "intercepts 010h",
	[SVM_WORD_MISC3] = "intercepts 014h",
	[SVM_WORD_TLB] = "TLB_CONTROL",
	[SVM_WORD_VINTR] = "virtual interrupts 060h",
	[SVM_WORD_NESTED] = "nested control 090h",
	[SVM_WORD_VIRT_EXT] = "0B8h",
	[SVM_WORD_CLEAN] = "0C0h",
};

static void print_bits(FILE *f, u64 mask)
{
	const char *comma = "";

	for (unsigned lo = 0; lo < 64; lo++) {
		unsigned hi = lo;

		if (!(mask & BIT(lo))) {
			continue;
		}
		while (hi < 63 && (mask & BIT(hi + 1))) {
			hi++;
		}
		fprintf(f, lo == hi ? "%s%u" : "%s%u-%u", comma, lo, hi);
		comma = ", ";
		lo = hi;
	}
}

static void print_doc(FILE *f)
{
	static const char *const policies[] = {"no", "where the CPU has it", "yes"};
	u8 word = SVM_WORD_COUNT;

	fprintf(f,
		"# What a guest hypervisor is offered of SVM\n\n"
		"Made from `svm_contract.def` by `make docs`. CPUID 8000_000A: EAX = %u, EBX = %u,"
		" ECX = 0.\nWhat is not offered reads as 0 and has no effect.\n\n"
		"| word | bits | | offered | |\n|---|---|---|---|---|\n",
		SVM_L1_REVISION, SVM_L1_ASIDS);
	for (unsigned i = 0; i < svm_row_count; i++) {
		const struct svm_row *row = &svm_rows[i];

		fprintf(f, "| %s | ", row->word == word ? "" : word_names[row->word]);
		print_bits(f, row->mask);
		fprintf(f, " | %s | %s | %s |\n", row->name, policies[row->policy], row->text);
		word = row->word;
	}
	fprintf(f, "\n## What VMRUN refuses with VMEXIT_INVALID\n\nAPM volume 2:\n");
	for (unsigned i = 0; i < svm_rule_count; i++) {
		fprintf(f, "- %s\n", svm_rules[i].title);
	}
}

static void test_doc_is_current(void **state)
{
	static char is[32768], shall[32768];
	FILE *f = fopen(DOC_FILE, "r"), *m = fmemopen(shall, sizeof(shall), "w");
	size_t n;

	(void)state;
	assert_true(f && m);
	n = fread(is, 1, sizeof(is) - 1, f);
	fclose(f);
	print_doc(m);
	fclose(m);
	assert_true(n < sizeof(is) - 1);
	if (strcmp(is, shall) != 0) {
		fail_msg(DOC_FILE " is not current: make docs");
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, setup),
		cmocka_unit_test_setup(test_good_edges, setup),
		cmocka_unit_test_setup(test_each_rule, setup),
		cmocka_unit_test_setup(test_injection, setup),
		cmocka_unit_test_setup(test_lma, setup),
		cmocka_unit_test_setup(test_maps_wrap, setup),
		cmocka_unit_test_setup(test_pat, setup),
		cmocka_unit_test(test_contract_rows),
		cmocka_unit_test(test_contract_cpuid),
		cmocka_unit_test(test_contract_apply),
		cmocka_unit_test(test_doc_is_current),
	};

	if (argc > 1 && !strcmp(argv[1], "--print")) {
		print_doc(stdout);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
