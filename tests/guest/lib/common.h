// SPDX-License-Identifier: Apache-2.0
/*
 * What tiny guests share on every architecture. A guest is one file with a guest_main(): it returns
 * when the behaviour is as it should be, and the VM powers off after "tiny: pass"; CHECK() and
 * fail() end the VM after saying why.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

#define BIT(n) (1ULL << (n))

/* The guest's own part. */
void guest_main(void);

extern char cmdline[256];
/* The number behind "name=" on the command line, or @none. */
u64 option(const char *name, u64 none);
void print_char(char c);
/* %s %d %u %x %lx %lu %c %p, width for hexadecimal with leading zeros. */
void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void print_list(const char *fmt, va_list ap);
_Noreturn void pass(void);
_Noreturn void fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#define CHECK(what)                                           \
	do {                                                  \
		if (!(what)) {                                \
			fail("line %d: %s", __LINE__, #what); \
		}                                             \
	} while (0)
#define CHECK_EQ(a, b)                                                                       \
	do {                                                                                 \
		u64 got_ = (u64)(a), want_ = (u64)(b);                                       \
		if (got_ != want_) {                                                         \
			fail("line %d: %s is %lx, expected %lx", __LINE__, #a, got_, want_); \
		}                                                                            \
	} while (0)

void *memset(void *p, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* A reproducible random number; the seed is "seed=" on the command line. */
u64 random64(void);
