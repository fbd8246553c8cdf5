// SPDX-License-Identifier: Apache-2.0
/*
 * "count=" interrupts of the one-shot timer, one after the other, with interrupts on and without a
 * halt: each comes exactly once.
 */
#include "guest.h"

#define VECTOR 0x61

static volatile u64 seen;

static void on_tick(struct trap *t)
{
	(void)t;
	seen++;
	apic_eoi();
}

void guest_main(void)
{
	u64 count = option("count", 1000);

	apic_init();
	trap_set(VECTOR, on_tick);
	apic_write(APIC_LVTT, VECTOR);
	sti();
	for (u64 i = 1; i <= count; i++) {
		apic_write(APIC_TMICT, 20000);
		while (seen < i) {
			/* That it does not exit lets the interrupt come at any instruction. */
		}
		CHECK_EQ(seen, i);
	}
	cli();
	print("tiny: once\n");
}
