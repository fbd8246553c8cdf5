// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/inject.h"

#include "arch/arm64/esr.h"
#include "arch/arm64/idregs.h"

/* "Exception vectors": synchronous, by where the exception comes from. */
#define VECTOR_SAME_SP0 0x000
#define VECTOR_SAME_SPX 0x200
#define VECTOR_LOWER_64 0x400
#define VECTOR_LOWER_32 0x600

u8 inject_features(const struct idregs *host)
{
	u8 f = 0;

	if (FIELD_GET(MMFR1_PAN, idreg(host, ID_AA64MMFR1))) {
		f |= INJECT_HAS_PAN;
	}
	if (FIELD_GET(PFR1_SSBS, idreg(host, ID_AA64PFR1))) {
		f |= INJECT_HAS_SSBS;
	}
	if (FIELD_GET(PFR1_MTE, idreg(host, ID_AA64PFR1))) {
		f |= INJECT_HAS_MTE;
	}
	if (FIELD_GET(PFR1_NMI, idreg(host, ID_AA64PFR1))) {
		f |= INJECT_HAS_NMI;
	}
	return f;
}

static bool is_from_el1(u64 pstate)
{
	return !(pstate & PSTATE_NRW) && (pstate & PSTATE_M) >= PSTATE_EL1T;
}

static u64 vector_offset(u64 pstate)
{
	if (pstate & PSTATE_NRW) {
		return VECTOR_LOWER_32;
	}
	if (!is_from_el1(pstate)) {
		return VECTOR_LOWER_64;
	}
	return pstate & 1 ? VECTOR_SAME_SPX : VECTOR_SAME_SP0;
}

/*
 * AArch64.TakeException: what is not named there keeps its value (the flags, DIT, PAN with SPAN
 * set); a field that the CPU does not have is RES0 in SPSR_EL2.
 */
static u64 handler_pstate(const struct inject_regs *r)
{
	u64 p = r->pstate & (PSTATE_N | PSTATE_Z | PSTATE_C | PSTATE_V | PSTATE_DIT | PSTATE_PAN);

	p |= PSTATE_DAIF | PSTATE_EL1H;
	if ((r->features & INJECT_HAS_PAN) && !(r->sctlr_el1 & SCTLR_EL1_SPAN)) {
		p |= PSTATE_PAN;
	}
	if ((r->features & INJECT_HAS_SSBS) && (r->sctlr_el1 & SCTLR_EL1_DSSBS)) {
		p |= PSTATE_SSBS;
	}
	if (r->features & INJECT_HAS_MTE) {
		p |= PSTATE_TCO;
	}
	if ((r->features & INJECT_HAS_NMI) && !(r->sctlr_el1 & SCTLR_EL1_SPINTMASK)) {
		p |= PSTATE_ALLINT;
	}
	return p;
}

void inject_sync(struct inject_regs *r, u64 esr)
{
	r->esr_el1 = esr;
	r->elr_el1 = r->pc;
	r->spsr_el1 = r->pstate;
	r->pc = (r->vbar_el1 & ~GENMASK(10, 0)) + vector_offset(r->pstate);
	r->pstate = handler_pstate(r);
}

void inject_undef(struct inject_regs *r)
{
	inject_sync(r, FIELD_PREP(ESR_EC, ESR_EC_UNKNOWN) | ESR_IL);
}

/* IL is 1 in aborts without a decoded syndrome, whatever the instruction ("ESR_EL1", IL). */
static void inject_abort(struct inject_regs *r, u64 ec, u64 iss, const struct inject_abort *a)
{
	iss |= FIELD_PREP(ESR_ABT_FSC, a->fsc);
	if (a->far_valid) {
		r->far_el1 = a->far;
	} else {
		iss |= ESR_ABT_FNV;
	}
	inject_sync(r, FIELD_PREP(ESR_EC, ec) | ESR_IL | iss);
}

void inject_data_abort(struct inject_regs *r, const struct inject_abort *a)
{
	u64 ec = is_from_el1(r->pstate) ? ESR_EC_DABT_SAME : ESR_EC_DABT_LOWER;
	u64 iss = (a->write || a->cm ? ESR_ABT_WNR : 0) | (a->cm ? ESR_ABT_CM : 0);

	inject_abort(r, ec, iss, a);
}

void inject_instr_abort(struct inject_regs *r, const struct inject_abort *a)
{
	u64 ec = is_from_el1(r->pstate) ? ESR_EC_IABT_SAME : ESR_EC_IABT_LOWER;

	inject_abort(r, ec, 0, a);
}

/* Pseudocode AArch32.ITAdvance: the last instruction of the block ends it, others shift the mask.
 */
static u64 it_advance(u64 pstate)
{
	u64 it = FIELD_GET(PSTATE32_IT_HIGH, pstate) << 2 | FIELD_GET(PSTATE32_IT_LOW, pstate);

	it = (it & 7) == 0 ? 0 : (it & 0xe0) | (it << 1 & 0x1f);
	pstate &= ~(PSTATE32_IT_HIGH | PSTATE32_IT_LOW);
	return pstate | FIELD_PREP(PSTATE32_IT_HIGH, it >> 2) | FIELD_PREP(PSTATE32_IT_LOW, it & 3);
}

void inject_skip_insn(u64 *pc, u64 *pstate, bool il32)
{
	*pc += il32 ? 4 : 2;
	if (*pstate & PSTATE_NRW) {
		*pc &= GENMASK(31, 0);
		if (*pstate & PSTATE32_T) {
			*pstate = it_advance(*pstate);
		}
	} else {
		*pstate &= ~PSTATE_BTYPE;
	}
	*pstate &= ~PSTATE_SS;
}
