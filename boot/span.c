// SPDX-License-Identifier: Apache-2.0
#include "boot/span.h"

#include <string.h>

#include "mm/bits.h"

char char_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool char_is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool char_is_alphanumeric(char c)
{
	return (char_lower(c) >= 'a' && char_lower(c) <= 'z') || (c >= '0' && c <= '9');
}

struct span span_trim(struct span s)
{
	while (s.size && char_is_blank(s.at[0])) {
		s.at++;
		s.size--;
	}
	while (s.size && char_is_blank(s.at[s.size - 1])) {
		s.size--;
	}
	return s;
}

bool span_is(struct span s, const char *text)
{
	return s.size == strlen(text) && !memcmp(s.at, text, s.size);
}

struct span span_of_text(const char *text, size_t size)
{
	size_t skip = size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3) ? 3 : 0;

	return (struct span){text + skip, size - skip};
}

struct span span_take_line(struct span *text)
{
	const char *end = memchr(text->at, '\n', text->size);
	struct span line = {text->at, end ? (size_t)(end - text->at) : text->size};

	text->at += line.size + (end != NULL);
	text->size -= line.size + (end != NULL);
	if (line.size && line.at[line.size - 1] == '\r') {
		line.size--;
	}
	return line;
}

struct span span_take_word(struct span *line)
{
	struct span word = {line->at, 0};

	while (word.size < line->size && !char_is_blank(word.at[word.size])) {
		word.size++;
	}
	*line = span_trim((struct span){line->at + word.size, line->size - word.size});
	return word;
}

static unsigned digit_value(char c)
{
	c = char_lower(c);
	if (c >= '0' && c <= '9') {
		return (unsigned)(c - '0');
	}
	return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

bool span_take_number(struct span *s, u64 *value)
{
	bool hex = s->size > 2 && s->at[0] == '0' && char_lower(s->at[1]) == 'x';
	unsigned base = hex ? 16 : 10;
	size_t i = hex ? 2 : 0;
	size_t first = i;

	for (*value = 0; i < s->size && digit_value(s->at[i]) < base; i++) {
		if (__builtin_mul_overflow(*value, base, value) ||
		    __builtin_add_overflow(*value, digit_value(s->at[i]), value)) {
			return false;
		}
	}
	s->at += i;
	s->size -= i;
	return i > first;
}

bool span_is_number(struct span s, u64 min, u64 max, u64 *value)
{
	return span_take_number(&s, value) && !s.size && *value >= min && *value <= max;
}

bool span_copy(struct span s, char *to, size_t size)
{
	size_t length = min_u64(s.size, size - 1);

	memcpy(to, s.at, length);
	to[length] = '\0';
	return length == s.size;
}
