// SPDX-License-Identifier: Apache-2.0
/*
 * Exceptions put into a guest's EL1 by software: what the CPU would have done at AArch64
 * TakeException with EL1 as its target. The registers are a plain struct, that the caller fills
 * from the guest's and writes back; the guest's EL1 is always AArch64, its EL0 may be either. Arm
 * ARM (DDI 0487), "Exception entry" and pseudocode AArch64.TakeException.
 */
#pragma once

#include "mm/types.h"

struct idregs;

/* PSTATE as in SPSR_ELx, "Saved Program Status Register (EL1)", for AArch64. */
#define PSTATE_N      ((u64)1 << 31)
#define PSTATE_Z      ((u64)1 << 30)
#define PSTATE_C      ((u64)1 << 29)
#define PSTATE_V      ((u64)1 << 28)
#define PSTATE_TCO    ((u64)1 << 25)
#define PSTATE_DIT    ((u64)1 << 24) /* the same bit when from AArch32 */
#define PSTATE_UAO    ((u64)1 << 23)
#define PSTATE_PAN    ((u64)1 << 22) /* the same bit when from AArch32 */
#define PSTATE_SS     ((u64)1 << 21)
#define PSTATE_IL     ((u64)1 << 20)
#define PSTATE_ALLINT ((u64)1 << 13)
#define PSTATE_SSBS   ((u64)1 << 12)
#define PSTATE_BTYPE  ((u64)3 << 10)
#define PSTATE_D      ((u64)1 << 9)
#define PSTATE_A      ((u64)1 << 8)
#define PSTATE_I      ((u64)1 << 7)
#define PSTATE_F      ((u64)1 << 6)
#define PSTATE_DAIF   (PSTATE_D | PSTATE_A | PSTATE_I | PSTATE_F)
#define PSTATE_NRW    ((u64)1 << 4) /* AArch32 */
#define PSTATE_M      ((u64)0xf)
#define PSTATE_EL0T   ((u64)0x0)
#define PSTATE_EL1T   ((u64)0x4)
#define PSTATE_EL1H   ((u64)0x5)

/* Only of AArch32, as SPSR_ELx shows it. */
#define PSTATE32_IT_LOW  ((u64)3 << 25)
#define PSTATE32_IT_HIGH ((u64)0x3f << 10)
#define PSTATE32_T       ((u64)1 << 5)

#define SCTLR_EL1_SPAN      ((u64)1 << 23)
#define SCTLR_EL1_DSSBS     ((u64)1 << 44)
#define SCTLR_EL1_SPINTMASK ((u64)1 << 62)

/* PSTATE fields that the CPU (not what the guest is told of it) has. */
#define INJECT_HAS_PAN  ((u8)1 << 0)
#define INJECT_HAS_SSBS ((u8)1 << 1)
#define INJECT_HAS_MTE  ((u8)1 << 2)
#define INJECT_HAS_NMI  ((u8)1 << 3)

struct inject_regs {
	u64 vbar_el1, sctlr_el1; /* in */
	u64 pc, pstate;          /* in: of the instruction to blame; out: of the handler */
	u64 elr_el1, spsr_el1;   /* out */
	u64 esr_el1;             /* out */
	u64 far_el1;             /* in and out: kept where the exception has no address */
	u8 features;             /* in: INJECT_HAS_*, by inject_features() */
};

/* A data or instruction abort. */
struct inject_abort {
	u64 far;
	u8 fsc;         /* ESR_FSC_* */
	bool far_valid; /* external aborts only may lack it */
	bool write;     /* data */
	bool cm;        /* data: cache maintenance */
};

/* INJECT_HAS_* of the host's ID registers; once at start. */
u8 inject_features(const struct idregs *host);

/* A synchronous exception with this syndrome; far_el1 is what the caller has put there. */
void inject_sync(struct inject_regs *regs, u64 esr);

/* UNDEFINED: EC 0. */
void inject_undef(struct inject_regs *regs);

/* ISV is 0: the guest gets no decoded syndrome. */
void inject_data_abort(struct inject_regs *regs, const struct inject_abort *abort);
void inject_instr_abort(struct inject_regs *regs, const struct inject_abort *abort);

/*
 * Step over the instruction that was emulated: @il32 is ESR_EL2.IL. Clears PSTATE.BTYPE and
 * PSTATE.SS, advances IT of AArch32: as the instruction itself would have.
 */
void inject_skip_insn(u64 *pc, u64 *pstate, bool il32);
