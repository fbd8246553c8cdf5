// SPDX-License-Identifier: Apache-2.0
/*
 * What L1 is offered of SVM: one table (svm_contract.def), of which CPUID's leaf, the VMCB that the
 * rest of nested/ sees, and the documentation (svm_contract.md, by `make docs`) are made.
 */
#pragma once

#include "arch/x86/vmcb.h"

enum svm_word {
	SVM_WORD_INSN,
	SVM_WORD_MSR,
	SVM_WORD_CPUID, /* 8000_000A EDX */
	/* of the VMCB: */
	SVM_WORD_CR,
	SVM_WORD_DR,
	SVM_WORD_EXCP,
	SVM_WORD_MISC1,
	SVM_WORD_MISC2,
	SVM_WORD_MISC3,
	SVM_WORD_TLB,
	SVM_WORD_VINTR,
	SVM_WORD_NESTED,
	SVM_WORD_VIRT_EXT,
	SVM_WORD_CLEAN,
	SVM_WORD_COUNT
};

enum svm_policy { SVM_NEVER, SVM_CPU, SVM_ALWAYS };

struct svm_row {
	u8 word, policy;
	u64 mask;
	const char *name, *text;
};
extern const struct svm_row svm_rows[];
extern const unsigned svm_row_count;

#define SVM_L1_REVISION 1      /* 8000_000A EAX */
#define SVM_L1_ASIDS    0x8000 /* EBX: a tag of the shadow engine's, so it costs nothing */

/* Of each word the bits that L1 has on this machine. */
struct svm_contract {
	u64 offered[SVM_WORD_COUNT];
};

/* @host_edx: CPUID 8000_000A EDX of this CPU. offered[SVM_WORD_CPUID] is L1's. */
void svm_contract_make(struct svm_contract *c, u32 host_edx);

/*
 * Makes of a copy of L1's VMCB what a CPU with just what is offered sees in it: all else is 0, and
 * an undefined TLB_CONTROL flushes all. The state save area stays as it is.
 */
void svm_contract_apply(const struct svm_contract *c, struct vmcb *v);
