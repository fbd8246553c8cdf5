// SPDX-License-Identifier: Apache-2.0
/* A thread that waits for a lock: as a CPU does, but there may be more threads than CPUs. */
#pragma once

#include <sched.h>

static inline void bench_relax(void)
{
	static _Thread_local unsigned looks;

	if (++looks % 64) {
#ifdef __x86_64__
		__builtin_ia32_pause();
#endif
	} else {
		sched_yield();
	}
}

#define LOCK_RELAX() bench_relax()
