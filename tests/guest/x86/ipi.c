// SPDX-License-Identifier: Apache-2.0
/* Priorities: classes nest and equals wait for EOI; IRR, ISR and PPR say so. */
#include "guest.h"

static u8 order[16];
static volatile unsigned count;
static bool nest;

static bool bit(u32 reg, u8 vector)
{
	return apic_read(reg + vector / 32 * 0x10) >> vector % 32 & 1;
}

static void on_interrupt(struct trap *t)
{
	u8 vector = (u8)t->vector;

	order[count++] = vector;
	CHECK(bit(APIC_ISR, vector));
	CHECK(!bit(APIC_IRR, vector));
	CHECK_EQ(apic_read(APIC_PPR), vector & 0xf0);
	if (nest && vector == 0x41) {
		nest = false;
		apic_self(0x33); /* lower: waits */
		apic_self(0x44); /* same class: waits */
		apic_self(0x55); /* higher: nests */
		sti();
		vmexit();
		CHECK(bit(APIC_IRR, 0x33));
		CHECK(bit(APIC_IRR, 0x44));
		cli();
		CHECK_EQ(count, 2);
	}
	apic_eoi();
	CHECK(!bit(APIC_ISR, vector));
}

static void check_order(const u8 *expected, unsigned n)
{
	sti();
	vmexit();
	cli();
	CHECK_EQ(count, n);
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(order[i], expected[i]);
	}
	count = 0;
}

void guest_main(void)
{
	static const u8 by_priority[] = {0xfe, 0x53, 0x51, 0x42, 0x31};
	static const u8 nested[] = {0x41, 0x55, 0x44, 0x33};

	apic_init();
	for (unsigned v = 0x20; v < 0x100; v++) {
		trap_set(v, on_interrupt);
	}
	apic_self(0x51);
	apic_self(0x31);
	apic_self(0xfe);
	apic_self(0x53);
	apic_self(0x42);
	apic_self(0x42); /* twice is once */
	CHECK(bit(APIC_IRR, 0x42));
	check_order(by_priority, sizeof(by_priority));
	nest = true;
	apic_self(0x41);
	check_order(nested, sizeof(nested));

	/* All ones: physical, logical, shorthands. */
	if (!x2apic) {
		apic_write(APIC_LDR, 0x01000000);
	}
	apic_write(APIC_ICR2, apic_read(APIC_ID));
	apic_write(APIC_ICR, 0x61);
	apic_write(APIC_ICR2, apic_read(APIC_LDR));
	apic_write(APIC_ICR, 0x62 | 1 << 11);
	apic_write(APIC_ICR, 0x63 | 2 << 18);
	apic_write(APIC_ICR, 0x64 | 3 << 18); /* all but self: nobody */
	check_order((const u8[]){0x63, 0x62, 0x61}, 3);

	/* A vector below 16 is an error, and no interrupt. */
	apic_write(APIC_LVTERR, 0x71);
	apic_self(0x0f);
	check_order((const u8[]){0x71}, 1);
	apic_write(APIC_ESR, 0);
	CHECK_EQ(apic_read(APIC_ESR), 1 << 5);
}
