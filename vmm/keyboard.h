// SPDX-License-Identifier: Apache-2.0
/*
 * A PC keyboard as a terminal's: scan codes of set 1 in, bytes out. US layout. Keys without an
 * ASCII character become the sequences of ECMA-48 terminals that Linux and its shells know; with
 * Alt, ESC goes in front. No auto-repeat of its own, no LEDs. Pure.
 */
#pragma once

#include "mm/types.h"

#define KEYBOARD_OUT_MAX 8

struct keyboard {
	bool extended; /* 0xe0 was the last code */
	u8 skip;       /* codes of the Pause key that are still to come */
	u8 down;       /* modifiers that are held down, enum keyboard_modifier */
	bool caps, no_num;
	char out[KEYBOARD_OUT_MAX];
	u8 out_start, out_end;
};

/* Takes a code. What an earlier one left in out is lost: take it first. */
void keyboard_scan(struct keyboard *k, u8 code);

/* The next byte of the last key, -1: none is left. */
int keyboard_getc(struct keyboard *k);
