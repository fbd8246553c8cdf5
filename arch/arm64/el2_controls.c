// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/el2_controls.h"

#include <string.h>

#include "arch/arm64/idregs.h"

#define PMCR_N GENMASK(15, 11)

struct has_row {
	u8 reg; /* enum idreg */
	u8 min; /* at least this */
	u16 pad;
	u32 has;
	u64 field;
};

#define HAS(field_reg, field_mask, at_least, bit)                                                  \
	{                                                                                          \
		.reg = ID_AA64##field_reg, .min = at_least, .has = (u32)(bit), .field = field_mask \
	}

static const struct has_row has_rows[] = {
	HAS(MMFR1, MMFR1_VH, 1, EL2_HAS_VHE),       HAS(MMFR1, MMFR1_HCX, 1, EL2_HAS_HCRX),
	HAS(MMFR0, MMFR0_FGT, 1, EL2_HAS_FGT),      HAS(MMFR0, MMFR0_FGT, 2, EL2_HAS_FGT2),
	HAS(PFR0, PFR0_MPAM, 1, EL2_HAS_MPAM),      HAS(PFR1, PFR1_MPAM_FRAC, 1, EL2_HAS_MPAM),
	HAS(DFR0, DFR0_TRACE_FILT, 1, EL2_HAS_TRF), HAS(DFR0, DFR0_PMS_VER, 1, EL2_HAS_SPE),
	HAS(DFR0, DFR0_BRBE, 1, EL2_HAS_BRBE),      HAS(PFR0, PFR0_RAS, 1, EL2_HAS_RAS),
	HAS(ISAR1, ISAR1_APA, 1, EL2_HAS_PAUTH),    HAS(ISAR1, ISAR1_API, 1, EL2_HAS_PAUTH),
	HAS(ISAR2, ISAR2_APA3, 1, EL2_HAS_PAUTH),   HAS(ISAR1, ISAR1_GPA, 1, EL2_HAS_PAUTH),
	HAS(ISAR1, ISAR1_GPI, 1, EL2_HAS_PAUTH),    HAS(ISAR2, ISAR2_GPA3, 1, EL2_HAS_PAUTH),
	HAS(PFR0, PFR0_SVE, 1, EL2_HAS_SVE),        HAS(PFR1, PFR1_SME, 1, EL2_HAS_SME),
};

u64 el2_has(const struct idregs *host)
{
	u64 pmu = FIELD_GET(DFR0_PMU_VER, idreg(host, ID_AA64DFR0));
	u64 amu = FIELD_GET(PFR0_AMU, idreg(host, ID_AA64PFR0));
	u64 has = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(has_rows); i++) {
		const struct has_row *row = &has_rows[i];

		if (FIELD_GET(row->field, host->reg[row->reg]) >= row->min) {
			has |= row->has;
		}
	}
	/* Not PMUv3 if 15, an IMPLEMENTATION DEFINED form: TIDCP has its registers, if any. */
	if (pmu && pmu != 15) {
		has |= EL2_HAS_PMU;
	}
	if ((has & EL2_HAS_FGT) && amu) {
		has |= EL2_HAS_AMU_FGT;
	}
	return has;
}

/*
 * PTW: a stage 1 walk does not speculate into what stage 2 calls Device. FB and BSU: the guest's
 * local TLB and cache operations and barriers reach all CPUs it may have run on. TID1 only for
 * SMIDR_EL1's sake: REVIDR_EL1 and AIDR_EL1 then trap too. ATA clear: tags are not there, and the
 * tag registers trap. FIEN, TME, NV, EnSCXT, AMVOFFEN clear: what they would enable traps or is
 * UNDEFINED.
 */
static u64 hcr_compute(const struct idregs *host, u64 has)
{
	u64 hcr = HCR_VM | HCR_SWIO | HCR_PTW | HCR_FMO | HCR_IMO | HCR_AMO | HCR_FB | HCR_BSU_IS |
		  HCR_TWI | HCR_TSC | HCR_TID3 | HCR_TIDCP | HCR_TACR | HCR_RW;

	if (has & EL2_HAS_VHE) {
		hcr |= HCR_E2H;
	}
	if (has & EL2_HAS_RAS) {
		hcr |= HCR_TEA | HCR_TERR;
	}
	if (has & EL2_HAS_PAUTH) {
		hcr |= HCR_API | HCR_APK;
	}
	if (has & EL2_HAS_SME) {
		hcr |= HCR_TID1;
	}
	if (FIELD_GET(MMFR1_LO, idreg(host, ID_AA64MMFR1))) {
		hcr |= HCR_TLOR;
	}
	if (FIELD_GET(PFR1_MTE, idreg(host, ID_AA64PFR1))) {
		hcr |= HCR_TID5;
	}
	return hcr;
}

/*
 * E2PB and E2TB clear: the profiling and trace buffers are EL2's, and their registers trap. HPMN
 * must not be 0 unless FEAT_HPMN0, so it stays all counters; the guest reaches none of them.
 */
static u64 mdcr_compute(const struct el2_host *more, u64 has)
{
	u64 mdcr = MDCR_TDRA | MDCR_TDOSA;

	if (has & EL2_HAS_PMU) {
		mdcr |= MDCR_TPM | MDCR_TPMCR;
		mdcr |= more ? FIELD_PREP(MDCR_HPMN, FIELD_GET(PMCR_N, more->pmcr_el0)) : 0;
	}
	if (has & EL2_HAS_SPE) {
		mdcr |= MDCR_TPMS;
	}
	if (has & EL2_HAS_TRF) {
		mdcr |= MDCR_TTRF;
	}
	/* TDCC is of FEAT_FGT: the debug communication channel is one for all guests. */
	if (has & EL2_HAS_FGT) {
		mdcr |= MDCR_TDCC;
	}
	return mdcr;
}

static u64 cptr_compute(const struct idregs *host, u64 has)
{
	bool trace = FIELD_GET(DFR0_TRACE_VER, idreg(host, ID_AA64DFR0));
	bool amu = FIELD_GET(PFR0_AMU, idreg(host, ID_AA64PFR0));
	u64 cptr = amu ? CPTR_TAM : 0;

	if (has & EL2_HAS_VHE) {
		return cptr | CPTR_VHE_FPEN | (trace ? CPTR_VHE_TTA : 0);
	}
	return cptr | CPTR_RES1 | (trace ? CPTR_TTA : 0);
}

static u64 vtcr_compute(const struct idregs *host)
{
	u64 range = FIELD_GET(MMFR0_PARANGE, idreg(host, ID_AA64MMFR0));
	u64 vtcr = VTCR_RES1 | FIELD_PREP(VTCR_PS, min_u64(range, PARANGE_MAX));

	/* Walks are inner shareable, write-back, write-allocate; granules of 4 KiB (TG0 is 0). */
	vtcr |= FIELD_PREP(VTCR_SH0, 3) | FIELD_PREP(VTCR_ORGN0, 1) | FIELD_PREP(VTCR_IRGN0, 1);
	if (FIELD_GET(MMFR1_VMIDBITS, idreg(host, ID_AA64MMFR1)) >= 2) {
		vtcr |= VTCR_VS;
	}
	return vtcr;
}

/* "MPAM System registers": PARTIDs are the machine's, and the guest's are 0. */
static void mpam_compute(const struct el2_host *more, struct el2_controls *out)
{
	out->mpam2 = MPAM2_TRAPMPAM0EL1 | MPAM2_TRAPMPAM1EL1;
	if (!more) {
		return;
	}
	if (more->mpamidr_el1 & MPAMIDR_HAS_TIDR) {
		out->mpam2 |= MPAM2_TIDR;
	}
	if (more->mpamidr_el1 & MPAMIDR_HAS_HCR) {
		out->has |= EL2_HAS_MPAMHCR;
		out->mpamhcr = MPAMHCR_TRAP_MPAMIDR;
	}
}

void el2_controls_compute(const struct idregs *host, const struct el2_host *more,
			  struct el2_controls *out)
{
	memset(out, 0, sizeof(*out));
	out->has = el2_has(host);
	out->hcr = hcr_compute(host, out->has);
	out->mdcr = mdcr_compute(more, out->has);
	out->cptr = cptr_compute(host, out->has);
	/* The counters are read directly; the EL1 physical timer is emulated. */
	out->cnthctl = out->has & EL2_HAS_VHE ? CNTHCTL_VHE_EL1PCTEN : CNTHCTL_EL1PCTEN;
	out->vtcr = vtcr_compute(host);
	if ((out->has & EL2_HAS_HCRX) && FIELD_GET(PFR1_NMI, idreg(host, ID_AA64PFR1))) {
		out->hcrx = HCRX_TALLINT;
	}
	if (out->has & EL2_HAS_FGT) {
		out->hdfgrtr = HDFG_DBGCLAIM | HDFG_OSECCR;
		out->hdfgwtr = HDFG_DBGCLAIM | HDFG_OSECCR;
	}
	if (out->has & EL2_HAS_MPAM) {
		mpam_compute(more, out);
	}
}
