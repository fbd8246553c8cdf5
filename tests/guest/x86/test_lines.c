// SPDX-License-Identifier: Apache-2.0
/*
 * What comes with a debug-exit port: interrupt lines, a port each. "lines=1": the VM has it, and is
 * ended by it; 0: it has none, and a write to those ports does nothing.
 */
#include "guest.h"

static volatile unsigned seen;

static void on_line(struct trap *t)
{
	(void)t;
	seen++;
	apic_eoi();
}

void guest_main(void)
{
	u64 lines = option("lines", 0);

	apic_init();
	trap_set(0x61, on_line);
	ioapic_route(14, 0x61);
	outb(0x200e, 1);
	outb(0x200e, 0);
	sti();
	cli();
	CHECK_EQ(seen, lines);
	outb(0x2018, 1); /* one past the last */
	outb(0xf4, 5);
	CHECK(!lines);
	print("tiny: test_lines\n");
}
