// SPDX-License-Identifier: Apache-2.0
/* Timers set as fast as they come, and waits, for a while: time goes on and the guest with it. */
#include "guest.h"

static void hook(u32 intid)
{
	u64 soon = counter() + (random64() & 0xfff);

	if (intid == INTID_VTIMER) {
		sysreg_write(cntv_cval_el0, soon);
	} else if (intid == INTID_PTIMER) {
		sysreg_write(cntp_cval_el0, counter_phys() + (random64() & 0xfff));
	}
}

void guest_main(void)
{
	u64 end, rounds = option("rounds", 30000);

	gic_init();
	irq_hook = hook;
	gic_enable(INTID_VTIMER);
	gic_enable(INTID_PTIMER);
	sysreg_write(cntv_cval_el0, 0);
	sysreg_write(cntp_cval_el0, 0);
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	sysreg_write(cntp_ctl_el0, TIMER_ON);
	end = counter();
	for (u64 i = 0; i < rounds; i++) {
		if (i % 3) {
			wfi();
		}
		irq_enable();
		irq_disable();
		CHECK(counter() >= end);
		end = counter();
		if (i % 7 == 0) {
			sysreg_write(cntv_ctl_el0, 0);
			sysreg_write(cntv_tval_el0, random64() & 0xff);
			sysreg_write(cntv_ctl_el0, TIMER_ON);
		}
	}
	print("%u and %u interrupts\n", irq_count[INTID_VTIMER], irq_count[INTID_PTIMER]);
	CHECK(irq_count[INTID_VTIMER] > 100 && irq_count[INTID_PTIMER] > 100);
}
