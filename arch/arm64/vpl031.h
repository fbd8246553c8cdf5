// SPDX-License-Identifier: Apache-2.0
/*
 * PL031 real-time clock. Arm DDI 0224, "PrimeCell Real Time Clock (PL031) Technical Reference
 * Manual", chapter "Programmers Model".
 *
 * The counter is seconds since 1970 computed from VM time; it always runs. The match interrupt is
 * due at a known time, which the board asks for.
 */
#pragma once

#include "mm/types.h"

struct vpl031 {
	u64 match_ns; /* VM time at which the counter next equals MR, ~0: beyond VM time */
	u32 offset_s; /* counter = VM time in seconds + this, modulo 2^32 */
	u32 match, load;
	bool enabled; /* IMSC */
	bool raw;     /* RIS */
	bool irq;     /* output level */
};

/* @unix_s: time of day (UTC) at VM time @now_ns. */
void vpl031_init(struct vpl031 *rtc, u64 unix_s, u64 now_ns);

/* An access of @size bytes at @offset into the 4 KiB of registers; like vpl011's. */
u64 vpl031_read(struct vpl031 *rtc, u64 offset, u32 size, u64 now_ns);
void vpl031_write(struct vpl031 *rtc, u64 offset, u32 size, u64 val, u64 now_ns);

/* When vpl031_tick must be called, ~0: never. */
u64 vpl031_next_event(const struct vpl031 *rtc);
void vpl031_tick(struct vpl031 *rtc, u64 now_ns);

/* Supplied by the board that the clock sits on. */
void vpl031_irq_set(struct vpl031 *rtc, bool level);
