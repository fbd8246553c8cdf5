// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/idregs.h"

#include <string.h>

/*
 * How a field of four bits is derived. Smaller is less in both kinds of order ("Principles of the
 * ID scheme for fields in ID registers"); in a signed field 15 is -1, not implemented.
 */
enum field_rule {
	FIELD_MIN,    /* unsigned, at most the limit */
	FIELD_SIGNED, /* signed, at most the limit */
	FIELD_EXACT,  /* describes the hardware, that the guest uses directly */
	FIELD_ABSENT, /* signed, -1: where 0 would mean that there is one */
};

struct field_row {
	u8 reg;   /* enum idreg */
	u8 shift; /* of four bits */
	u8 rule;
	u8 limit;
};

#define MIN(reg, shift, limit)                        \
	{                                             \
		ID_AA64##reg, shift, FIELD_MIN, limit \
	}
#define SIGNED(reg, shift, limit)                        \
	{                                                \
		ID_AA64##reg, shift, FIELD_SIGNED, limit \
	}
#define EXACT(reg, shift)                            \
	{                                            \
		ID_AA64##reg, shift, FIELD_EXACT, 15 \
	}
#define ABSENT(reg, shift)                            \
	{                                             \
		ID_AA64##reg, shift, FIELD_ABSENT, 15 \
	}

/*
 * Each row is a decision. Hidden, by having none: SVE, SME, MTE, AMU, MPAM, RAS (error records are
 * the host's), PMU, SPE, trace, BRBE, TME, nested virtualisation, realms, NMI, GCS, THE, LS64, MOPS
 * and all that HCRX_EL2 would have to enable, WFxT (a WFIT is emulated as a WFI, without its
 * limit), FGT, HCX, LORegions, VMIDs, EVT, TWED and XNX (EL2's own), IESB, CMOW, the zero ZFR0,
 * SMFR0, FPFR0, PFR2, DFR1, AFRn, MMFR3, MMFR4, and AArch32: the guest's ID_* and MVFRn_EL1 read as
 * zero.
 */
static const struct field_row field_rows[] = {
	MIN(PFR0, 0, 1),     /* EL0: AArch64 only */
	MIN(PFR0, 4, 1),     /* EL1 */
	SIGNED(PFR0, 16, 1), /* FP, to FP16 */
	SIGNED(PFR0, 20, 1), /* AdvSIMD */
	MIN(PFR0, 24, 1),    /* GIC: the system registers of GICv3 */
	MIN(PFR0, 48, 1),    /* DIT */
	MIN(PFR0, 56, 1),    /* CSV2: 2 is SCXTNUM_ELx, that would be shared between guests */
	MIN(PFR0, 60, 1),    /* CSV3 */

	MIN(PFR1, 0, 1), /* BT */
	MIN(PFR1, 4, 2), /* SSBS */

	/* Debugv8p2 at most; 9 and up are external debug and what MDCR_EL2 would have to enable. */
	MIN(DFR0, 0, 8), EXACT(DFR0, 12), /* BRPs */
	EXACT(DFR0, 20),                  /* WRPs */
	EXACT(DFR0, 28),                  /* CTX_CMPs */
	ABSENT(DFR0, 36),                 /* DoubleLock: OSDLR_EL1 is trapped, and ignored */

	MIN(ISAR0, 4, 2),  /* AES, PMULL */
	MIN(ISAR0, 8, 1),  /* SHA1 */
	MIN(ISAR0, 12, 2), /* SHA2 */
	MIN(ISAR0, 16, 1), /* CRC32 */
	MIN(ISAR0, 20, 3), /* Atomic: LSE, LSE128 */
	MIN(ISAR0, 28, 1), /* RDM */
	MIN(ISAR0, 32, 1), /* SHA3 */
	MIN(ISAR0, 36, 1), /* SM3 */
	MIN(ISAR0, 40, 1), /* SM4 */
	MIN(ISAR0, 44, 1), /* DP */
	MIN(ISAR0, 48, 1), /* FHM */
	MIN(ISAR0, 52, 2), /* TS: FLAGM */
	MIN(ISAR0, 56, 2), /* TLB: outer shareable, ranges; of the guest's VMID alone */
	MIN(ISAR0, 60, 1), /* RNDR */

	MIN(ISAR1, 0, 2),  /* DPB */
	MIN(ISAR1, 4, 5),  /* APA: to FPACCOMBINE */
	MIN(ISAR1, 8, 5),  /* API */
	MIN(ISAR1, 12, 1), /* JSCVT */
	MIN(ISAR1, 16, 1), /* FCMA */
	MIN(ISAR1, 20, 3), /* LRCPC */
	MIN(ISAR1, 24, 1), /* GPA */
	MIN(ISAR1, 28, 1), /* GPI */
	MIN(ISAR1, 32, 1), /* FRINTTS */
	MIN(ISAR1, 36, 1), /* SB */
	MIN(ISAR1, 40, 1), /* SPECRES: of the guest's own context */
	MIN(ISAR1, 44, 2), /* BF16 */
	MIN(ISAR1, 48, 1), /* DGH */
	MIN(ISAR1, 52, 1), /* I8MM */
	MIN(ISAR1, 56, 1), /* XS: HCRX_EL2.FGTnXS and FnXS are 0 */

	MIN(ISAR2, 4, 1),  /* RPRES */
	MIN(ISAR2, 8, 1),  /* GPA3 */
	MIN(ISAR2, 12, 5), /* APA3 */
	MIN(ISAR2, 20, 1), /* BC */
	MIN(ISAR2, 24, 1), /* PAC_frac */
	MIN(ISAR2, 28, 1), /* CLRBHB */
	MIN(ISAR2, 48, 1), /* RPRFM */
	MIN(ISAR2, 52, 1), /* CSSC */

	MIN(MMFR0, 0, PARANGE_MAX), /* PARange; further limited by the guest's own */
	MIN(MMFR0, 4, 2),           /* ASIDBits */
	MIN(MMFR0, 8, 1),           /* BigEnd */
	MIN(MMFR0, 16, 1),          /* BigEndEL0 */
	MIN(MMFR0, 20, 1),          /* TGran16: no LPA2 */
	SIGNED(MMFR0, 24, 0),       /* TGran64 */
	SIGNED(MMFR0, 28, 0),       /* TGran4: no LPA2 */
	MIN(MMFR0, 44, 1),          /* ExS */
	MIN(MMFR0, 60, 1),          /* ECV: self-synchronised views of the counters */

	MIN(MMFR1, 0, 2),  /* HAFDBS */
	MIN(MMFR1, 12, 2), /* HPDS */
	MIN(MMFR1, 20, 3), /* PAN */
	MIN(MMFR1, 24, 1), /* SpecSEI */
	MIN(MMFR1, 36, 2), /* ETS */
	MIN(MMFR1, 44, 1), /* AFP */
	MIN(MMFR1, 48, 1), /* nTLBPA */
	MIN(MMFR1, 52, 1), /* TIDCP1: SCTLR_EL1.TIDCP */
	MIN(MMFR1, 60, 1), /* ECBHB */

	MIN(MMFR2, 0, 1),  /* CnP */
	MIN(MMFR2, 4, 1),  /* UAO */
	MIN(MMFR2, 8, 1),  /* LSM */
	MIN(MMFR2, 16, 1), /* VARange: 52 bits with 64 KiB granules */
	EXACT(MMFR2, 20),  /* CCIDX: the layout of CCSIDR_EL1, that is not trapped */
	MIN(MMFR2, 28, 1), /* ST */
	MIN(MMFR2, 32, 1), /* AT: single-copy atomicity of unaligned accesses */
	EXACT(MMFR2, 36),  /* IDS: the syndrome that the CPU gives an ID access at EL0 */
	MIN(MMFR2, 48, 1), /* TTL */
	MIN(MMFR2, 52, 2), /* BBM */
	MIN(MMFR2, 60, 1), /* E0PD */
};

static unsigned to_signed_order(unsigned field)
{
	return field ^ 8;
}

static unsigned field_derive(const struct field_row *row, unsigned host)
{
	switch ((enum field_rule)row->rule) {
	case FIELD_MIN:
		return host < row->limit ? host : row->limit;
	case FIELD_SIGNED:
		return to_signed_order(host) < to_signed_order(row->limit) ? host : row->limit;
	case FIELD_EXACT:
		return host;
	case FIELD_ABSENT:
		return 15;
	}
	return 0;
}

unsigned parange_bits(u64 parange)
{
	static const u8 bits[] = {32, 36, 40, 42, 44, 48};

	return bits[parange < PARANGE_MAX ? parange : PARANGE_MAX];
}

/* The widest value that does not promise more than @ipa_bits. */
static u64 parange_of(unsigned ipa_bits)
{
	u64 range = 0;

	while (range < PARANGE_MAX && parange_bits(range + 1) <= ipa_bits) {
		range++;
	}
	return range;
}

void idregs_guest(const struct idregs *host, unsigned ipa_bits, struct idregs *guest)
{
	u64 *mmfr0 = &guest->reg[ID_AA64MMFR0];
	u64 range = parange_of(ipa_bits);

	memset(guest, 0, sizeof(*guest));
	guest->reg[ID_MIDR] = idreg(host, ID_MIDR);
	guest->reg[ID_REVIDR] = idreg(host, ID_REVIDR);
	for (unsigned i = 0; i < ARRAY_SIZE(field_rows); i++) {
		const struct field_row *row = &field_rows[i];
		unsigned field = host->reg[row->reg] >> row->shift & 15;

		guest->reg[row->reg] |= (u64)field_derive(row, field) << row->shift;
	}
	if (FIELD_GET(MMFR0_PARANGE, *mmfr0) > range) {
		*mmfr0 = (*mmfr0 & ~MMFR0_PARANGE) | FIELD_PREP(MMFR0_PARANGE, range);
	}
}
