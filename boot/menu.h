// SPDX-License-Identifier: Apache-2.0
/* The boot menu, on whatever the firmware's console is: screen and keyboard, serial line, or both.
 */
#pragma once

#include "mm/types.h"

#define MENU_ITEMS_MAX 34
#define MENU_LEAVE     (-1) /* to the firmware */

struct menu_item {
	const char *title, *detail; /* detail: "" or what is put behind in brackets */
	char key;                   /* chooses and starts it, 0: none */
};

/*
 * Shows @items and waits for a choice, @timeout_s seconds at most (0: for ever): then it is @first.
 * A key ends the countdown. Returns the index, or MENU_LEAVE.
 */
int menu_choose(const struct menu_item *items, size_t count, size_t first, u32 timeout_s);
