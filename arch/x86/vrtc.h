// SPDX-License-Identifier: Apache-2.0
/*
 * MC146818 real-time clock with 128 bytes of CMOS RAM, ports 0x70, 0x71. Motorola MC146818A data
 * sheet, "Address Map" and "Registers"; century in byte 0x32 as the FADT says.
 *
 * The time of day is base + VM time; no tick is needed to keep it. Periodic, alarm and update
 * flags are computed when looked at and when their interrupt is due.
 */
#pragma once

#include "mm/types.h"

#define VRTC_CENTURY 0x32

struct vrtc {
	u64 now_ns;   /* flags are up to date up to here */
	s64 epoch_s;  /* clock = epoch_s + (VM time + phase_ns) in seconds since 1970 */
	u32 phase_ns; /* below 10^9 */
	u64 event_ns; /* next event, ~0: none */
	u8 index;
	u8 cmos[128]; /* time bytes hold only while SET or divider reset stop the clock */
};

/* @unix_s: time of day (UTC) at VM time 0. */
void vrtc_init(struct vrtc *rtc, u64 unix_s);

u32 vrtc_read(struct vrtc *rtc, u16 port, u64 now_ns);
void vrtc_write(struct vrtc *rtc, u16 port, u8 val, u64 now_ns);

static inline u64 vrtc_next_event(const struct vrtc *rtc)
{
	return rtc->event_ns;
}

void vrtc_tick(struct vrtc *rtc, u64 now_ns);
