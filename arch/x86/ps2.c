// SPDX-License-Identifier: Apache-2.0
/*
 * The host's keyboard behind an i8042, or what firmware and laptops put in its place.
 *
 * The controller may be absent (reads give ones) or never answer: every wait is bounded. Its
 * second port, the mouse's, is switched off. IBM PS/2 Hardware Interface Technical Reference,
 * "Keyboard and Auxiliary Device Controller".
 */
#include "arch/x86/ps2.h"

#include "arch/io.h"
#include "mm/bits.h"
#include "vmm/console.h"
#include "vmm/keyboard.h"

#define PORT_DATA    0x60
#define PORT_COMMAND 0x64 /* reads: status */

#define STATUS_OUTPUT BIT(0) /* a byte waits for us */
#define STATUS_INPUT  BIT(1) /* the controller has not taken ours yet */
#define STATUS_MOUSE  BIT(5) /* the byte is the second port's */
#define STATUS_ABSENT 0xff

#define COMMAND_READ_CONFIG  0x20
#define COMMAND_WRITE_CONFIG 0x60
#define COMMAND_MOUSE_OFF    0xa7
#define COMMAND_KEYBOARD_OFF 0xad
#define COMMAND_KEYBOARD_ON  0xae

#define CONFIG_KEYBOARD_IRQ BIT(0)
#define CONFIG_MOUSE_IRQ    BIT(1)
#define CONFIG_KEYBOARD_OFF BIT(4)
#define CONFIG_MOUSE_OFF    BIT(5)
#define CONFIG_TRANSLATE    BIT(6) /* to scan code set 1 */

#define KEYBOARD_SCAN_ON 0xf4

/* A read takes about 1 us; the controller answers within some 10 ms. */
#define WAIT_READS 20000
#define FLUSH_MAX  32

static bool present;
static struct keyboard keyboard;

static bool wait_for(u8 bits, u8 value)
{
	for (u32 i = 0; i < WAIT_READS; i++) {
		u8 status = inb(PORT_COMMAND);

		if (status == STATUS_ABSENT) {
			return false;
		}
		if ((status & bits) == value) {
			return true;
		}
	}
	return false;
}

static bool put(u16 port, u8 byte)
{
	if (!wait_for(STATUS_INPUT, 0)) {
		return false;
	}
	outb(port, byte);
	return true;
}

static void flush(void)
{
	for (u32 i = 0; i < FLUSH_MAX && inb(PORT_COMMAND) & STATUS_OUTPUT; i++) {
		(void)inb(PORT_DATA);
	}
}

/* The keyboard's port is off meanwhile, so that no key's code is taken for the answer. */
static bool configure(void)
{
	u8 config;

	if (!put(PORT_COMMAND, COMMAND_KEYBOARD_OFF) || !put(PORT_COMMAND, COMMAND_MOUSE_OFF)) {
		return false;
	}
	flush();
	if (!put(PORT_COMMAND, COMMAND_READ_CONFIG) || !wait_for(STATUS_OUTPUT, STATUS_OUTPUT)) {
		return false;
	}
	config = inb(PORT_DATA);
	config |= CONFIG_KEYBOARD_IRQ | CONFIG_TRANSLATE | CONFIG_MOUSE_OFF;
	config &= (u8) ~(CONFIG_KEYBOARD_OFF | CONFIG_MOUSE_IRQ);
	return put(PORT_COMMAND, COMMAND_WRITE_CONFIG) && put(PORT_DATA, config) &&
	       put(PORT_COMMAND, COMMAND_KEYBOARD_ON);
}

bool ps2_init(void)
{
	present = inb(PORT_COMMAND) != STATUS_ABSENT && configure();
	if (present) {
		(void)put(PORT_DATA, KEYBOARD_SCAN_ON); /* its answer types nothing */
	}
	return present;
}

int arch_keyboard_getc(void)
{
	int byte = keyboard_getc(&keyboard);

	for (u32 i = 0; present && byte < 0 && i < FLUSH_MAX; i++) {
		u8 status = inb(PORT_COMMAND), code;

		if (status == STATUS_ABSENT || !(status & STATUS_OUTPUT)) {
			break;
		}
		code = inb(PORT_DATA);
		if (!(status & STATUS_MOUSE)) {
			keyboard_scan(&keyboard, code);
			byte = keyboard_getc(&keyboard);
		}
	}
	return byte;
}
