// SPDX-License-Identifier: Apache-2.0
/*
 * IOAPIC, 24 pins, version 0x11 (no EOI register). Intel 82093AA data sheet, "Register
 * Description".
 *
 * The polarity bit is kept and reads back, but lines carry assertion, so that it does not invert
 * them. An edge on a masked pin is lost. Pin 0 is not connected, pin 2 is the 8254.
 */
#pragma once

#include "mm/types.h"

#define VIOAPIC_BASE 0xfec00000u
#define VIOAPIC_SIZE 0x1000u
#define VIOAPIC_PINS 24

struct vioapic {
	u64 entry[VIOAPIC_PINS];
	u32 lines; /* asserted pins */
	u8 select, id;
};

void vioapic_init(struct vioapic *io);

/* Register page access, @offset within the page. Only aligned 32-bit accesses mean something. */
u32 vioapic_read(struct vioapic *io, u32 offset, unsigned size);
void vioapic_write(struct vioapic *io, u32 offset, unsigned size, u32 val);

void vioapic_set_pin(struct vioapic *io, unsigned pin, bool level);

/* A LAPIC ended level-triggered @vector. */
void vioapic_eoi(struct vioapic *io, u8 vector);
