// SPDX-License-Identifier: Apache-2.0
/*
 * ID registers and EL2 controls: over random and extreme hosts, a guest's field is never more than
 * the host's, hidden fields are zero; each feature of a host sets its own controls and no others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/el2_controls.h"
#include "arch/arm64/idregs.h"

static struct idregs host, guest;

static int clear(void **state)
{
	(void)state;
	memset(&host, 0, sizeof(host));
	return 0;
}

static u64 seed = 88172645463325252ull;

static u64 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Fields of signed order, where 15 is less than 0 ("Principles of the ID scheme"). */
static bool is_signed(unsigned reg, unsigned shift)
{
	return (reg == ID_AA64PFR0 && (shift == 16 || shift == 20)) ||
	       (reg == ID_AA64MMFR0 && (shift == 24 || shift == 28)) ||
	       (reg == ID_AA64DFR0 && shift == 36);
}

static int order(unsigned reg, unsigned shift, u64 word)
{
	int v = (int)(word >> shift & 15);

	return is_signed(reg, shift) && v > 7 ? v - 16 : v;
}

static void assert_not_more(const struct idregs *h, const struct idregs *g)
{
	for (unsigned reg = 0; reg < IDREGS_COUNT; reg++) {
		for (unsigned shift = 0; shift < 64; shift += 4) {
			assert_true(order(reg, shift, g->reg[reg]) <=
				    order(reg, shift, h->reg[reg]));
		}
	}
}

static void assert_field(const struct idregs *g, enum idreg reg, unsigned shift, u64 val)
{
	assert_int_equal(idreg(g, reg) >> shift & 15, val);
}

struct hidden {
	u8 reg;
	u8 shift;
};

static void assert_hidden(const struct idregs *g)
{
	static const struct hidden hidden[] = {
		{ID_AA64PFR0, 8},   {ID_AA64PFR0, 12},  /* EL2, EL3 */
		{ID_AA64PFR0, 28},  {ID_AA64PFR0, 32},  /* RAS, SVE */
		{ID_AA64PFR0, 36},  {ID_AA64PFR0, 40},  /* SEL2, MPAM */
		{ID_AA64PFR0, 44},  {ID_AA64PFR0, 52},  /* AMU, RME */
		{ID_AA64PFR1, 8},   {ID_AA64PFR1, 12},  /* MTE, RAS_frac */
		{ID_AA64PFR1, 16},  {ID_AA64PFR1, 24},  /* MPAM_frac, SME */
		{ID_AA64PFR1, 28},  {ID_AA64PFR1, 32},  /* RNDR_trap, CSV2_frac */
		{ID_AA64PFR1, 36},  {ID_AA64PFR1, 40},  /* NMI, MTE_frac */
		{ID_AA64PFR1, 44},  {ID_AA64PFR1, 48},  /* GCS, THE */
		{ID_AA64DFR0, 4},   {ID_AA64DFR0, 8},   /* TraceVer, PMUVer */
		{ID_AA64DFR0, 32},  {ID_AA64DFR0, 40},  /* PMSVer, TraceFilt */
		{ID_AA64DFR0, 44},  {ID_AA64DFR0, 48},  /* TraceBuffer, MTPMU */
		{ID_AA64DFR0, 52},                      /* BRBE */
		{ID_AA64ISAR0, 24}, {ID_AA64ISAR1, 60}, /* TME, LS64 */
		{ID_AA64ISAR2, 0},  {ID_AA64ISAR2, 16}, /* WFxT, MOPS */
		{ID_AA64MMFR0, 56}, {ID_AA64MMFR1, 4},  /* FGT, VMIDBits */
		{ID_AA64MMFR1, 8},  {ID_AA64MMFR1, 16}, /* VH, LO */
		{ID_AA64MMFR1, 28}, {ID_AA64MMFR1, 32}, /* XNX, TWED */
		{ID_AA64MMFR1, 40}, {ID_AA64MMFR2, 24}, /* HCX, NV */
		{ID_AA64MMFR2, 40}, {ID_AA64MMFR2, 56}, /* FWB, EVT */
	};

	for (unsigned i = 0; i < ARRAY_SIZE(hidden); i++) {
		assert_field(g, (enum idreg)hidden[i].reg, hidden[i].shift, 0);
	}
	for (unsigned reg = 1; reg < IDREGS_COUNT; reg++) {
		bool known = reg == ID_REVIDR || reg == ID_AA64PFR0 || reg == ID_AA64PFR1 ||
			     reg == ID_AA64DFR0 || (reg >= ID_AA64ISAR0 && reg <= ID_AA64ISAR2) ||
			     (reg >= ID_AA64MMFR0 && reg <= ID_AA64MMFR2);

		assert_true(known || g->reg[reg] == 0);
	}
}

static void test_never_more(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20000; i++) {
		for (unsigned r = 0; r < IDREGS_COUNT; r++) {
			host.reg[r] = i == 0   ? ~(u64)0
				      : i == 1 ? 0
					       : rnd() & (i & 1 ? rnd() : ~0ull);
		}
		/* DoubleLock has two values, 0 and -1: a guest always sees the lesser. */
		host.reg[ID_AA64DFR0] |= DFR0_DOUBLE_LOCK;
		host.reg[ID_AA64DFR0] &= i & 2 ? ~(u64)0 : ~DFR0_DOUBLE_LOCK;
		idregs_guest(&host, 32 + i % 30, &guest);
		assert_not_more(&host, &guest);
		assert_hidden(&guest);
		assert_field(&guest, ID_AA64DFR0, 36, 15);
	}
}

/* As much as there is: what remains of a host with every feature. */
static void test_limits(void **state)
{
	(void)state;
	memset(&host, 0x77, sizeof(host));
	idregs_guest(&host, 48, &guest);
	assert_int_equal(idreg(&guest, ID_MIDR), 0x7777777777777777);
	assert_int_equal(idreg(&guest, ID_AA64PFR0), 0x1101000001110011);
	assert_int_equal(idreg(&guest, ID_AA64PFR1), 0x21);
	assert_int_equal(idreg(&guest, ID_AA64DFR0), 0x000000f070707007);
	assert_int_equal(idreg(&guest, ID_AA64ISAR0), 0x1221111110312120);
	assert_int_equal(idreg(&guest, ID_AA64ISAR1), 0x0111211111311552);
	assert_int_equal(idreg(&guest, ID_AA64ISAR2), 0x0011000011105110);
	assert_int_equal(idreg(&guest, ID_AA64MMFR0), 0x1000100000110125);
	assert_int_equal(idreg(&guest, ID_AA64MMFR1), 0x1011102001302002);
	assert_int_equal(idreg(&guest, ID_AA64MMFR2), 0x1021007110710111);
}

static void test_address_size(void **state)
{
	static const struct {
		u8 host, ipa, expected;
	} rows[] = {{2, 48, 2}, {5, 32, 0}, {5, 35, 0}, {5, 36, 1}, {5, 40, 2}, {5, 42, 3},
		    {5, 44, 4}, {5, 47, 4}, {5, 48, 5}, {6, 52, 5}, {7, 56, 5}, {0, 40, 0}};
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		host.reg[ID_AA64MMFR0] = rows[i].host;
		idregs_guest(&host, rows[i].ipa, &guest);
		assert_field(&guest, ID_AA64MMFR0, 0, rows[i].expected);
	}
	assert_int_equal(parange_bits(0), 32);
	assert_int_equal(parange_bits(5), 48);
	assert_int_equal(parange_bits(15), 48);
}

/* A granule that the host lacks is not invented; one with LPA2 is without. */
static void test_signed_fields(void **state)
{
	(void)state;
	host.reg[ID_AA64MMFR0] = 0x1f000000; /* TGran4 with LPA2, no TGran64 */
	host.reg[ID_AA64PFR0] = 0xf10000;    /* FP16, no AdvSIMD */
	idregs_guest(&host, 48, &guest);
	assert_field(&guest, ID_AA64MMFR0, 28, 0);
	assert_field(&guest, ID_AA64MMFR0, 24, 15);
	assert_field(&guest, ID_AA64PFR0, 16, 1);
	assert_field(&guest, ID_AA64PFR0, 20, 15);
}

/* What Armv8.0 gives, and the base that all others are added to. */
static struct el2_controls base_controls(void)
{
	return (struct el2_controls){
		.hcr = HCR_VM | HCR_SWIO | HCR_PTW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB |
		       HCR_BSU_IS | HCR_TWI | HCR_TSC | HCR_TID3 | HCR_TIDCP | HCR_TACR | HCR_RW,
		.mdcr = MDCR_TDRA | MDCR_TDOSA,
		.cptr = 0x33ff,
		.cnthctl = 1,
		.vtcr = 0x80003500,
	};
}

/* A host with one field set, and what that changes of the base. */
struct feature {
	const char *name;
	u8 reg, shift, val;
	struct el2_controls add; /* or'ed to the base; cptr and cnthctl: instead, if not 0 */
};

static const struct feature features[] = {
	{"VHE",
	 ID_AA64MMFR1,
	 8,
	 1,
	 {.has = EL2_HAS_VHE, .hcr = HCR_E2H, .cptr = 0x300000, .cnthctl = 1 << 10}},
	{"LOR", ID_AA64MMFR1, 16, 1, {.hcr = HCR_TLOR}},
	{"VMID16", ID_AA64MMFR1, 4, 2, {.vtcr = 1 << 19}},
	{"PAN", ID_AA64MMFR1, 20, 1, {0}},
	{"HCX", ID_AA64MMFR1, 40, 1, {.has = EL2_HAS_HCRX}},
	{"PA40", ID_AA64MMFR0, 0, 2, {.vtcr = 2 << 16}},
	{"PA48", ID_AA64MMFR0, 0, 5, {.vtcr = 5 << 16}},
	{"PA52", ID_AA64MMFR0, 0, 6, {.vtcr = 5 << 16}},
	{"LPA2", ID_AA64MMFR0, 28, 1, {0}},
	{"FGT",
	 ID_AA64MMFR0,
	 56,
	 1,
	 {.has = EL2_HAS_FGT, .mdcr = MDCR_TDCC, .hdfgrtr = 0x420, .hdfgwtr = 0x420}},
	{"FGT2",
	 ID_AA64MMFR0,
	 56,
	 2,
	 {.has = EL2_HAS_FGT | EL2_HAS_FGT2,
	  .mdcr = MDCR_TDCC,
	  .hdfgrtr = 0x420,
	  .hdfgwtr = 0x420}},
	{"RAS", ID_AA64PFR0, 28, 1, {.has = EL2_HAS_RAS, .hcr = HCR_TEA | HCR_TERR}},
	{"SVE", ID_AA64PFR0, 32, 1, {.has = EL2_HAS_SVE}},
	{"MPAM", ID_AA64PFR0, 40, 1, {.has = EL2_HAS_MPAM, .mpam2 = 3ull << 48}},
	{"MPAM0.1", ID_AA64PFR1, 16, 1, {.has = EL2_HAS_MPAM, .mpam2 = 3ull << 48}},
	{"AMU", ID_AA64PFR0, 44, 1, {.cptr = 0x400033ff}},
	{"CSV2_2", ID_AA64PFR0, 56, 2, {0}}, /* EnSCXT stays 0 */
	{"MTE", ID_AA64PFR1, 8, 1, {.hcr = HCR_TID5}},
	{"MTE3", ID_AA64PFR1, 8, 3, {.hcr = HCR_TID5}},
	{"SME", ID_AA64PFR1, 24, 1, {.has = EL2_HAS_SME, .hcr = HCR_TID1}},
	{"NMI without HCX", ID_AA64PFR1, 36, 1, {0}},
	{"GCS", ID_AA64PFR1, 44, 1, {0}},
	{"trace", ID_AA64DFR0, 4, 1, {.cptr = 0x1033ff}},
	{"PMU", ID_AA64DFR0, 8, 1, {.has = EL2_HAS_PMU, .mdcr = MDCR_TPM | MDCR_TPMCR | 6}},
	{"PMU of another kind", ID_AA64DFR0, 8, 15, {0}},
	{"SPE", ID_AA64DFR0, 32, 1, {.has = EL2_HAS_SPE, .mdcr = MDCR_TPMS}},
	{"TRF", ID_AA64DFR0, 40, 1, {.has = EL2_HAS_TRF, .mdcr = MDCR_TTRF}},
	{"TRBE", ID_AA64DFR0, 44, 1, {0}}, /* E2TB stays 0 */
	{"BRBE", ID_AA64DFR0, 52, 1, {.has = EL2_HAS_BRBE}},
	{"PAuth QARMA5", ID_AA64ISAR1, 4, 1, {.has = EL2_HAS_PAUTH, .hcr = HCR_API | HCR_APK}},
	{"PAuth impdef", ID_AA64ISAR1, 8, 1, {.has = EL2_HAS_PAUTH, .hcr = HCR_API | HCR_APK}},
	{"PAuth QARMA3", ID_AA64ISAR2, 12, 1, {.has = EL2_HAS_PAUTH, .hcr = HCR_API | HCR_APK}},
	{"PAuth generic 1", ID_AA64ISAR1, 24, 1, {.has = EL2_HAS_PAUTH, .hcr = HCR_API | HCR_APK}},
	{"PAuth generic 2", ID_AA64ISAR1, 28, 1, {.has = EL2_HAS_PAUTH, .hcr = HCR_API | HCR_APK}},
	{"PAuth generic 3", ID_AA64ISAR2, 8, 1, {.has = EL2_HAS_PAUTH, .hcr = HCR_API | HCR_APK}},
	{"LS64", ID_AA64ISAR1, 60, 3, {0}},
	{"MOPS", ID_AA64ISAR2, 16, 1, {0}},
	{"TME", ID_AA64ISAR0, 24, 1, {0}},
	{"NV2", ID_AA64MMFR2, 24, 2, {0}},
	{"EVT", ID_AA64MMFR2, 56, 2, {0}},
};

static void test_feature(const struct feature *f)
{
	static const struct el2_host more = {.pmcr_el0 = 0x41023000 | 6 << 11};
	struct el2_controls want = base_controls(), got;

	clear(NULL);
	host.reg[f->reg] = (u64)f->val << f->shift;
	want.has |= f->add.has;
	want.hcr |= f->add.hcr;
	want.mdcr |= f->add.mdcr;
	want.hdfgrtr = f->add.hdfgrtr;
	want.hdfgwtr = f->add.hdfgwtr;
	want.mpam2 = f->add.mpam2;
	want.vtcr |= f->add.vtcr;
	want.cptr = f->add.cptr ? f->add.cptr : want.cptr;
	want.cnthctl = f->add.cnthctl ? f->add.cnthctl : want.cnthctl;
	el2_controls_compute(&host, &more, &got);
	if (memcmp(&want, &got, sizeof(got)) != 0) {
		fail_msg("%s: hcr %lx mdcr %lx cptr %lx has %lx", f->name, got.hcr, got.mdcr,
			 got.cptr, got.has);
	}
	assert_int_equal(el2_has(&host), got.has);
}

static void test_controls(void **state)
{
	static const struct feature none = {.name = "Armv8.0"};

	(void)state;
	test_feature(&none);
	for (unsigned i = 0; i < ARRAY_SIZE(features); i++) {
		test_feature(&features[i]);
	}
}

/* What takes two features, or more than the ID registers. */
static void test_controls_combined(void **state)
{
	struct el2_host more = {.mpamidr_el1 = MPAMIDR_HAS_HCR | MPAMIDR_HAS_TIDR};
	struct el2_controls c;

	(void)state;
	host.reg[ID_AA64PFR1] = FIELD_PREP(PFR1_NMI, 1);
	host.reg[ID_AA64MMFR1] = FIELD_PREP(MMFR1_HCX, 1) | FIELD_PREP(MMFR1_VH, 1);
	host.reg[ID_AA64MMFR0] = FIELD_PREP(MMFR0_FGT, 1);
	host.reg[ID_AA64PFR0] =
		FIELD_PREP(PFR0_AMU, 1) | FIELD_PREP(PFR0_MPAM, 1) | FIELD_PREP(PFR0_SVE, 1);
	host.reg[ID_AA64DFR0] = FIELD_PREP(DFR0_TRACE_VER, 1) | FIELD_PREP(DFR0_PMU_VER, 4);
	el2_controls_compute(&host, &more, &c);
	assert_int_equal(c.hcrx, HCRX_TALLINT);
	assert_int_equal(c.cptr, 0x50300000); /* TAM, TTA, FPEN; ZEN and SMEN are 0 */
	assert_true(c.has & EL2_HAS_AMU_FGT);
	assert_true(c.has & EL2_HAS_MPAMHCR);
	assert_int_equal(c.mpamhcr, MPAMHCR_TRAP_MPAMIDR);
	assert_int_equal(c.mpam2, MPAM2_TRAPMPAM0EL1 | MPAM2_TRAPMPAM1EL1 | MPAM2_TIDR);
	el2_controls_compute(&host, NULL, &c);
	assert_int_equal(c.mdcr & MDCR_HPMN, 0);
	assert_false(c.has & EL2_HAS_MPAMHCR);
	/* Nothing of a guest's may ever be set: these would hand out host state or EL2's powers. */
	for (unsigned i = 0; i < 1000; i++) {
		for (unsigned r = 0; r < IDREGS_COUNT; r++) {
			host.reg[r] = i ? rnd() : ~(u64)0;
		}
		el2_controls_compute(&host, &more, &c);
		assert_int_equal(c.hcr & (HCR_TGE | HCR_HCD | HCR_ATA | BIT(39) | BIT(42) |
					  BIT(43) | BIT(45) | BIT(47) | BIT(51) | BIT(53)),
				 0);
		assert_int_equal(c.hcrx & ~HCRX_TALLINT, 0);
		assert_int_equal(c.mdcr & (MDCR_E2PB | MDCR_E2TB | BIT(15) | BIT(28)), 0);
		assert_int_equal(c.hfgrtr | c.hfgwtr | c.hfgitr | c.hstr, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_never_more, clear),
		cmocka_unit_test_setup(test_limits, clear),
		cmocka_unit_test_setup(test_address_size, clear),
		cmocka_unit_test_setup(test_signed_fields, clear),
		cmocka_unit_test_setup(test_controls, clear),
		cmocka_unit_test_setup(test_controls_combined, clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
