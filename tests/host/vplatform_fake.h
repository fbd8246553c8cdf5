// SPDX-License-Identifier: Apache-2.0
/*
 * For device tests: cmocka's includes, a random generator, and records of what a device asks of
 * the platform. A test that links the real virq.c does not use fake_irq.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "mm/types.h"

#define MS 1000000u
#define S  1000000000u

/* Level and rising edges of each line, by fake vplatform_irq_set(). */
struct fake_irq {
	bool level[24];
	unsigned edges[24];
};

static inline void fake_irq_record(struct fake_irq *f, unsigned gsi, bool level)
{
	assert_true(gsi < ARRAY_SIZE(f->level));
	f->edges[gsi] += level && !f->level[gsi];
	f->level[gsi] = level;
}

/* xorshift64*; the same sequence in every run. */
static inline u64 rnd(void)
{
	static u64 state = 0x9e3779b97f4a7c15;

	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return state * 0x2545f4914f6cdd1d;
}

static inline u64 rnd_below(u64 n)
{
	return rnd() % n;
}

/* Mostly small steps, sometimes days: VM time never goes back. */
static inline u64 rnd_step(void)
{
	static const u64 span[] = {1000, 100000, 10 * MS, 3ull * S, 86400ull * 400 * S};

	return rnd_below(span[rnd_below(1000) ? rnd_below(4) : 4]);
}
