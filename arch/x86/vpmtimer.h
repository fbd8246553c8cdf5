// SPDX-License-Identifier: Apache-2.0
/*
 * ACPI fixed hardware: PM1a event and control blocks and the PM timer. ACPI 6.4, "ACPI Hardware
 * Specification", "Fixed Hardware Features" and "Register Grouping".
 *
 * The machine is always in ACPI mode (SCI_EN reads 1, no SMI command port). The timer has 32
 * bits. Sleep type 0 is S5, everything else is ignored.
 */
#pragma once

#include "mm/types.h"

#define VPM_EVT_PORT 0x600
#define VPM_CNT_PORT 0x604
#define VPM_TMR_PORT 0x608
#define VPM_TMR_HZ   3579545u
#define VPM_SLP_S5   0

struct vpm {
	u16 sts, en, cnt;
	u64 wrap_seen; /* half-wraps of the timer accounted for in TMR_STS */
	u64 event_ns;
};

void vpm_init(struct vpm *pm);

/* Ports 0x600..0x60b, @size 1, 2 or 4. */
u32 vpm_read(struct vpm *pm, u16 port, unsigned size, u64 now_ns);
void vpm_write(struct vpm *pm, u16 port, unsigned size, u32 val, u64 now_ns);

/* The user pressed the power button: asks the guest to shut down. */
void vpm_power_button(struct vpm *pm);

static inline u64 vpm_next_event(const struct vpm *pm)
{
	return pm->event_ns;
}

void vpm_tick(struct vpm *pm, u64 now_ns);
