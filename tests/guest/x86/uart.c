// SPDX-License-Identifier: Apache-2.0
/* The 16550's interrupts by way of the I/O APIC, level-triggered: THRE, received data, IIR's order.
 */
#include "guest.h"

#define UART 0x3f8
#define IER  (UART + 1)
#define IIR  (UART + 2)
#define LCR  (UART + 3)
#define MCR  (UART + 4)
#define LSR  (UART + 5)

static volatile unsigned count;
static volatile u8 iir[16];
static bool mask_after;

static void on_uart(struct trap *t)
{
	(void)t;
	iir[count & 15] = inb(IIR);
	count++;
	if ((iir[(count - 1) & 15] & 0xf) == 4) {
		(void)inb(UART);
	}
	if (mask_after) {
		outb(IER, 0);
	}
	apic_eoi();
}

void guest_main(void)
{
	apic_init();
	trap_set(0x44, on_uart);
	ioapic_route(4, 0x44 | 1 << 15); /* level */
	outb(LCR, 3);
	outb(IIR, 7);
	outb(MCR, 0x0b);
	CHECK_EQ(inb(LSR) & 0x60, 0x60);
	CHECK_EQ(inb(IIR) & 0xf, 1);

	/* THRE comes when enabled, and is over when IIR is read. */
	sti();
	outb(IER, 2);
	vmexit();
	CHECK_EQ(count, 1);
	CHECK_EQ(iir[0] & 0xf, 2);
	vmexit();
	CHECK_EQ(count, 1);
	outb(UART, '.');
	vmexit();
	CHECK_EQ(count, 2);

	/* In loopback: received data is before THRE; it stays until read. */
	cli();
	outb(IER, 0);
	outb(MCR, 0x1b);
	count = 0;
	outb(UART, 'a');
	CHECK_EQ(inb(LSR) & 1, 1);
	outb(IER, 3);
	sti();
	vmexit();
	cli();
	CHECK_EQ(iir[0] & 0xf, 4);
	CHECK_EQ(iir[1] & 0xf, 2);
	CHECK_EQ(count, 2);
	CHECK_EQ(inb(LSR) & 1, 0);

	/* A level that stays comes again after EOI. */
	outb(IER, 0);
	outb(MCR, 0x1b);
	outb(UART, 'b');
	outb(UART, 'c');
	outb(UART, 'd');
	count = 0;
	outb(IER, 1);
	sti();
	vmexit();
	vmexit();
	cli();
	CHECK_EQ(count, 3);

	/* The divisor latch hides the data port and IER. */
	outb(IER, 0);
	outb(LCR, 0x83);
	outb(UART, 0x0c);
	outb(IER, 0x34);
	CHECK_EQ(inb(UART), 0x0c);
	CHECK_EQ(inb(IER), 0x34);
	outb(LCR, 3);
	CHECK_EQ(inb(IER), 0);
	outb(MCR, 3);
}
