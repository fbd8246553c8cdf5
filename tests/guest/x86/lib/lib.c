// SPDX-License-Identifier: Apache-2.0
/* Start, output, verdict. */
#include "guest.h"

#define UART     0x3f8
#define PM1A_CNT 0x604
#define SLP_EN   BIT(13)

#define BP_CMDLINE 0x228

void guest_start(const u8 *boot_params);

const u8 *boot_params;
char cmdline[256];

void *memset(void *p, int c, size_t n)
{
	void *to = p;
	__asm__ volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(c) : "memory");
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	void *p = to;
	__asm__ volatile("rep movsb" : "+D"(p), "+S"(from), "+c"(n) : : "memory");
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const u8 *x = a, *y = b;

	for (; n; n--, x++, y++) {
		if (*x != *y) {
			return *x < *y ? -1 : 1;
		}
	}
	return 0;
}

void print_char(char c)
{
	if (c == '\n') {
		outb(UART, '\r');
	}
	outb(UART, (u8)c);
}

static void print_number(u64 v, unsigned base, int width)
{
	char text[24];
	int n = 0;

	do {
		text[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v || n < width);
	while (n) {
		print_char(text[--n]);
	}
}

static void print_args(const char *fmt, va_list ap)
{
	for (; *fmt; fmt++) {
		int width = 0;
		bool wide = false;
		u64 v;

		if (*fmt != '%') {
			print_char(*fmt);
			continue;
		}
		for (fmt++; *fmt >= '0' && *fmt <= '9'; fmt++) {
			width = width * 10 + *fmt - '0';
		}
		for (; *fmt == 'l'; fmt++) {
			wide = true;
		}
		switch (*fmt) {
		case 's':
			for (const char *s = va_arg(ap, const char *); *s; s++) {
				print_char(*s);
			}
			break;
		case 'c':
			print_char((char)va_arg(ap, int));
			break;
		case 'd':
			v = wide ? va_arg(ap, u64) : (u64)(s64)va_arg(ap, int);
			if ((s64)v < 0) {
				print_char('-');
				v = -v;
			}
			print_number(v, 10, width);
			break;
		case 'u':
			print_number(wide ? va_arg(ap, u64) : va_arg(ap, u32), 10, width);
			break;
		case 'p':
			print_number((u64)va_arg(ap, void *), 16, 1);
			break;
		default:
			print_number(wide ? va_arg(ap, u64) : va_arg(ap, u32), 16, width);
		}
	}
}

void print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_args(fmt, ap);
	va_end(ap);
}

_Noreturn void pass(void)
{
	cli();
	print("\ntiny: pass\n");
	outw(PM1A_CNT, SLP_EN);
	for (;;) {
		__asm__ volatile("hlt");
	}
}

_Noreturn void fail(const char *fmt, ...)
{
	static const struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) no_idt;
	va_list ap;

	cli();
	print("\ntiny: FAIL: ");
	va_start(ap, fmt);
	print_args(fmt, ap);
	va_end(ap);
	print("\n");
	__asm__ volatile("lidt %0\n\tud2" : : "m"(no_idt));
	__builtin_unreachable();
}

u64 option(const char *name, u64 none)
{
	for (const char *p = cmdline; *p; p++) {
		const char *q = p, *n = name;
		u64 v = 0;

		if (p != cmdline && p[-1] != ' ') {
			continue;
		}
		while (*n && *q == *n) {
			q++, n++;
		}
		if (*n || *q++ != '=') {
			continue;
		}
		for (; *q >= '0' && *q <= '9'; q++) {
			v = v * 10 + (u64)(*q - '0');
		}
		return v;
	}
	return none;
}

/* xorshift64*: G. Marsaglia, "Xorshift RNGs". */
u64 random64(void)
{
	static u64 state;

	if (!state) {
		state = option("seed", 1) * 0x9e3779b97f4a7c15ULL;
	}
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1dULL;
}

void guest_start(const u8 *bp)
{
	u32 line;

	boot_params = bp;
	memcpy(&line, bp + BP_CMDLINE, sizeof(line));
	for (unsigned i = 0; i < sizeof(cmdline) - 1 && ((const char *)(u64)line)[i]; i++) {
		cmdline[i] = ((const char *)(u64)line)[i];
	}
	trap_init();
	guest_main();
	pass();
}
