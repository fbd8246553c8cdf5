// SPDX-License-Identifier: Apache-2.0
/* The RTC: time of day, update in progress, update-ended and periodic interrupts, CMOS bytes. */
#include "guest.h"

static volatile unsigned count;
static volatile u8 causes;

static u8 cmos(u8 index)
{
	outb(0x70, index);
	return inb(0x71);
}

static void cmos_set(u8 index, u8 v)
{
	outb(0x70, index);
	outb(0x71, v);
}

static void on_rtc(struct trap *t)
{
	(void)t;
	count++;
	causes |= cmos(0xc);
	apic_eoi();
}

void guest_main(void)
{
	u8 second;

	apic_init();
	trap_set(0x48, on_rtc);
	ioapic_route(8, 0x48);
	CHECK(cmos(0xd) & 0x80); /* battery good */
	print("century %x year %x\n", cmos(0x32), cmos(9));
	CHECK((cmos(0x32) >> 4) >= 2); /* century */
	cmos_set(0x40, 0xa5);
	CHECK_EQ(cmos(0x40), 0xa5);

	/* 1024 Hz. */
	(void)cmos(0xc);
	cmos_set(0xa, 0x26);
	cmos_set(0xb, 0x42);
	while (count < 20) {
		sti_hlt_cli();
	}
	CHECK(causes & 0x40);
	CHECK(!(causes & 0x10));
	cmos_set(0xb, 0x02);

	/* The next second. */
	(void)cmos(0xc);
	second = cmos(0);
	count = causes = 0;
	cmos_set(0xb, 0x12);
	sti_hlt_cli();
	CHECK_EQ(count, 1);
	CHECK(causes & 0x10);
	CHECK(cmos(0) != second);
	CHECK(!(cmos(0xa) & 0x80));

	/* Set by hand, binary, 24 hours: it holds, and reads back. */
	cmos_set(0xb, 0x86);
	cmos_set(0, 58);
	cmos_set(2, 59);
	cmos_set(4, 23);
	cmos_set(7, 31);
	cmos_set(8, 12);
	cmos_set(9, 24);
	cmos_set(0xb, 0x16);
	(void)cmos(0xc);
	count = 0;
	while (count < 2) {
		sti_hlt_cli();
	}
	CHECK_EQ(cmos(2), 0);
	CHECK_EQ(cmos(4), 0);
	CHECK_EQ(cmos(7), 1);
	CHECK_EQ(cmos(8), 1);
	CHECK_EQ(cmos(9), 25);
}
