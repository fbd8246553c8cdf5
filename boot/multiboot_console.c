// SPDX-License-Identifier: Apache-2.0
/*
 * The console without a firmware: COM1 and VGA's text screen, where there are any. National
 * Semiconductor PC16550D data sheet, "Registers".
 */
#include "boot/multiboot_console.h"

#include "arch/x86/include/arch/io.h"
#include "boot/console.h"

#define COM1           0x3f8
#define REG_DATA       0 /* with DLAB the divisor's low byte, its high one behind */
#define REG_IER        1
#define REG_FCR        2
#define REG_LCR        3
#define REG_MCR        4
#define REG_LSR        5
#define LCR_8N1        0x03
#define LCR_DLAB       0x80
#define FCR_ENABLE     0x07 /* and empty both */
#define MCR_DTR_RTS    0x03
#define LSR_THR_EMPTY  0x20
#define DIVISOR_115200 1
#define WAIT_READS     50000 /* of about 1 us: a character takes 87 */

#define VGA_TEXT    ((volatile u16 *)0xb8000)
#define VGA_COLUMNS 80
#define VGA_ROWS    25
#define VGA_WHITE   0x0f00
#define VGA_TRY     0x0741

static volatile u16 *screen; /* NULL: none, or in a graphics mode */
static unsigned column, row;

static void serial_init(void)
{
	outb(COM1 + REG_IER, 0);
	outb(COM1 + REG_LCR, LCR_DLAB | LCR_8N1);
	outb(COM1 + REG_DATA, DIVISOR_115200);
	outb(COM1 + REG_IER, 0);
	outb(COM1 + REG_LCR, LCR_8N1);
	outb(COM1 + REG_FCR, FCR_ENABLE);
	outb(COM1 + REG_MCR, MCR_DTR_RTS);
}

static void serial_put(char c)
{
	for (unsigned i = 0; i < WAIT_READS && !(inb(COM1 + REG_LSR) & LSR_THR_EMPTY); i++) {
		/* Without a port all bits read as 1. */
	}
	outb(COM1 + REG_DATA, (u8)c);
}

static void row_clear(void)
{
	for (unsigned i = 0; i < VGA_COLUMNS; i++) {
		screen[row * VGA_COLUMNS + i] = VGA_WHITE | ' ';
	}
}

/* Begins again at the top when it is full: moving all of it up is slow where a hypervisor is below.
 */
static void screen_put(char c)
{
	if (c == '\r') {
		column = 0;
		return;
	}
	if (c == '\n' || column == VGA_COLUMNS) {
		column = 0;
		row = (row + 1) % VGA_ROWS;
		row_clear();
	}
	if (c != '\n') {
		screen[row * VGA_COLUMNS + column++] = (u16)(VGA_WHITE | (u8)c);
	}
}

void multiboot_console_init(bool has_text)
{
	serial_init();
	VGA_TEXT[0] = VGA_TRY;
	if (!has_text || VGA_TEXT[0] != VGA_TRY) {
		return;
	}
	screen = VGA_TEXT;
	for (row = VGA_ROWS; row--;) {
		row_clear();
	}
	row = 0;
}

void console_put(const char *text)
{
	for (; *text; text++) {
		char c = (unsigned char)*text < 0x7f ? *text : '?';

		if (c == '\n') {
			serial_put('\r');
		}
		serial_put(c);
		if (screen) {
			screen_put(c);
		}
	}
}
