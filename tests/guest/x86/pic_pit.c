// SPDX-License-Identifier: Apache-2.0
/* The 8259 in virtual wire mode, as for a kernel that knows no APIC; RTC by the second 8259. */
#include "guest.h"

static volatile unsigned count, rtc;
static bool eoi = true;

static void on_tick(struct trap *t)
{
	(void)t;
	count++;
	if (eoi) {
		outb(0x20, 0x20);
	}
}

static void on_rtc(struct trap *t)
{
	(void)t;
	rtc++;
	outb(0x70, 0xc);
	(void)inb(0x71);
	outb(0xa0, 0x20);
	outb(0x20, 0x20);
}

static void pic_init(u8 master_mask, u8 slave_mask)
{
	outb(0x20, 0x11);
	outb(0x21, 0x30);
	outb(0x21, 4);
	outb(0x21, 1);
	outb(0xa0, 0x11);
	outb(0xa1, 0x38);
	outb(0xa1, 2);
	outb(0xa1, 1);
	outb(0x21, master_mask);
	outb(0xa1, slave_mask);
}

void guest_main(void)
{
	trap_set(0x30, on_tick);
	trap_set(0x38, on_rtc);
	pic_init(0xfe, 0xff);
	pit_set(0, 2, 11932);
	while (count < 5) {
		sti_hlt_cli();
	}
	/* Without EOI it stays in service. */
	eoi = false;
	sti_hlt_cli();
	count = 0;
	delay_us(30000);
	sti();
	cli();
	CHECK_EQ(count, 0);
	outb(0x20, 0xb);
	CHECK_EQ(inb(0x20), 1);
	eoi = true;
	outb(0x20, 0x20);
	sti();
	vmexit();
	cli();
	CHECK_EQ(count, 1);
	/* Masked. */
	outb(0x21, 0xff);
	count = 0;
	delay_us(30000);
	sti();
	cli();
	CHECK_EQ(count, 0);

	/* Periodic interrupts of the RTC through the cascade. */
	pic_init(0xfb, 0xfe);
	outb(0x70, 0xa);
	outb(0x71, 0x28); /* 256 Hz */
	outb(0x70, 0xb);
	outb(0x71, 0x42);
	outb(0x70, 0xc);
	(void)inb(0x71);
	while (rtc < 5) {
		sti_hlt_cli();
	}
}
