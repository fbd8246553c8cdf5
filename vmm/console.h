// SPDX-License-Identifier: Apache-2.0
/*
 * The machine's console: the same output on the host's serial port and on the framebuffer, input
 * from the serial port and the keyboard. Without either device it still takes everything in,
 * silently.
 *
 * Drawing the framebuffer is slow, so it is deferred once console_poll has been called: bytes
 * change fbcon's cells, console_poll draws. Before the first console_poll (early boot) and in a
 * panic the hypervisor's own text is drawn at once.
 * Locks: one lock, innermost, taken by every function that puts out. The log's ring is
 * under it too (console_begin), so that lines come in one order everywhere.
 */
#pragma once

#include "mm/types.h"
#include "vmm/boot_info.h"

/* Finds the devices. Text written before is lost on them. Call once, before other CPUs run. */
void console_init(const struct boot_info *info);

/*
 * Writes the hypervisor's text: '\n' ends a line; it begins on a fresh line where a guest left one
 * unfinished.
 */
void console_write(const char *s, size_t len);

/* Puts out one byte of the foreground guest's serial output, as it is. */
void console_guest_tx(u8 byte);

/* Another guest is in front: what the last one has left unfinished is not put out again. */
void console_forget_guest(void);

/* Returns a byte typed at the host's serial port or keyboard, or -1. By one CPU at a time. */
int console_getc(void);

/* Is there a framebuffer, and so anything for console_poll to draw? */
bool console_has_screen(void);

/*
 * Draws some of what changed on the framebuffer; bounded work. Call it from one CPU about every
 * 20 ms, and more often while it returns true: more is left to draw.
 */
bool console_poll(void);

/* Whether console_poll() has something to draw. */
bool console_is_undrawn(void);

/* The framebuffer is Socle's again, if a VM has it (BOOT_VM_FRAMEBUFFER): nothing runs there now.
 */
void console_screen_take(void);

/*
 * Several writes as one: console_begin takes the lock and returns what console_end needs to release
 * it; console_put writes in between. console_fresh_line ends an unfinished line, whoever's it is.
 * console_resume_guest puts the line out again that the guest was in, without waiting for it.
 * console_line_is_own: whether the last console_put left its line unfinished, and nobody else did
 * more.
 */
bool console_begin(void) __must_check;
void console_put(const char *s, size_t len);
void console_fresh_line(void);
void console_resume_guest(void);
bool console_line_is_own(void);
void console_end(bool held);

/*
 * From now on the lock is waited for only briefly: its holder may be the code that failed. And the
 * framebuffer is drawn at once.
 */
void console_enter_panic(void);

/*
 * Supplied by the architecture: its serial port. arch_uart_init returns false where there is none;
 * the others then do nothing. arch_uart_getc returns -1 where nothing was received. No waiting
 * without a bound. Locks: the console's around arch_uart_putc.
 */
bool arch_uart_init(void);
void arch_uart_putc(u8 byte);
int arch_uart_getc(void);

/* Supplied by the architecture: a byte typed at its keyboard (vmm/keyboard.h), -1: none. */
int arch_keyboard_getc(void);
