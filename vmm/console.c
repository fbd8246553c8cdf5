// SPDX-License-Identifier: Apache-2.0
/*
 * Fan-out of console output to the serial port and the framebuffer.
 *
 * Guest and hypervisor share one terminal. A small tracker follows the guest's bytes to know
 * whether the cursor is at the start of a line, in an escape sequence or in colour, so that the
 * hypervisor's line comes out whole and readable in between; a line of the guest's that it cut in
 * two is put out again from its start, before the guest goes on in it.
 */
#include "vmm/console.h"

#include <stdatomic.h>

#include "mm/lock.h"
#include "mm/page.h"
#include "vmm/fbcon.h"

/* Cells for 1920 x 1200 at 8 x 16; wider screens have doubled glyphs and need fewer. */
#define MAX_PLACES (240 * 75)

#define POLL_CELLS       2048 /* 1 MiB of pixels at most per console_poll */
#define PART_MAX         256  /* of a guest's unfinished line */
#define PANIC_LOCK_LOOKS 10000000
#define CHAR_ESCAPE      0x1b

/* Who wrote the line that the cursor stands in, if anybody. */
enum line_owner { LINE_FRESH, LINE_GUEST, LINE_OWN };

enum stream_state { STREAM_TEXT, STREAM_ESCAPE, STREAM_CSI };

static struct {
	struct lock lock;
	enum line_owner line;
	enum stream_state guest_state;
	bool guest_coloured; /* it chose colours since we last wrote */
	bool torn;           /* we have written in the midst of its line, of which ... */
	u32 part_len;        /* ... this is there; more than PART_MAX: too long to keep */
	u32 sequence_at;     /* where in it an escape sequence began */
	char part[PART_MAX];
	bool has_screen;
	bool deferred;       /* somebody calls console_poll */
	atomic_bool undrawn; /* output since the framebuffer was last drawn whole */
	struct fbcon screen;
} console = {.lock = {.rank = LOCK_RANK_LOG}};

static struct fbcon_cell cells[2 * MAX_PLACES];
static atomic_bool panicking, lock_broken;
static const struct boot_info *lent; /* not NULL: a VM has the screen */

/* Of its escape sequences only colours are kept: others move the cursor, or ask for answers. */
static void part_drop_sequence(void)
{
	if (console.part_len <= PART_MAX) {
		console.part_len = console.sequence_at;
	}
}

static void part_keep(u8 byte)
{
	if (byte == '\n' || byte == '\r') {
		console.part_len = 0;
	} else if (console.part_len < PART_MAX) {
		console.part[console.part_len++] = (char)byte;
	} else {
		console.part_len = PART_MAX + 1;
	}
}

static void track_guest(u8 byte)
{
	part_keep(byte);
	switch (console.guest_state) {
	case STREAM_ESCAPE:
		console.guest_state = byte == '[' ? STREAM_CSI : STREAM_TEXT;
		if (byte != '[') {
			part_drop_sequence();
		}
		return;
	case STREAM_CSI:
		if (byte >= 0x40 || byte < 0x20) {
			console.guest_state = STREAM_TEXT;
			console.guest_coloured |= byte == 'm';
			if (byte != 'm') {
				part_drop_sequence();
			}
		}
		return;
	case STREAM_TEXT:
		break;
	}
	if (byte == CHAR_ESCAPE) {
		console.sequence_at = console.part_len - 1;
		console.guest_state = STREAM_ESCAPE;
	} else if (byte == '\n') {
		console.line = LINE_FRESH;
	} else if (byte >= 0x20) {
		console.line = LINE_GUEST;
	}
}

static void put_bytes(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		arch_uart_putc((u8)s[i]);
	}
	if (console.has_screen) {
		fbcon_write(&console.screen, s, len);
		console.undrawn = true;
	}
}

static void end_line(void)
{
	put_bytes("\r\n", 2);
	console.line = LINE_FRESH;
}

/* Leaves whatever the guest is in the midst of: a sequence, a colour, a line. */
static void take_over_from_guest(void)
{
	console.torn |= console.line == LINE_GUEST || console.guest_state != STREAM_TEXT;
	if (console.guest_state != STREAM_TEXT) {
		put_bytes("\x18", 1); /* CAN */
		console.guest_state = STREAM_TEXT;
	}
	if (console.guest_coloured) {
		put_bytes("\x1b[0m", 4);
		console.guest_coloured = false;
	}
	if (console.line == LINE_GUEST) {
		end_line();
	}
}

void console_fresh_line(void)
{
	take_over_from_guest();
	if (console.line == LINE_OWN) {
		end_line();
	}
}

bool console_line_is_own(void)
{
	return console.line == LINE_OWN;
}

void console_put(const char *s, size_t len)
{
	size_t start = 0;

	if (len == 0) {
		return;
	}
	take_over_from_guest();
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '\n') {
			put_bytes(s + start, i - start);
			end_line();
			start = i + 1;
		}
	}
	if (start < len) {
		put_bytes(s + start, len - start);
		console.line = LINE_OWN;
	}
}

bool console_begin(void)
{
	if (!atomic_load_explicit(&panicking, memory_order_relaxed)) {
		lock_take(&console.lock);
		return true;
	}
	for (u32 i = 0; i < PANIC_LOCK_LOOKS && !atomic_load(&lock_broken); i++) {
		if (!lock_is_taken(&console.lock)) {
			lock_take(&console.lock);
			return true;
		}
	}
	atomic_store(&lock_broken, true);
	return false;
}

void console_end(bool held)
{
	if (console.has_screen && (!console.deferred || atomic_load(&panicking))) {
		(void)fbcon_flush(&console.screen, MAX_PLACES);
	}
	if (held) {
		lock_drop(&console.lock);
	}
}

void console_write(const char *s, size_t len)
{
	bool held = console_begin();

	console_put(s, len);
	console_end(held);
}

static void guest_put(u8 byte)
{
	char c = (char)byte;

	track_guest(byte);
	put_bytes(&c, 1);
}

void console_resume_guest(void)
{
	u32 len = console.part_len;

	if (console.torn && len <= PART_MAX) {
		console.part_len = 0;
		for (u32 i = 0; i < len; i++) {
			guest_put((u8)console.part[i]); /* which keeps it again, in its place */
		}
	}
	console.torn = false;
}

void console_forget_guest(void)
{
	lock_take(&console.lock);
	console.torn = false;
	console.part_len = 0;
	lock_drop(&console.lock);
}

void console_guest_tx(u8 byte)
{
	lock_take(&console.lock);
	console_resume_guest();
	guest_put(byte);
	lock_drop(&console.lock);
}

int console_getc(void)
{
	int byte = arch_uart_getc();

	return byte >= 0 ? byte : arch_keyboard_getc();
}

bool console_has_screen(void)
{
	return console.has_screen;
}

bool console_poll(void)
{
	bool clean;

	if (!console.has_screen) {
		return false;
	}
	lock_take(&console.lock);
	console.deferred = true;
	clean = fbcon_flush(&console.screen, POLL_CELLS);
	console.undrawn = !clean;
	lock_drop(&console.lock);
	return !clean;
}

bool console_is_undrawn(void)
{
	return console.undrawn;
}

/* The screen is used only where the direct map reaches it: its cache type is the CPU set-up's. */
static bool start_screen(const struct boot_info *info)
{
	const struct boot_framebuffer *fb = &info->framebuffer;

	if (fb->width == 0 || fb->base > info->direct_map_end ||
	    fb->size > info->direct_map_end - fb->base) {
		return false;
	}
	return fbcon_init(&console.screen, phys_ptr(hpa(fb->base)), fb, cells, ARRAY_SIZE(cells)) ==
	       0;
}

static bool screen_is_lent(const struct boot_info *info)
{
	for (u32 i = 0; i < info->config.vm_count; i++) {
		if (info->config.vms[i].flags & BOOT_VM_FRAMEBUFFER) {
			return true;
		}
	}
	return false;
}

void console_init(const struct boot_info *info)
{
	(void)arch_uart_init();
	if (screen_is_lent(info)) {
		lent = info;
	} else {
		console.has_screen = start_screen(info);
	}
}

void console_screen_take(void)
{
	if (lent) {
		console.has_screen = start_screen(lent);
		lent = NULL;
	}
}

void console_enter_panic(void)
{
	console_screen_take();
	atomic_store(&panicking, true);
}
