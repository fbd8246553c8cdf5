// SPDX-License-Identifier: Apache-2.0
/*
 * What VMRUN refuses, over L1's VMCB as it was copied: each bullet of the manual a row with its
 * section. APM volume 2, "VMRUN Instruction" (Canonicalization and Consistency Checks), "Event
 * Injection", "Enabling Nested Paging", "Nested Paging and VMRUN/#VMEXIT". CET's bullets have no
 * row: L1 is not offered CET, so CR4.CET is an MBZ bit. Not canonicalized here: segment bases.
 */
#pragma once

#include "arch/x86/vmcb.h"

/* What the verdict depends on beside the VMCB: what L1's CPU has, and how L1 runs. */
struct svm_check_env {
	u64 cr4_allowed, efer_allowed; /* bits that are not MBZ; EFER.LMA and LME: below */
	u8 phys_bits;                  /* width of L1's physical addresses, at most 52 */
	bool long_mode;                /* L1's CPU has it */
	bool l1_paging, l1_long;       /* L1's CR0.PG and EFER.LMA when it executes VMRUN */
};

struct svm_rule {
	const char *title; /* section and bullet */
	bool (*holds)(const struct vmcb *v, const struct svm_check_env *env);
};

/* NULL: VMRUN may go on; else the title of the first rule that does not hold: VMEXIT_INVALID. */
const char *svm_check(const struct vmcb *vmcb12, const struct svm_check_env *env);

/* The table, for tests. */
extern const struct svm_rule svm_rules[];
extern const unsigned svm_rule_count;
