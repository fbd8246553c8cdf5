// SPDX-License-Identifier: Apache-2.0
/*
 * The timers' registers at EL2. Arm ARM, "The Generic Timer in AArch64 state", "CNTHCTL_EL2,
 * Counter-timer Hypervisor Control register".
 */
#include "arch/arm64/vtimer.h"

#include "arch/arm64/gic.h"
#include "arch/arm64/sysreg.h"
#include "arch/arm64/vgic.h"

bool vtimer_virt_line(const struct vtimer *t)
{
	u64 mask = TIMER_CTL_ENABLE | TIMER_CTL_IMASK | TIMER_CTL_ISTATUS;

	if (t->loaded) {
		return (read_el0(CNTV_CTL) & mask) == (TIMER_CTL_ENABLE | TIMER_CTL_ISTATUS);
	}
	return vtimer_output(t->virt_ctl, t->virt_cval, read_sysreg(cntpct_el0) - t->offset);
}

void vtimer_irq(struct vtimer *t, u32 physical_intid)
{
	/* The guest may have turned it off just before its exit. */
	if (vtimer_virt_line(t)) {
		vgic_set_ppi(t->vgic, VGIC_PPI_VIRT_TIMER, true);
	} else {
		gic_deactivate(physical_intid);
	}
}

void vtimer_load(struct vtimer *t)
{
	assert(!t->loaded && t->vgic->loaded);
	write_sysreg(t->offset, cntvoff_el2);
	write_el1(t->kctl, CNTKCTL);
	write_el0(t->virt_cval, CNTV_CVAL);
	/* Offset and value act before the enable, or the output could be seen for others. */
	isb();
	write_el0(t->virt_ctl, CNTV_CTL);
	t->loaded = true;
}

void vtimer_put(struct vtimer *t)
{
	assert(t->loaded && t->vgic->loaded);
	t->virt_ctl = (u32)read_el0(CNTV_CTL) & (TIMER_CTL_ENABLE | TIMER_CTL_IMASK);
	t->virt_cval = read_el0(CNTV_CVAL);
	t->kctl = read_el1(CNTKCTL);
	write_el0(0, CNTV_CTL);
	/* The output is off before the interrupt's active state ends (vgic_cpu_put). */
	isb();
	t->loaded = false;
}

void vtimer_cpu_init(void)
{
	write_el0(0, CNTV_CTL);
	write_sysreg(0, cnthp_ctl_el2);
	isb();
}

/* The ISB: WFI does not synchronize context, and the timer is what is to end it. */
void host_timer_set(u64 count)
{
	write_sysreg(count, cnthp_cval_el2);
	write_sysreg(TIMER_CTL_ENABLE, cnthp_ctl_el2);
	isb();
}

void host_timer_stop(void)
{
	write_sysreg(0, cnthp_ctl_el2);
	isb();
}
