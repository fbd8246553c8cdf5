// SPDX-License-Identifier: Apache-2.0
#include "tests/host/tdp_machine.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "mm/page.h"
#include "tests/host/tdp_world.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   __asan_poison_memory_region(p, n)
#define UNPOISON(p, n) __asan_unpoison_memory_region(p, n)
#else
#define POISON(p, n)   ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
#endif

#define ARENA_BASE  0x10000000ULL /* below 4 GiB: 32-bit tables live there */
#define ARENA_PAGES 24576u
#define STALE_MAX   8192
#define AGED_MAX    4096

enum tab_state {
	TAB_NONE,
	TAB_PRIVATE, /* allocated, not linked yet */
	TAB_LINKED,  /* reachable from the root */
	TAB_STALE,   /* unlinked, but a walk may still be in it */
	TAB_DEAD,    /* unlinked and flushed */
};

/* Of each page of the arena; of a table of several pages, in the first. */
struct tab {
	enum tab_state state;
	u32 head;
	u8 order, level;
	u64 ia;
};

/* What a TLB may still translate though the tables do not say so any more. */
struct stale {
	u64 ia, last, oa;
	u8 mem;
};

/* Bits that hardware has set for the page at @ia and that software has not been told of. */
struct aged {
	u64 ia, bits;
};

static u32 held_ranks;
static u8 *arena;
static struct tab tabs[ARENA_PAGES];
static u32 cursor;
static u64 live;
static struct stale stale[STALE_MAX];
static unsigned stale_count;
static struct aged aged[AGED_MAX];
static unsigned aged_count;

/* For LOCK_DEBUG: these tests have one thread. */
u32 *lock_held_ranks(void)
{
	return &held_ranks;
}

static void *arena_ptr(u32 page)
{
	return arena + (u64)page * PAGE_SIZE;
}

void machine_start(void)
{
	if (!arena) {
		arena = aligned_alloc(PAGE_SIZE, ARENA_PAGES * PAGE_SIZE);
		phys_offset = (uintptr_t)arena - ARENA_BASE;
	}
	memset(tabs, 0, sizeof(tabs));
	POISON(arena, ARENA_PAGES * PAGE_SIZE);
	cursor = 0;
	live = stale_count = aged_count = 0;
}

u64 machine_table_count(void)
{
	return live;
}

u64 machine_entry(void *table, u64 index)
{
	u64 e = 0;

	memcpy(&e, (u8 *)table + (index << w.fmt->entry_shift), (size_t)1 << w.fmt->entry_shift);
	return e;
}

static u64 tab_entries(const struct tab *t)
{
	return (PAGE_SIZE << t->order) >> w.fmt->entry_shift;
}

static u64 tab_size(const struct tab *t)
{
	return tab_entries(t) << pt_level_shift(w.fmt, t->level);
}

static struct tab *tab_of(hpa_t table)
{
	u64 page = (table.v - ARENA_BASE) >> PAGE_SHIFT;

	CHECK(page < ARENA_PAGES && tabs[page].state != TAB_NONE && tabs[page].head == page,
	      "%llx is no table", (unsigned long long)table.v);
	return &tabs[page];
}

static u32 tab_page(const struct tab *t)
{
	return (u32)(t - tabs);
}

/* --- stale translations --- */

static void stale_add(u64 ia, u64 size, u64 oa, unsigned mem)
{
	struct stale *prev = stale_count ? &stale[stale_count - 1] : NULL;

	if (prev && prev->last + 1 == ia && prev->mem == mem && prev->oa + (ia - prev->ia) == oa) {
		prev->last = ia + (size - 1);
		return;
	}
	CHECK(stale_count < STALE_MAX, "too many stale intervals");
	stale[stale_count++] = (struct stale){ia, ia + (size - 1), oa, (u8)mem};
}

/* A leaf comes into being where a TLB may still hold something else. */
static void check_make(u64 ia, u64 size, u64 oa, unsigned mem)
{
	for (unsigned i = 0; i < stale_count; i++) {
		const struct stale *s = &stale[i];

		if (s->ia > ia + (size - 1) || s->last < ia) {
			continue;
		}
		CHECK(!(w.fmt->flags & PT_BBM), "T5: made at %llx before the flush",
		      (unsigned long long)ia);
		CHECK(s->oa - s->ia == oa - ia, "T6: %llx has two translations",
		      (unsigned long long)ia);
		CHECK(s->mem == mem, "T5: %llx has two memory types", (unsigned long long)ia);
	}
}

static void stale_flush(u64 ia, u64 last)
{
	unsigned n = stale_count;

	for (unsigned i = 0; i < n; i++) {
		struct stale s = stale[i];

		if (s.ia > last || s.last < ia) {
			continue;
		}
		if (s.ia < ia) {
			stale[i].last = ia - 1;
		} else {
			stale[i].mem = PT_MEM_COUNT; /* gone */
		}
		if (s.last > last) {
			CHECK(stale_count < STALE_MAX, "too many stale intervals");
			stale[stale_count++] =
				(struct stale){last + 1, s.last, s.oa + (last + 1 - s.ia), s.mem};
		}
	}
	n = 0;
	for (unsigned i = 0; i < stale_count; i++) {
		if (stale[i].mem != PT_MEM_COUNT) {
			stale[n++] = stale[i];
		}
	}
	stale_count = n;
}

/* --- linking and unlinking --- */

bool machine_entry_is_sound(unsigned level, u64 entry)
{
	struct pt_entry e = pt_decode(w.fmt, level, entry);
	u64 again = 0;

	switch (e.kind) {
	case PT_HOLE:
		break;
	case PT_DEVICE:
		again = PT_MARKER;
		break;
	case PT_TABLE:
		again = pt_encode_table(w.fmt, level, e.oa);
		break;
	case PT_LEAF:
		again = pt_encode_leaf(w.fmt, level, e.oa, e.prot, (enum pt_mem)e.mem);
		break;
	}
	return again == (entry & ~(e.kind == PT_LEAF ? w.fmt->volatile_mask : 0));
}

static void publish(u64 ia, unsigned level, u64 entry)
{
	struct pt_entry e = pt_decode(w.fmt, level, entry);
	struct tab *t;

	CHECK(machine_entry_is_sound(level, entry), "T3: %llx published at level %u",
	      (unsigned long long)entry, level);
	if (e.kind == PT_LEAF) {
		check_make(ia, pt_level_size(w.fmt, level), e.oa.v, e.mem);
	}
	if (e.kind != PT_TABLE) {
		return;
	}
	t = tab_of(e.oa);
	CHECK(t->state == TAB_PRIVATE, "linked a table in state %d", t->state);
	t->state = TAB_LINKED;
	t->level = (u8)(level - 1);
	t->ia = ia;
	for (u64 i = 0; i < tab_entries(t); i++) {
		publish(ia + (i << pt_level_shift(w.fmt, level - 1)), level - 1,
			machine_entry(arena_ptr(tab_page(t)), i));
	}
}

/* What @entry led to can be met in TLB and walk cache until a flush. */
static void unlink_entry(u64 ia, unsigned level, u64 entry)
{
	struct pt_entry e = pt_decode(w.fmt, level, entry);
	struct tab *t;

	if (e.kind == PT_LEAF) {
		stale_add(ia, pt_level_size(w.fmt, level), e.oa.v, e.mem);
	}
	if (e.kind != PT_TABLE) {
		return;
	}
	t = tab_of(e.oa);
	CHECK(t->state == TAB_LINKED, "unlinked a table in state %d", t->state);
	t->state = TAB_STALE;
	for (u64 i = 0; i < tab_entries(t); i++) {
		unlink_entry(ia + (i << pt_level_shift(w.fmt, level - 1)), level - 1,
			     machine_entry(arena_ptr(tab_page(t)), i));
	}
}

void machine_link_root(hpa_t root, unsigned level)
{
	struct tab *t = tab_of(root);

	CHECK(is_aligned(root.v, PAGE_SIZE << t->order), "root is not aligned");
	t->state = TAB_LINKED;
	t->level = (u8)level;
	for (u64 i = 0; i < tab_entries(t); i++) {
		CHECK(!machine_entry(arena_ptr(tab_page(t)), i), "root is not empty");
	}
}

void machine_check_linked(hpa_t table, unsigned level, u64 ia)
{
	struct tab *t = tab_of(table);

	CHECK(t->state == TAB_LINKED && t->level == level && t->ia == ia, "wrong link to %llx",
	      (unsigned long long)table.v);
}

/* --- what the builder calls --- */

static hpa_t machine_alloc(struct tdp *tdp, unsigned order)
{
	u32 count = 1u << order, tried;

	CHECK(order + PAGE_SHIFT >= tdp->fmt->page_shift, "order %u", order);
	if (w.fail_at >= 0 && w.fail_at-- == 0) {
		return HPA_NONE;
	}
	cursor = (cursor + count - 1) & ~(count - 1);
	for (tried = 0; tried < ARENA_PAGES; tried += count, cursor += count) {
		bool is_free = true;

		cursor = cursor + count > ARENA_PAGES ? 0 : cursor;
		for (u32 i = 0; i < count; i++) {
			is_free &= tabs[cursor + i].state == TAB_NONE;
		}
		if (is_free) {
			break;
		}
	}
	CHECK(tried < ARENA_PAGES, "the arena is full");
	for (u32 i = 0; i < count; i++) {
		tabs[cursor + i] = (struct tab){.state = TAB_PRIVATE, .head = cursor};
	}
	tabs[cursor].order = (u8)order;
	UNPOISON(arena_ptr(cursor), count * PAGE_SIZE);
	memset(arena_ptr(cursor), 0xa5, count * PAGE_SIZE);
	w.allocs++;
	live++;
	cursor += count;
	return hpa(ARENA_BASE + (u64)(cursor - count) * PAGE_SIZE);
}

static void machine_free(struct tdp *tdp, hpa_t table, unsigned order)
{
	struct tab *t = tab_of(table);
	u32 page = tab_page(t);

	CHECK(t->order == order, "freed with order %u", order);
	CHECK(t->state == TAB_PRIVATE || t->state == TAB_DEAD || table.v == tdp->root.v,
	      "T3: freed a table in state %d", t->state);
	if (table.v == tdp->root.v) {
		for (u64 i = 0; i < tab_entries(t); i++) {
			CHECK(!machine_entry(arena_ptr(page), i), "freed a root that maps");
		}
		CHECK(!stale_count, "freed a root before its flush");
	}
	POISON(arena_ptr(page), PAGE_SIZE << order);
	for (u32 i = 0; i < 1u << order; i++) {
		tabs[page + i].state = TAB_NONE;
	}
	w.frees++;
	live--;
}

static void machine_flush(struct tdp *tdp, gpa_t start, u64 size)
{
	u64 mask = BIT(tdp->ia_bits) - 1, ia = start.v & mask, last = ia + (size - 1);

	w.flushes++;
	if (!size) {
		ia = 0;
		last = ~(u64)0;
	} else {
		CHECK(world_gpa(ia).v == start.v, "flush of %llx", (unsigned long long)start.v);
		CHECK(world_gpa(last & mask).v == start.v + (size - 1) || last >= BIT(tdp->ia_bits),
		      "flush across the hole");
	}
	stale_flush(ia, last);
	for (u32 i = 0; i < ARENA_PAGES; i++) {
		struct tab *t = &tabs[i];

		if (t->state == TAB_STALE && t->head == i && t->ia >= ia &&
		    t->ia + (tab_size(t) - 1) <= last) {
			t->state = TAB_DEAD;
		}
	}
}

static void written_linked(struct tab *t, u64 ia, u64 old, u64 new)
{
	const struct pt_format *fmt = w.fmt;
	struct pt_entry o = pt_decode(fmt, t->level, old), n = pt_decode(fmt, t->level, new);
	bool was = o.kind == PT_LEAF || o.kind == PT_TABLE;
	bool is = n.kind == PT_LEAF || n.kind == PT_TABLE;

	CHECK(machine_entry_is_sound(t->level, new), "wrote %llx", (unsigned long long)new);
	CHECK(old != new, "a store that changes nothing");
	if (o.kind == PT_LEAF && n.kind == PT_LEAF) {
		CHECK(o.oa.v == n.oa.v, "T6: %llx is replaced", (unsigned long long)ia);
		CHECK(o.mem == n.mem, "T5: memory type of %llx", (unsigned long long)ia);
		CHECK((old & ~new & fmt->volatile_mask) == 0, "T4: lost at %llx",
		      (unsigned long long)ia);
		if (o.prot & ~n.prot || !(fmt->flags & PT_REWALKS)) {
			stale_add(ia, pt_level_size(fmt, t->level), o.oa.v, o.mem);
		}
		return;
	}
	CHECK(!(fmt->flags & PT_BBM && was && is), "T5: %llx is not broken first",
	      (unsigned long long)ia);
	unlink_entry(ia, t->level, old);
	publish(ia, t->level, new);
}

static void machine_written(struct tdp *tdp, void *ptep, u64 old, u64 new)
{
	u64 off = (u64)((u8 *)ptep - arena);
	struct tab *t = &tabs[tabs[off >> PAGE_SHIFT].head];
	u64 index = (off - (u64)tab_page(t) * PAGE_SIZE) >> w.fmt->entry_shift;

	w.stores++;
	CHECK(tdp == &w.tdp && machine_entry(arena_ptr(tab_page(t)), index) == new, "T2");
	if (t->state == TAB_LINKED) {
		written_linked(t, t->ia + (index << pt_level_shift(w.fmt, t->level)), old, new);
	} else {
		/* A walk that is still in it must find nothing new. */
		CHECK(t->state == TAB_STALE, "store to a table in state %d", t->state);
		CHECK(pt_classify(w.fmt, t->level, new) == PT_HOLE, "made in a retired table");
	}
}

/* --- accessed and dirty --- */

static void aged_add(u64 ia, u64 bits)
{
	for (unsigned i = 0; i < aged_count; i++) {
		if (aged[i].ia == ia) {
			aged[i].bits |= bits;
			return;
		}
	}
	if (aged_count < AGED_MAX) {
		aged[aged_count++] = (struct aged){ia, bits};
	}
}

static void machine_harvest(struct tdp *tdp, gpa_t ia, u64 size, struct pt_entry was)
{
	u64 at = ia.v & (BIT(tdp->ia_bits) - 1);
	u64 bits = (was.accessed ? w.fmt->accessed : 0) | (was.dirty ? w.fmt->dirty : 0);

	w.harvests++;
	CHECK(world_gpa(at).v == ia.v && bits, "a report of nothing");
	for (unsigned i = 0; i < aged_count; i++) {
		if (aged[i].ia >= at && aged[i].ia - at < size) {
			aged[i].bits &= ~bits;
		}
	}
}

/* The hardware's own update of a leaf: atomic, and only while it is present. */
static void age_leaf(void *ptep, u64 ia, unsigned level, bool write)
{
	u64 e = machine_entry(ptep, 0), bits = w.fmt->accessed & w.fmt->volatile_mask;
	struct pt_entry d = pt_decode(w.fmt, level, e);

	if (d.kind != PT_LEAF || !bits) {
		return;
	}
	if (write && d.prot & PT_W) {
		bits |= w.fmt->dirty;
	}
	if (w.fmt->entry_shift == 2) {
		atomic_fetch_or((_Atomic u32 *)ptep, (u32)bits);
	} else {
		atomic_fetch_or((_Atomic u64 *)ptep, bits);
	}
	aged_add(ia, bits);
}

/* Walks as hardware does; returns the last entry. */
static void *walk(u64 ia, unsigned *level)
{
	hpa_t table = w.tdp.root;

	for (*level = w.tdp.root_level;; --*level) {
		u64 index = ia >> pt_level_shift(w.fmt, *level), e;

		if (*level != w.tdp.root_level) {
			index &= BIT(w.fmt->index_bits) - 1;
		}
		e = machine_entry(phys_ptr(table), index);
		if (pt_classify(w.fmt, *level, e) != PT_TABLE) {
			return (u8 *)phys_ptr(table) + (index << w.fmt->entry_shift);
		}
		table = pt_table_oa(w.fmt, e);
	}
}

void world_access(u64 ia, bool write)
{
	unsigned level;
	void *ptep = walk(ia, &level);

	age_leaf(ptep, align_down(ia, BIT(w.fmt->page_shift)), level, write);
}

void world_race_point(struct tdp *tdp, void *ptep)
{
	u64 off = (u64)((u8 *)ptep - arena), index;
	struct tab *t = &tabs[tabs[off >> PAGE_SHIFT].head];

	(void)tdp;
	if (!w.race || world_random() & 3) {
		return;
	}
	w.races++;
	index = (off - (u64)tab_page(t) * PAGE_SIZE) >> w.fmt->entry_shift;
	age_leaf(ptep, t->ia + (index << pt_level_shift(w.fmt, t->level)), t->level,
		 world_random() & 1);
}

void machine_check_aged(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < aged_count; i++) {
		unsigned level;
		u64 e = 0;

		if (aged[i].bits && !hpa_is_none(w.tdp.root)) {
			e = machine_entry(walk(aged[i].ia, &level), 0);
			e = pt_classify(w.fmt, level, e) == PT_LEAF ? e : 0;
		}
		CHECK(!(aged[i].bits & ~e), "T4: bits %llx of %llx are lost",
		      (unsigned long long)aged[i].bits, (unsigned long long)aged[i].ia);
		if (aged[i].bits) {
			aged[n++] = aged[i];
		}
	}
	aged_count = n;
}

void machine_check_flushed(void)
{
	CHECK(!stale_count, "a TLB still translates %llx", (unsigned long long)stale[0].ia);
	for (u32 i = 0; i < ARENA_PAGES; i++) {
		CHECK(tabs[i].head != i ||
			      (tabs[i].state != TAB_STALE && tabs[i].state != TAB_PRIVATE),
		      "table in state %d", tabs[i].state);
	}
}

const struct tdp_ops machine_ops = {
	.alloc = machine_alloc,
	.free = machine_free,
	.flush = machine_flush,
	.written = machine_written,
	.harvest = machine_harvest,
};
