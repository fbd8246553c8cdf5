// SPDX-License-Identifier: Apache-2.0
#include "mm/tdp_iter.h"

#include "mm/tdp_entry.h"

static inline void read_entry(struct tdp_iter *it)
{
	it->entry = tdp_entry_read(it->tdp->fmt, it->ptep);
	it->kind = pt_classify(it->tdp->fmt, it->level, it->entry);
}

void tdp_iter_reload(struct tdp_iter *it)
{
	read_entry(it);
}

/* To the entry of it->pos in the table at hand. */
static inline void load(struct tdp_iter *it)
{
	const struct pt_format *fmt = it->tdp->fmt;
	unsigned shift = pt_level_shift(fmt, it->level);
	u64 index = it->pos >> shift;

	it->ia = index << shift;
	/* A root may be wider than a table, and nothing above it is left to mask off. */
	if (it->level != it->tdp->root_level) {
		index &= tdp_entry_count(fmt) - 1;
	}
	it->ptep = tdp_entry_ptr(fmt, it->table[it->level], index);
	read_entry(it);
}

void tdp_iter_start(struct tdp_iter *it, const struct tdp *tdp, u64 start, u64 last)
{
	it->tdp = tdp;
	it->pos = start;
	it->last = last;
	it->level = tdp->root_level;
	it->table[it->level] = phys_ptr(tdp->root);
	it->valid = true;
	load(it);
}

static void step_down(struct tdp_iter *it)
{
	it->level--;
	it->table[it->level] = phys_ptr(pt_table_oa(it->tdp->fmt, it->entry));
	load(it);
}

void tdp_iter_skip(struct tdp_iter *it)
{
	u64 last = tdp_iter_entry_last(it);

	if (last >= it->last) {
		it->valid = false;
		return;
	}
	it->pos = last + 1;
	while (it->level < it->tdp->root_level &&
	       is_aligned(it->pos, pt_level_size(it->tdp->fmt, it->level + 1u))) {
		it->level++;
	}
	load(it);
}

void tdp_iter_pass_holes(struct tdp_iter *it)
{
	const struct pt_format *fmt = it->tdp->fmt;
	unsigned shift = pt_level_shift(fmt, it->level);
	u64 index = it->ia >> shift, end = it->last >> shift, first = index;

	if (!it->valid || it->entry) {
		return;
	}
	if (it->level != it->tdp->root_level) {
		u64 mask = tdp_entry_count(fmt) - 1;

		end = min_u64(end, index | mask) - (index & ~mask);
		first = index & mask;
	}
	it->pos = (index + tdp_entry_find(fmt, it->table[it->level], first, end) - first) << shift;
	load(it);
}

void tdp_iter_next(struct tdp_iter *it)
{
	if (it->kind == PT_TABLE) {
		step_down(it);
	} else {
		tdp_iter_skip(it);
	}
}

void tdp_iter_find(struct tdp_iter *it, const struct tdp *tdp, u64 addr)
{
	tdp_iter_start(it, tdp, addr, addr);
	while (it->kind == PT_TABLE) {
		step_down(it);
	}
}
