// SPDX-License-Identifier: Apache-2.0
/* Log, console and panic report together, on a serial port and a screen made of memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <stdio.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mm/page.h"
#include "vmm/console.h"
#include "vmm/log.h"
#include "vmm/panic.h"

#define WIDTH  640u
#define HEIGHT 64u

static char serial[1 << 20];
static size_t serial_len;
static u64 now_ns;
static u32 pixels[WIDTH * HEIGHT];
static const char *expected_report;
static bool fault_in_dump;

struct arch_regs {
	u64 pc, fp;
};

uintptr_t phys_offset;

u64 arch_uptime_ns(void)
{
	return now_ns;
}

bool arch_uart_init(void)
{
	return true;
}

void arch_uart_putc(u8 byte)
{
	assert_true(serial_len < sizeof(serial) - 1);
	serial[serial_len++] = (char)byte;
	serial[serial_len] = 0;
}

int arch_uart_getc(void)
{
	return -1;
}

int arch_keyboard_getc(void)
{
	return -1;
}

static void expect_serial(const char *text)
{
	assert_string_equal(serial, text);
	serial_len = 0;
	serial[0] = 0;
}

static void guest(const char *text)
{
	while (*text) {
		console_guest_tx((u8)*text++);
	}
}

static bool screen_changed(void)
{
	static u32 before[WIDTH * HEIGHT];
	bool changed = memcmp(before, pixels, sizeof(pixels)) != 0;

	memcpy(before, pixels, sizeof(pixels));
	return changed;
}

static void start_console(void **state)
{
	static struct boot_info info;

	(void)state;
	info.direct_map_end = ~(u64)0;
	info.framebuffer = (struct boot_framebuffer){
		.base = ptr_phys(pixels).v,
		.size = sizeof(pixels),
		.width = WIDTH,
		.height = HEIGHT,
		.stride_pixels = WIDTH,
	};
	console_init(&info);
	(void)screen_changed();
}

static void lines_carry_time_and_level(void **state)
{
	(void)state;
	now_ns = 12034999999ull;
	log_info("hello %d", 42);
	log_warn("newline stripped\n");
	log_error("%s", "bad");
	log_vm(LOG_ERROR, "debian", "odd MSR 0x%x", 0x123u);
	log_debug("not shown");
	expect_serial("[socle 12.034] hello 42\r\n"
		      "[socle 12.034] warning: newline stripped\r\n"
		      "[socle 12.034] error: bad\r\n"
		      "[socle 12.034] warning: vm debian: odd MSR 0x123\r\n");
	log_set_level(LOG_DEBUG);
	log_debug("shown");
	expect_serial("[socle 12.034] shown\r\n");
	log_set_level(LOG_INFO);
	now_ns = 0;
}

static void long_and_hostile_text(void **state)
{
	static char text[2000];

	(void)state;
	log_vm(LOG_INFO, "x", "a\x1b[2J\rb\n\tc\x7f\xc3\xa9");
	expect_serial("[socle 0.000] vm x: a?[2J?b??c?\xc3\xa9\r\n");
	memset(text, 'x', sizeof(text) - 1);
	log_info("%s", text);
	assert_true(serial_len > LOG_LINE_MAX && serial_len < LOG_LINE_MAX + 64);
	assert_string_equal(serial + serial_len - 6, "x...\r\n");
	serial_len = 0;
	log_info("%s", "");
	expect_serial("[socle 0.000] \r\n");
}

static void own_lines_begin_fresh(void **state)
{
	(void)state;
	guest("login: ");
	log_info("a");
	expect_serial("login: \r\n[socle 0.000] a\r\n");
	guest("\r\n"); /* the line that was cut in two comes again */
	log_info("b");
	expect_serial("login: \r\n[socle 0.000] b\r\n");
	guest("\x1b[31mred\r\n");
	log_info("c");
	expect_serial("\x1b[31mred\r\n\x1b[0m[socle 0.000] c\r\n");
	guest("\x1b[3");
	log_info("d");
	expect_serial("\x1b[3\x18[socle 0.000] d\r\n");
	guest("2mgreen\n");
	log_info("still d");
	expect_serial("\x1b[32mgreen\n\x1b[0m[socle 0.000] still d\r\n");
	console_write("menu> ", 6);
	console_write("1\n2", 3);
	expect_serial("menu> 1\r\n2");
	log_info("e");
	expect_serial("\r\n[socle 0.000] e\r\n");
	guest("\xff\x01\r");
	expect_serial("\xff\x01\r");
	log_info("f");
	expect_serial("\r\n[socle 0.000] f\r\n");
	guest("\n");
	expect_serial("\n");
}

/* A guest's line that ours have cut comes again, once, before it goes on; but for what would ask.
 */
static void torn_lines_come_again(void **state)
{
	static char text[301];
	bool held;

	(void)state;
	guest("0%\r50%");
	log_info("a");
	log_info("b");
	guest("\r99%\n");
	expect_serial("0%\r50%\r\n[socle 0.000] a\r\n[socle 0.000] b\r\n50%\r99%\n");
	guest("\x1b[6n\x1b[1m# \x1b[K\x1b"
	      "7");
	log_info("c");
	guest("l");
	expect_serial("\x1b[6n\x1b[1m# \x1b[K\x1b"
		      "7\x1b[0m\r\n[socle 0.000] c\r\n\x1b[1m# l");
	held = console_begin();
	console_fresh_line();
	console_put("answer\n", 7);
	console_resume_guest();
	console_end(held);
	guest("s");
	expect_serial("\x1b[0m\r\nanswer\r\n\x1b[1m# ls");
	log_info("d");
	console_forget_guest(); /* another is in front */
	guest("x\n");
	expect_serial("\x1b[0m\r\n[socle 0.000] d\r\nx\n");
	memset(text, 'x', sizeof(text) - 1);
	guest(text);
	log_info("e");
	serial_len = 0;
	guest("y\n"); /* too long to have been kept */
	expect_serial("y\n");
}

static void drawing_is_deferred_once_polled(void **state)
{
	(void)state;
	(void)screen_changed();
	log_info("drawn at once");
	assert_true(screen_changed());
	guest("not yet\n");
	assert_false(screen_changed());
	while (console_poll()) {
	}
	assert_true(screen_changed());
	log_info("not yet either");
	assert_false(screen_changed());
	while (console_poll()) {
	}
	assert_true(screen_changed());
	serial_len = 0;
}

static size_t read_log(char *buf, size_t len)
{
	u64 pos = 0;
	size_t n = 0, got;

	while ((got = log_read(&pos, buf + n, len - n < 100 ? len - n : 100)) != 0) {
		n += got;
	}
	buf[n] = 0;
	return n;
}

static void ring_keeps_the_last_lines(void **state)
{
	static char text[LOG_RING_SIZE + 1];
	char last[64];
	size_t n;

	(void)state;
	for (u32 i = 0; i < 3000; i++) {
		log_info("line %u", i);
	}
	serial_len = 0;
	n = read_log(text, sizeof(text) - 1);
	assert_true(n > LOG_RING_SIZE - 64 && n <= LOG_RING_SIZE);
	assert_memory_equal(text, "[socle 0.000] line ", 19);
	(void)snprintf(last, sizeof(last), "[socle 0.000] line %u\n", 2999u);
	assert_string_equal(text + n - strlen(last), last);
}

/* A reader that falls behind goes on at a whole line; one from the future gets nothing. */
static void slow_readers_skip(void **state)
{
	u64 pos = 5, future = ~(u64)0;
	char buf[16];

	(void)state;
	assert_int_equal(log_read(&pos, buf, 7), 7);
	assert_memory_equal(buf, "[socle ", 7);
	assert_int_equal(log_read(&future, buf, sizeof(buf)), 0);
	log_info("after");
	assert_int_equal(log_read(&future, buf, sizeof(buf)), sizeof(buf));
	assert_memory_equal(buf, "[socle 0.000] af", 16);
	serial_len = 0;
}

static void *logging_thread(void *arg)
{
	for (int i = 0; i < 500; i++) {
		log_info("thread %s says something of some length", (const char *)arg);
		guest("g");
	}
	return NULL;
}

static void lines_do_not_interleave(void **state)
{
	static const char head[] = "[socle 0.000] thread ";
	pthread_t a, b;
	char *line, *rest = serial;
	u32 count = 0;

	(void)state;
	serial_len = 0;
	assert_int_equal(pthread_create(&a, NULL, logging_thread, "A"), 0);
	assert_int_equal(pthread_create(&b, NULL, logging_thread, "B"), 0);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	while ((line = strsep(&rest, "\n")) != NULL) {
		if (strspn(line, "g") == strcspn(line, "\r")) {
			continue;
		}
		assert_memory_equal(line, head, strlen(head));
		assert_string_equal(line + strlen(head) + 1, " says something of some length\r");
		count++;
	}
	assert_int_equal(count, 1000);
	guest("\n");
	serial_len = 0;
}

static u64 fake_stack[16];

void arch_stack_bounds(u64 *lo, u64 *hi)
{
	*lo = (u64)(uintptr_t)fake_stack;
	*hi = *lo + sizeof(fake_stack);
}

void arch_regs_frame(const struct arch_regs *regs, u64 *pc, u64 *fp, u64 *caller)
{
	*caller = 0;
	*pc = regs->pc;
	*fp = regs->fp;
}

void arch_dump_regs(const struct arch_regs *regs)
{
	log_error("pc %lx", (unsigned long)regs->pc);
	if (fault_in_dump) {
		panic("again");
	}
}

static int records, records_right;

void arch_dump_exits(void)
{
	log_error("exits");
}

/* Kept is what the report says, once, from its first line on. */
bool arch_record_keep(const char *text, size_t size)
{
	static const char begin[] = "[socle 0.000] error: panic: vector 13\n";

	records++;
	records_right += size > sizeof(begin) && !memcmp(text, begin, sizeof(begin) - 1) &&
			 text[size - 1] == '\n' && size < strlen(serial);
	return false;
}

void arch_fatal_exit(void)
{
	bool as_expected = strcmp(serial, expected_report) == 0 && screen_changed() &&
			   records == !fault_in_dump && records == records_right;

	if (!as_expected) {
		(void)fprintf(stderr, "%s", serial);
	}
	_exit(as_expected ? 0 : 1);
}

static u64 slot(u32 i)
{
	return (u64)(uintptr_t)&fake_stack[i];
}

static size_t walk(u64 fp, u64 *pcs, size_t max)
{
	return backtrace_walk(fp, slot(0), slot(16), pcs, max);
}

static void backtraces_are_bounded(void **state)
{
	u64 pcs[8];

	(void)state;
	fake_stack[0] = slot(4);
	fake_stack[1] = 0x1111;
	fake_stack[4] = slot(14);
	fake_stack[5] = 0x2222;
	fake_stack[14] = 0;
	fake_stack[15] = 0x3333;
	assert_int_equal(walk(slot(0), pcs, 8), 3);
	assert_int_equal(pcs[2], 0x3333);
	assert_int_equal(walk(slot(0), pcs, 2), 2);
	assert_int_equal(walk(slot(0) + 1, pcs, 8), 0);
	assert_int_equal(walk(slot(15), pcs, 8), 0); /* half a record */
	assert_int_equal(walk(slot(0) - 8, pcs, 8), 0);
	assert_int_equal(walk(~(u64)7, pcs, 8), 0);
	assert_int_equal(walk(0, pcs, 8), 0);
	fake_stack[4] = slot(0); /* a loop */
	assert_int_equal(walk(slot(0), pcs, 8), 2);
	fake_stack[4] = slot(14);
	fake_stack[5] = 0;
	assert_int_equal(walk(slot(0), pcs, 8), 1);
	fake_stack[5] = 0x2222;
}

/* There is no way back from a panic: it happens in a child, with the lock held or not. */
static void expect_report(bool lock_held, bool with_regs, const char *report)
{
	struct arch_regs regs = {.pc = 0xabcd, .fp = slot(0)};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		expected_report = report;
		(void)screen_changed();
		if (lock_held) {
			(void)!console_begin();
		}
		panic_regs(with_regs ? &regs : NULL, "vector %d", 13);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void panics_report(void **state)
{
	static const char full[] = "[socle 0.000] error: panic: vector 13\r\n"
				   "[socle 0.000] error: pc abcd\r\n"
				   "[socle 0.000] error: backtrace:\r\n"
				   "[socle 0.000] error:   000000000000abcd\r\n"
				   "[socle 0.000] error:   0000000000001111\r\n"
				   "[socle 0.000] error:   0000000000002222\r\n"
				   "[socle 0.000] error:   0000000000003333\r\n"
				   "[socle 0.000] error: exits\r\n"
				   "[socle 0.000] error: panic, as above: vector 13\r\n"
				   "[socle 0.000] error: backtrace:\r\n"
				   "[socle 0.000] error:   000000000000abcd\r\n"
				   "[socle 0.000] error:   0000000000001111\r\n"
				   "[socle 0.000] error:   0000000000002222\r\n"
				   "[socle 0.000] error:   0000000000003333\r\n";

	(void)state;
	expect_report(false, true, full);
	expect_report(true, true, full);
	expect_report(true, false,
		      "[socle 0.000] error: panic: vector 13\r\n"
		      "[socle 0.000] error: backtrace:\r\n"
		      "[socle 0.000] error: exits\r\n"
		      "[socle 0.000] error: panic, as above: vector 13\r\n"
		      "[socle 0.000] error: backtrace:\r\n");
	fault_in_dump = true;
	expect_report(true, true,
		      "[socle 0.000] error: panic: vector 13\r\n"
		      "[socle 0.000] error: pc abcd\r\n"
		      "[socle 0.000] error: panic within panic: again\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(start_console),
		cmocka_unit_test(lines_carry_time_and_level),
		cmocka_unit_test(long_and_hostile_text),
		cmocka_unit_test(own_lines_begin_fresh),
		cmocka_unit_test(torn_lines_come_again),
		cmocka_unit_test(drawing_is_deferred_once_polled),
		cmocka_unit_test(ring_keeps_the_last_lines),
		cmocka_unit_test(slow_readers_skip),
		cmocka_unit_test(lines_do_not_interleave),
		cmocka_unit_test(backtraces_are_bounded),
		cmocka_unit_test(panics_report),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
