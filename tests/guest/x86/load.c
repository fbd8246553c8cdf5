// SPDX-License-Identifier: Apache-2.0
/*
 * So much work: "busy=" milliseconds of each "period=", and it halts for the rest; period=0: it
 * halts for ever, with no timer on. After "ms=" milliseconds it ends, or when somebody else ends
 * it.
 */
#include "guest.h"

static void on_timer(struct trap *t)
{
	(void)t;
	apic_eoi();
}

void guest_main(void)
{
	u64 busy = option("busy", 0), period = option("period", 0), ms = option("ms", 0),
	    khz = tsc_khz();
	u64 begin = rdtsc();

	apic_init();
	trap_set(0x51, on_timer);
	print("tiny: load\n");
	while (!ms || rdtsc() - begin < ms * khz) {
		u64 start = rdtsc();

		while (rdtsc() - start < busy * khz) {
			/* That is the work. */
		}
		if (busy < period) {
			apic_write(APIC_LVTT, 0x51);
			apic_write(APIC_TMICT, (u32)(period - busy) * 1000000);
			sti_hlt_cli();
		} else if (!period) {
			sti_hlt_cli();
		}
	}
}
