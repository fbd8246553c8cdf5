// SPDX-License-Identifier: Apache-2.0
/*
 * 8254 timer (ports 0x40..0x43) and system control port B (0x61). Intel 8254 data sheet, "Mode
 * Definitions".
 *
 * Counts and outputs are computed from the time; only channel 0's interrupt is an event. Its
 * schedule keeps its phase: a late tick gives one edge, edges come at most every
 * VPIT_PERIOD_MIN_NS. Channel 0 is silent until programmed.
 */
#pragma once

#include "mm/types.h"

#define VPIT_HZ            1193182u
#define VPIT_PERIOD_MIN_NS 50000u

struct vpit_channel {
	u64 start_ns; /* when the present count was loaded (or retriggered) */
	u32 count;    /* 1..0x10000; BCD: 1..10000 */
	u64 held;     /* clocks counted when the gate fell */
	u16 latch;
	u8 status;   /* latched status */
	u8 mode, rw; /* 0..5; 1 low byte, 2 high byte, 3 both */
	u8 low_byte; /* first half of a two-byte write */
	u8 latched;  /* bytes of @latch left to read */
	bool bcd, gate;
	bool loaded;    /* counting (or gated) with a count */
	bool triggered; /* modes 1, 5: the gate has risen */
	bool write_high, read_high;
	bool status_latched;
};

struct vpit {
	struct vpit_channel ch[3];
	u64 edge_ns; /* next rising edge of channel 0, ~0: none */
	u8 port61;
};

void vpit_init(struct vpit *pit);

u32 vpit_read(struct vpit *pit, u16 port, u64 now_ns);
void vpit_write(struct vpit *pit, u16 port, u8 val, u64 now_ns);

u32 vpit_port61_read(struct vpit *pit, u64 now_ns);
void vpit_port61_write(struct vpit *pit, u8 val, u64 now_ns);

static inline u64 vpit_next_event(const struct vpit *pit)
{
	return pit->edge_ns;
}

void vpit_tick(struct vpit *pit, u64 now_ns);
