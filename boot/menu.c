// SPDX-License-Identifier: Apache-2.0
/*
 * One line is redrawn in place, so that a serial line of any kind, which knows no cursor, shows it
 * as a screen does.
 */
#include "boot/menu.h"

#include "boot/console.h"
#include "boot/text.h"

#define TITLE_WIDTH 56
#define SECOND_MS   1000

struct menu {
	const struct menu_item *items;
	size_t count, chosen;
	u32 left_s;    /* 0: nobody counts any more */
	size_t number; /* being typed */
};

static void item_title(const struct menu_item *item, char *out, size_t size)
{
	text_format(out, size, "%s%s%s%s", item->title, item->detail[0] ? " (" : "", item->detail,
		    item->detail[0] ? ")" : "");
}

static void line_draw(const struct menu *m)
{
	char title[TITLE_WIDTH + 1], left[16] = "";

	item_title(&m->items[m->chosen], title, sizeof(title));
	if (m->left_s) {
		text_format(left, sizeof(left), "in %u s", m->left_s);
	}
	console_print("\r> %2zu  %-*s %-11s", m->chosen + 1, TITLE_WIDTH, title, left);
}

static void menu_draw(const struct menu *m)
{
	char title[TITLE_WIDTH + 1];

	console_print("\n");
	for (size_t i = 0; i < m->count; i++) {
		item_title(&m->items[i], title, sizeof(title));
		console_print("  %2zu  %s\n", i + 1, title);
	}
	console_print("Enter starts; up, down or a number chooses; Esc returns to the firmware.\n");
	line_draw(m);
}

/* Digits make a number as long as there may be such an item. */
static void digit_take(struct menu *m, unsigned digit)
{
	size_t number = m->number * 10 + digit;

	if (!number || number > m->count) {
		number = digit;
	}
	if (number && number <= m->count) {
		m->number = number;
		m->chosen = number - 1;
	}
}

/* Returns true when the choice has been made. */
static bool key_take(struct menu *m, unsigned key)
{
	m->left_s = 0;
	if (key >= '0' && key <= '9') {
		digit_take(m, key - '0');
		return false;
	}
	m->number = 0;
	if (key == CONSOLE_KEY_UP) {
		m->chosen = m->chosen ? m->chosen - 1 : m->count - 1;
	} else if (key == CONSOLE_KEY_DOWN) {
		m->chosen = m->chosen + 1 < m->count ? m->chosen + 1 : 0;
	}
	for (size_t i = 0; key && i < m->count; i++) {
		if (key == (unsigned)m->items[i].key) {
			m->chosen = i;
			return true;
		}
	}
	return key == '\r';
}

int menu_choose(const struct menu_item *items, size_t count, size_t first, u32 timeout_s)
{
	struct menu m = {.items = items, .count = count, .chosen = first, .left_s = timeout_s};

	menu_draw(&m);
	for (;;) {
		unsigned key = console_read_key(SECOND_MS);

		if (key == CONSOLE_KEY_ESC) {
			console_print("\n");
			return MENU_LEAVE;
		}
		if (key == CONSOLE_KEY_NONE ? m.left_s && !--m.left_s : key_take(&m, key)) {
			line_draw(&m);
			console_print("\n");
			return (int)m.chosen;
		}
		line_draw(&m);
	}
}
