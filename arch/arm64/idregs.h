// SPDX-License-Identifier: Apache-2.0
/*
 * ID registers: the host's as read, and what a guest is told of them. The whole encoding space
 * op0 = 3, op1 = 0, CRn = 0 is one array by CRm and op2, so that a register not allocated yet is
 * there too, and reads as zero ("ID register space": reserved encodings are RAZ).
 *
 * A guest sees a field of the host only if a row of the table in idregs.c names it, at most up to
 * that row's limit: a feature newer than this table is absent for the guest. No field says more
 * than the host's ("Principles of the ID scheme for fields in ID registers").
 */
#pragma once

#include "mm/bits.h"

#define IDREGS_COUNT 64

#define IDREG(crm, op2) ((crm)*8 + (op2))

enum idreg {
	ID_MIDR = IDREG(0, 0),
	ID_MPIDR = IDREG(0, 5),
	ID_REVIDR = IDREG(0, 6),
	ID_AA64PFR0 = IDREG(4, 0),
	ID_AA64PFR1 = IDREG(4, 1),
	ID_AA64PFR2 = IDREG(4, 2),
	ID_AA64ZFR0 = IDREG(4, 4),
	ID_AA64SMFR0 = IDREG(4, 5),
	ID_AA64FPFR0 = IDREG(4, 7),
	ID_AA64DFR0 = IDREG(5, 0),
	ID_AA64DFR1 = IDREG(5, 1),
	ID_AA64AFR0 = IDREG(5, 4),
	ID_AA64AFR1 = IDREG(5, 5),
	ID_AA64ISAR0 = IDREG(6, 0),
	ID_AA64ISAR1 = IDREG(6, 1),
	ID_AA64ISAR2 = IDREG(6, 2),
	ID_AA64ISAR3 = IDREG(6, 3),
	ID_AA64MMFR0 = IDREG(7, 0),
	ID_AA64MMFR1 = IDREG(7, 1),
	ID_AA64MMFR2 = IDREG(7, 2),
	ID_AA64MMFR3 = IDREG(7, 3),
	ID_AA64MMFR4 = IDREG(7, 4),
};

/* Those to be read from the CPU, as X(CRm, op2); others are zero in the host's struct. */
#define IDREGS_HOST(X) \
	X(0, 0)        \
	X(0, 5)        \
	X(0, 6)        \
	X(4, 0)        \
	X(4, 1)        \
	X(4, 2)        \
	X(4, 4)        \
	X(4, 5)        \
	X(4, 7)        \
	X(5, 0)        \
	X(5, 1)        \
	X(5, 4)        \
	X(5, 5)        \
	X(6, 0)        \
	X(6, 1)        \
	X(6, 2)        \
	X(6, 3)        \
	X(7, 0)        \
	X(7, 1)        \
	X(7, 2)        \
	X(7, 3)        \
	X(7, 4)

struct idregs {
	u64 reg[IDREGS_COUNT];
};

/* Fields that something here looks at; the policy in idregs.c has its own rows. */
#define PFR0_GIC         GENMASK(27, 24)
#define PFR0_RAS         GENMASK(31, 28)
#define PFR0_SVE         GENMASK(35, 32)
#define PFR0_MPAM        GENMASK(43, 40)
#define PFR0_AMU         GENMASK(47, 44)
#define PFR0_CSV2        GENMASK(59, 56)
#define PFR1_SSBS        GENMASK(7, 4)
#define PFR1_MTE         GENMASK(11, 8)
#define PFR1_MPAM_FRAC   GENMASK(19, 16)
#define PFR1_SME         GENMASK(27, 24)
#define PFR1_NMI         GENMASK(39, 36)
#define DFR0_TRACE_VER   GENMASK(7, 4)
#define DFR0_PMU_VER     GENMASK(11, 8)
#define DFR0_BRPS        GENMASK(15, 12)
#define DFR0_WRPS        GENMASK(23, 20)
#define DFR0_PMS_VER     GENMASK(35, 32)
#define DFR0_DOUBLE_LOCK GENMASK(39, 36)
#define DFR0_TRACE_FILT  GENMASK(43, 40)
#define DFR0_TRACE_BUF   GENMASK(47, 44)
#define DFR0_BRBE        GENMASK(55, 52)
#define ISAR1_APA        GENMASK(7, 4)
#define ISAR1_API        GENMASK(11, 8)
#define ISAR1_GPA        GENMASK(27, 24)
#define ISAR1_GPI        GENMASK(31, 28)
#define ISAR2_GPA3       GENMASK(11, 8)
#define ISAR2_APA3       GENMASK(15, 12)
#define MMFR0_PARANGE    GENMASK(3, 0)
#define MMFR0_FGT        GENMASK(59, 56)
#define MMFR1_VMIDBITS   GENMASK(7, 4)
#define MMFR1_VH         GENMASK(11, 8)
#define MMFR1_LO         GENMASK(19, 16)
#define MMFR1_PAN        GENMASK(23, 20)
#define MMFR1_HCX        GENMASK(43, 40)
#define MMFR4_E2H0       GENMASK(27, 24)

#define PARANGE_MAX 5 /* 48 bits: more needs LPA2, that is not offered, or 64 KiB granules */

static inline u64 idreg(const struct idregs *ids, enum idreg which)
{
	return ids->reg[which];
}

/* Bits of a physical address by a value of MMFR0_PARANGE, capped at 48. */
unsigned parange_bits(u64 parange);

/*
 * What a guest with @ipa_bits of guest-physical address is told; @ipa_bits >= 32. MIDR and REVIDR
 * are the host's (they are not trapped), MPIDR is 0: it is VMPIDR_EL2, the caller's.
 */
void idregs_guest(const struct idregs *host, unsigned ipa_bits, struct idregs *guest);
