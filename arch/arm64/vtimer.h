// SPDX-License-Identifier: Apache-2.0
/*
 * A vCPU's generic timers. The virtual one is the guest's own in hardware while the vCPU is loaded
 * (CNTV_*, with CNTVOFF_EL2 so that the virtual count starts with the VM), its interrupt linked to
 * the physical one. The physical one is emulated: CNTP_* trap, CNTPCT does not, so that it counts
 * what the host counts. Arm ARM (DDI 0487), "The Generic Timer in AArch64 state".
 *
 * All times are the host's physical count. ~0: never.
 */
#pragma once

#include "mm/bits.h"
#include "mm/types.h"

#define TIMER_CTL_ENABLE  1u
#define TIMER_CTL_IMASK   2u
#define TIMER_CTL_ISTATUS 4u

#define VTIMER_NEVER (~(u64)0)

struct vgic_cpu;

/* The trapped registers: CNTP_TVAL_EL0, CNTP_CTL_EL0, CNTP_CVAL_EL0, by their CRm 2, op2. */
enum vtimer_reg { VTIMER_TVAL, VTIMER_CTL, VTIMER_CVAL };

struct vtimer {
	struct vgic_cpu *vgic;
	u64 offset; /* CNTVOFF_EL2 */
	u64 phys_cval;
	u32 phys_ctl; /* without ISTATUS */
	bool loaded;
	/* The virtual timer and CNTKCTL_EL1: while not loaded. */
	u32 virt_ctl;
	u64 virt_cval;
	u64 kctl;
};

/* Off, the virtual count at 0 when the physical one is @now. Not loaded. Links the interrupt. */
void vtimer_init(struct vtimer *t, struct vgic_cpu *vgic, u64 now);

/* The same for a VM that starts again. */
void vtimer_reset(struct vtimer *t, u64 now);

/* Trapped accesses at physical count @now. The interrupt's line follows. */
u64 vtimer_phys_read(const struct vtimer *t, enum vtimer_reg reg, u64 now);
void vtimer_phys_write(struct vtimer *t, enum vtimer_reg reg, u64 val, u64 now);

/* Raises the emulated timer's line if it is due. */
void vtimer_tick(struct vtimer *t, u64 now);

/*
 * When vtimer_tick() or a waiting vCPU is to be looked at next: the emulated timer's expiry, and
 * while not loaded that of the virtual one, whose hardware is off. May lie in the past.
 */
u64 vtimer_next_event(const struct vtimer *t);

/* The output of a virtual timer with these registers, at virtual count @now. */
static inline bool vtimer_output(u32 ctl, u64 cval, u64 now)
{
	return (ctl & (TIMER_CTL_ENABLE | TIMER_CTL_IMASK)) == TIMER_CTL_ENABLE && now >= cval;
}

/* The virtual timer's output now. */
bool vtimer_virt_line(const struct vtimer *t);

/*
 * The physical interrupt of the virtual timer has been acknowledged and its priority dropped, while
 * @t is loaded: hands it on to the guest, with the duty to deactivate it.
 */
void vtimer_irq(struct vtimer *t, u32 physical_intid);

/*
 * Puts the guest's timers on this CPU, and takes them off it. Load behind vgic_cpu_load(): a linked
 * interrupt that is owed to the guest is then active before the timer can raise it. Put before
 * vgic_cpu_put(): with the timer off, ending that active state lets nothing through.
 */
void vtimer_load(struct vtimer *t);
void vtimer_put(struct vtimer *t);

/* Once per CPU: all timers off. What of them traps is in struct el2_controls. */
void vtimer_cpu_init(void);

/* EL2's own timer (CNTHP): its interrupt when the physical count reaches @count. */
void host_timer_set(u64 count);
void host_timer_stop(void);
