// SPDX-License-Identifier: Apache-2.0
/* The emulated physical timer, as arithmetic. Arm ARM, "Operation of the timers". */
#include "arch/arm64/vtimer.h"

#include "arch/arm64/vgic.h"

void vtimer_reset(struct vtimer *t, u64 now)
{
	assert(!t->loaded);
	t->offset = now;
	t->phys_ctl = 0;
	t->phys_cval = 0;
	t->virt_ctl = 0;
	t->virt_cval = 0;
	t->kctl = 0;
	vgic_set_ppi(t->vgic, VGIC_PPI_PHYS_TIMER, false);
}

void vtimer_init(struct vtimer *t, struct vgic_cpu *vgic, u64 now)
{
	t->vgic = vgic;
	t->loaded = false;
	vgic->timer = t;
	vgic_link_ppi(vgic, VGIC_PPI_VIRT_TIMER);
	vtimer_reset(t, now);
}

static bool phys_is_met(const struct vtimer *t, u64 now)
{
	return (t->phys_ctl & TIMER_CTL_ENABLE) && now >= t->phys_cval;
}

void vtimer_tick(struct vtimer *t, u64 now)
{
	vgic_set_ppi(t->vgic, VGIC_PPI_PHYS_TIMER, vtimer_output(t->phys_ctl, t->phys_cval, now));
}

u64 vtimer_phys_read(const struct vtimer *t, enum vtimer_reg reg, u64 now)
{
	switch (reg) {
	case VTIMER_TVAL:
		return (u32)(t->phys_cval - now);
	case VTIMER_CTL:
		return t->phys_ctl | (phys_is_met(t, now) ? TIMER_CTL_ISTATUS : 0);
	case VTIMER_CVAL:
		return t->phys_cval;
	}
	return 0;
}

void vtimer_phys_write(struct vtimer *t, enum vtimer_reg reg, u64 val, u64 now)
{
	switch (reg) {
	case VTIMER_TVAL:
		t->phys_cval = now + (u64)(s64)(s32)(u32)val;
		break;
	case VTIMER_CTL:
		t->phys_ctl = (u32)val & (TIMER_CTL_ENABLE | TIMER_CTL_IMASK);
		break;
	case VTIMER_CVAL:
		t->phys_cval = val;
		break;
	}
	vtimer_tick(t, now);
}

static bool timer_is_armed(u32 ctl)
{
	return (ctl & (TIMER_CTL_ENABLE | TIMER_CTL_IMASK)) == TIMER_CTL_ENABLE;
}

u64 vtimer_next_event(const struct vtimer *t)
{
	u64 next = VTIMER_NEVER, virt;

	/* A raised line has nothing more to tell. */
	if (timer_is_armed(t->phys_ctl) &&
	    !(t->vgic->bank.line & ((u32)1 << VGIC_PPI_PHYS_TIMER))) {
		next = t->phys_cval;
	}
	if (!t->loaded && timer_is_armed(t->virt_ctl)) {
		virt = t->virt_cval + t->offset;
		/* Past the counter's end: it is not reached in this machine's life. */
		if (virt >= t->offset) {
			next = min_u64(next, virt);
		}
	}
	return next;
}
