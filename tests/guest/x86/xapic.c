// SPDX-License-Identifier: Apache-2.0
/* The xAPIC page: registers, what of them can be written, software disable, errors, moving it. */
#include "guest.h"

static volatile unsigned count;

static void on_interrupt(struct trap *t)
{
	(void)t;
	count++;
	apic_eoi();
}

static void check_bits(u32 reg, u32 v, u32 expected)
{
	u32 old = apic_read(reg), got;

	apic_write(reg, v);
	got = apic_read(reg);
	if (got != expected) {
		fail("register %x: wrote %x, reads %x, expected %x", reg, v, got, expected);
	}
	apic_write(reg, old);
}

void guest_main(void)
{
	apic_init();
	trap_set(0x51, on_interrupt);
	CHECK_EQ(apic_read(APIC_VERSION) & 0xff, 0x14);
	CHECK_EQ(apic_read(APIC_VERSION) >> 16, 5);
	check_bits(APIC_TPR, 0xffffffff, 0xff);
	check_bits(APIC_LDR, 0xffffffff, 0xff000000);
	check_bits(APIC_DFR, 0, 0x0fffffff);
	check_bits(APIC_LVTT, 0xffffffff, 0x000700ff);
	check_bits(APIC_LVT0, 0x1a7ff, 0x0001a7ff);
	check_bits(APIC_LVTERR, 0xffffffff, 0x000100ff);
	check_bits(APIC_TDCR, 0xffffffff, 0xb);
	check_bits(APIC_ICR2, 0xffffffff, 0xff000000);
	check_bits(APIC_VERSION, 0, apic_read(APIC_VERSION));
	check_bits(APIC_PPR, 0xff, 0);
	check_bits(APIC_TMCCT, 0xff, 0);
	check_bits(APIC_ISR, 0xff, 0);
	check_bits(APIC_IRR, 0xff, 0);

	/* What is no register is an error. */
	apic_write(APIC_ESR, 0);
	(void)apic_read(0x3d0);
	apic_write(APIC_ESR, 0);
	CHECK_EQ(apic_read(APIC_ESR), 0x80);
	apic_write(APIC_ESR, 0);
	CHECK_EQ(apic_read(APIC_ESR), 0);

	/* Software-disabled: entries are masked and stay so, no fixed interrupt is taken. */
	apic_write(APIC_LVTT, 0x51);
	apic_write(APIC_SVR, 0xff);
	CHECK(apic_read(APIC_LVTT) & APIC_MASKED);
	apic_write(APIC_LVTT, 0x51);
	CHECK(apic_read(APIC_LVTT) & APIC_MASKED);
	apic_self(0x51);
	sti();
	vmexit();
	CHECK_EQ(count, 0);
	apic_write(APIC_SVR, 0x1ff);
	vmexit();
	CHECK_EQ(count, 0);
	apic_self(0x51);
	vmexit();
	CHECK_EQ(count, 1);
	cli();

	/* Elsewhere. */
	wrmsr(0x1b, 0xd0000900);
	CHECK_EQ(mmio_read(0xd0000000 + APIC_VERSION) & 0xff, 0x14);
	CHECK_EQ(apic_read(APIC_VERSION), 0xffffffff);
	wrmsr(0x1b, 0xfee00900);
	CHECK_EQ(apic_read(APIC_VERSION) & 0xff, 0x14);
}
