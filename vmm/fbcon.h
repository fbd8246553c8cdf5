// SPDX-License-Identifier: Apache-2.0
/*
 * Text on a linear 32-bit framebuffer: a small terminal (UTF-8 as far as the font goes, the part
 * of ANSI/ECMA-48 that a Linux console, a shell's line editing and UEFI firmware use).
 *
 *     fbcon_write --> cells wanted --(fbcon_flush: where they differ)--> pixels, cells shown
 *
 * Writing changes cells in memory only; fbcon_flush draws those that differ from what is on the
 * screen. The framebuffer is never read: it is mapped uncached or write-combining, where a read
 * costs a bus round trip. Many scrolled lines thus cost one redraw. No locking: the caller's.
 */
#pragma once

#include "mm/types.h"
#include "vmm/boot_info.h"

#define FBCON_GLYPH_WIDTH  8
#define FBCON_GLYPH_HEIGHT 16
#define FBCON_MAX_PARAMS   8

/* The bitmap font, made at build time by tests/setup/mkfont.py: 8 x 16, bit 7 leftmost. */
struct fbcon_font_char {
	u16 codepoint, glyph;
};

struct fbcon_font {
	u32 glyph_count, char_count;
	const u8 (*glyphs)[FBCON_GLYPH_HEIGHT];
	const struct fbcon_font_char *chars; /* sorted by code point; has '?' and ' ' */
};

extern const struct fbcon_font fbcon_font;

/* One character on the screen: colours are 0..15, the low nibble of @attr is the foreground. */
struct fbcon_cell {
	u16 glyph;
	u8 attr;
	u8 pad;
};

/* The pen: where the next character goes and how it looks. ESC 7 saves it whole. */
struct fbcon_pen {
	u32 col, row; /* col == cols: the next character wraps first */
	u8 fg, bg;
	bool bold, reverse;
};

struct fbcon {
	u32 *pixels;
	u32 stride_pixels, scale;
	u32 cols, rows;
	u32 palette[16];
	struct fbcon_cell *wanted; /* rows x cols, a ring of rows that begins at @top */
	struct fbcon_cell *shown;  /* rows x cols, as drawn */
	u32 top;
	u32 dirty_first, dirty_end; /* screen rows that may differ */
	u32 cursor_row, cursor_col; /* as drawn */
	struct fbcon_pen pen, saved;
	u32 state; /* enum parse_state of fbcon.c */
	u32 params[FBCON_MAX_PARAMS];
	u32 param_count;
	bool private_csi;
	u32 utf8_left, utf8_value;
};

/*
 * Starts a console on the framebuffer @fb whose pixels are mapped at @pixels, and blanks it. @cells
 * (@ncells of them, 2 per character place) becomes the console's; too few means fewer rows.
 * Returns 0; -EINVAL where the description is not sane or too small for one character, -ENOMEM
 * where the cells do not suffice for one row.
 */
int fbcon_init(struct fbcon *fc, void *pixels, const struct boot_framebuffer *fb,
	       struct fbcon_cell *cells, size_t ncells) __must_check;

/* Takes in @len bytes of terminal output; draws nothing. '\n' moves down only, as on a terminal. */
void fbcon_write(struct fbcon *fc, const char *s, size_t len);

/*
 * Draws at most @budget changed cells, and the cursor.
 * Returns true when the screen shows everything written.
 */
bool fbcon_flush(struct fbcon *fc, u32 budget);
