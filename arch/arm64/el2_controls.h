// SPDX-License-Identifier: Apache-2.0
/*
 * The EL2 control registers under which a guest runs, computed from the ID registers alone.
 *
 * The rule: what a guest is not told of (idregs.h) it cannot reach either. A feature with state
 * that is not switched between guests, or with an effect beyond the guest, traps to EL2 and ends as
 * UNDEFINED (sysreg.def); the registers that can enable newer features (HCRX_EL2, fine-grained
 * traps) are written, since their reset values are UNKNOWN, and written as "off": in HFG*TR_EL2 the
 * traps of later features have the reversed sense, and 0 is trapped.
 */
#pragma once

#include "mm/bits.h"

struct idregs;

/* HCR_EL2, "Hypervisor Configuration Register". */
#define HCR_VM     BIT(0)
#define HCR_SWIO   BIT(1)
#define HCR_PTW    BIT(2)
#define HCR_FMO    BIT(3)
#define HCR_IMO    BIT(4)
#define HCR_AMO    BIT(5)
#define HCR_VF     BIT(6)
#define HCR_VI     BIT(7)
#define HCR_VSE    BIT(8)
#define HCR_FB     BIT(9)
#define HCR_BSU    GENMASK(11, 10)
#define HCR_BSU_IS BIT(10)
#define HCR_TWI    BIT(13)
#define HCR_TWE    BIT(14)
#define HCR_TID1   BIT(16)
#define HCR_TID3   BIT(18)
#define HCR_TSC    BIT(19)
#define HCR_TIDCP  BIT(20)
#define HCR_TACR   BIT(21)
#define HCR_TGE    BIT(27)
#define HCR_HCD    BIT(29)
#define HCR_RW     BIT(31)
#define HCR_E2H    BIT(34)
#define HCR_TLOR   BIT(35)
#define HCR_TERR   BIT(36)
#define HCR_TEA    BIT(37)
#define HCR_APK    BIT(40)
#define HCR_API    BIT(41)
#define HCR_ATA    BIT(56)
#define HCR_TID5   BIT(58)

#define HCRX_TALLINT BIT(6)

/* MDCR_EL2, "Monitor Debug Configuration Register". */
#define MDCR_HPMN  GENMASK(4, 0)
#define MDCR_TPMCR BIT(5)
#define MDCR_TPM   BIT(6)
#define MDCR_TDE   BIT(8)
#define MDCR_TDA   BIT(9)
#define MDCR_TDOSA BIT(10)
#define MDCR_TDRA  BIT(11)
#define MDCR_E2PB  GENMASK(13, 12)
#define MDCR_TPMS  BIT(14)
#define MDCR_TTRF  BIT(19)
#define MDCR_E2TB  GENMASK(25, 24)
#define MDCR_TDCC  BIT(27)

/* CPTR_EL2, "Architectural Feature Trap Register", with HCR_EL2.E2H 0 and 1. */
#define CPTR_RES1      0x33ffull /* TZ and TSM among them: RES1 without SVE and SME, else "trap" */
#define CPTR_TZ        BIT(8)
#define CPTR_TFP       BIT(10)
#define CPTR_TSM       BIT(12)
#define CPTR_TTA       BIT(20)
#define CPTR_TAM       BIT(30)
#define CPTR_VHE_ZEN   GENMASK(17, 16)
#define CPTR_VHE_FPEN  GENMASK(21, 20)
#define CPTR_VHE_SMEN  GENMASK(25, 24)
#define CPTR_VHE_TTA   BIT(28)
#define CPTR_VHE_E0POE BIT(29)

/* CNTHCTL_EL2, "Counter-timer Hypervisor Control register", with HCR_EL2.E2H 0 and 1. */
#define CNTHCTL_EL1PCTEN     BIT(0)
#define CNTHCTL_EL1PCEN      BIT(1)
#define CNTHCTL_VHE_EL1PCTEN BIT(10)
#define CNTHCTL_VHE_EL1PTEN  BIT(11)

/* HDFGRTR_EL2 and HDFGWTR_EL2. */
#define HDFG_DBGCLAIM BIT(5)
#define HDFG_OSECCR   BIT(10)

/* VTCR_EL2, "Virtualization Translation Control Register". */
#define VTCR_T0SZ  GENMASK(5, 0)
#define VTCR_SL0   GENMASK(7, 6)
#define VTCR_IRGN0 GENMASK(9, 8)
#define VTCR_ORGN0 GENMASK(11, 10)
#define VTCR_SH0   GENMASK(13, 12)
#define VTCR_TG0   GENMASK(15, 14)
#define VTCR_PS    GENMASK(18, 16)
#define VTCR_VS    BIT(19) /* 16-bit VMIDs */
#define VTCR_RES1  BIT(31)

#define MPAM2_TRAPMPAM1EL1 BIT(48)
#define MPAM2_TRAPMPAM0EL1 BIT(49)
#define MPAM2_TIDR         BIT(58)

#define MPAMHCR_TRAP_MPAMIDR BIT(31)
#define MPAMIDR_HAS_HCR      BIT(17)
#define MPAMIDR_HAS_TIDR     BIT(58)

/* Which registers below exist, and which others must be cleared once on every CPU. */
#define EL2_HAS_VHE     BIT(0) /* run with E2H = 1: cptr and cnthctl are laid out for it */
#define EL2_HAS_HCRX    BIT(1)
#define EL2_HAS_FGT     BIT(2)  /* HFGRTR, HFGWTR, HFGITR, HDFGRTR, HDFGWTR */
#define EL2_HAS_FGT2    BIT(3)  /* HFGRTR2, HFGWTR2, HFGITR2, HDFGRTR2, HDFGWTR2: write 0 */
#define EL2_HAS_AMU_FGT BIT(4)  /* HAFGRTR: write 0 */
#define EL2_HAS_MPAM    BIT(5)  /* MPAM2_EL2; clear MPAM0_EL1 and MPAM1_EL1 */
#define EL2_HAS_MPAMHCR BIT(6)  /* MPAMHCR_EL2 */
#define EL2_HAS_TRF     BIT(7)  /* clear TRFCR_EL1 and TRFCR_EL2 */
#define EL2_HAS_SPE     BIT(8)  /* clear PMSCR_EL1 and PMSCR_EL2 */
#define EL2_HAS_BRBE    BIT(9)  /* clear BRBCR_EL1 and BRBCR_EL2 */
#define EL2_HAS_RAS     BIT(10) /* clear VDISR_EL2, VSESR_EL2; VDISR_EL2 is a guest's DISR_EL1 */
#define EL2_HAS_PAUTH   BIT(11) /* APxKey*_EL1 are the guest's: ten registers to switch */
#define EL2_HAS_PMU     BIT(12) /* clear PMUSERENR_EL0; PMCR_EL0.E off */
#define EL2_HAS_SVE     BIT(13)
#define EL2_HAS_SME     BIT(14)

struct el2_controls {
	u64 has; /* EL2_HAS_* */
	u64 hcr; /* while a guest runs */
	u64 hcrx;
	u64 mdcr; /* TDA is clear: set it while the debug registers are not the guest's */
	u64 cptr; /* FP and SIMD are the guest's */
	u64 cnthctl;
	u64 hstr;
	u64 hfgrtr, hfgwtr, hfgitr;
	u64 hdfgrtr, hdfgwtr;
	u64 mpam2, mpamhcr;
	u64 vtcr; /* all but T0SZ and SL0 */
};

/* Registers that are no ID registers by encoding, but are read for the same purpose. */
struct el2_host {
	u64 pmcr_el0;    /* with EL2_HAS_PMU, else 0 */
	u64 mpamidr_el1; /* with EL2_HAS_MPAM, else 0 */
};

/* EL2_HAS_* but those that need struct el2_host: tells which of its registers may be read. */
u64 el2_has(const struct idregs *host);

/*
 * @more may be NULL: then HPMN is 0, to be filled with PMCR_EL0.N, and MPAMHCR_EL2 is left alone.
 * VTCR_EL2.PS is the smallest of the ID registers given: pass those common to all CPUs.
 */
void el2_controls_compute(const struct idregs *host, const struct el2_host *more,
			  struct el2_controls *out);
