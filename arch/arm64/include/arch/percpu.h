// SPDX-License-Identifier: Apache-2.0
/* What each physical CPU owns, found through TPIDR_EL2. */
#pragma once

#include "mm/types.h"

struct vcpu;

struct percpu {
	u32 id;
	u64 mpidr;
	struct vcpu *vcpu; /* running or last run here */
	u64 timer_count;   /* what the EL2 timer is set to, ~0: off */
};

static inline struct percpu *this_cpu(void)
{
	struct percpu *p;

	__asm__("mrs %0, tpidr_el2" : "=r"(p));
	return p;
}
