// SPDX-License-Identifier: Apache-2.0
/*
 * The log. A line is formatted on the stack and then, under the console's lock, put in the ring
 * and written, so that the ring and every console hold the same lines in the same order.
 */
#include "vmm/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "mm/bits.h"
#include "vmm/console.h"

#define NS_PER_MS    1000000
#define PREFIX_MAX   40
#define CUT_OFF_MARK "..."

static const char *const level_words[] = {
	[LOG_ERROR] = "error: ",
	[LOG_WARN] = "warning: ",
	[LOG_INFO] = "",
	[LOG_DEBUG] = "",
};

static struct {
	char bytes[LOG_RING_SIZE];
	u64 end; /* bytes ever put; byte n lies at n % LOG_RING_SIZE */
} ring;

static atomic_int threshold = LOG_INFO;

/* A line being made: the buffer always has room for its newline and the final NUL. */
struct line {
	char text[PREFIX_MAX + LOG_LINE_MAX + 2];
	size_t len;
};

void log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

static void ring_put(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		ring.bytes[ring.end++ % LOG_RING_SIZE] = s[i];
	}
}

static void line_vadd(struct line *line, const char *fmt, va_list args) __printf(2, 0);
static void line_add(struct line *line, const char *fmt, ...) __printf(2, 3);

static void line_vadd(struct line *line, const char *fmt, va_list args)
{
	size_t room = sizeof(line->text) - 1 - line->len;
	int n = vsnprintf(line->text + line->len, room, fmt, args);

	if (n < 0) {
		return;
	}
	if ((size_t)n < room) {
		line->len += (size_t)n;
		return;
	}
	line->len += room - 1;
	memcpy(line->text + line->len - strlen(CUT_OFF_MARK), CUT_OFF_MARK, strlen(CUT_OFF_MARK));
}

static void line_add(struct line *line, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	line_vadd(line, fmt, args);
	va_end(args);
}

static void line_begin(struct line *line, enum log_level level)
{
	u64 ms = arch_uptime_ns() / NS_PER_MS;

	line->len = 0;
	line_add(line, "[socle %lu.%03u] %s", (unsigned long)(ms / 1000), (unsigned)(ms % 1000),
		 level_words[level]);
}

static bool is_control(char c)
{
	return (u8)c < 0x20 || c == 0x7f;
}

static void line_emit(struct line *line)
{
	bool held;

	while (line->len && line->text[line->len - 1] == '\n') {
		line->len--;
	}
	for (size_t i = 0; i < line->len; i++) {
		line->text[i] = is_control(line->text[i]) ? '?' : line->text[i];
	}
	line->text[line->len++] = '\n';
	held = console_begin();
	ring_put(line->text, line->len);
	console_fresh_line();
	console_put(line->text, line->len);
	console_end(held);
}

static bool is_dropped(enum log_level level)
{
	return (int)level > atomic_load_explicit(&threshold, memory_order_relaxed);
}

void log_print(enum log_level level, const char *fmt, ...)
{
	struct line line;
	va_list args;

	if (is_dropped(level)) {
		return;
	}
	line_begin(&line, level);
	va_start(args, fmt);
	line_vadd(&line, fmt, args);
	va_end(args);
	line_emit(&line);
}

void log_vm(enum log_level level, const char *vm_name, const char *fmt, ...)
{
	struct line line;
	va_list args;

	if (level == LOG_ERROR) {
		level = LOG_WARN;
	}
	if (is_dropped(level)) {
		return;
	}
	line_begin(&line, level);
	line_add(&line, "vm %s: ", vm_name);
	va_start(args, fmt);
	line_vadd(&line, fmt, args);
	va_end(args);
	line_emit(&line);
}

/* Where the oldest whole line begins. The oldest byte may be a line's first, but nothing tells. */
static u64 ring_start(void)
{
	u64 pos = ring.end - LOG_RING_SIZE + 1;

	if (ring.end <= LOG_RING_SIZE) {
		return 0;
	}
	while (pos < ring.end && ring.bytes[(pos - 1) % LOG_RING_SIZE] != '\n') {
		pos++;
	}
	return pos;
}

size_t log_read(u64 *pos, char *buf, size_t len)
{
	bool held = console_begin();
	size_t n = 0;

	*pos = min_u64(max_u64(*pos, ring_start()), ring.end);
	while (n < len && *pos < ring.end) {
		buf[n++] = ring.bytes[(*pos)++ % LOG_RING_SIZE];
	}
	console_end(held);
	return n;
}
