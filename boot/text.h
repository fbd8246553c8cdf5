// SPDX-License-Identifier: Apache-2.0
/* Text for reports: the small part of printf that a loader needs, into a bounded buffer. */
#pragma once

#include <stdarg.h>

#include "mm/types.h"

/*
 * Formats into @out, which is always terminated when @size is not 0; what does not fit is cut.
 * Knows %c %s %u %x %% with the flags '-' and '0', a width and for %s a precision (numbers or
 * '*'), and the sizes l, ll and z; anything else is copied as it stands.
 * Returns the length of what was stored.
 */
size_t text_format(char *out, size_t size, const char *format, ...) __printf(3, 4);
size_t text_vformat(char *out, size_t size, const char *format, va_list args) __printf(3, 0);

/* How much of @text fits in @width columns: up to its last blank there, if it has one. */
size_t text_wrap(const char *text, size_t width);
