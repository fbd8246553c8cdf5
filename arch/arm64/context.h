// SPDX-License-Identifier: Apache-2.0
/* Guest registers that the core never touches while the guest's vCPU is on the CPU. */
#pragma once

#include "mm/types.h"

#define DEBUG_UNITS_MAX 16 /* breakpoints, and watchpoints, of a CPU */
#define FP_STATE_SIZE   (32 * 16 + 2 * 8)

struct arm64_context {
#define EL1(name)         u64 name;
#define PLAIN(field, reg) u64 field;
#include "arch/arm64/context.def"
#undef EL1
#undef PLAIN
	u64 pauth_key[10];
	bool debug_owned; /* the debug registers are the guest's; before its first use they trap */
	u64 dbgbvr[DEBUG_UNITS_MAX], dbgbcr[DEBUG_UNITS_MAX];
	u64 dbgwvr[DEBUG_UNITS_MAX], dbgwcr[DEBUG_UNITS_MAX];
	u8 fp[FP_STATE_SIZE] __attribute__((aligned(16))); /* V0..V31, FPSR, FPCR */
};

/* As after a warm reset into EL1: MMU and caches off (Arm ARM, "Reset and debug", and each
 * register's "On a Warm reset"); what is UNKNOWN is 0. */
void context_reset(struct arm64_context *c);

/* To the CPU, from the CPU. The caller synchronises (the next entry does). */
void context_load(const struct arm64_context *c);
void context_save(struct arm64_context *c);

/* The debug registers become the guest's, all zero. The caller stops trapping them. */
void context_debug_own(struct arm64_context *c);
