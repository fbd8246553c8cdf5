// SPDX-License-Identifier: Apache-2.0
/* Host time: the TSC, scaled to nanoseconds. */
#pragma once

#include "mm/types.h"

struct time_scale {
	u32 mul; /* ns = (ticks << shift or >> -shift) * mul >> 32, as in the pvclock ABI */
	s8 shift;
	u64 khz; /* of the TSC */
};

extern struct time_scale time_scale;

/* Finds the frequency of the TSC: CPUID, else the ACPI PM timer at @pm_timer_port (0: the PIT). */
void time_init(u16 pm_timer_port);

/* Nanoseconds since time_init's base, 0 before it. */
u64 time_now_ns(void);

u64 time_tsc_to_ns(u64 ticks);
u64 time_ns_to_tsc(u64 ns);

/* The TSC value at which time_now_ns() was 0. */
u64 time_base_tsc(void);

/* The TSC value at which time_now_ns() is @ns. */
static inline u64 time_of_ns(u64 ns)
{
	return time_base_tsc() + time_ns_to_tsc(ns);
}
