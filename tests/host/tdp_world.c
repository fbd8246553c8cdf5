// SPDX-License-Identifier: Apache-2.0
/* The operations, the model and the comparison; the simulated hardware is in tdp_machine.c. */
#include "tests/host/tdp_world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/page.h"
#include "tests/host/tdp_machine.h"

struct world w;

_Noreturn void world_fail(const char *file, int line, const char *cond, const char *fmt, ...)
{
	va_list ap;

	fprintf(stderr, "%s:%d: [%s] %s: ", file, line, w.fmt ? w.fmt->name : "-", cond);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	abort();
}

u64 world_random(void)
{
	/* splitmix64 */
	u64 z = w.rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

gpa_t world_gpa(u64 ia)
{
	bool high = w.fmt->flags & PT_CANONICAL && ia >> (w.tdp.ia_bits - 1);

	return gpa(high ? ia | ~(BIT(w.tdp.ia_bits) - 1) : ia);
}

/* --- intervals --- */

static bool seg_continues(const struct seg *a, const struct seg *b)
{
	return a->last + 1 == b->ia && a->kind == b->kind && a->prot == b->prot &&
	       a->mem == b->mem && (a->kind == PT_DEVICE || a->oa + (b->ia - a->ia) == b->oa);
}

static void segs_push(struct segs *segs, struct seg s)
{
	if (segs->count && seg_continues(&segs->s[segs->count - 1], &s)) {
		segs->s[segs->count - 1].last = s.last;
		return;
	}
	CHECK(segs->count < WORLD_SEGS, "too many intervals");
	segs->s[segs->count++] = s;
}

static struct seg seg_cut(struct seg s, u64 ia, u64 last)
{
	u64 from = max_u64(s.ia, ia);

	s.oa = s.kind == PT_LEAF ? s.oa + (from - s.ia) : 0;
	s.ia = from;
	s.last = min_u64(s.last, last);
	return s;
}

/* Puts @with (kind PT_HOLE: nothing) in place of what is in its interval. */
static void segs_put(struct segs *segs, struct seg with)
{
	static struct segs out;
	bool put = with.kind == PT_HOLE;

	out.count = 0;
	for (unsigned i = 0; i < segs->count; i++) {
		struct seg s = segs->s[i];

		if (s.ia < with.ia) {
			segs_push(&out, seg_cut(s, 0, with.ia - 1));
		}
		if (!put && s.last >= with.ia) {
			segs_push(&out, with);
			put = true;
		}
		if (s.last > with.last) {
			segs_push(&out, seg_cut(s, with.last + 1, ~(u64)0));
		}
	}
	if (!put) {
		segs_push(&out, with);
	}
	*segs = out;
}

static struct seg segs_at(const struct segs *segs, u64 ia)
{
	for (unsigned i = 0; i < segs->count; i++) {
		if (segs->s[i].ia <= ia && ia <= segs->s[i].last) {
			return seg_cut(segs->s[i], ia, ia);
		}
	}
	return (struct seg){.ia = ia, .last = ia, .kind = PT_HOLE};
}

static bool seg_same(const struct seg *a, const struct seg *b)
{
	return a->kind == b->kind && a->oa == b->oa && a->prot == b->prot && a->mem == b->mem;
}

/* --- reading the tables back --- */

static struct segs tables;
static u64 leaves[PT_MAX_LEVELS + 1], table_count;

static void read_entry(unsigned level, u64 ia, u64 entry);

static void read_table(void *table, unsigned level, u64 ia, u64 count)
{
	for (u64 i = 0; i < count; i++) {
		u64 e = machine_entry(table, i);

		if (e) {
			read_entry(level, ia + (i << pt_level_shift(w.fmt, level)), e);
		}
	}
}

static void read_entry(unsigned level, u64 ia, u64 entry)
{
	struct pt_entry e = pt_decode(w.fmt, level, entry);
	u64 last = ia + (pt_level_size(w.fmt, level) - 1);

	CHECK(machine_entry_is_sound(level, entry), "entry %llx of level %u",
	      (unsigned long long)entry, level);
	if (e.kind == PT_TABLE) {
		machine_check_linked(e.oa, level - 1, ia);
		table_count++;
		read_table(phys_ptr(e.oa), level - 1, ia, BIT(w.fmt->index_bits));
		return;
	}
	leaves[level] += e.kind == PT_LEAF;
	segs_push(&tables, (struct seg){.ia = ia,
					.last = last,
					.oa = e.kind == PT_LEAF ? e.oa.v : 0,
					.kind = e.kind,
					.prot = e.prot,
					.mem = e.mem});
}

static void read_all(void)
{
	unsigned shift = pt_level_shift(w.fmt, w.tdp.root_level);

	tables.count = 0;
	table_count = 0;
	memset(leaves, 0, sizeof(leaves));
	read_table(phys_ptr(w.tdp.root), w.tdp.root_level, 0,
		   w.tdp.ia_bits > shift ? BIT(w.tdp.ia_bits - shift) : 1);
	CHECK(w.tdp.table_count == table_count + w.batch.page_count, "%llu counted, %llu there",
	      (unsigned long long)w.tdp.table_count, (unsigned long long)table_count);
	CHECK(machine_table_count() - 1 == table_count + w.batch.page_count, "tables leaked");
}

u64 world_leaves(unsigned level)
{
	read_all();
	return leaves[level];
}

static void print_segs(const char *name, const struct segs *segs)
{
	fprintf(stderr, "%s:\n", name);
	for (unsigned i = 0; i < segs->count; i++) {
		const struct seg *s = &segs->s[i];

		fprintf(stderr, "  %llx-%llx -> %llx kind %d prot %x mem %u\n",
			(unsigned long long)s->ia, (unsigned long long)s->last,
			(unsigned long long)s->oa, s->kind, s->prot, s->mem);
	}
}

static void check_equal(const struct segs *want)
{
	bool same = tables.count == want->count;

	for (unsigned i = 0; same && i < want->count; i++) {
		const struct seg *a = &tables.s[i], *b = &want->s[i];

		same = a->ia == b->ia && a->last == b->last && seg_same(a, b);
	}
	if (!same) {
		print_segs("model", want);
		print_segs("tables", &tables);
	}
	CHECK(same, "the tables do not translate as the model says");
}

void world_check(void)
{
	read_all();
	check_equal(&w.model);
	machine_check_aged();
	if (w.auto_flush) {
		world_check_flushed();
	}
}

void world_check_flushed(void)
{
	CHECK(tlb_batch_is_empty(&w.batch), "batch not flushed");
	CHECK(!w.tdp.pending_batches && w.tdp.pending_start > w.tdp.pending_end, "still pending");
	machine_check_flushed();
}

/* --- operations --- */

static void flush_if_auto(void)
{
	if (w.auto_flush) {
		tlb_batch_flush(&w.batch);
	}
}

/* After -ENOMEM: unmap, protect and device markers have changed nothing. A map may have done a
 * part: each address is as before, as wanted, or a hole. */
static void check_nomem(const struct segs *before, const struct segs *after, bool partial)
{
	const struct segs *all[] = {before, after, &tables};

	flush_if_auto();
	read_all();
	if (!partial) {
		check_equal(before);
		return;
	}
	for (unsigned k = 0; k < ARRAY_SIZE(all); k++) {
		for (unsigned i = 0; i < 2 * all[k]->count; i++) {
			u64 ia = i & 1 ? all[k]->s[i / 2].last : all[k]->s[i / 2].ia;
			struct seg is = segs_at(&tables, ia), old = segs_at(before, ia),
				   new = segs_at(after, ia);

			CHECK(seg_same(&is, &old) || seg_same(&is, &new) ||
				      (is.kind == PT_HOLE && new.kind == PT_LEAF),
			      "%llx is neither old nor new", (unsigned long long)ia);
		}
	}
	/* From here on what is there counts. */
	w.model = tables;
}

static int finish(int r, const struct segs *after, bool partial)
{
	static struct segs before;

	before = w.model;
	if (r == -ENOMEM) {
		check_nomem(&before, after, partial);
	} else if (!r) {
		w.model = *after;
		flush_if_auto();
	}
	world_check();
	return r;
}

static bool conflicts(u64 ia, u64 last, u64 oa)
{
	for (unsigned i = 0; i < w.model.count; i++) {
		const struct seg *s = &w.model.s[i];

		if (s->kind == PT_LEAF && s->ia <= last && s->last >= ia &&
		    s->oa - s->ia != oa - ia) {
			return true;
		}
	}
	return false;
}

static bool is_present_as(u64 ia, u64 last, const struct seg *want)
{
	for (unsigned i = 0; i < w.model.count; i++) {
		const struct seg *s = &w.model.s[i];

		if (s->ia <= ia && s->last >= last) {
			return s->kind == PT_LEAF && s->prot == want->prot && s->mem == want->mem &&
			       s->oa + (ia - s->ia) == want->oa;
		}
	}
	return false;
}

/* T13: no aligned block of the range that one leaf could map is mapped by smaller ones. */
static void check_largest(u64 ia, u64 last, u64 oa)
{
	for (unsigned level = w.tdp.max_leaf_level; level > 1; level--) {
		u64 size = pt_level_size(w.fmt, level);

		if (!is_aligned(ia ^ oa, size) || last - ia < size - 1) {
			continue;
		}
		for (u64 at = align_up(ia, size); at <= last && last - at >= size - 1; at += size) {
			struct tdp_entry e = tdp_lookup(&w.tdp, world_gpa(at));

			CHECK(e.level >= level, "%llx is mapped at level %u, not %u",
			      (unsigned long long)at, e.level, level);
		}
	}
}

int world_map(u64 ia, u64 size, u64 oa, unsigned prot, enum pt_mem mem)
{
	static struct segs after;
	struct seg want = {ia, ia + (size - 1), oa, PT_LEAF, (u8)prot, (u8)mem};
	struct tdp_attr attr = {hpa(oa), (u8)prot, (u8)mem};
	bool conflict = conflicts(ia, want.last, oa), same = is_present_as(ia, want.last, &want);
	u64 changes = w.batch.changes, spurious = w.tdp.spurious, stores = w.stores;
	u64 levels[PT_MAX_LEVELS + 1];
	int r;

	read_all();
	memcpy(levels, leaves, sizeof(levels));
	r = tdp_map(&w.tdp, world_gpa(ia), size, attr, &w.batch);
	CHECK(r == 0 || r == -ENOMEM || r == -EEXIST, "%d", r);
	CHECK(conflict == (r == -EEXIST), "r = %d, conflict = %d", r, conflict);
	CHECK(r != -EEXIST || stores == w.stores, "a refused map has stored");
	CHECK((w.batch.changes == changes) == (w.stores == stores), "changes are miscounted");
	CHECK(r || (w.tdp.spurious != spurious) == (w.stores == stores), "T8: miscounted");
	after = w.model;
	if (!r && !same) {
		check_largest(ia, want.last, oa);
	}
	read_all();
	if (!r && w.stores == stores) {
		CHECK(same, "nothing done, but not the same");
		CHECK(!memcmp(levels, leaves, sizeof(levels)), "spurious, but leaves changed");
	}
	segs_put(&after, want);
	return finish(r, &after, true);
}

int world_unmap(u64 ia, u64 size)
{
	static struct segs after;
	int r = tdp_unmap(&w.tdp, world_gpa(ia), size, &w.batch);

	CHECK(r == 0 || r == -ENOMEM, "%d", r);
	after = w.model;
	segs_put(&after, (struct seg){.ia = ia, .last = ia + (size - 1), .kind = PT_HOLE});
	return finish(r, &after, false);
}

int world_device(u64 ia, u64 size)
{
	static struct segs after;
	int r = tdp_set_device(&w.tdp, world_gpa(ia), size, &w.batch);

	CHECK(r == 0 || r == -ENOMEM, "%d", r);
	after = w.model;
	segs_put(&after, (struct seg){.ia = ia, .last = ia + (size - 1), .kind = PT_DEVICE});
	return finish(r, &after, false);
}

int world_protect(u64 ia, u64 size, unsigned prot)
{
	static struct segs after;
	int r = tdp_protect(&w.tdp, world_gpa(ia), size, prot, &w.batch);

	CHECK(r == 0 || r == -ENOMEM, "%d", r);
	after = w.model;
	for (unsigned i = 0; i < w.model.count; i++) {
		struct seg s = w.model.s[i];

		if (s.kind == PT_LEAF && s.ia <= ia + (size - 1) && s.last >= ia) {
			s = seg_cut(s, ia, ia + (size - 1));
			s.prot = (u8)prot;
			segs_put(&after, s);
		}
	}
	return finish(r, &after, false);
}

void world_start(const struct pt_format *fmt, unsigned ia_bits, u64 seed)
{
	int r;

	w = (struct world){.fmt = fmt, .rng = seed, .auto_flush = true, .fail_at = -1};
	machine_start();
	r = tdp_init(&w.tdp, fmt, &machine_ops, ia_bits);
	CHECK(!r, "tdp_init: %d", r);
	tlb_batch_init(&w.batch, &w.tdp);
	machine_link_root(w.tdp.root, w.tdp.root_level);
	world_check();
}

void world_stop(void)
{
	tlb_batch_flush(&w.batch);
	tdp_destroy(&w.tdp);
	w.model.count = 0;
	CHECK(w.allocs == w.frees && machine_table_count() == 0, "tables leaked");
	machine_check_aged();
	machine_check_flushed();
}

/* --- random operations --- */

static unsigned random_prot(u64 bits)
{
	unsigned prot = (unsigned)bits % PT_PROT_COUNT;

	while (!w.fmt->prot[prot]) {
		prot = (prot + 1) % PT_PROT_COUNT;
	}
	return prot;
}

/* A few places: low, past the first blocks of each size, the top, the upper half. */
static u64 random_ia(u64 bits)
{
	const struct pt_format *fmt = w.fmt;
	unsigned grain = 1 + (unsigned)(bits & 3) % w.tdp.top_leaf_level;
	u64 space = BIT(w.tdp.ia_bits), big = pt_level_size(fmt, w.tdp.top_leaf_level);
	u64 bases[] = {0, big, space - 2 * big, space / 2};
	u64 off = (bits >> 8 & 7) * pt_level_size(fmt, grain) +
		  (bits >> 11 & 3) * pt_level_size(fmt, 1);

	/* Mostly together, so that operations meet. */
	return (bases[bits >> 4 & 1 ? 0 : bits >> 5 & 3] + off) % space;
}

static u64 random_size(u64 bits, u64 ia)
{
	unsigned grain = 1 + (unsigned)(bits & 3) % w.tdp.top_leaf_level;
	u64 size = (1 + (bits >> 2 & 3)) * pt_level_size(w.fmt, grain);
	u64 half = BIT(w.tdp.ia_bits - 1);
	u64 room = (ia < half ? half : 2 * half) - ia;

	if (bits >> 4 & 1) {
		size += pt_level_size(w.fmt, 1);
	}
	return min_u64(size, room);
}

/* Colours: the same for all, shifted by a page, shifted by half the space of outputs. */
static u64 random_oa(u64 bits, u64 ia, u64 *size)
{
	u64 oa_space = BIT(w.fmt->oa_bits), page = pt_level_size(w.fmt, 1);
	u64 low = ia % (oa_space / 4);

	switch (bits & 15) {
	case 0:
		*size = min_u64(*size, 1500 * page);
		return low + page;
	case 1:
		return low + oa_space / 2;
	default:
		return low;
	}
}

int world_random_op(u64 bits)
{
	u64 ia = random_ia(bits >> 8), size = random_size(bits >> 24, ia);
	unsigned prot = random_prot(bits >> 32);
	u64 oa;

	if ((bits >> 40 & 7) == 0) {
		w.tdp.max_leaf_level = (u8)(1 + (bits >> 43 & 3) % w.tdp.top_leaf_level);
	} else if ((bits >> 40 & 7) == 1) {
		w.tdp.max_leaf_level = w.tdp.top_leaf_level;
	}
	switch (bits & 15) {
	case 0:
	case 1:
	case 2:
		return world_unmap(ia, size);
	case 3:
	case 4:
	case 5:
		return world_protect(ia, size, prot);
	case 6:
		return world_device(ia, size);
	case 7:
	case 8:
		world_access(ia, bits >> 44 & 1);
		world_access(ia + size / 2, bits >> 45 & 1);
		return 0;
	default:
		oa = random_oa(bits >> 48, ia, &size);
		if (w.tdp.max_leaf_level < w.tdp.top_leaf_level) {
			size = min_u64(size, 1500 * pt_level_size(w.fmt, w.tdp.max_leaf_level));
		}
		return world_map(ia, size, oa, prot,
				 bits >> 52 & 3 ? PT_MEM_WB : (enum pt_mem)(bits >> 54 & 3));
	}
}
