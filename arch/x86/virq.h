// SPDX-License-Identifier: Apache-2.0
/*
 * Interrupt routing of one VM: lines into the 8259 pair and the IOAPIC, messages on the APIC bus.
 *
 * A line (GSI) carries assertion, not voltage. GSI 0..15 reach both controllers; the 8254's GSI 0
 * is IOAPIC pin 2, every other GSI is its own pin (the MADT says the same).
 *
 * Locks: none are taken here. The caller serialises all calls into one platform and its LAPICs.
 */
#pragma once

#include "mm/types.h"

struct vplatform;
struct vlapic;

#define VIRQ_GSI_COUNT 24

enum virq_gsi {
	VIRQ_PIT = 0,
	VIRQ_UART = 4,
	VIRQ_RTC = 8,
	VIRQ_SCI = 9,
};

/* Delivery modes as encoded in ICR, LVT and IOAPIC entries. */
enum apic_mode {
	APIC_MODE_FIXED = 0,
	APIC_MODE_LOWEST = 1,
	APIC_MODE_SMI = 2,
	APIC_MODE_NMI = 4,
	APIC_MODE_INIT = 5,
	APIC_MODE_SIPI = 6,
	APIC_MODE_EXTINT = 7,
};

/* One message on the APIC bus. A destination of 0xff (@wide: 0xffffffff) is everybody. */
struct apic_msg {
	u32 dest;
	u8 vector;
	u8 mode;      /* enum apic_mode, 0..7 */
	bool logical; /* @dest is a logical destination */
	bool level;   /* level-triggered */
	bool wide;    /* from x2APIC: @dest has 32 bits */
};

/* Drives line @gsi; out-of-range lines are ignored. */
void vplatform_irq_set(struct vplatform *vp, unsigned gsi, bool level);

/* The INT output of the 8259 pair changed: it is LINT0 of every LAPIC. */
void vplatform_intr_set(struct vplatform *vp, bool level);

/* Delivers @msg. Returns whether some LAPIC took it. */
bool vplatform_apic_send(struct vplatform *vp, const struct apic_msg *msg);

/* A LAPIC ended level-triggered @vector. */
void vplatform_eoi_broadcast(struct vplatform *vp, u8 vector);
