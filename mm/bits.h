// SPDX-License-Identifier: Apache-2.0
/* Masks and fields of hardware words: a field is its mask; no bit-field unions. */
#pragma once

#include "mm/types.h"

#define BIT(n) ((u64)1 << (n))

/* Bits hi..lo set, both included; 63 >= hi >= lo >= 0. */
#define GENMASK(hi, lo) ((~(u64)0 >> (63 - (hi))) & (~(u64)0 << (lo)))

/* The field under @mask (not zero, contiguous) taken out of @word, and a value put in its place. */
#define FIELD_GET(mask, word) (((u64)(word) & (mask)) >> __builtin_ctzll(mask))
#define FIELD_PREP(mask, val) (((u64)(val) << __builtin_ctzll(mask)) & (mask))

static inline u64 align_down(u64 v, u64 align)
{
	return v & ~(align - 1);
}

/* Wraps to 0 past the top: check the range first where the value is not trusted. */
static inline u64 align_up(u64 v, u64 align)
{
	return (v + align - 1) & ~(align - 1);
}

static inline bool is_aligned(u64 v, u64 align)
{
	return (v & (align - 1)) == 0;
}

static inline bool is_power_of_2(u64 v)
{
	return v && !(v & (v - 1));
}

static inline u64 min_u64(u64 a, u64 b)
{
	return a < b ? a : b;
}

static inline u64 max_u64(u64 a, u64 b)
{
	return a > b ? a : b;
}
