// SPDX-License-Identifier: Apache-2.0
/*
 * What the user sees: the firmware's console, which is the screen, the serial line or both. Lines
 * stay within 80 columns. Only before boot services end. console_put() and keys are the firmware's:
 * one implementation for each, chosen by link.
 */
#pragma once

#include "mm/types.h"

/* Puts text out as it is but for '\n', which ends a line; what is not ASCII is '?'. */
void console_put(const char *text);

/* Prints formatted text as text_format() does; '\n' ends a line; not ASCII prints as '?'. */
void console_print(const char *format, ...) __printf(1, 2);

/* Prints "  LABEL  TEXT", the text formatted, wrapped between words and indented. */
void console_report(const char *label, const char *format, ...) __printf(2, 3);

/* Wipes the firmware's logo off the screen, which text would be printed across. */
void console_clear(void);

/* Prints lines; @paged: by screenfuls, waiting for a key after each. */
void console_page(const char *lines, bool paged);

/*
 * Where there is a screen that the firmware is about to clear: asks for a key and waits for it, a
 * while. Returns it as console_read_key() does.
 */
unsigned console_hold(void);

/* Lines that the screen has, at least 24. */
unsigned console_rows(void);

/* Keys beside ASCII. */
enum console_key {
	CONSOLE_KEY_NONE = 0,
	CONSOLE_KEY_UP = 0x100,
	CONSOLE_KEY_DOWN,
	CONSOLE_KEY_ESC,
	CONSOLE_KEY_OTHER,
};

/* Waits for a key, at most so long. Returns its ASCII character or enum console_key. */
unsigned console_read_key(unsigned milliseconds);

/* A file's line while it is read: its name, a bar and the percentage, redrawn in place. */
struct progress {
	const char *name;
	u64 total;
	unsigned shown; /* percent on the screen */
};

void progress_start(struct progress *progress, const char *name, u64 total);
void progress_update(struct progress *progress, u64 done);
