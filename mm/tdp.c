// SPDX-License-Identifier: Apache-2.0
/*
 * The builder. Every operation on a range has the same order: look (nothing may fail later for
 * what is wrong now), allocate, break, flush once, make. Inside, addresses are without sign
 * extension and ranges are [start, last], so that none of them wraps.
 */
#include "mm/tdp.h"

#include <errno.h>
#include <string.h>

#include "mm/page.h"
#include "mm/tdp_entry.h"
#include "mm/tdp_iter.h"

/* An operation: what the range shall become. */
enum op_kind {
	OP_ZAP,     /* every entry becomes .zap: a hole or a device marker */
	OP_PROTECT, /* present leaves get attr.prot */
	OP_MAP,     /* all becomes leaves with .attr */
};

struct op {
	struct tdp *tdp;
	struct tlb_batch *batch;
	u64 start, last;
	enum op_kind kind;
	u64 zap;
	struct tdp_attr attr;
};

static u64 ia_mask(const struct tdp *tdp)
{
	return BIT(tdp->ia_bits) - 1;
}

static gpa_t ia_extend(const struct tdp *tdp, u64 ia)
{
	bool high = tdp->fmt->flags & PT_CANONICAL && ia & BIT(tdp->ia_bits - 1);

	return gpa(high ? ia | ~ia_mask(tdp) : ia);
}

static bool ia_is_valid(const struct tdp *tdp, gpa_t ia)
{
	return ia_extend(tdp, ia.v & ia_mask(tdp)).v == ia.v;
}

void tdp_flush_range(struct tdp *tdp, u64 start, u64 last)
{
	gpa_t first = ia_extend(tdp, start);

	/* Both halves of a canonical space: there is no such range of addresses; flush all. */
	if (ia_extend(tdp, last).v - first.v != last - start) {
		tdp->ops->flush(tdp, gpa(0), 0);
	} else {
		tdp->ops->flush(tdp, first, last - start + 1);
	}
}

/* Fills in the range. Returns 0 or -EINVAL. */
static int op_range(struct op *op, gpa_t ia, u64 size)
{
	const struct tdp *tdp = op->tdp;
	u64 page = BIT(tdp->fmt->page_shift);

	assert(op->batch->tdp == tdp);
	if (!size || !is_aligned(ia.v | size, page) || !ia_is_valid(tdp, ia)) {
		return -EINVAL;
	}
	op->start = ia.v & ia_mask(tdp);
	op->last = op->start + (size - 1);
	if (op->last < op->start || op->last > ia_mask(tdp) ||
	    ia_extend(tdp, op->last).v - ia.v != size - 1) {
		return -EINVAL;
	}
	return 0;
}

static bool is_inside(const struct op *op, const struct tdp_iter *it)
{
	return it->ia >= op->start && tdp_iter_entry_last(it) <= op->last;
}

/* Whether the leaf at hand has the permissions, the memory type that are asked for. */
static bool has_prot(const struct op *op, const struct tdp_iter *it)
{
	const struct pt_format *fmt = op->tdp->fmt;

	return (it->entry & fmt->prot_mask) == fmt->prot[op->attr.prot];
}

static bool has_mem(const struct op *op, const struct tdp_iter *it)
{
	const struct pt_level *l = &op->tdp->fmt->level[it->level];

	return (it->entry & l->mem_mask) == l->mem[op->attr.mem];
}

/* Whether the entry at hand, no table, is to stay as it is. */
static bool is_settled(const struct op *op, const struct tdp_iter *it)
{
	if (op->kind == OP_ZAP) {
		return it->kind == (op->zap ? PT_DEVICE : PT_HOLE);
	}
	if (it->kind != PT_LEAF) {
		return op->kind == OP_PROTECT;
	}
	return has_prot(op, it) && (op->kind == OP_PROTECT || has_mem(op, it));
}

/* --- tables that are not linked yet --- */

/* The entry of level - 1 that translates part @index of what @entry of @level does. */
static u64 child_entry(const struct pt_format *fmt, unsigned level, u64 entry, u64 index)
{
	struct pt_entry e = pt_decode(fmt, level, entry);
	u64 oa = e.oa.v + (index << pt_level_shift(fmt, level - 1)), child;

	if (e.kind != PT_LEAF) {
		return e.kind == PT_DEVICE ? PT_MARKER : 0;
	}
	child = pt_encode_leaf(fmt, level - 1, hpa(oa), e.prot, (enum pt_mem)e.mem);
	assert(child);
	return child | (entry & fmt->volatile_mask);
}

/* The link, for @level, to a new table that translates as @entry of @level does; 0: no memory. */
static u64 table_new(struct tdp *tdp, unsigned level, u64 entry)
{
	const struct pt_format *fmt = tdp->fmt;
	hpa_t table = tdp->ops->alloc(tdp, tdp_table_order(fmt));
	u64 link;

	if (hpa_is_none(table)) {
		return 0;
	}
	link = pt_encode_table(fmt, level, table);
	assert(link && table.v); /* the environment gives addresses that the format can hold */
	tdp->table_count++;
	if (pt_classify(fmt, level, entry) == PT_HOLE) {
		memset(phys_ptr(table), 0, BIT(fmt->page_shift));
		return link;
	}
	for (u64 i = 0; i < tdp_entry_count(fmt); i++) {
		tdp_entry_fill(fmt, tdp_entry_ptr(fmt, phys_ptr(table), i),
			       child_entry(fmt, level, entry, i));
	}
	return link;
}

/* Frees the unlinked tables below @entry of @level. */
static void subtree_free(struct tdp *tdp, unsigned level, u64 entry)
{
	const struct pt_format *fmt = tdp->fmt;
	hpa_t table = pt_table_oa(fmt, entry);

	if (pt_classify(fmt, level, entry) != PT_TABLE) {
		return;
	}
	for (u64 i = 0; level > 2 && i < tdp_entry_count(fmt); i++) {
		void *ptep = tdp_entry_ptr(fmt, phys_ptr(table), i);

		subtree_free(tdp, level - 1, tdp_entry_read(fmt, ptep));
	}
	tdp->ops->free(tdp, table, tdp_table_order(fmt));
	tdp->table_count--;
}

/* Sets @bits in all leaves of the unlinked tables below @entry of @level. */
static void subtree_mark(const struct pt_format *fmt, unsigned level, u64 entry, u64 bits)
{
	for (u64 i = 0; i < tdp_entry_count(fmt); i++) {
		void *ptep = tdp_entry_ptr(fmt, phys_ptr(pt_table_oa(fmt, entry)), i);
		u64 child = tdp_entry_read(fmt, ptep);

		if (pt_classify(fmt, level - 1, child) == PT_TABLE) {
			subtree_mark(fmt, level - 1, child, bits);
		} else {
			tdp_entry_fill(fmt, ptep, child | bits);
		}
	}
}

/* --- splitting --- */

/* An entry that reaches past an end of the range, and the unlinked tables to take its place. */
struct cut {
	struct tdp_iter it;
	u64 link; /* the entry itself as long as there are none */
};

/* Adds tables below *link of @level until @addr is on the border of two entries. */
static int subtree_cut(struct tdp *tdp, unsigned level, u64 *link, u64 addr)
{
	const struct pt_format *fmt = tdp->fmt;
	void *ptep = NULL;
	u64 entry = *link;

	while (!is_aligned(addr, pt_level_size(fmt, level))) {
		if (pt_classify(fmt, level, entry) != PT_TABLE) {
			entry = table_new(tdp, level, entry);
			if (!entry) {
				return -ENOMEM;
			}
			if (ptep) {
				tdp_entry_fill(fmt, ptep, entry);
			} else {
				*link = entry;
			}
		}
		level--;
		ptep = tdp_entry_ptr(fmt, phys_ptr(pt_table_oa(fmt, entry)),
				     (addr >> pt_level_shift(fmt, level)) &
					     (tdp_entry_count(fmt) - 1));
		entry = tdp_entry_read(fmt, ptep);
	}
	return 0;
}

/* Prepares the cut of the entry that @cut is at. */
static int cut_prepare(struct op *op, struct cut *cut)
{
	const struct tdp_iter *it = &cut->it;
	int r = 0;

	if (is_settled(op, it)) {
		return 0;
	}
	if (it->ia < op->start) {
		r = subtree_cut(op->tdp, it->level, &cut->link, op->start);
	}
	if (!r && tdp_iter_entry_last(it) > op->last) {
		r = subtree_cut(op->tdp, it->level, &cut->link, op->last + 1);
	}
	return r;
}

/* Writes @new over the entry of @cut; A and D that hardware sets before that go to the tables. */
static void cut_write(struct op *op, struct cut *cut, u64 new)
{
	const struct pt_format *fmt = op->tdp->fmt;
	struct tdp_iter *it = &cut->it;

	while (!tdp_entry_try(op->tdp, it->ptep, &it->entry, new)) {
		subtree_mark(fmt, it->level, cut->link, it->entry & fmt->volatile_mask);
	}
	if (it->kind == PT_LEAF) {
		tlb_batch_add(op->batch, it->ia, tdp_iter_entry_last(it));
	}
	op->batch->changes++;
	tdp_iter_reload(it);
}

/* Puts the prepared tables in place: all are broken, one flush, all are made (T5). */
static void cuts_publish(struct op *op, struct cut *cuts, unsigned count)
{
	bool broken = false;

	for (unsigned i = 0; i < count; i++) {
		if (op->tdp->fmt->flags & PT_BBM && cuts[i].it.kind == PT_LEAF &&
		    cuts[i].link != cuts[i].it.entry) {
			cut_write(op, &cuts[i], 0);
			broken = true;
		}
	}
	if (broken) {
		tlb_batch_flush_locked(op->batch);
	}
	for (unsigned i = 0; i < count; i++) {
		if (cuts[i].link != cuts[i].it.entry) {
			cut_write(op, &cuts[i], cuts[i].link);
		}
	}
}

/*
 * Splits what reaches past an end of the range and is to change. All tables are allocated first:
 * -ENOMEM changes nothing.
 */
static int op_split(struct op *op)
{
	struct cut cuts[2];
	unsigned count = 1;
	int r;

	tdp_iter_find(&cuts[0].it, op->tdp, op->start);
	cuts[0].link = cuts[0].it.entry;
	if (tdp_iter_entry_last(&cuts[0].it) < op->last) {
		tdp_iter_find(&cuts[1].it, op->tdp, op->last);
		cuts[1].link = cuts[1].it.entry;
		count = 2;
	}
	r = cut_prepare(op, &cuts[0]);
	if (!r && count == 2) {
		r = cut_prepare(op, &cuts[1]);
	}
	if (r) {
		for (unsigned i = 0; i < count; i++) {
			subtree_free(op->tdp, cuts[i].it.level, cuts[i].link);
		}
		return r;
	}
	cuts_publish(op, cuts, count);
	return 0;
}

/* --- removing --- */

/* A leaf is gone: that, and what hardware noted in it, is reported. */
static void leaf_harvest(struct tdp *tdp, unsigned level, u64 ia, u64 was)
{
	const struct pt_format *fmt = tdp->fmt;

	if (was & fmt->volatile_mask && tdp->ops->harvest) {
		tdp->ops->harvest(tdp, ia_extend(tdp, ia), pt_level_size(fmt, level),
				  pt_decode(fmt, level, was));
	}
	if (tdp->ops->removed) {
		tdp->ops->removed(tdp, ia_extend(tdp, ia), level);
	}
}

/*
 * Hands a table that is unlinked, with all below it, to the batch. @level and @ia are its entries'
 * and the first one's. Walks that are under way may still be in it: where they write A and D, each
 * leaf is taken out atomically, so that none is set unseen (T4).
 */
static void table_retire(struct op *op, hpa_t table, unsigned level, u64 ia)
{
	struct tdp *tdp = op->tdp;
	const struct pt_format *fmt = tdp->fmt;
	u64 count = tdp_entry_count(fmt);

	for (u64 i = tdp_entry_find(fmt, phys_ptr(table), 0, count); i < count;
	     i = tdp_entry_find(fmt, phys_ptr(table), i + 1, count)) {
		void *ptep = tdp_entry_ptr(fmt, phys_ptr(table), i);
		u64 entry = tdp_entry_read(fmt, ptep);
		u64 at = ia + (i << pt_level_shift(fmt, level));
		enum pt_kind kind = pt_classify(fmt, level, entry);

		if (kind == PT_TABLE) {
			table_retire(op, pt_table_oa(fmt, entry), level - 1, at);
		} else if (kind == PT_LEAF && (fmt->volatile_mask || tdp->ops->removed)) {
			entry = tdp_entry_replace(tdp, ptep, entry, 0, 0);
			leaf_harvest(tdp, level, at, entry);
		}
	}
	tlb_batch_add_table(op->batch, table);
}

/* Writes a hole or a marker over the entry at hand and retires what it led to. */
static void entry_zap(struct op *op, struct tdp_iter *it, u64 with)
{
	struct tdp *tdp = op->tdp;
	u64 was = tdp_entry_replace(tdp, it->ptep, it->entry, with, 0);

	if (it->kind == PT_LEAF || it->kind == PT_TABLE) {
		tlb_batch_add(op->batch, it->ia, tdp_iter_entry_last(it));
	}
	if (it->kind == PT_LEAF) {
		leaf_harvest(tdp, it->level, it->ia, was);
	} else if (it->kind == PT_TABLE) {
		table_retire(op, pt_table_oa(tdp->fmt, was), it->level - 1u, it->ia);
	}
	op->batch->changes++;
	tdp_iter_reload(it);
}

/* After op_split(): what is not wholly inside is a table or stays as it is. */
static void op_zap(struct op *op)
{
	struct tdp_iter it;

	tdp_iter_start(&it, op->tdp, op->start, op->last);
	while (it.valid) {
		if (it.kind == PT_TABLE && !is_inside(op, &it)) {
			tdp_iter_next(&it);
			continue;
		}
		if (it.kind == PT_TABLE || !is_settled(op, &it)) {
			entry_zap(op, &it, op->zap);
		}
		tdp_iter_skip(&it);
		if (!op->zap) {
			tdp_iter_pass_holes(&it);
		}
	}
}

static int zap(struct op *op, gpa_t ia, u64 size)
{
	int r = op_range(op, ia, size);

	if (!r) {
		lock_take(&op->tdp->lock);
		r = op_split(op);
		if (!r) {
			op_zap(op);
		}
		lock_drop(&op->tdp->lock);
	}
	return r;
}

int tdp_unmap(struct tdp *tdp, gpa_t ia, u64 size, struct tlb_batch *batch)
{
	struct op op = {.tdp = tdp, .batch = batch, .kind = OP_ZAP, .zap = 0};

	return zap(&op, ia, size);
}

int tdp_set_device(struct tdp *tdp, gpa_t ia, u64 size, struct tlb_batch *batch)
{
	struct op op = {.tdp = tdp, .batch = batch, .kind = OP_ZAP, .zap = PT_MARKER};

	return zap(&op, ia, size);
}

/* --- protecting --- */

/* Gives the leaf at hand the permissions that are asked for; A and D stay. */
static void leaf_protect(struct op *op, struct tdp_iter *it)
{
	const struct pt_format *fmt = op->tdp->fmt;
	u64 new = (it->entry & ~fmt->prot_mask) | fmt->prot[op->attr.prot];
	unsigned had = pt_decode(fmt, it->level, it->entry).prot;

	tdp_entry_replace(op->tdp, it->ptep, it->entry, new, fmt->volatile_mask);
	op->batch->changes++;
	/* Granting more: a processor that walks afresh before it faults needs no flush. */
	if (had & ~(unsigned)op->attr.prot || !(fmt->flags & PT_REWALKS)) {
		tlb_batch_add(op->batch, it->ia, tdp_iter_entry_last(it));
	}
}

static void op_protect(struct op *op)
{
	struct tdp_iter it;

	tdp_iter_start(&it, op->tdp, op->start, op->last);
	for (; it.valid; tdp_iter_next(&it)) {
		if (it.kind == PT_LEAF && !has_prot(op, &it)) {
			leaf_protect(op, &it);
		}
	}
}

int tdp_protect(struct tdp *tdp, gpa_t ia, u64 size, unsigned prot, struct tlb_batch *batch)
{
	struct op op = {.tdp = tdp, .batch = batch, .kind = OP_PROTECT};
	int r = op_range(&op, ia, size);

	if (r || prot >= PT_PROT_COUNT || !tdp->fmt->prot[prot]) {
		return -EINVAL;
	}
	op.attr.prot = (u8)prot;
	lock_take(&tdp->lock);
	r = op_split(&op);
	if (!r) {
		op_protect(&op);
	}
	lock_drop(&tdp->lock);
	return r;
}

/* --- ageing --- */

int tdp_age(struct tdp *tdp, gpa_t ia, u64 size, struct tlb_batch *batch, bool *young)
{
	struct op op = {.tdp = tdp, .batch = batch};
	u64 bit = tdp->fmt->accessed & tdp->fmt->volatile_mask;
	struct tdp_iter it;
	int r = op_range(&op, ia, size);

	*young = false;
	if (r) {
		return r;
	}
	lock_take(&tdp->lock);
	tdp_iter_start(&it, tdp, op.start, op.last);
	for (; it.valid; tdp_iter_next(&it)) {
		if (it.kind == PT_LEAF && it.entry & bit) {
			/* A write that sets the dirty bit meanwhile is not lost (T4). */
			tdp_entry_replace(tdp, it.ptep, it.entry, it.entry & ~bit,
					  tdp->fmt->volatile_mask & ~bit);
			tlb_batch_add(batch, it.ia, tdp_iter_entry_last(&it));
			*young = true;
		}
	}
	lock_drop(&tdp->lock);
	return 0;
}

/* --- mapping --- */

/* What the look at the range found. */
struct map_plan {
	bool split;            /* a leaf reaches past an end and is to change */
	bool breaks;           /* something present is in the way */
	bool break_flush;      /* ... and must be flushed before the range is made */
	bool makes;            /* a hole or marker is to be filled */
	bool protects;         /* permissions differ */
	struct tdp_iter first; /* at the first entry that is no table */
};

static u64 oa_at(const struct op *op, u64 pos)
{
	return op->attr.oa.v + (pos - op->start);
}

/* The level of the largest leaf that can begin at @pos (T13). */
static unsigned best_level(const struct op *op, u64 pos)
{
	const struct pt_format *fmt = op->tdp->fmt;
	u64 both = pos | oa_at(op, pos);
	unsigned level;

	for (level = op->tdp->max_leaf_level; level > 1; level--) {
		u64 mask = pt_level_size(fmt, level) - 1;

		if (!(both & mask) && op->last - pos >= mask) {
			break;
		}
	}
	return level;
}

/* Whether one leaf in place of the table at hand would do. */
static bool is_collapsible(const struct op *op, const struct tdp_iter *it)
{
	return it->kind == PT_TABLE && it->level <= op->tdp->top_leaf_level && is_inside(op, it) &&
	       best_level(op, it->ia) == it->level;
}

static int look_at_leaf(const struct op *op, const struct tdp_iter *it, struct map_plan *plan)
{
	u64 oa = pt_leaf_oa(op->tdp->fmt, it->level, it->entry).v + (it->pos - it->ia);
	bool mem = has_mem(op, it), prot = has_prot(op, it);

	if (oa != oa_at(op, it->pos)) {
		return -EEXIST; /* T6 */
	}
	plan->split |= !(mem && prot) && !is_inside(op, it);
	plan->breaks |= !mem;
	plan->break_flush |= !mem;
	plan->protects |= !prot;
	return 0;
}

/* Looks at the whole range before anything is changed. Returns 0 or -EEXIST. */
static int map_look(const struct op *op, struct map_plan *plan)
{
	struct tdp_iter it;
	int r = 0;

	tdp_iter_start(&it, op->tdp, op->start, op->last);
	for (; !r && it.valid; tdp_iter_next(&it)) {
		if (it.kind == PT_TABLE) {
			if (is_collapsible(op, &it)) {
				plan->breaks = true;
				plan->break_flush |= op->tdp->fmt->flags & PT_BBM;
			}
			continue;
		}
		if (it.pos == op->start) {
			plan->first = it;
		}
		if (it.kind == PT_LEAF) {
			r = look_at_leaf(op, &it, plan);
		} else {
			plan->makes = true;
		}
	}
	return r;
}

/* Takes out what is in the way: tables that one leaf replaces, leaves of another memory type. */
static void map_break(struct op *op)
{
	struct tdp_iter it;

	tdp_iter_start(&it, op->tdp, op->start, op->last);
	for (; it.valid; tdp_iter_next(&it)) {
		if (is_collapsible(op, &it) || (it.kind == PT_LEAF && !has_mem(op, &it))) {
			entry_zap(op, &it, 0);
		}
	}
}

/* Nothing may be made where the flush of what was there is still pending: what map_break() took
 * out, or an operation before (T5, T6). */
static void map_settle(struct op *op)
{
	struct tdp *tdp = op->tdp;
	struct tlb_batch *b = op->batch;

	if (b->pending && b->start <= op->last && b->end > op->start) {
		tlb_batch_flush_locked(b);
	}
	if (tdp->pending_start <= op->last && tdp->pending_end > op->start) {
		tdp_flush_range(tdp, op->start, op->last); /* another thread's batch */
	}
}

/* Fills the hole or marker at hand: with a leaf if it fits, else with a table. */
static int map_fill(struct op *op, struct tdp_iter *it)
{
	unsigned level = best_level(op, it->pos);
	u64 new;

	if (it->level > level) {
		new = table_new(op->tdp, it->level, it->entry);
	} else {
		new = pt_encode_leaf(op->tdp->fmt, it->level, hpa(oa_at(op, it->pos)),
				     op->attr.prot, (enum pt_mem)op->attr.mem);
	}
	if (!new) {
		return -ENOMEM; /* the leaf was found to be expressible before */
	}
	tdp_entry_replace(op->tdp, it->ptep, it->entry, new, 0);
	op->batch->changes++;
	return 0;
}

/* From @it on. */
static int map_make(struct op *op, struct tdp_iter *it)
{
	int r;

	while (it->valid) {
		if (it->kind == PT_HOLE || it->kind == PT_DEVICE) {
			r = map_fill(op, it);
			if (r) {
				return r;
			}
			tdp_iter_reload(it);
		} else if (it->kind == PT_LEAF && !has_prot(op, it)) {
			leaf_protect(op, it);
		}
		tdp_iter_next(it);
	}
	return 0;
}

static int map_locked(struct op *op)
{
	struct map_plan plan = {.split = false};
	int r = map_look(op, &plan);

	if (!r && plan.split) {
		r = op_split(op);
	}
	if (r) {
		return r;
	}
	if (!plan.breaks && !plan.makes && !plan.protects) {
		op->tdp->spurious++;
		return 0;
	}
	if (plan.breaks) {
		map_break(op);
	}
	if (plan.makes || plan.break_flush) {
		map_settle(op);
	}
	if (plan.split || plan.breaks) {
		tdp_iter_start(&plan.first, op->tdp, op->start, op->last);
	}
	return map_make(op, &plan.first);
}

static bool attr_is_valid(const struct tdp *tdp, const struct tdp_attr *attr, u64 size)
{
	const struct pt_format *fmt = tdp->fmt;
	u64 max = BIT(fmt->oa_bits);

	return attr->oa.v < max && size <= max - attr->oa.v &&
	       pt_encode_leaf(fmt, 1, attr->oa, attr->prot, (enum pt_mem)attr->mem);
}

int tdp_map(struct tdp *tdp, gpa_t ia, u64 size, struct tdp_attr attr, struct tlb_batch *batch)
{
	struct op op = {.tdp = tdp, .batch = batch, .kind = OP_MAP, .attr = attr};
	int r = op_range(&op, ia, size);

	if (r || !attr_is_valid(tdp, &attr, size)) {
		return -EINVAL;
	}
	assert(tdp->max_leaf_level && tdp->max_leaf_level <= tdp->top_leaf_level);
	lock_take(&tdp->lock);
	r = map_locked(&op);
	lock_drop(&tdp->lock);
	return r;
}

/* --- the rest --- */

struct tdp_entry tdp_lookup(struct tdp *tdp, gpa_t ia)
{
	struct tdp_entry found = {.kind = PT_HOLE, .oa = HPA_NONE};
	struct pt_entry e;
	struct tdp_iter it;
	u64 pos = ia.v & ia_mask(tdp);

	if (!ia_is_valid(tdp, ia)) {
		return found;
	}
	lock_take(&tdp->lock);
	tdp_iter_find(&it, tdp, pos);
	lock_drop(&tdp->lock);
	e = pt_decode(tdp->fmt, it.level, it.entry);
	found = (struct tdp_entry){.kind = e.kind,
				   .level = it.level,
				   .prot = e.prot,
				   .mem = e.mem,
				   .accessed = e.accessed,
				   .dirty = e.dirty,
				   .oa = HPA_NONE};
	if (e.kind == PT_LEAF) {
		found.oa = hpa(e.oa.v + (pos - it.ia));
	}
	return found;
}

/* Bits of input address that a root at @level covers without concatenation. */
static unsigned level_ia_bits(const struct pt_format *fmt, unsigned level)
{
	return fmt->page_shift + level * fmt->index_bits;
}

int tdp_init(struct tdp *tdp, const struct pt_format *fmt, const struct tdp_ops *ops,
	     unsigned ia_bits)
{
	unsigned level = fmt->min_root_level, order = tdp_table_order(fmt);

	if (ia_bits <= fmt->page_shift || ia_bits > fmt->ia_bits_max ||
	    (fmt->flags & PT_CANONICAL && ia_bits != fmt->ia_bits_max)) {
		return -EINVAL;
	}
	while (ia_bits > level_ia_bits(fmt, level) + fmt->concat_bits) {
		level++;
	}
	assert(level <= fmt->max_level);
	if (ia_bits > level_ia_bits(fmt, level)) {
		order += ia_bits - level_ia_bits(fmt, level);
	}
	*tdp = (struct tdp){.fmt = fmt,
			    .ops = ops,
			    .root_level = (u8)level,
			    .root_order = (u8)order,
			    .ia_bits = (u8)ia_bits,
			    .pending_start = ~(u64)0};
	lock_init(&tdp->lock, LOCK_RANK_TDP);
	while (tdp->top_leaf_level < level && pt_level_has_leaf(fmt, tdp->top_leaf_level + 1u)) {
		tdp->top_leaf_level++;
	}
	tdp->max_leaf_level = tdp->top_leaf_level;
	tdp->root = ops->alloc(tdp, order);
	if (hpa_is_none(tdp->root)) {
		return -ENOMEM;
	}
	memset(phys_ptr(tdp->root), 0, PAGE_SIZE << order);
	return 0;
}

void tdp_destroy(struct tdp *tdp)
{
	struct tlb_batch batch = TLB_BATCH_INIT(tdp);
	struct op op = {.tdp = tdp, .batch = &batch, .kind = OP_ZAP};

	/* All of the root's entries, also where one maps more than ia_bits. */
	op.last = ia_mask(tdp) | (pt_level_size(tdp->fmt, tdp->root_level) - 1);
	assert(!tdp->pending_batches);
	lock_take(&tdp->lock);
	op_zap(&op);
	lock_drop(&tdp->lock);
	tlb_batch_flush(&batch);
	tdp->ops->flush(tdp, gpa(0), 0); /* walks that have cached nothing but the root */
	assert(!tdp->table_count);
	tdp->ops->free(tdp, tdp->root, tdp->root_order);
	tdp->root = HPA_NONE;
}
