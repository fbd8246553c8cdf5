// SPDX-License-Identifier: Apache-2.0
/*
 * The PC that a guest sees: all devices of one VM but its LAPICs, and port I/O dispatch.
 *
 * struct vplatform is embedded in the VM. Registers are safe for any access of any size; ports
 * that nobody claims read all-ones and ignore writes. 8-bit devices split wider accesses.
 *
 * Locks: as arch/x86/virq.h, the caller serialises.
 */
#pragma once

#include "arch/x86/vioapic.h"
#include "arch/x86/virq.h"
#include "arch/x86/vlapic.h"
#include "arch/x86/vpci.h"
#include "arch/x86/vpic.h"
#include "arch/x86/vpit.h"
#include "arch/x86/vpmtimer.h"
#include "arch/x86/vrtc.h"
#include "mm/types.h"
#include "vmm/vuart.h"

#define VPLATFORM_LAPICS_MAX 64

struct vplatform {
	struct vpic pic;
	struct vioapic ioapic;
	struct vpit pit;
	struct vrtc rtc;
	struct vpm pm;
	struct vuart uart;
	struct vpci pci;
	u8 reset_control; /* port 0xcf9 */
	unsigned lapic_count;
	unsigned lapic_turn; /* where the next lowest-priority search starts */
	struct vlapic *lapics[VPLATFORM_LAPICS_MAX];
};

enum vplatform_end { VPLATFORM_POWER_OFF, VPLATFORM_RESET };

/* Power-on state of all devices, no LAPIC yet. @unix_s: time of day at VM time 0. */
void vplatform_init(struct vplatform *vp, u64 unix_s);

/* Connects an initialised LAPIC; the platform keeps the pointer. At most VPLATFORM_LAPICS_MAX. */
void vplatform_add_lapic(struct vplatform *vp, struct vlapic *l);

/* Port access of @size 1, 2 or 4 bytes. */
u32 vplatform_pio_read(struct vplatform *vp, u16 port, unsigned size);
void vplatform_pio_write(struct vplatform *vp, u16 port, unsigned size, u32 val);

/* VM time of the next device event (LAPIC timers excluded), ~0: none. */
u64 vplatform_next_event(const struct vplatform *vp);
void vplatform_tick(struct vplatform *vp, u64 now_ns);

/* The vector that an acknowledge by @l's CPU would give, -1: no interrupt. */
static inline int vplatform_pending_irq(const struct vplatform *vp, const struct vlapic *l)
{
	if (__atomic_load_n(&l->extint, __ATOMIC_RELAXED)) {
		return vpic_peek(&vp->pic);
	}
	return vlapic_pending_vector(l);
}

/* Acknowledges. Returns the vector to inject, -1: none. ExtINT goes before the LAPIC's own. */
int vplatform_ack_irq(struct vplatform *vp, struct vlapic *l);

/*
 * Supplied by the VM.
 *
 * vplatform_kick(): something new for @l's vCPU (vector, ExtINT, NMI, INIT or SIPI): wake it if
 * halted, make it look again if running. Not called for what the vCPU itself uncovers by EOI or
 * TPR: it looks again before it resumes.
 *
 * vplatform_time_ns(): VM time now. A device that asks for it may have moved its next event.
 */
void vplatform_kick(struct vplatform *vp, struct vlapic *l);
void vplatform_shutdown(struct vplatform *vp, enum vplatform_end end);
u64 vplatform_time_ns(struct vplatform *vp);
void vplatform_uart_tx(struct vplatform *vp, u8 byte);
