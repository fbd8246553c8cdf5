// SPDX-License-Identifier: Apache-2.0
/* Output, options and random numbers of tiny guests. */
#include "tests/guest/lib/common.h"

char cmdline[256];

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

void print_list(const char *fmt, va_list ap)
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
	print_list(fmt, ap);
	va_end(ap);
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
