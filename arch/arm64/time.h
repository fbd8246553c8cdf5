// SPDX-License-Identifier: Apache-2.0
/* Host time: the system counter (Arm ARM, "The Generic Timer in AArch64 state"). */
#pragma once

#include "arch/cpu.h"
#include "mm/types.h"

/* Reads the counter's frequency. False: the firmware has not set it. */
bool time_init(void) __must_check;

/* The physical count. Not speculated: ordered after what comes before by the ISB. */
static inline u64 time_count(void)
{
	isb();
	return read_sysreg(cntpct_el0);
}

/* Ticks to nanoseconds and back, rounded down; ns_to_count saturates. */
u64 time_count_to_ns(u64 count);
u64 time_ns_to_count(u64 ns);

/* The physical count at host time @ns, rounded up; and back. ~0, never, stays. */
u64 time_host_count(u64 ns);
u64 time_host_ns(u64 count);

/* Nanoseconds since time_init(), 0 before. */
u64 time_now_ns(void);
