// SPDX-License-Identifier: Apache-2.0
/*
 * Entries as words in memory: inside the builder only.
 *
 * tdp_entry_try() is the only store to an entry that hardware may read (ARCHITECTURE.md, T2); it is
 * a compare-exchange, so that an accessed or dirty bit set meanwhile is seen, not lost (T4).
 */
#pragma once

#include <stdatomic.h>

#include "mm/page.h"
#include "mm/tdp.h"

/* Tests put "the hardware" here: between the look at an entry and its change. */
#ifndef TDP_RACE_POINT
#define TDP_RACE_POINT(tdp, ptep) ((void)0)
#endif

static inline u64 tdp_entry_count(const struct pt_format *fmt)
{
	return BIT(fmt->index_bits);
}

static inline unsigned tdp_table_order(const struct pt_format *fmt)
{
	return fmt->page_shift - PAGE_SHIFT;
}

static inline void *tdp_entry_ptr(const struct pt_format *fmt, void *table, u64 index)
{
	return (u8 *)table + (index << fmt->entry_shift);
}

static inline u64 tdp_entry_read(const struct pt_format *fmt, void *ptep)
{
	/* Acquire: pairs with the release that linked a table, whose contents we read next. */
	if (fmt->entry_shift == 2) {
		return atomic_load_explicit((_Atomic u32 *)ptep, memory_order_acquire);
	}
	return atomic_load_explicit((_Atomic u64 *)ptep, memory_order_acquire);
}

static inline bool tdp_line_is_zero(const _Atomic u64 *word)
{
	u64 any = 0;

#pragma GCC unroll 8
	for (unsigned i = 0; i < 8; i++) {
		any |= atomic_load_explicit(&word[i], memory_order_relaxed);
	}
	return !any;
}

/*
 * The first entry of @table from @index on that is not 0, or @end. Tables are mostly empty: 64
 * bytes are looked at a time. Relaxed: what is not 0 is read again before it is followed.
 */
static inline u64 tdp_entry_find(const struct pt_format *fmt, void *table, u64 index, u64 end)
{
	unsigned per_line = 64u >> fmt->entry_shift;

	while (index < end && !tdp_entry_read(fmt, tdp_entry_ptr(fmt, table, index))) {
		index++;
		while (index % per_line == 0 && index < end &&
		       tdp_line_is_zero(tdp_entry_ptr(fmt, table, index))) {
			index += per_line;
		}
	}
	return min_u64(index, end);
}

/* Writes an entry of a table that is not linked yet. The release of the link publishes it. */
static inline void tdp_entry_fill(const struct pt_format *fmt, void *ptep, u64 entry)
{
	if (fmt->entry_shift == 2) {
		atomic_store_explicit((_Atomic u32 *)ptep, (u32)entry, memory_order_relaxed);
	} else {
		atomic_store_explicit((_Atomic u64 *)ptep, entry, memory_order_relaxed);
	}
}

/* Changes *ptep from *old to @new. Returns false, with *old read anew, if hardware was faster. */
static inline bool tdp_entry_try(struct tdp *tdp, void *ptep, u64 *old, u64 new)
{
	bool done;

	TDP_RACE_POINT(tdp, ptep);
	/* Release: a table's contents before its link; pairs with the acquire of the readers (and
	 * with the address dependency of a hardware walk; Arm adds a barrier in ops->written). */
	if (tdp->fmt->entry_shift == 2) {
		u32 old32 = (u32)*old;

		done = atomic_compare_exchange_strong_explicit((_Atomic u32 *)ptep, &old32,
							       (u32) new, memory_order_acq_rel,
							       memory_order_acquire);
		*old = old32;
	} else {
		done = atomic_compare_exchange_strong_explicit(
			(_Atomic u64 *)ptep, old, new, memory_order_acq_rel, memory_order_acquire);
	}
	if (done && tdp->ops->written) {
		tdp->ops->written(tdp, ptep, *old, new);
	}
	return done;
}

/* Changes *ptep, last seen as @old, to @new plus those bits of @keep that are set by then.
 * Returns what it was. Under the lock only hardware's bits move, each at most once. */
static inline u64 tdp_entry_replace(struct tdp *tdp, void *ptep, u64 old, u64 new, u64 keep)
{
	while (!tdp_entry_try(tdp, ptep, &old, new | (old & keep))) {
	}
	return old;
}

/* For the builder, with the tdp's lock held: what tlb_batch_flush() does; more to flush, last
 * address included; a table that nothing links to any more. */
void tlb_batch_flush_locked(struct tlb_batch *b);
void tlb_batch_add(struct tlb_batch *b, u64 start, u64 last);
void tlb_batch_add_table(struct tlb_batch *b, hpa_t table);

/* [start, last] as ops->flush() wants it. */
void tdp_flush_range(struct tdp *tdp, u64 start, u64 last);
