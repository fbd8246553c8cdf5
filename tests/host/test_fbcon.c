// SPDX-License-Identifier: Apache-2.0
/* The framebuffer console against its font, pixel by pixel; every byte sequence stays inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

#include <cmocka.h>

#include "vmm/fbcon.h"

#define GUARD 0xdeadbeefu
#define GREY  0xaaaaaau

struct screen {
	struct fbcon fc;
	struct boot_framebuffer fb;
	u32 *pixels;
	struct fbcon_cell *cells;
};

/* Pixels and cells are exactly as large as told, so that ASan sees one step too far. */
static int screen_try(struct screen *s, u32 width, u32 height, u32 stride, size_t ncells)
{
	size_t count = (size_t)(height - 1) * stride + width;

	s->fb = (struct boot_framebuffer){.size = count * 4,
					  .width = width,
					  .height = height,
					  .stride_pixels = stride,
					  .format = BOOT_PIXEL_BGRX8};
	s->pixels = malloc(count * 4);
	s->cells = calloc(ncells, sizeof(*s->cells));
	for (size_t i = 0; i < count; i++) {
		s->pixels[i] = GUARD;
	}
	return fbcon_init(&s->fc, s->pixels, &s->fb, s->cells, ncells);
}

static void screen_make(struct screen *s, u32 width, u32 height, u32 stride)
{
	size_t places = (size_t)(width / 8) * (height / 16);

	assert_int_equal(screen_try(s, width, height, stride, 2 * places), 0);
}

static void screen_free(struct screen *s)
{
	free(s->pixels);
	free(s->cells);
}

static void put(struct screen *s, const char *text)
{
	fbcon_write(&s->fc, text, strlen(text));
	assert_true(fbcon_flush(&s->fc, ~0u));
}

static const u8 *font_glyph(u32 codepoint)
{
	for (u32 i = 0; i < fbcon_font.char_count; i++) {
		if (fbcon_font.chars[i].codepoint == codepoint) {
			return fbcon_font.glyphs[fbcon_font.chars[i].glyph];
		}
	}
	fail_msg("the font lacks U+%04X", codepoint);
	return NULL;
}

struct ink {
	u32 fg, bg;
};

static const struct ink plain = {GREY, 0}, reversed = {0, GREY};

static bool cell_shows(const struct screen *s, u32 row, u32 col, u32 codepoint, struct ink ink)
{
	const u8 *glyph = font_glyph(codepoint);
	u32 scale = s->fc.scale;

	for (u32 y = 0; y < 16 * scale; y++) {
		for (u32 x = 0; x < 8 * scale; x++) {
			size_t at = (size_t)(row * 16 * scale + y) * s->fb.stride_pixels +
				    col * 8 * scale + x;
			u32 want = glyph[y / scale] >> (7 - x / scale) & 1 ? ink.fg : ink.bg;

			if (s->pixels[at] != want) {
				return false;
			}
		}
	}
	return true;
}

static void expect_cell(const struct screen *s, u32 row, u32 col, u32 codepoint)
{
	bool cursor = row == s->fc.cursor_row && col == s->fc.cursor_col;

	if (!cell_shows(s, row, col, codepoint, cursor ? reversed : plain)) {
		fail_msg("cell %u,%u does not show U+%04X", row, col, codepoint);
	}
}

static void expect_text(const struct screen *s, u32 row, u32 col, const char *text)
{
	for (; *text; text++) {
		expect_cell(s, row, col++, (u8)*text);
	}
}

static void expect_cursor(const struct screen *s, u32 row, u32 col, u32 codepoint)
{
	assert_true(cell_shows(s, row, col, codepoint, reversed));
}

static void glyphs_match_font(void **state)
{
	struct screen s;
	char all[96] = "";

	(void)state;
	screen_make(&s, 800, 64, 800);
	for (int c = 0x20; c < 0x7f; c++) {
		all[c - 0x20] = (char)c;
	}
	put(&s, all);
	expect_text(&s, 0, 0, all);
	expect_cursor(&s, 0, 95, ' ');
	screen_free(&s);
}

static void font_is_sane(void **state)
{
	(void)state;
	for (u32 i = 0; i < fbcon_font.char_count; i++) {
		assert_true(fbcon_font.chars[i].glyph < fbcon_font.glyph_count);
		if (i) {
			assert_true(fbcon_font.chars[i - 1].codepoint <
				    fbcon_font.chars[i].codepoint);
		}
	}
	/* 'A' is neither blank nor full, and differs from 'B'. */
	assert_memory_not_equal(font_glyph('A'), font_glyph(' '), 16);
	assert_memory_not_equal(font_glyph('A'), font_glyph('B'), 16);
}

static void stride_padding_is_untouched(void **state)
{
	struct screen s;

	(void)state;
	screen_make(&s, 85, 37, 100);
	for (int i = 0; i < 50; i++) {
		put(&s, "The quick brown fox\r\n");
	}
	for (u32 y = 0; y < 36; y++) {
		for (u32 x = 0; x < 100; x++) {
			u32 pixel = s.pixels[y * 100 + x];

			if (x >= 85) {
				assert_int_equal(pixel, GUARD);
			} else if (x >= 80 || y >= 32) {
				assert_int_equal(pixel, 0);
			} else {
				assert_int_not_equal(pixel, GUARD);
			}
		}
	}
	screen_free(&s);
}

static void lines_wrap_and_scroll(void **state)
{
	struct screen s;

	(void)state;
	screen_make(&s, 80, 48, 80);
	put(&s, "0123456789");
	expect_text(&s, 0, 0, "012345678");
	expect_cursor(&s, 0, 9, '9'); /* the wrap waits for the next character */
	put(&s, "ab\r\nc");
	expect_text(&s, 0, 0, "0123456789");
	expect_text(&s, 1, 0, "ab");
	expect_text(&s, 2, 0, "c");
	put(&s, "\nX\r\nY");
	expect_text(&s, 0, 0, "c ");
	expect_text(&s, 1, 0, " X"); /* '\n' alone keeps the column */
	expect_text(&s, 2, 0, "Y");
	screen_free(&s);
}

static void controls_move_the_pen(void **state)
{
	struct screen s;

	(void)state;
	screen_make(&s, 320, 48, 320);
	put(&s, "abc\b\bX\rY\tZ");
	expect_text(&s, 0, 0, "YXc     Z");
	put(&s, "\x1b[2;5HH\x1b[A^\x1b[2DL\x1b[3CR\x1b[1G1");
	expect_cell(&s, 1, 4, 'H');
	expect_text(&s, 0, 0, "1Xc L^  R");
	put(&s, "\x1b[999;999H@\x1b[999A\x1b[999Dq\x1b[999Bw");
	expect_cell(&s, 2, 39, '@');
	expect_cell(&s, 0, 0, 'q');
	expect_cell(&s, 2, 1, 'w');
	screen_free(&s);
}

static void erasing_and_shifting(void **state)
{
	struct screen s;

	(void)state;
	screen_make(&s, 80, 48, 80);
	put(&s, "abcdefgh\r\nijklmnop\r\nqrstuvwx\x1b[2;4H\x1b[K");
	expect_text(&s, 1, 0, "ijk");
	expect_text(&s, 1, 4, "      ");
	put(&s, "\x1b[1;3H\x1b[1K");
	expect_text(&s, 0, 0, "   defgh ");
	put(&s, "\x1b[1;5H\x1b[2P\x1b[1;4H\x1b[2@");
	expect_text(&s, 0, 4, " dgh  ");
	put(&s, "\x1b[2;2H\x1b[J\x1b[3;9H");
	expect_text(&s, 1, 0, "i         ");
	expect_text(&s, 2, 0, "        ");
	put(&s, "\x1b[2J");
	expect_text(&s, 0, 0, "          ");
	screen_free(&s);
}

static void colours(void **state)
{
	struct screen s;

	(void)state;
	screen_make(&s, 160, 32, 160);
	put(&s, "\x1b[31;44mR\x1b[1mB\x1b[0mN\x1b[7mI\x1b[27;93mY\x1b[mD\x1b[38;5;1mE");
	assert_true(cell_shows(&s, 0, 0, 'R', (struct ink){0xaa0000, 0x0000aa}));
	assert_true(cell_shows(&s, 0, 1, 'B', (struct ink){0xff5555, 0x0000aa}));
	assert_true(cell_shows(&s, 0, 2, 'N', plain));
	assert_true(cell_shows(&s, 0, 3, 'I', reversed));
	assert_true(cell_shows(&s, 0, 4, 'Y', (struct ink){0xffff55, 0}));
	assert_true(cell_shows(&s, 0, 5, 'D', plain));
	screen_free(&s);
}

static void red_first_pixels(void **state)
{
	struct screen s;

	(void)state;
	screen_make(&s, 160, 32, 160);
	s.fb.format = BOOT_PIXEL_RGBX8;
	assert_int_equal(fbcon_init(&s.fc, s.pixels, &s.fb, s.cells, 2 * 20 * 2), 0);
	put(&s, "\x1b[31mR");
	assert_true(cell_shows(&s, 0, 0, 'R', (struct ink){0x0000aa, 0}));
	screen_free(&s);
}

static void utf8_and_unknown_text(void **state)
{
	struct screen s;

	(void)state;
	screen_make(&s, 320, 32, 320);
	put(&s, "\xc3\xa9\xe2\x94\x80\xf0\x9f\x98\x80|\xff|\xc3|\xe2\x94|\x80");
	expect_cell(&s, 0, 0, 0xe9);
	expect_cell(&s, 0, 1, 0x2500);
	expect_text(&s, 0, 2, "?|");
	/* A malformed byte shows U+FFFD, which this font has, once; the byte after it is kept. */
	expect_cell(&s, 0, 4, 0xfffd);
	expect_cell(&s, 0, 5, '|');
	expect_cell(&s, 0, 6, 0xfffd);
	expect_cell(&s, 0, 7, '|');
	expect_cell(&s, 0, 8, 0xfffd);
	expect_cell(&s, 0, 9, '|');
	expect_cell(&s, 0, 10, 0xfffd);
	screen_free(&s);
}

static void unknown_sequences_vanish(void **state)
{
	struct screen s;

	(void)state;
	screen_make(&s, 320, 32, 320);
	put(&s, "a\x1b[?25l\x1b[?2004hb\x1b[=3hc\x1b]0;title\ad\x1b]0;t\x1b\\e\x1b(Bf\x1b[6ng"
		"\x1b[1\x18h\x1b[;;;;;;;;;;;;;;;mi\x1b[12345678901234567890zj\a\x1b=k\x1b[!pl");
	expect_text(&s, 0, 0, "abcdefghijkl ");
	screen_free(&s);
}

/* What a serial getty sends to learn the screen's size. */
static void saved_pen_returns(void **state)
{
	struct screen s;

	(void)state;
	screen_make(&s, 320, 48, 320);
	put(&s, "ab\x1b"
		"7\x1b[r\x1b[999;999H\x1b[6n\x1b"
		"8cd\x1b[s\x1b[3;1H\x1b[32m\x1b[ue");
	expect_text(&s, 0, 0, "abcde ");
	screen_free(&s);
}

static void wide_screens_double_glyphs(void **state)
{
	struct screen s;

	(void)state;
	assert_int_equal(screen_try(&s, 2560, 64, 2560, 2 * 160 * 2), 0);
	assert_int_equal(s.fc.scale, 2);
	put(&s, "big\r\nx");
	expect_text(&s, 0, 0, "big");
	screen_free(&s);
}

static int init_result(u32 width, u32 height, u32 stride, size_t ncells)
{
	struct screen s;
	int err = screen_try(&s, width, height, stride, ncells);

	if (!err) {
		put(&s, "tiny\r\nscreens\x1b[2;2Hwork too\t.");
	}
	screen_free(&s);
	return err;
}

static void small_and_wrong_framebuffers(void **state)
{
	struct boot_framebuffer fb = {.size = 64, .width = 8, .height = 16, .stride_pixels = 8};
	struct fbcon_cell cells[2];
	struct fbcon fc;
	u32 pixels[16];

	(void)state;
	assert_int_equal(init_result(8, 16, 8, 2), 0);
	assert_int_equal(init_result(9, 17, 11, 2), 0);
	assert_int_equal(init_result(16, 16, 16, 4), 0);
	assert_int_equal(init_result(8, 160, 8, 20), 0);
	assert_int_equal(init_result(7, 16, 8, 2), -EINVAL);
	assert_int_equal(init_result(8, 15, 8, 2), -EINVAL);
	assert_int_equal(init_result(8, 16, 8, 1), -ENOMEM);
	assert_int_equal(init_result(80, 160, 80, 2 * 10 * 3), 0);         /* 3 rows of 10 */
	assert_int_equal(fbcon_init(&fc, pixels, &fb, cells, 2), -EINVAL); /* size */
	fb = (struct boot_framebuffer){
		.size = ~(u64)0, .width = ~0u, .height = ~0u, .stride_pixels = ~0u};
	assert_int_equal(fbcon_init(&fc, pixels, &fb, cells, 2), -EINVAL);
	fb = (struct boot_framebuffer){
		.size = 512, .width = 8, .height = 16, .stride_pixels = 8, .format = 2};
	assert_int_equal(fbcon_init(&fc, pixels, &fb, cells, 2), -EINVAL);
}

static void budget_is_kept(void **state)
{
	struct screen s;
	u32 rounds = 0;

	(void)state;
	screen_make(&s, 80, 48, 80);
	fbcon_write(&s.fc, "abcdefghi\r\nABCDEFGHI", 20);
	while (!fbcon_flush(&s.fc, 4)) {
		rounds++;
	}
	assert_int_equal(rounds, 4); /* 18 letters and the cursor: 19 cells */
	expect_text(&s, 0, 0, "abcdefghi");
	expect_text(&s, 1, 0, "ABCDEFGHI");
	/* Nothing changed: nothing is drawn. */
	assert_true(fbcon_flush(&s.fc, 0));
	screen_free(&s);
}

/* Only changed cells are stored to: pixels spoilt behind its back stay. */
static void unchanged_cells_are_not_drawn(void **state)
{
	struct screen s;

	(void)state;
	screen_make(&s, 80, 48, 80);
	put(&s, "same\r\nsame\r\nsame\r\n");
	s.pixels[16 * 80] = GUARD; /* row 1, column 0: 's' before and after the next scroll */
	put(&s, "z");
	assert_int_equal(s.pixels[16 * 80], GUARD);
	screen_free(&s);
}

static u32 next_random(u32 *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* Half random bytes, half pieces that lead deep into the parser. */
static void write_random(struct screen *s, u32 *seed)
{
	static const char *const pieces[] = {"\x1b[", "\x1b", ";",     "9999", "H",  "J",
					     "K",     "m",    "A",     "D",    "P",  "@",
					     "\n",    "8",    "\x1b]", "u",    "\t", "1"};
	char byte = (char)next_random(seed);
	const char *piece = pieces[next_random(seed) % ARRAY_SIZE(pieces)];

	if (next_random(seed) & 1) {
		fbcon_write(&s->fc, &byte, 1);
	} else {
		fbcon_write(&s->fc, piece, strlen(piece));
	}
}

/* The screen after partial flushes is the one that a fresh drawing of the cells gives. */
static void random_bytes_stay_inside(void **state)
{
	u32 seed = 1;

	(void)state;
	for (u32 round = 0; round < 300; round++) {
		u32 width = 8 + next_random(&seed) % 120, height = 16 + next_random(&seed) % 80;
		struct screen s;
		u32 *drawn;

		screen_make(&s, width, height, width + next_random(&seed) % 9);
		for (u32 i = 0; i < 2000; i++) {
			write_random(&s, &seed);
			if (i % 16 == 0) {
				(void)fbcon_flush(&s.fc, next_random(&seed) % 8);
			}
		}
		assert_true(fbcon_flush(&s.fc, ~0u));
		drawn = malloc(s.fb.size);
		memcpy(drawn, s.pixels, s.fb.size);
		for (u32 i = 0; i < s.fc.rows * s.fc.cols; i++) {
			s.fc.shown[i].glyph = 0xffff; /* on no screen: draw all */
		}
		s.fc.dirty_first = 0;
		s.fc.dirty_end = s.fc.rows;
		assert_true(fbcon_flush(&s.fc, ~0u));
		assert_memory_equal(drawn, s.pixels, s.fb.size);
		free(drawn);
		screen_free(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(font_is_sane),
		cmocka_unit_test(glyphs_match_font),
		cmocka_unit_test(stride_padding_is_untouched),
		cmocka_unit_test(lines_wrap_and_scroll),
		cmocka_unit_test(controls_move_the_pen),
		cmocka_unit_test(erasing_and_shifting),
		cmocka_unit_test(colours),
		cmocka_unit_test(red_first_pixels),
		cmocka_unit_test(utf8_and_unknown_text),
		cmocka_unit_test(unknown_sequences_vanish),
		cmocka_unit_test(saved_pen_returns),
		cmocka_unit_test(wide_screens_double_glyphs),
		cmocka_unit_test(small_and_wrong_framebuffers),
		cmocka_unit_test(budget_is_kept),
		cmocka_unit_test(unchanged_cells_are_not_drawn),
		cmocka_unit_test(random_bytes_stay_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
