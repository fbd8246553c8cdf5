// SPDX-License-Identifier: Apache-2.0
/*
 * Bounded formatting for the loader, which has no C library: integers and strings, nothing else.
 */
#include "boot/text.h"

#include <string.h>

struct text {
	char *out;
	size_t size, length;
};

/* One conversion: %[-][0][width][.precision][l|ll|z]letter. */
struct conversion {
	bool left, zero, has_precision;
	bool width_star, precision_star; /* the number is an argument */
	unsigned width, precision, longs;
	char letter;
};

static void text_put(struct text *t, char c)
{
	if (t->length + 1 < t->size) {
		t->out[t->length++] = c;
	}
}

static void text_pad(struct text *t, char c, size_t used, unsigned width)
{
	for (size_t i = used; i < width; i++) {
		text_put(t, c);
	}
}

static void text_put_field(struct text *t, const struct conversion *c, const char *s, size_t length)
{
	if (!c->left) {
		text_pad(t, c->zero ? '0' : ' ', length, c->width);
	}
	for (size_t i = 0; i < length; i++) {
		text_put(t, s[i]);
	}
	if (c->left) {
		text_pad(t, ' ', length, c->width);
	}
}

static void text_put_number(struct text *t, const struct conversion *c, u64 value)
{
	char digits[20];
	size_t at = sizeof(digits);
	unsigned base = c->letter == 'x' ? 16 : 10;

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	text_put_field(t, c, digits + at, sizeof(digits) - at);
}

static void text_put_string(struct text *t, const struct conversion *c, const char *s)
{
	size_t length = 0;

	while ((!c->has_precision || length < c->precision) && s[length]) {
		length++;
	}
	text_put_field(t, c, s, length);
}

static const char *number_parse(const char *at, unsigned *value, bool *star)
{
	if (*at == '*') {
		*star = true;
		return at + 1;
	}
	while (*at >= '0' && *at <= '9') {
		*value = *value * 10 + (unsigned)(*at++ - '0');
	}
	return at;
}

/* @at points behind the '%'. Returns where the text goes on. */
static const char *conversion_parse(const char *at, struct conversion *c)
{
	for (; *at == '-' || *at == '0'; at++) {
		c->left |= *at == '-';
		c->zero |= *at == '0';
	}
	at = number_parse(at, &c->width, &c->width_star);
	if (*at == '.') {
		c->has_precision = true;
		at = number_parse(at + 1, &c->precision, &c->precision_star);
	}
	for (; *at == 'l' || *at == 'z'; at++) {
		c->longs++;
	}
	c->letter = *at;
	return *at ? at + 1 : at;
}

size_t text_vformat(char *out, size_t size, const char *format, va_list args)
{
	struct text t = {.out = out, .size = size};

	while (*format) {
		struct conversion c = {0};

		if (*format != '%') {
			text_put(&t, *format++);
			continue;
		}
		format = conversion_parse(format + 1, &c);
		if (c.width_star) {
			c.width = va_arg(args, unsigned);
		}
		if (c.precision_star) {
			c.precision = va_arg(args, unsigned);
		}
		if (c.letter == 's') {
			text_put_string(&t, &c, va_arg(args, const char *));
		} else if (c.letter == 'c') {
			text_put(&t, (char)va_arg(args, int));
		} else if (c.letter == 'u' || c.letter == 'x') {
			text_put_number(&t, &c,
					c.longs ? va_arg(args, u64) : va_arg(args, unsigned));
		} else if (c.letter) {
			text_put(&t, c.letter);
		}
	}
	if (size) {
		out[t.length] = '\0';
	}
	return t.length;
}

size_t text_format(char *out, size_t size, const char *format, ...)
{
	va_list args;
	size_t length;

	va_start(args, format);
	length = text_vformat(out, size, format, args);
	va_end(args);
	return length;
}

size_t text_wrap(const char *text, size_t width)
{
	size_t length = strlen(text);

	if (length <= width) {
		return length;
	}
	length = width;
	while (length && text[length] != ' ') {
		length--;
	}
	return length ? length : width;
}
