// SPDX-License-Identifier: Apache-2.0
/* Timers set faster than anybody can serve them, all at once: the guest still gets on. */
#include "guest.h"

static volatile unsigned apic, pit, rtc;

static void on_apic(struct trap *t)
{
	(void)t;
	apic++;
	apic_eoi();
}

static void on_pit(struct trap *t)
{
	(void)t;
	pit++;
	apic_eoi();
}

static void on_rtc(struct trap *t)
{
	(void)t;
	rtc++;
	outb(0x70, 0xc);
	(void)inb(0x71);
	apic_eoi();
}

void guest_main(void)
{
	u32 start;
	u64 work = 0;

	apic_init();
	trap_set(0x61, on_apic);
	trap_set(0x51, on_pit);
	trap_set(0x41, on_rtc);
	ioapic_route(2, 0x51);
	ioapic_route(8, 0x41);
	pit_set(0, 2, 2);
	outb(0x70, 0xa);
	outb(0x71, 0x21);
	outb(0x70, 0xb);
	outb(0x71, 0x72);
	apic_write(APIC_LVTT, 0x61 | APIC_PERIODIC);
	apic_write(APIC_TMICT, 1);
	sti();
	start = pm_timer();
	while (((pm_timer() - start) & 0xffffff) < 3579545 / 4) {
		work++;
	}
	print("%u + %u + %u interrupts, %lu rounds in a quarter of a second\n", apic, pit, rtc,
	      work);
	CHECK(apic && pit && rtc);
	apic_write(APIC_TMICT, 0);

	/* A deadline that is always over. */
	apic = 0;
	apic_write(APIC_LVTT, 0x61 | APIC_DEADLINE);
	for (unsigned i = 0; i < 1000; i++) {
		wrmsr(0x6e0, 1);
		vmexit();
	}
	CHECK(apic > 500);
	cli();
}
