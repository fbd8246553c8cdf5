// SPDX-License-Identifier: Apache-2.0
/*
 * The string.h functions that the loader uses, or that the compiler calls on its own. Built with
 * -fno-tree-loop-distribute-patterns or the like, so that none becomes a call of itself.
 */
#include <string.h>

#include "mm/types.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
	u8 *t = to;
	const u8 *f = from;

	for (size_t i = 0; i < size; i++) {
		t[i] = f[i];
	}
	return to;
}

void *memset(void *to, int value, size_t size)
{
	u8 *t = to;

	for (size_t i = 0; i < size; i++) {
		t[i] = (u8)value;
	}
	return to;
}

void *memmove(void *to, const void *from, size_t size)
{
	u8 *t = to;
	const u8 *f = from;

	if (t < f) {
		return memcpy(to, from, size);
	}
	while (size--) {
		t[size] = f[size];
	}
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const u8 *x = a, *y = b;

	for (size_t i = 0; i < size; i++) {
		if (x[i] != y[i]) {
			return x[i] < y[i] ? -1 : 1;
		}
	}
	return 0;
}

void *memchr(const void *in, int value, size_t size)
{
	const u8 *s = in;

	for (size_t i = 0; i < size; i++) {
		if (s[i] == (u8)value) {
			return (void *)(uintptr_t)(s + i);
		}
	}
	return NULL;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (unsigned char)*a - (unsigned char)*b;
}

size_t strlen(const char *s)
{
	size_t length = 0;

	while (s[length]) {
		length++;
	}
	return length;
}

char *strchr(const char *s, int value)
{
	for (;; s++) {
		if (*s == (char)value) {
			return (char *)(uintptr_t)s;
		}
		if (!*s) {
			return NULL;
		}
	}
}

char *strrchr(const char *s, int c)
{
	const char *found = NULL;

	do {
		found = *s == (char)c ? s : found;
	} while (*s++);
	return (char *)(uintptr_t)found;
}

size_t strnlen(const char *s, size_t max)
{
	size_t length = 0;

	while (length < max && s[length]) {
		length++;
	}
	return length;
}
