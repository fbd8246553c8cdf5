// SPDX-License-Identifier: Apache-2.0
/*
 * A sorted set of physical ranges in storage of the caller's.
 *
 * Invariant: bases rise, no range is empty, none overlaps or touches the next. The end of a range
 * may be 2^64 (as 0).
 */
#pragma once

#include "mm/bits.h"
#include "mm/types.h"

struct range {
	u64 base, size;
};

struct range_set {
	struct range *r;
	size_t count, max;
};

/*
 * Adds [base, base + size), merging with what it overlaps or touches. An empty range is nothing.
 * Errors: -EINVAL when it passes 2^64, -ENOSPC when the storage is full (the set is unchanged).
 */
__must_check int range_add(struct range_set *set, u64 base, u64 size);

/* Carves [base, base + size) out of the set. Errors as range_add(); a hole in the middle of a
 * range needs one more element. */
__must_check int range_remove(struct range_set *set, u64 base, u64 size);

/* The range that holds @addr, or NULL. */
const struct range *range_find(const struct range_set *set, u64 addr);

/* Whether all of [base, base + size) is in the set; true of an empty range. */
bool range_contains(const struct range_set *set, u64 base, u64 size);

/* Sum of the sizes; wraps if the set is the whole 2^64. */
u64 range_total(const struct range_set *set);

/*
 * The lowest @align-aligned place for @size bytes at or above @min and wholly below @max (0: no
 * limit). Returns false when there is none. Does not carve.
 */
struct range_want {
	u64 size, align, min, max;
};
__must_check bool range_find_place(const struct range_set *set, struct range_want want, u64 *base);
