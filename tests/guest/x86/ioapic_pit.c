// SPDX-License-Identifier: Apache-2.0
/* The 8254's channel 0 by way of the I/O APIC, at its rate; masked it is silent. */
#include "guest.h"

static volatile unsigned count;

static void on_tick(struct trap *t)
{
	(void)t;
	count++;
	apic_eoi();
}

void guest_main(void)
{
	u32 start, ticks;

	apic_init();
	trap_set(0x41, on_tick);
	CHECK_EQ(ioapic_read(1) >> 16 & 0xff, 23);
	for (unsigned pin = 0; pin < 24; pin++) {
		CHECK(ioapic_read(0x10 + pin * 2) & APIC_MASKED);
	}
	ioapic_route(2, 0x41);
	start = pm_timer();
	pit_set(0, 2, 11932); /* 100 Hz */
	while (count < 10) {
		sti_hlt_cli();
	}
	ticks = (pm_timer() - start) & 0xffffff;
	CHECK(ticks > 357000); /* 100 ms */
	ioapic_route(2, 0x41 | APIC_MASKED);
	sti();
	cli();
	count = 0;
	delay_us(30000);
	sti();
	cli();
	CHECK_EQ(count, 0);

	/* One-shot, before the pin is open to what was periodic; and the count goes down. */
	pit_set(0, 0, 0xffff);
	ioapic_route(2, 0x41);
	outb(0x43, 0);
	{
		unsigned a = inb(0x40), b;

		a |= (unsigned)inb(0x40) << 8;
		delay_us(1000);
		outb(0x43, 0);
		b = inb(0x40);
		b |= (unsigned)inb(0x40) << 8;
		CHECK(a > b);
	}
	pit_set(0, 0, 2000);
	sti_hlt_cli();
	CHECK_EQ(count, 1);
	delay_us(10000);
	sti();
	cli();
	CHECK_EQ(count, 1);
}
