// SPDX-License-Identifier: Apache-2.0
/* What each physical CPU owns, found through TPIDR_EL2. */
#pragma once

#include <stdatomic.h>

#include "mm/types.h"

struct vcpu;

/* How far the start of a CPU has come. */
enum cpu_start { CPU_OFF, CPU_STARTED, CPU_FAILED };

struct percpu {
	u32 id;
	u32 lock_ranks; /* held, with LOCK_DEBUG */
	u64 mpidr;
	u64 stack_start, stack_end;
	volatile u8 *redist; /* its redistributor */
	atomic_uint start;   /* enum cpu_start */
	/* For smp.S, which reads it with the MMU off. */
	struct ap_arguments {
		u64 hcr, mair, tcr, ttbr0, sctlr, vbar;
		u64 stack, percpu, entry;
	} ap;
	struct vcpu *vcpu; /* whose registers are in the CPU */
	u64 timer_count;   /* what the EL2 timer is set to, ~0: off */
	/* When the core itself wants its interrupt, in host time and by the physical count. */
	u64 deadline_ns, deadline_count;
};

static inline struct percpu *this_cpu(void)
{
	struct percpu *p;

	__asm__("mrs %0, tpidr_el2" : "=r"(p));
	return p;
}
