// SPDX-License-Identifier: Apache-2.0
/* The arm64 half of a vCPU. */
#pragma once

#include "arch/arm64/context.h"
#include "arch/arm64/offsets.h"
#include "arch/arm64/sysreg_trap.h"
#include "arch/arm64/vgic.h"
#include "arch/arm64/vtimer.h"
#include "mm/types.h"

/* The vector that ended a run of the guest. */
enum arm64_event { ARM64_SYNC, ARM64_IRQ, ARM64_FIQ, ARM64_SERROR };

/* By ESR_EL2.EC, and interrupts. */
#define EXIT_REASON_IRQ   64
#define VCPU_EXIT_REASONS 65

struct exit_record {
	u64 esr, pc;
};

struct vcpu_arch {
	/* Valid between exit and entry; vectors.S knows their places. */
	u64 gpr[31];
	u64 pc, pstate;
	u64 esr;
	u32 event; /* enum arm64_event */
	u32 exit_next;
	struct exit_record exit_log[EXIT_LOG_SIZE]; /* the last of all is exit_next - 1 */
	u64 entry, entry_context;                   /* of PSCI CPU_ON, while that is pending */
	struct vgic_cpu vgic;
	struct vtimer vtimer;
	struct sysreg_state sysregs;
	struct sysreg_seen sysreg_seen;
	u64 exit_count[VCPU_EXIT_REASONS];
	struct arm64_context context; /* valid while the vCPU is not on a CPU */
};
static_assert(offsetof(struct vcpu_arch, pc) == VCPU_PC, "vectors.S");
static_assert(offsetof(struct vcpu_arch, pstate) == VCPU_PC + 8, "vectors.S");
static_assert(offsetof(struct vcpu_arch, esr) == VCPU_ESR, "vectors.S");
static_assert(offsetof(struct vcpu_arch, event) == VCPU_EVENT, "vectors.S");
static_assert(offsetof(struct vcpu_arch, exit_next) == VCPU_EXIT_NEXT, "vectors.S");
static_assert(offsetof(struct vcpu_arch, exit_log) == VCPU_EXIT_LOG, "vectors.S");
static_assert(sizeof(struct exit_record) == 16, "vectors.S");
