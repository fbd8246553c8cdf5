// SPDX-License-Identifier: Apache-2.0
/*
 * A walk over the entries of a tdp that touch a range, in pre-order: a table's entry first, then
 * what is below it. Step down, step aside, step up; loops over tables stay loops.
 *
 * Addresses are without sign extension. The holder of the tdp's lock may change the entry at hand
 * and must then say so with tdp_iter_reload(), so that the next step follows what is there now.
 */
#pragma once

#include "mm/tdp.h"

struct tdp_iter {
	const struct tdp *tdp;
	u64 ia;   /* first address that the entry maps; may lie below the range's start */
	u64 last; /* last address of the range */
	u64 pos;  /* where in the range the walk is */
	void *table[PT_MAX_LEVELS + 1];
	void *ptep;
	u64 entry; /* as read */
	enum pt_kind kind;
	u8 level;
	bool valid;
};

/* At the root's entry for @start. @last is included in the range. */
void tdp_iter_start(struct tdp_iter *it, const struct tdp *tdp, u64 start, u64 last);

/* To the next entry: below if it is a table, else aside. */
void tdp_iter_next(struct tdp_iter *it);

/* To the next entry that is not below this one. */
void tdp_iter_skip(struct tdp_iter *it);

/* From a hole past all that follow it in its table, but for the last: there a step goes on. */
void tdp_iter_pass_holes(struct tdp_iter *it);

/* Reads the entry at hand again. */
void tdp_iter_reload(struct tdp_iter *it);

static inline u64 tdp_iter_size(const struct tdp_iter *it)
{
	return pt_level_size(it->tdp->fmt, it->level);
}

/* To the entry that the hardware's walk of @addr ends at: no table. */
void tdp_iter_find(struct tdp_iter *it, const struct tdp *tdp, u64 addr);

/* Last address that the entry maps. */
static inline u64 tdp_iter_entry_last(const struct tdp_iter *it)
{
	return it->ia + (tdp_iter_size(it) - 1);
}
