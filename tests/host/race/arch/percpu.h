// SPDX-License-Identifier: Apache-2.0
/* A CPU that is a thread: see test_race_vms.c. */
#pragma once

#include <stdatomic.h>

#include "mm/types.h"

struct vcpu;

struct percpu {
	u32 id;
	u32 lock_ranks;
	struct vcpu *vcpu;
	u64 deadline_ns;
	u64 random;
	atomic_bool kicked;
};

extern _Thread_local struct percpu *this_thread;

static inline struct percpu *this_cpu(void)
{
	return this_thread;
}
