// SPDX-License-Identifier: Apache-2.0
#include "vmm/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "mm/bits.h"

void text_add(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, args);
	va_end(args);
	t->len = n > 0 ? min_u64(t->len + (size_t)n, t->size - 1) : t->len;
}
