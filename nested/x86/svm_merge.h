// SPDX-License-Identifier: Apache-2.0
/*
 * What hardware runs L2 with, made of L0's VMCB and of L1's: pure. An intercept of either is one
 * of L2's; what L0 or L1 has closed never opens. And of each exit of L2's, whether L1 asked for it.
 * APM volume 2, "Intercept Operation", "MSR Intercepts", "IOIO Intercepts", "Interrupt and Local
 * APIC Support".
 *
 * L1's VMCB is the copy that was checked and has been through svm_contract_apply(). L1's maps stay
 * in its memory, where the CPU reads them, too: each bit is read once per use. A map that lies
 * outside of L1's memory reads as all ones.
 */
#pragma once

#include "arch/x86/vmcb.h"

/* L1's physical memory; reads never cross a page. False: there is none. */
struct svm_mem {
	bool (*read)(void *ctx, u64 pa, void *buf, u32 size);
	void *ctx;
};

/*
 * The intercepts and the TSC offset. L0's intercept of writes to CR8 falls where L1 virtualizes
 * interrupts: CR8 is then V_TPR, not that of L1's local APIC.
 */
void svm_merge_controls(struct vmcb *out, const struct vmcb *l0, const struct vmcb *l1);

/*
 * Offset 60h for L2, always with V_INTR_MASKING. Without L1's own V_INTR_MASKING L2 reads @cr8,
 * that of L1's local APIC, from CR8; V_TPR then decides here whether V_IRQ may be taken, so a write
 * to CR8, which L0 intercepts, is put into L1's V_TPR and merged again.
 */
u64 svm_merge_vintr(u64 l1, u8 cr8);

/* The same back at #VMEXIT: L1's word with V_IRQ, and V_TPR where L2 changed it. */
u64 svm_split_vintr(u64 l1, u64 hw);

#define SVM_MSRPM_WORDS 1024 /* of 64 bits */
#define SVM_IOPM_WORDS  1536
#define SVM_OPEN_MAX    16

/* Where a permissions map of L0's has a bit that is 0: all that L1's map can change. */
struct svm_open {
	u16 count, at[SVM_OPEN_MAX];
};

/* Fills @open from L0's @map of @words. False: more than SVM_OPEN_MAX words are open. */
bool svm_open_find(struct svm_open *open, const u64 *map, unsigned words);

/*
 * Makes @out, a copy of L0's map but for what was merged before, L0's and L1's; @pa as in L1's
 * VMCB. Without @l1, for an L1 that does not use its map, out is L0's again.
 */
void svm_merge_map(u64 *out, const u64 *l0, const struct svm_open *open, const struct svm_mem *l1,
		   u64 pa);

struct svm_l2_exit {
	u32 code;
	u32 msr; /* ECX, where the code is SVM_EXIT_MSR */
	u64 info1;
};

/*
 * Whether L1 asked for this exit of L2's. Physical interrupts and machine checks are never L1's,
 * nor is SVM_EXIT_NPF, of which the shadow engine decides; a state that the CPU refused always is.
 */
bool svm_l1_wants(const struct vmcb *l1, const struct svm_l2_exit *exit, const struct svm_mem *mem);

/*
 * Whether SVM_EXIT_CR0_SEL is for L1, of a write to CR0 that L1 did not want as SVM_EXIT_CR_WRITE:
 * LMSW always, MOV if it changes more than TS and MP. Not for CLTS.
 */
bool svm_l1_wants_cr0_sel(const struct vmcb *l1, bool lmsw, u64 old, u64 val);
