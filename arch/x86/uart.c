// SPDX-License-Identifier: Apache-2.0
/*
 * The host's 16550 at COM1: polled output, input by polling or interrupt.
 *
 * A machine may have none (reads give ones) or one that never gets ready: every wait is bounded,
 * and a port that timed out once gets no second wait until it is ready again. The speed that the
 * firmware set is kept. National Semiconductor PC16550D data sheet, "Registers".
 */
#include "arch/x86/uart.h"

#include "arch/io.h"
#include "mm/bits.h"
#include "vmm/console.h"

#define COM1 0x3f8

/* Offsets from the base. The first two are the divisor while LCR_DLAB is set. */
#define REG_DATA    0
#define REG_IER     1
#define REG_IIR     2 /* reads */
#define REG_FCR     2 /* writes */
#define REG_LCR     3
#define REG_MCR     4
#define REG_LSR     5
#define REG_MSR     6
#define REG_SCRATCH 7

#define IER_RX_DATA    0x01
#define IIR_FIFOS      0xc0
#define FCR_ENABLE     0x01
#define FCR_CLEAR_BOTH 0x06
#define LCR_8N1        0x03
#define LCR_DLAB       0x80
#define MCR_DTR_RTS    0x03
#define MCR_OUT2       0x08 /* gates the interrupt line on a PC */
#define MCR_LOOP       0x10
#define LSR_DATA       0x01
#define LSR_THR_EMPTY  0x20
#define LSR_ALL_EMPTY  0x40
#define LSR_ABSENT     0xff
#define MSR_LOOP_MASK  0xf0
#define MSR_LOOP_VALUE 0x90 /* RTS comes back as CTS, OUT2 as DCD */

#define DIVISOR_115200 1
#define FIFO_DEPTH     16

/*
 * Reads of LSR before a wait is given up. A read takes about 1 us on an ISA or LPC bus; 16
 * characters take 17 ms at 9600 baud.
 */
#define WAIT_READS 50000

static bool present, stalled;
static u8 tx_depth; /* bytes that may follow THR_EMPTY */
static u8 tx_room;

static u8 reg_read(u16 reg)
{
	return inb((u16)(COM1 + reg));
}

static void reg_write(u16 reg, u8 value)
{
	outb((u16)(COM1 + reg), value);
}

static bool scratch_holds(u8 value)
{
	reg_write(REG_SCRATCH, value);
	return reg_read(REG_SCRATCH) == value;
}

static bool loopback_works(void)
{
	u8 mcr = reg_read(REG_MCR);
	u8 msr;

	reg_write(REG_MCR, MCR_LOOP | MCR_OUT2 | (MCR_DTR_RTS & 0x02));
	msr = reg_read(REG_MSR);
	reg_write(REG_MCR, mcr);
	return (msr & MSR_LOOP_MASK) == MSR_LOOP_VALUE;
}

/* Either will do: an 8250 has no scratch register, a simple model no loopback. */
static bool probe(void)
{
	if (reg_read(REG_LSR) == LSR_ABSENT) {
		return false;
	}
	return (scratch_holds(0x5a) && scratch_holds(0xa5)) || loopback_works();
}

static bool wait_for(u8 lsr_bit, u32 reads)
{
	for (u32 i = 0; i < reads; i++) {
		if (reg_read(REG_LSR) & lsr_bit) {
			return true;
		}
	}
	return false;
}

static void set_divisor_if_unset(void)
{
	reg_write(REG_LCR, LCR_8N1 | LCR_DLAB);
	if (reg_read(0) == 0 && reg_read(1) == 0) {
		reg_write(0, DIVISOR_115200);
		reg_write(1, 0);
	}
	reg_write(REG_LCR, LCR_8N1);
}

bool arch_uart_init(void)
{
	present = probe();
	if (!present) {
		return false;
	}
	(void)wait_for(LSR_ALL_EMPTY, WAIT_READS); /* let the firmware's last text out */
	reg_write(REG_IER, 0);
	set_divisor_if_unset();
	reg_write(REG_FCR, FCR_ENABLE | FCR_CLEAR_BOTH);
	reg_write(REG_MCR, MCR_DTR_RTS | MCR_OUT2);
	tx_depth = (reg_read(REG_IIR) & IIR_FIFOS) == IIR_FIFOS ? FIFO_DEPTH : 1;
	tx_room = 0;
	stalled = false;
	return true;
}

void arch_uart_putc(u8 byte)
{
	if (!present) {
		return;
	}
	if (tx_room == 0) {
		stalled = !wait_for(LSR_THR_EMPTY, stalled ? 1 : WAIT_READS);
		if (stalled) {
			return;
		}
		tx_room = tx_depth;
	}
	tx_room--;
	reg_write(REG_DATA, byte);
}

int arch_uart_getc(void)
{
	u8 lsr;

	if (!present) {
		return -1;
	}
	lsr = reg_read(REG_LSR);
	if (lsr == LSR_ABSENT || !(lsr & LSR_DATA)) {
		return -1;
	}
	return reg_read(REG_DATA);
}

void arch_uart_enable_rx_irq(void)
{
	if (present) {
		reg_write(REG_IER, IER_RX_DATA);
	}
}
