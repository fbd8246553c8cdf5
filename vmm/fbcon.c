// SPDX-License-Identifier: Apache-2.0
/*
 * The framebuffer terminal. See fbcon.h for the picture.
 *
 * Not here: character sets other than UTF-8, scroll regions, wide characters, blinking, answers to
 * the sender. Unknown sequences are consumed without effect. Input is a guest's: no byte sequence
 * may do more than change cells.
 * ECMA-48 (5th edition), "Control functions"; xterm's "ctlseqs" for what is used in practice.
 */
#include "vmm/fbcon.h"

#include <errno.h>
#include <string.h>

#include "mm/bits.h"

#define MAX_DIMENSION  16384u /* pixels: keeps every product below within 64 bits by far */
#define SCALE_2_ABOVE  1920u  /* pixels of width: larger screens get doubled glyphs */
#define PARAM_MAX      9999u
#define TAB_WIDTH      8u
#define DEFAULT_FG     7u
#define DEFAULT_BG     0u
#define CODEPOINT_NONE 0xfffdu

enum parse_state {
	STATE_GROUND,
	STATE_ESCAPE,       /* after ESC */
	STATE_ESCAPE_INTER, /* ESC and an intermediate: swallow up to the final byte */
	STATE_CSI,
	STATE_STRING,     /* OSC, DCS, ...: swallow up to BEL or ESC \ */
	STATE_STRING_ESC, /* ESC within a string */
};

/* 0xRRGGBB: the VGA text colours in ANSI order. */
static const u32 ansi_rgb[16] = {
	0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
	0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff,
};

static u8 make_attr(u32 fg, u32 bg)
{
	return (u8)(fg | bg << 4);
}

static u32 min_u32(u32 a, u32 b)
{
	return a < b ? a : b;
}

static struct fbcon_cell *wanted_row(const struct fbcon *fc, u32 row)
{
	return fc->wanted + (size_t)((fc->top + row) % fc->rows) * fc->cols;
}

static void mark_dirty(struct fbcon *fc, u32 first, u32 end)
{
	if (fc->dirty_first >= fc->dirty_end) {
		fc->dirty_first = first;
		fc->dirty_end = end;
		return;
	}
	fc->dirty_first = min_u32(fc->dirty_first, first);
	fc->dirty_end = fc->dirty_end > end ? fc->dirty_end : end;
}

static bool find_glyph(u32 codepoint, u16 *glyph)
{
	u32 lo = 0, hi = fbcon_font.char_count;

	while (lo < hi) {
		u32 mid = lo + (hi - lo) / 2;
		const struct fbcon_font_char *c = &fbcon_font.chars[mid];

		if (c->codepoint == codepoint) {
			*glyph = c->glyph;
			return true;
		}
		if (c->codepoint < codepoint) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return false;
}

static u16 glyph_of(u32 codepoint)
{
	u16 glyph = 0;

	if (!find_glyph(codepoint, &glyph)) {
		(void)find_glyph('?', &glyph);
	}
	return glyph;
}

static u8 pen_attr(const struct fbcon_pen *pen)
{
	u8 fg = pen->bold && pen->fg < 8 ? (u8)(pen->fg + 8) : pen->fg;

	return pen->reverse ? make_attr(pen->bg, fg) : make_attr(fg, pen->bg);
}

static void reset_pen(struct fbcon_pen *pen)
{
	pen->fg = DEFAULT_FG;
	pen->bg = DEFAULT_BG;
	pen->bold = false;
	pen->reverse = false;
}

/* Blanks columns [first, end) of a row in the pen's background. */
static void erase_cells(struct fbcon *fc, u32 row, u32 first, u32 end)
{
	struct fbcon_cell blank = {glyph_of(' '), make_attr(DEFAULT_FG, fc->pen.bg), 0};
	struct fbcon_cell *cells = wanted_row(fc, row);

	for (u32 col = first; col < end; col++) {
		cells[col] = blank;
	}
	mark_dirty(fc, row, row + 1);
}

static void erase_rows(struct fbcon *fc, u32 first, u32 end)
{
	for (u32 row = first; row < end; row++) {
		erase_cells(fc, row, 0, fc->cols);
	}
}

static void line_feed(struct fbcon *fc)
{
	if (fc->pen.row + 1 < fc->rows) {
		fc->pen.row++;
		return;
	}
	fc->top = (fc->top + 1) % fc->rows;
	erase_cells(fc, fc->rows - 1, 0, fc->cols);
	mark_dirty(fc, 0, fc->rows);
}

static void put_codepoint(struct fbcon *fc, u32 codepoint)
{
	struct fbcon_pen *pen = &fc->pen;

	if (pen->col >= fc->cols) {
		pen->col = 0;
		line_feed(fc);
	}
	wanted_row(fc, pen->row)[pen->col] =
		(struct fbcon_cell){glyph_of(codepoint), pen_attr(pen), 0};
	mark_dirty(fc, pen->row, pen->row + 1);
	pen->col++;
}

/* Moves the pen, clamped to the screen; the arguments are the caller's sums and may be beyond. */
static void move_to(struct fbcon *fc, u32 row, u32 col)
{
	fc->pen.row = min_u32(row, fc->rows - 1);
	fc->pen.col = min_u32(col, fc->cols - 1);
}

static u32 sub_clamped(u32 a, u32 b)
{
	return a > b ? a - b : 0;
}

/* The parameter @i, or @missing where it is absent or 0. */
static u32 param(const struct fbcon *fc, u32 i, u32 missing)
{
	return i < fc->param_count && fc->params[i] ? fc->params[i] : missing;
}

static void set_colour(struct fbcon_pen *pen, u32 p)
{
	if (p >= 30 && p <= 37) {
		pen->fg = (u8)(p - 30);
	} else if (p >= 40 && p <= 47) {
		pen->bg = (u8)(p - 40);
	} else if (p >= 90 && p <= 97) {
		pen->fg = (u8)(p - 90 + 8);
	} else if (p >= 100 && p <= 107) {
		pen->bg = (u8)(p - 100 + 8);
	}
}

/* "SGR - SELECT GRAPHIC RENDITION". 38 and 48 (more colours) end the sequence: no such colours. */
static void select_rendition(struct fbcon *fc)
{
	struct fbcon_pen *pen = &fc->pen;
	u32 count = fc->param_count ? fc->param_count : 1;

	for (u32 i = 0; i < count; i++) {
		u32 p = param(fc, i, 0);

		switch (p) {
		case 0:
			reset_pen(pen);
			break;
		case 1:
			pen->bold = true;
			break;
		case 22:
			pen->bold = false;
			break;
		case 7:
		case 27:
			pen->reverse = p == 7;
			break;
		case 38:
		case 48:
			return;
		case 39:
			pen->fg = DEFAULT_FG;
			break;
		case 49:
			pen->bg = DEFAULT_BG;
			break;
		default:
			set_colour(pen, p);
		}
	}
}

/* "ED - ERASE IN PAGE" and "EL - ERASE IN LINE": 0 from the cursor on, 1 up to it, 2 all. */
static void erase_in_line(struct fbcon *fc, u32 how)
{
	u32 col = min_u32(fc->pen.col, fc->cols - 1);

	erase_cells(fc, fc->pen.row, how == 0 ? col : 0, how == 1 ? col + 1 : fc->cols);
}

static void erase_in_page(struct fbcon *fc, u32 how)
{
	if (how < 2) {
		erase_in_line(fc, how);
	}
	erase_rows(fc, how == 0 ? fc->pen.row + 1 : 0, how == 1 ? fc->pen.row : fc->rows);
}

/* "DCH" and "ICH": the rest of the line moves over @n deleted, or away from @n new, places. */
static void shift_line(struct fbcon *fc, u32 n, bool insert)
{
	u32 col = min_u32(fc->pen.col, fc->cols - 1);
	u32 rest = fc->cols - col;
	struct fbcon_cell *at = wanted_row(fc, fc->pen.row) + col;

	n = min_u32(n, rest);
	if (insert) {
		memmove(at + n, at, (rest - n) * sizeof(*at));
		erase_cells(fc, fc->pen.row, col, col + n);
	} else {
		memmove(at, at + n, (rest - n) * sizeof(*at));
		erase_cells(fc, fc->pen.row, fc->cols - n, fc->cols);
	}
}

static void move_by_csi(struct fbcon *fc, char final)
{
	u32 n = param(fc, 0, 1);
	u32 row = fc->pen.row, col = fc->pen.col;

	switch (final) {
	case 'A':
		move_to(fc, sub_clamped(row, n), col);
		break;
	case 'B':
		move_to(fc, row + n, col);
		break;
	case 'C':
		move_to(fc, row, col + n);
		break;
	case 'D':
		move_to(fc, row, sub_clamped(min_u32(col, fc->cols - 1), n));
		break;
	case 'G':
		move_to(fc, row, n - 1);
		break;
	case 'd':
		move_to(fc, n - 1, col);
		break;
	default: /* 'H', 'f' */
		move_to(fc, n - 1, param(fc, 1, 1) - 1);
	}
}

static void run_csi(struct fbcon *fc, char final)
{
	if (fc->private_csi) {
		return;
	}
	switch (final) {
	case 'A':
	case 'B':
	case 'C':
	case 'D':
	case 'G':
	case 'd':
	case 'H':
	case 'f':
		move_by_csi(fc, final);
		break;
	case 'J':
		erase_in_page(fc, param(fc, 0, 0));
		break;
	case 'K':
		erase_in_line(fc, param(fc, 0, 0));
		break;
	case 'P':
	case '@':
		shift_line(fc, param(fc, 0, 1), final == '@');
		break;
	case 'm':
		select_rendition(fc);
		break;
	case 's':
		fc->saved = fc->pen;
		break;
	case 'u':
		fc->pen = fc->saved;
		break;
	default:
		break;
	}
}

static void begin_csi(struct fbcon *fc)
{
	memset(fc->params, 0, sizeof(fc->params));
	fc->param_count = 0;
	fc->private_csi = false;
	fc->state = STATE_CSI;
}

/* "Control sequences": parameter bytes 30..3f, intermediates 20..2f, a final byte 40..7e. */
static void take_csi(struct fbcon *fc, u8 c)
{
	if (c >= '0' && c <= '9') {
		u32 *p = &fc->params[fc->param_count ? fc->param_count - 1 : 0];

		fc->param_count = fc->param_count ? fc->param_count : 1;
		*p = min_u32(*p * 10 + (c - '0'), PARAM_MAX);
	} else if (c == ';') {
		u32 next = (fc->param_count ? fc->param_count : 1) + 1;

		/* Parameters past the last place all land in it: no SGR or move has so many. */
		fc->param_count = min_u32(next, FBCON_MAX_PARAMS);
		fc->params[fc->param_count - 1] = 0;
	} else if (c >= 0x40 && c <= 0x7e) {
		fc->state = STATE_GROUND;
		run_csi(fc, (char)c);
	} else {
		fc->private_csi = true; /* '?', '>', '=', intermediates: none that we act on */
	}
}

static void take_escape(struct fbcon *fc, u8 c)
{
	fc->state = STATE_GROUND;
	switch (c) {
	case '[':
		begin_csi(fc);
		break;
	case ']': /* OSC, DCS, SOS, PM, APC */
	case 'P':
	case 'X':
	case '^':
	case '_':
		fc->state = STATE_STRING;
		break;
	case '7':
		fc->saved = fc->pen;
		break;
	case '8':
		fc->pen = fc->saved;
		break;
	case 'c':
		reset_pen(&fc->pen);
		erase_rows(fc, 0, fc->rows);
		move_to(fc, 0, 0);
		break;
	default:
		if (c >= 0x20 && c <= 0x2f) {
			fc->state = STATE_ESCAPE_INTER;
		}
	}
}

/* C0 controls act within sequences too. Returns false where @c is not one for the screen. */
static bool take_control(struct fbcon *fc, u8 c)
{
	struct fbcon_pen *pen = &fc->pen;

	switch (c) {
	case '\n':
	case '\v':
	case '\f':
		line_feed(fc);
		break;
	case '\r':
		pen->col = 0;
		break;
	case '\b':
		pen->col = sub_clamped(min_u32(pen->col, fc->cols), 1);
		break;
	case '\t':
		pen->col = min_u32((pen->col / TAB_WIDTH + 1) * TAB_WIDTH, fc->cols - 1);
		break;
	case 0x1b:
		fc->state = STATE_ESCAPE;
		break;
	case 0x18: /* CAN, SUB: abort the sequence */
	case 0x1a:
		fc->state = STATE_GROUND;
		break;
	default:
		return c < 0x20 || c == 0x7f;
	}
	return true;
}

/* Text. A malformed UTF-8 sequence gives one replacement, and its last byte is read afresh. */
static void take_text(struct fbcon *fc, u8 c)
{
	if (fc->utf8_left && (c & 0xc0) == 0x80) {
		fc->utf8_value = fc->utf8_value << 6 | (c & 0x3f);
		if (--fc->utf8_left == 0) {
			put_codepoint(fc, fc->utf8_value);
		}
		return;
	}
	if (fc->utf8_left) {
		fc->utf8_left = 0;
		put_codepoint(fc, CODEPOINT_NONE);
	}
	if (c < 0x80) {
		put_codepoint(fc, c);
	} else if (c >= 0xc2 && c <= 0xf4) {
		fc->utf8_left = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		fc->utf8_value = c & (0x3fu >> fc->utf8_left);
	} else {
		put_codepoint(fc, CODEPOINT_NONE);
	}
}

static void take_byte(struct fbcon *fc, u8 c)
{
	if (fc->state == STATE_STRING || fc->state == STATE_STRING_ESC) {
		bool ends = c == '\a' || c == 0x18 || (fc->state == STATE_STRING_ESC && c == '\\');

		fc->state = ends ? STATE_GROUND : c == 0x1b ? STATE_STRING_ESC : STATE_STRING;
		return;
	}
	if (take_control(fc, c)) {
		fc->utf8_left = 0;
		return;
	}
	switch ((enum parse_state)fc->state) {
	case STATE_ESCAPE:
		take_escape(fc, c);
		break;
	case STATE_ESCAPE_INTER:
		fc->state = c >= 0x30 ? STATE_GROUND : STATE_ESCAPE_INTER;
		break;
	case STATE_CSI:
		take_csi(fc, c);
		break;
	case STATE_GROUND:
	case STATE_STRING:
	case STATE_STRING_ESC:
		take_text(fc, c);
		break;
	}
}

void fbcon_write(struct fbcon *fc, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		take_byte(fc, (u8)s[i]);
	}
}

/* One line of a glyph: each of its 8 bits becomes @scale pixels. */
static void draw_line(u32 *line, u8 pattern, u32 fg, u32 bg, u32 scale)
{
	for (u32 bit = 0x80; bit; bit >>= 1) {
		for (u32 i = 0; i < scale; i++) {
			*line++ = pattern & bit ? fg : bg;
		}
	}
}

static void draw_cell(const struct fbcon *fc, u32 row, u32 col, struct fbcon_cell cell)
{
	u32 fg = fc->palette[cell.attr & 15], bg = fc->palette[cell.attr >> 4];
	u32 width = FBCON_GLYPH_WIDTH * fc->scale, height = FBCON_GLYPH_HEIGHT * fc->scale;
	u32 *line = fc->pixels + (size_t)row * height * fc->stride_pixels + (size_t)col * width;

	for (u32 y = 0; y < FBCON_GLYPH_HEIGHT; y++) {
		for (u32 i = 0; i < fc->scale; i++) {
			draw_line(line, fbcon_font.glyphs[cell.glyph][y], fg, bg, fc->scale);
			line += fc->stride_pixels;
		}
	}
}

static bool cells_equal(struct fbcon_cell a, struct fbcon_cell b)
{
	return a.glyph == b.glyph && a.attr == b.attr;
}

/* Draws the changed cells of a row. Returns false when the budget ended first. */
static bool flush_row(struct fbcon *fc, u32 row, u32 *budget)
{
	const struct fbcon_cell *wanted = wanted_row(fc, row);
	struct fbcon_cell *shown = fc->shown + (size_t)row * fc->cols;

	for (u32 col = 0; col < fc->cols; col++) {
		struct fbcon_cell cell = wanted[col];

		if (row == fc->cursor_row && col == fc->cursor_col) {
			cell.attr = (u8)(cell.attr << 4 | cell.attr >> 4);
		}
		if (cells_equal(cell, shown[col])) {
			continue;
		}
		if (*budget == 0) {
			return false;
		}
		(*budget)--;
		draw_cell(fc, row, col, cell);
		shown[col] = cell;
	}
	return true;
}

/* The cursor is a reversed cell: moving it makes the old place and the new one differ. */
static void place_cursor(struct fbcon *fc)
{
	u32 col = min_u32(fc->pen.col, fc->cols - 1);

	if (fc->cursor_row != fc->pen.row || fc->cursor_col != col) {
		mark_dirty(fc, fc->cursor_row, fc->cursor_row + 1);
		mark_dirty(fc, fc->pen.row, fc->pen.row + 1);
		fc->cursor_row = fc->pen.row;
		fc->cursor_col = col;
	}
}

bool fbcon_flush(struct fbcon *fc, u32 budget)
{
	place_cursor(fc);
	while (fc->dirty_first < fc->dirty_end) {
		if (!flush_row(fc, fc->dirty_first, &budget)) {
			return false;
		}
		fc->dirty_first++;
	}
	return true;
}

static int check_framebuffer(const struct boot_framebuffer *fb)
{
	if (fb->width == 0 || fb->width > fb->stride_pixels || fb->height == 0 ||
	    fb->stride_pixels > MAX_DIMENSION || fb->height > MAX_DIMENSION) {
		return -EINVAL;
	}
	if (fb->format != BOOT_PIXEL_BGRX8 && fb->format != BOOT_PIXEL_RGBX8) {
		return -EINVAL;
	}
	/* The last row needs its visible pixels only. */
	if (fb->size / sizeof(u32) < (u64)(fb->height - 1) * fb->stride_pixels + fb->width) {
		return -EINVAL;
	}
	return 0;
}

static void set_palette(struct fbcon *fc, u32 format)
{
	for (u32 i = 0; i < 16; i++) {
		u32 rgb = ansi_rgb[i];
		u32 swapped = (rgb & 0xff) << 16 | (rgb & 0xff00) | rgb >> 16;

		fc->palette[i] = format == BOOT_PIXEL_BGRX8 ? rgb : swapped;
	}
}

/* Black on the screen and blanks in the cells: what is shown is known without reading it. */
static void blank_screen(struct fbcon *fc, const struct boot_framebuffer *fb)
{
	struct fbcon_cell blank = {glyph_of(' '), make_attr(DEFAULT_FG, DEFAULT_BG), 0};

	for (u32 y = 0; y < fb->height; y++) {
		memset(fc->pixels + (size_t)y * fc->stride_pixels, 0, fb->width * sizeof(u32));
	}
	for (size_t i = 0; i < (size_t)fc->rows * fc->cols; i++) {
		fc->wanted[i] = blank;
		fc->shown[i] = blank;
	}
	mark_dirty(fc, 0, 1);
}

int fbcon_init(struct fbcon *fc, void *pixels, const struct boot_framebuffer *fb,
	       struct fbcon_cell *cells, size_t ncells)
{
	if (check_framebuffer(fb)) {
		return -EINVAL;
	}
	memset(fc, 0, sizeof(*fc));
	fc->pixels = pixels;
	fc->stride_pixels = fb->stride_pixels;
	fc->scale = fb->width > SCALE_2_ABOVE ? 2 : 1;
	fc->cols = fb->width / (FBCON_GLYPH_WIDTH * fc->scale);
	fc->rows = fb->height / (FBCON_GLYPH_HEIGHT * fc->scale);
	if (fc->cols == 0 || fc->rows == 0) {
		return -EINVAL;
	}
	if (ncells / 2 / fc->cols == 0) {
		return -ENOMEM;
	}
	fc->rows = (u32)min_u64(fc->rows, ncells / 2 / fc->cols);
	fc->wanted = cells;
	fc->shown = cells + (size_t)fc->rows * fc->cols;
	reset_pen(&fc->pen);
	fc->saved = fc->pen;
	set_palette(fc, fb->format);
	blank_screen(fc, fb);
	return 0;
}
