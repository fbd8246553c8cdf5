// SPDX-License-Identifier: Apache-2.0
/*
 * "Scan code set 1" is what an i8042 with translation gives, whatever the keyboard sends: a code
 * when a key goes down, the same with bit 7 when it comes up, 0xe0 in front for the keys that the
 * PC/AT did not have. IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary
 * Device Controller", "Keyboards (101- and 102-Key)".
 */
#include "vmm/keyboard.h"

#include <string.h>

#include "mm/bits.h"

#define CODE_EXTENDED 0xe0
#define CODE_PAUSE    0xe1 /* and two codes */
#define CODE_RELEASE  0x80

enum keyboard_modifier {
	SHIFT_LEFT = 1,
	SHIFT_RIGHT = 2,
	CTRL_LEFT = 4,
	CTRL_RIGHT = 8,
	ALT_LEFT = 16,
};

#define SHIFT (SHIFT_LEFT | SHIFT_RIGHT)
#define CTRL  (CTRL_LEFT | CTRL_RIGHT)

enum {
	KEY_CTRL = 0x1d,
	KEY_SHIFT_LEFT = 0x2a,
	KEY_SHIFT_RIGHT = 0x36,
	KEY_ALT = 0x38,
	KEY_CAPS = 0x3a,
	KEY_NUM = 0x45,
	KEY_TAB = 0x0f,
	KEY_ENTER = 0x1c,
	KEY_SLASH = 0x35,
	KEY_F1 = 0x3b,
	KEY_F10 = 0x44,
	KEY_HOME = 0x47,
	KEY_DELETE = 0x53,
	KEY_F11 = 0x57,
	KEY_F12 = 0x58,
};

/* By code, from 1 on; 0: nothing, or a key that is handled apart. */
static const char plain[] = "\x1b"
			    "1234567890-=\x7f\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
static const char shifted[] = "\x1b"
			      "!@#$%^&*()_+\x7f\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";

static_assert(sizeof(plain) == sizeof(shifted) && sizeof(plain) - 1 == 0x39, "up to the space bar");

/* From KEY_HOME to KEY_DELETE: on the keypad with NumLock, and the sequences behind ESC [. */
static const char keypad[] = "789-456+1230.";
static const char *const cursor[] = {"H", "A", "5~", "",   "D",  "",  "C",
				     "",  "F", "B",  "6~", "2~", "3~"};
static const char *const function[] = {"OP",   "OQ",   "OR",   "OS",   "[15~", "[17~",
				       "[18~", "[19~", "[20~", "[21~", "[23~", "[24~"};

static_assert(ARRAY_SIZE(cursor) == sizeof(keypad) - 1, "one of each");

static void put(struct keyboard *k, const char *s)
{
	size_t len = strlen(s);

	if (k->out_end + len <= KEYBOARD_OUT_MAX) {
		memcpy(k->out + k->out_end, s, len);
		k->out_end = (u8)(k->out_end + len);
	}
}

static void put_char(struct keyboard *k, char c)
{
	if (k->down & ALT_LEFT) {
		put(k, "\x1b");
	}
	k->out[k->out_end++] = c;
}

static void put_sequence(struct keyboard *k, const char *intro, const char *s)
{
	if (*s) {
		put(k, "\x1b");
		put(k, intro);
		put(k, s);
	}
}

/* Control characters are 0x40 to 0x5f less 0x40; DEL stays, the space bar is NUL. */
static char with_ctrl(char c)
{
	if (c >= 'a' && c <= 'z') {
		c = (char)(c - 'a' + 'A');
	}
	return c >= '@' && c <= '_' ? (char)(c & 0x1f) : c == ' ' ? '\0' : c;
}

static bool is_letter(char c)
{
	return c >= 'a' && c <= 'z';
}

static void character(struct keyboard *k, u8 code)
{
	bool shift = k->down & SHIFT;
	char c = plain[code - 1];

	if (!c) {
		return;
	}
	if (code == KEY_TAB && shift) {
		put_sequence(k, "[", "Z");
		return;
	}
	if (is_letter(c) && k->caps) {
		shift = !shift;
	}
	c = shift ? shifted[code - 1] : c;
	put_char(k, k->down & CTRL ? with_ctrl(c) : c);
}

/* Returns the modifier's bit, 0: another key. */
static u8 modifier_of(u8 code, bool extended)
{
	switch (code) {
	case KEY_SHIFT_LEFT:
		return extended ? 0 : SHIFT_LEFT; /* extended: for programs of the PC/AT */
	case KEY_SHIFT_RIGHT:
		return extended ? 0 : SHIFT_RIGHT;
	case KEY_CTRL:
		return extended ? CTRL_RIGHT : CTRL_LEFT;
	case KEY_ALT:
		return extended ? 0 : ALT_LEFT; /* extended: AltGr, of no use in this layout */
	default:
		return 0;
	}
}

static void pressed(struct keyboard *k, u8 code, bool extended)
{
	if (code >= KEY_HOME && code <= KEY_DELETE) {
		u8 at = (u8)(code - KEY_HOME);

		if (extended || (k->no_num && cursor[at][0])) {
			put_sequence(k, "[", cursor[at]);
		} else {
			put_char(k, keypad[at]);
		}
	} else if (extended) {
		if (code == KEY_ENTER || code == KEY_SLASH) {
			put_char(k, plain[code - 1]);
		}
	} else if (code == KEY_CAPS) {
		k->caps = !k->caps;
	} else if (code == KEY_NUM) {
		k->no_num = !k->no_num;
	} else if (code >= KEY_F1 && code <= KEY_F10) {
		put_sequence(k, "", function[code - KEY_F1]);
	} else if (code == KEY_F11 || code == KEY_F12) {
		put_sequence(k, "", function[10 + code - KEY_F11]);
	} else if (code && code < sizeof(plain)) {
		character(k, code);
	}
}

void keyboard_scan(struct keyboard *k, u8 code)
{
	u8 key = code & (u8)~CODE_RELEASE, modifier;
	bool extended = k->extended;

	k->out_start = k->out_end = 0;
	k->extended = code == CODE_EXTENDED;
	if (k->skip) {
		k->skip--;
		return;
	}
	if (code == CODE_PAUSE) {
		k->skip = 2;
		return;
	}
	if (code == CODE_EXTENDED) {
		return;
	}
	modifier = modifier_of(key, extended);
	if (modifier) {
		k->down = (u8)(code & CODE_RELEASE ? k->down & ~modifier : k->down | modifier);
	} else if (!(code & CODE_RELEASE)) {
		pressed(k, key, extended);
	}
}

int keyboard_getc(struct keyboard *k)
{
	return k->out_start < k->out_end ? (u8)k->out[k->out_start++] : -1;
}
