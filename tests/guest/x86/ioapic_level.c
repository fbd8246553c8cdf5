// SPDX-License-Identifier: Apache-2.0
/*
 * A level-triggered line by way of the I/O APIC: it comes again after EOI while it is asserted, not
 * before, and no more when it is not. The line is the UART's, asserted while its transmitter is
 * empty.
 */
#include "guest.h"

#define UART   0x3f8
#define LEVEL  BIT(15)
#define REMOTE BIT(14)
#define VECTOR 0x45

static volatile unsigned count;
static unsigned clear_at;

static bool bit(u32 reg)
{
	return apic_read(reg + VECTOR / 32 * 0x10) >> VECTOR % 32 & 1;
}

static void on_interrupt(struct trap *t)
{
	(void)t;
	CHECK(bit(APIC_TMR));
	CHECK(ioapic_read(0x10 + 4 * 2) & REMOTE);
	if (++count == clear_at) {
		outb(UART + 1, 0);
	}
	apic_eoi();
}

static void on_edge(struct trap *t)
{
	(void)t;
	count++;
	CHECK(!bit(APIC_TMR));
	apic_eoi();
}

void guest_main(void)
{
	apic_init();
	trap_set(VECTOR, on_interrupt);
	outb(UART + 1, 0);
	(void)inb(UART + 2);
	ioapic_route(4, VECTOR | LEVEL);
	clear_at = 3;
	outb(UART + 1, 2);
	CHECK(bit(APIC_IRR));
	for (unsigned i = 0; i < 10; i++) {
		sti();
		vmexit();
		cli();
	}
	CHECK_EQ(count, 3);
	CHECK(!(ioapic_read(0x10 + 4 * 2) & REMOTE));

	/* While its priority is too low it waits, and HLT with it. */
	write_cr8(4);
	count = 0;
	clear_at = 1;
	outb(UART + 1, 2);
	sti();
	vmexit();
	cli();
	CHECK_EQ(count, 0);
	write_cr8(3);
	sti_hlt_cli();
	CHECK_EQ(count, 1);
	write_cr8(0);

	/* The same vector as an edge. */
	count = 0;
	trap_set(VECTOR, on_edge);
	ioapic_route(4, VECTOR);
	outb(UART + 1, 2);
	sti();
	vmexit();
	cli();
	CHECK_EQ(count, 1);
	outb(UART + 1, 0);
}
