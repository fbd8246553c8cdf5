// SPDX-License-Identifier: Apache-2.0
/* Pieces of a text that is not terminated: lines, words, numbers. Pure. */
#pragma once

#include "mm/types.h"

struct span {
	const char *at;
	size_t size;
};

char char_lower(char c);
bool char_is_blank(char c);
bool char_is_alphanumeric(char c);

/* Without the blanks around. */
struct span span_trim(struct span s);

bool span_is(struct span s, const char *text);

/* Behind a byte order mark, where @text begins with one. */
struct span span_of_text(const char *text, size_t size);

/* Takes one line off @text, without its LF or CR LF. */
struct span span_take_line(struct span *text);

/* Takes the first word and the blanks behind it off @line. */
struct span span_take_word(struct span *line);

/* Takes a decimal or 0x number off the front of @s. Returns false where none is, or a too large. */
bool span_take_number(struct span *s, u64 *value);

/* The whole of @s is a number from @min to @max. */
bool span_is_number(struct span s, u64 min, u64 max, u64 *value);

/* Copies @s, terminated. Returns false where it does not fit; then what fits is copied. */
bool span_copy(struct span s, char *to, size_t size);
