// SPDX-License-Identifier: Apache-2.0
/*
 * So much work: "busy=" milliseconds of each "period=", and it waits for the rest; period=0: it
 * waits for ever, with no timer on. After "ms=" milliseconds it ends, or when somebody else ends
 * it.
 */
#include "guest.h"

static void wait_until(u64 at)
{
	u32 before = irq_count[INTID_VTIMER];

	sysreg_write(cntv_cval_el0, at);
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	isb();
	while (irq_count[INTID_VTIMER] == before) {
		wfi();
		irq_enable();
		irq_disable();
	}
}

void guest_main(void)
{
	u64 busy = option("busy", 0), period = option("period", 0), ms = option("ms", 0);
	u64 end = counter() + counter_ms(ms);

	gic_init();
	gic_enable(INTID_VTIMER);
	print("tiny: load\n");
	while (!ms || counter() < end) {
		u64 start = counter();

		while (counter() < start + counter_ms(busy)) {
			/* That is the work. */
		}
		if (busy < period) {
			wait_until(start + counter_ms(period));
		} else if (!period) {
			wfi();
		}
	}
}
