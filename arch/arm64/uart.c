// SPDX-License-Identifier: Apache-2.0
/*
 * The host's serial port, PL011 or 16550: polled output, input by polling or interrupt.
 *
 * What firmware leaves is not relied on, but for the speed: its divisor is kept. A port may never
 * get ready: every wait is bounded, and one that timed out gets no second wait until it is ready
 * again. Arm DDI 0183, "Programmers Model"; National Semiconductor PC16550D data sheet,
 * "Registers".
 */
#include "arch/arm64/uart.h"

#include "arch/arm64/hostpt.h"
#include "vmm/console.h"

/* Byte offsets; a generic UART has DR, FR, IMSC and ICR alone of these. */
#define PL_DR    0x00
#define PL_FR    0x18
#define PL_LCR_H 0x2c
#define PL_CR    0x30
#define PL_IFLS  0x34
#define PL_IMSC  0x38
#define PL_ICR   0x44
#define PL_DMACR 0x48

#define PL_FR_BUSY     0x08
#define PL_FR_RXFE     0x10
#define PL_FR_TXFF     0x20
#define PL_LCR_H_8N1   0x60
#define PL_LCR_H_FIFOS 0x10
#define PL_CR_ENABLE   0x0f01 /* UARTEN, TXE, RXE, DTR, RTS */
#define PL_IFLS_LOWEST 0x00
#define PL_INT_RX      0x50 /* trigger level, time-out */
#define PL_INT_ALL     0x7ff

/* Register numbers. The first two are the divisor while LCR_DLAB is set. */
#define NS_DATA 0
#define NS_IER  1
#define NS_IIR  2 /* reads */
#define NS_FCR  2 /* writes */
#define NS_LCR  3
#define NS_MCR  4
#define NS_LSR  5

#define NS_IER_RX        0x01
#define NS_IIR_FIFOS     0xc0
#define NS_FCR_FIFOS     0x07 /* on, both emptied */
#define NS_LCR_8N1       0x03
#define NS_MCR_DTR_RTS   0x03
#define NS_MCR_OUT2      0x08 /* gates the interrupt on some */
#define NS_LSR_DATA      0x01
#define NS_LSR_THR_EMPTY 0x20
#define NS_LSR_ALL_EMPTY 0x40
#define NS_LSR_ABSENT    0xff
#define NS_FIFO_DEPTH    16

#define REGISTERS_SIZE 0x1000

/*
 * Looks before a wait is given up. A read of a device takes 100 ns or more; 16 characters take
 * 17 ms at 9600 baud.
 */
#define WAIT_READS 500000

static enum host_uart_kind kind;
static char *registers;
static u8 width, shift;
static bool stalled;
static u8 tx_depth; /* 16550: bytes that may follow THR_EMPTY */
static u8 tx_room;

/*
 * Single loads and stores of one register, no write-back: the form whose syndrome a hypervisor
 * below us can decode (Arm ARM, "ESR_EL2", ISS encoding for an exception from a Data Abort). Device
 * memory keeps the order of accesses to one device by itself.
 */
static u32 reg_read(u32 offset)
{
	const char *p = registers + offset;
	u32 v;

	if (width == 4) {
		__asm__ volatile("ldr %w0, [%1]" : "=r"(v) : "r"(p) : "memory");
	} else if (width == 2) {
		__asm__ volatile("ldrh %w0, [%1]" : "=r"(v) : "r"(p) : "memory");
	} else {
		__asm__ volatile("ldrb %w0, [%1]" : "=r"(v) : "r"(p) : "memory");
	}
	return v;
}

static void reg_write(u32 offset, u32 v)
{
	char *p = registers + offset;

	if (width == 4) {
		__asm__ volatile("str %w0, [%1]" : : "rZ"(v), "r"(p) : "memory");
	} else if (width == 2) {
		__asm__ volatile("strh %w0, [%1]" : : "rZ"(v), "r"(p) : "memory");
	} else {
		__asm__ volatile("strb %w0, [%1]" : : "rZ"(v), "r"(p) : "memory");
	}
}

static u8 ns_read(u32 reg)
{
	return (u8)reg_read(reg << shift);
}

static void ns_write(u32 reg, u8 v)
{
	reg_write(reg << shift, v);
}

static bool pl_wait_clear(u32 fr_bit, u32 reads)
{
	for (u32 i = 0; i < reads; i++) {
		if (!(reg_read(PL_FR) & fr_bit)) {
			return true;
		}
	}
	return false;
}

static bool ns_wait_set(u8 lsr_bit, u32 reads)
{
	for (u32 i = 0; i < reads; i++) {
		if (ns_read(NS_LSR) & lsr_bit) {
			return true;
		}
	}
	return false;
}

/*
 * "Control register, UARTCR", "Programming the control registers": disable, let the character end,
 * flush the FIFOs by FEN, reprogram, enable. The write of LCR_H also takes over the divisor, which
 * stays what it was.
 */
static void pl_init(void)
{
	(void)pl_wait_clear(PL_FR_BUSY, WAIT_READS); /* let the firmware's last text out */
	reg_write(PL_IMSC, 0);
	if (kind == HOST_UART_PL011) {
		reg_write(PL_CR, 0);
		reg_write(PL_LCR_H, PL_LCR_H_8N1);
		reg_write(PL_DMACR, 0);
		reg_write(PL_IFLS, PL_IFLS_LOWEST);
		reg_write(PL_LCR_H, PL_LCR_H_8N1 | PL_LCR_H_FIFOS);
		reg_write(PL_CR, PL_CR_ENABLE);
	}
	reg_write(PL_ICR, PL_INT_ALL);
}

static bool ns_init(void)
{
	if (ns_read(NS_LSR) == NS_LSR_ABSENT) {
		return false;
	}
	(void)ns_wait_set(NS_LSR_ALL_EMPTY, WAIT_READS);
	ns_write(NS_LCR, NS_LCR_8N1);
	ns_write(NS_IER, 0);
	ns_write(NS_FCR, NS_FCR_FIFOS);
	ns_write(NS_MCR, NS_MCR_DTR_RTS | NS_MCR_OUT2);
	tx_depth = (ns_read(NS_IIR) & NS_IIR_FIFOS) == NS_IIR_FIFOS ? NS_FIFO_DEPTH : 1;
	tx_room = 0;
	return true;
}

bool arch_uart_init(void)
{
	const struct host_uart *uart = &host_info->uart;

	kind = HOST_UART_NONE;
	if (uart->kind == HOST_UART_NONE) {
		return false;
	}
	registers = hostpt_map_device(hpa(uart->base), REGISTERS_SIZE);
	width = uart->reg_width;
	shift = uart->reg_shift;
	stalled = false;
	kind = uart->kind;
	if (kind != HOST_UART_16550) {
		pl_init();
	} else if (!ns_init()) {
		kind = HOST_UART_NONE;
	}
	return kind != HOST_UART_NONE;
}

static void pl_putc(u8 byte)
{
	stalled = !pl_wait_clear(PL_FR_TXFF, stalled ? 1 : WAIT_READS);
	if (!stalled) {
		reg_write(PL_DR, byte);
	}
}

static void ns_putc(u8 byte)
{
	if (tx_room == 0) {
		stalled = !ns_wait_set(NS_LSR_THR_EMPTY, stalled ? 1 : WAIT_READS);
		if (stalled) {
			return;
		}
		tx_room = tx_depth;
	}
	tx_room--;
	ns_write(NS_DATA, byte);
}

void arch_uart_putc(u8 byte)
{
	if (kind == HOST_UART_16550) {
		ns_putc(byte);
	} else if (kind != HOST_UART_NONE) {
		pl_putc(byte);
	}
}

/* An empty FIFO lowers the interrupt by itself, at the PL011 as at the 16550. */
int arch_uart_getc(void)
{
	if (kind == HOST_UART_NONE) {
		return -1;
	}
	if (kind == HOST_UART_16550) {
		u8 lsr = ns_read(NS_LSR);

		return lsr == NS_LSR_ABSENT || !(lsr & NS_LSR_DATA) ? -1 : ns_read(NS_DATA);
	}
	return reg_read(PL_FR) & PL_FR_RXFE ? -1 : (u8)reg_read(PL_DR);
}

void arch_uart_rx_irq(bool on)
{
	if (kind == HOST_UART_16550) {
		ns_write(NS_IER, on ? NS_IER_RX : 0);
	} else if (kind != HOST_UART_NONE) {
		reg_write(PL_IMSC, on ? PL_INT_RX : 0);
	}
}

/* USB's are out of reach. */
int arch_keyboard_getc(void)
{
	return -1;
}
