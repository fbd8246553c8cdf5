// SPDX-License-Identifier: Apache-2.0
/*
 * The identification registers: all can be read, reserved ones are zero; what they hide is hidden,
 * what they show works. With "bare=1" nothing need be hidden.
 */
#include "guest.h"

#define PFR0  SYSREG(3, 0, 0, 4, 0)
#define PFR1  SYSREG(3, 0, 0, 4, 1)
#define ZFR0  SYSREG(3, 0, 0, 4, 4)
#define SMFR0 SYSREG(3, 0, 0, 4, 5)
#define DFR0  SYSREG(3, 0, 0, 5, 0)
#define DFR1  SYSREG(3, 0, 0, 5, 1)
#define ISAR0 SYSREG(3, 0, 0, 6, 0)
#define ISAR1 SYSREG(3, 0, 0, 6, 1)
#define ISAR2 SYSREG(3, 0, 0, 6, 2)
#define MMFR0 SYSREG(3, 0, 0, 7, 0)
#define MMFR1 SYSREG(3, 0, 0, 7, 1)
#define MMFR2 SYSREG(3, 0, 0, 7, 2)

static u64 id(u32 reg)
{
	u64 v = 0;

	if (sysreg_read_try(reg, &v)) {
		fail("ID register %x: esr %lx", reg, try_esr);
	}
	return v;
}

static void check_field(u32 reg, unsigned shift, unsigned least, unsigned most, const char *name)
{
	unsigned v = field(id(reg), shift);

	if (v < least || v > most) {
		fail("%s is %x, expected %x to %x", name, v, least, most);
	}
}

static void readable(void)
{
	static const u32 known[8] = {0x61, 0, 0, 0, 0x33, 0x33, 0x07, 0x1f}; /* of CRm, by op2 */

	for (u32 crm = 1; crm < 8; crm++) {
		for (u32 op2 = 0; op2 < 8; op2++) {
			u64 v = id(SYSREG(3, 0, 0, crm, op2));

			print("%u.%u %lx%c", crm, op2, v, op2 == 7 ? '\n' : ' ');
			if (crm >= 4 && !(known[crm] & BIT(op2)) && v && !bare()) {
				fail("reserved ID register %u.%u is %lx", crm, op2, v);
			}
			CHECK_UNDEFINED(sysreg_write_try(SYSREG(3, 0, 0, crm, op2), 0));
		}
	}
	CHECK(id(SYSREG(3, 0, 0, 0, 0))); /* MIDR */
	CHECK(id(SYSREG(3, 0, 0, 0, 5)) & BIT(31));
	id(SYSREG(3, 0, 0, 0, 6)); /* REVIDR */
	id(SYSREG(3, 1, 0, 0, 0)); /* CCSIDR */
	id(SYSREG(3, 1, 0, 0, 1)); /* CLIDR */
	id(SYSREG(3, 1, 0, 0, 7)); /* AIDR */
	id(SYSREG(3, 3, 0, 0, 1)); /* CTR_EL0 */
	id(SYSREG(3, 3, 0, 0, 7)); /* DCZID_EL0 */
}

static void hidden(void)
{
	check_field(PFR0, 8, 0, 0, "EL2");
	check_field(PFR0, 32, 0, 0, "SVE");
	check_field(PFR0, 40, 0, 0, "MPAM");
	check_field(PFR0, 44, 0, 0, "AMU");
	check_field(PFR1, 8, 0, 1, "MTE");
	check_field(PFR1, 16, 0, 0, "MPAM_frac");
	check_field(PFR1, 24, 0, 0, "SME");
	CHECK_EQ(id(ZFR0), 0);
	CHECK_EQ(id(SMFR0), 0);
	CHECK(field(id(DFR0), 8) == 0 || field(id(DFR0), 8) == 0xf); /* PMU */
	check_field(DFR0, 4, 0, 0, "TraceVer");
	check_field(DFR0, 32, 0, 0, "SPE");
	check_field(DFR0, 44, 0, 0, "trace buffer");
	check_field(DFR0, 52, 0, 0, "branch records");
	CHECK_EQ(id(DFR1), 0);
	check_field(MMFR0, 56, 0, 0, "FGT");
	check_field(MMFR1, 8, 0, 0, "VHE");
	check_field(MMFR1, 16, 0, 0, "LOR");
	check_field(MMFR2, 24, 0, 0, "NV");
	check_field(MMFR2, 56, 0, 0, "EVT");
}

static void there(void)
{
	check_field(PFR0, 0, 1, 2, "EL0");
	check_field(PFR0, 4, 1, 2, "EL1");
	CHECK(field(id(PFR0), 16) <= 1);                    /* FP */
	CHECK_EQ(field(id(PFR0), 16), field(id(PFR0), 20)); /* SIMD */
	check_field(PFR0, 24, 1, 3, "GIC");
	check_field(DFR0, 0, 6, 11, "debug");
	check_field(MMFR0, 0, 0, 6, "physical addresses");
	/* 4 KiB pages at stage 1; where stage 2 is told apart, it has them as well. */
	CHECK_EQ(field(id(MMFR0), 28) & 8, 0);
}

/* An instruction of a feature: works where it is advertised. */
#define WORKS(reg, shift, least, insn)                                                    \
	do {                                                                              \
		u64 x_ = SCRATCH;                                                         \
		if (field(id(reg), shift) >= (least) && field(id(reg), shift) != 0xf) {   \
			TRY_ASM(insn : "+r"(x_) : : "x1", "x2", "x3", "memory", "cc");    \
			if (try_esr) {                                                    \
				fail("%s: esr %lx far %lx", insn, try_esr, try_trap.far); \
			}                                                                 \
		}                                                                         \
	} while (0)

static void instructions(void)
{
	__asm__(".arch armv8.6-a+crypto+sha3+sm4+fp16+fp16fml+dotprod+rng+memtag+sb+ssbs+predres+"
		"i8mm+bf16+flagm+rcpc");
	WORKS(ISAR0, 4, 1, "aese v0.16b, v1.16b");
	WORKS(ISAR0, 4, 2, "pmull v0.1q, v1.1d, v2.1d");
	WORKS(ISAR0, 8, 1, "sha1h s0, s1");
	WORKS(ISAR0, 12, 1, "sha256h q0, q1, v2.4s");
	WORKS(ISAR0, 12, 2, "sha512h q0, q1, v2.2d");
	WORKS(ISAR0, 16, 1, "crc32cx w1, w1, x2");
	WORKS(ISAR0, 20, 2, "ldaddal x1, x2, [%0]");
	WORKS(ISAR0, 28, 1, "sqrdmlah v0.4s, v1.4s, v2.4s");
	WORKS(ISAR0, 32, 1, "eor3 v0.16b, v1.16b, v2.16b, v3.16b");
	WORKS(ISAR0, 36, 1, "sm3partw1 v0.4s, v1.4s, v2.4s");
	WORKS(ISAR0, 40, 1, "sm4e v0.4s, v1.4s");
	WORKS(ISAR0, 44, 1, "udot v0.4s, v1.16b, v2.16b");
	WORKS(ISAR0, 48, 1, "fmlal v0.4s, v1.4h, v2.4h");
	WORKS(ISAR0, 52, 1, "cfinv");
	WORKS(ISAR0, 52, 2, "axflag");
	WORKS(ISAR0, 60, 1, "mrs x1, S3_3_C2_C4_0"); /* RNDR */
	WORKS(ISAR1, 0, 1, "dc cvap, %0");
	WORKS(ISAR1, 0, 2, "dc cvadp, %0");
	WORKS(ISAR1, 12, 1, "fjcvtzs w1, d0");
	WORKS(ISAR1, 16, 1, "fcadd v0.4s, v1.4s, v2.4s, #90");
	WORKS(ISAR1, 20, 1, "ldapr x1, [%0]");
	WORKS(ISAR1, 20, 2, "ldapur x1, [%0, 8]");
	WORKS(ISAR1, 32, 1, "frint32x d0, d1");
	WORKS(ISAR1, 36, 1, "sb");
	WORKS(ISAR1, 40, 1, "cfp rctx, xzr");
	WORKS(ISAR1, 44, 1, "bfdot v0.4s, v1.8h, v2.8h");
	WORKS(ISAR1, 52, 1, "smmla v0.4s, v1.16b, v2.16b");
	WORKS(PFR0, 48, 1, "msr S3_3_C4_C2_5, xzr");          /* DIT */
	WORKS(PFR1, 4, 2, "msr S3_3_C4_C2_6, xzr");           /* SSBS */
	WORKS(PFR1, 8, 1, "irg x1, %0\n\taddg x1, x1, 0, 1"); /* MTE's instructions */
	WORKS(MMFR1, 20, 1, "msr S3_0_C4_C2_3, xzr");         /* PAN */
	WORKS(MMFR1, 20, 2, "at s1e1rp, %0");
	WORKS(MMFR2, 4, 1, "msr S3_0_C4_C2_4, xzr"); /* UAO */
}

void guest_main(void)
{
	sysreg_write(cpacr_el1, 3 << 20);
	isb();
	readable();
	there();
	if (!bare()) {
		hidden();
	}
	instructions();
}
