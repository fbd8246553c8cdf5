// SPDX-License-Identifier: Apache-2.0
#include "nested/rmap.h"

#include <string.h>

#include "mm/bits.h"

static unsigned bits_for(u32 max)
{
	unsigned bits = 4;

	while (bits < 24 && BIT(bits) < max) {
		bits++;
	}
	return bits;
}

u64 rmap_bytes(u32 max)
{
	return max * (u64)sizeof(struct rmap_entry) + (sizeof(u32) << (bits_for(max) + 1));
}

void rmap_init(struct rmap *m, void *storage, u32 max, u64 seed)
{
	assert(max && max < RMAP_NONE);
	*m = (struct rmap){
		.entry = storage, .max = max, .hash_bits = bits_for(max), .seed = seed | 1};
	m->oa_head = (u32 *)(void *)(m->entry + max);
	m->ia_head = m->oa_head + BIT(m->hash_bits);
	memset(m->oa_head, 0xff, sizeof(u32) << (m->hash_bits + 1)); /* RMAP_NONE */
	memset(m->entry, 0, max * sizeof(*m->entry));
	for (u32 i = 0; i < max; i++) {
		m->entry[i].oa_next = i + 1 < max ? i + 1 : RMAP_NONE;
	}
}

/* Multiplicative, of what the low bits do not tell: the high half of the product is well mixed. */
static u32 hash(const struct rmap *m, u64 a, u64 b)
{
	u64 x = (a >> PAGE_SHIFT ^ b << 52) * m->seed;

	x ^= x >> 32;
	return (u32)(x * 0x9e3779b97f4a7c15ULL >> (64 - m->hash_bits));
}

static u32 *oa_chain(const struct rmap *m, u64 oa, unsigned level)
{
	return &m->oa_head[hash(m, oa, level)];
}

static u32 *ia_chain(const struct rmap *m, unsigned ctx, u64 ia)
{
	return &m->ia_head[hash(m, ia, ctx)];
}

static bool is_at(const struct rmap_entry *e, unsigned ctx, u64 ia, unsigned level)
{
	return e->ctx == ctx && e->ia == ia && e->level == level;
}

u32 rmap_find(const struct rmap *m, unsigned ctx, u64 ia, unsigned level)
{
	u32 at = *ia_chain(m, ctx, ia);

	while (at != RMAP_NONE && !is_at(&m->entry[at], ctx, ia, level)) {
		at = m->entry[at].ia_next;
	}
	return at;
}

void rmap_add(struct rmap *m, const struct rmap_entry *leaf)
{
	u32 at = m->free_head, *oa_head = oa_chain(m, leaf->oa, leaf->level);
	u32 *ia_head = ia_chain(m, leaf->ctx, leaf->ia);
	struct rmap_entry *e = &m->entry[at];

	assert(!rmap_is_full(m));
	assert(rmap_find(m, leaf->ctx, leaf->ia, leaf->level) == RMAP_NONE);
	m->free_head = e->oa_next;
	m->used++;
	*e = *leaf;
	e->oa_prev = RMAP_NONE;
	e->oa_next = *oa_head;
	if (e->oa_next != RMAP_NONE) {
		m->entry[e->oa_next].oa_prev = at;
	}
	*oa_head = at;
	e->ia_next = *ia_head;
	*ia_head = at;
}

void rmap_set_attr(struct rmap *m, const struct rmap_entry *leaf)
{
	u32 at = rmap_find(m, leaf->ctx, leaf->ia, leaf->level);

	assert(at != RMAP_NONE);
	m->entry[at].attr = leaf->attr;
}

void rmap_remove(struct rmap *m, unsigned ctx, u64 ia, unsigned level)
{
	u32 *link = ia_chain(m, ctx, ia), at;
	struct rmap_entry *e;

	while (*link != RMAP_NONE && !is_at(&m->entry[*link], ctx, ia, level)) {
		link = &m->entry[*link].ia_next;
	}
	at = *link;
	assert(at != RMAP_NONE); /* each leaf was noted */
	e = &m->entry[at];
	*link = e->ia_next;
	if (e->oa_prev == RMAP_NONE) {
		*oa_chain(m, e->oa, e->level) = e->oa_next;
	} else {
		m->entry[e->oa_prev].oa_next = e->oa_next;
	}
	if (e->oa_next != RMAP_NONE) {
		m->entry[e->oa_next].oa_prev = e->oa_prev;
	}
	*e = (struct rmap_entry){.oa_next = m->free_head};
	m->free_head = at;
	m->used--;
}

/* From @at on, the first leaf of that memory and level: a chain has others, too. */
static u32 match(const struct rmap *m, u32 at, u64 oa, unsigned level)
{
	while (at != RMAP_NONE && (m->entry[at].oa != oa || m->entry[at].level != level)) {
		at = m->entry[at].oa_next;
	}
	return at;
}

u32 rmap_first(const struct rmap *m, u64 oa, unsigned level)
{
	return match(m, *oa_chain(m, oa, level), oa, level);
}

u32 rmap_next(const struct rmap *m, u32 at)
{
	const struct rmap_entry *e = &m->entry[at];

	return match(m, e->oa_next, e->oa, e->level);
}

/* The chain of a memory's hash: counts its entries; a negative number is a broken chain. */
static s64 oa_chain_check(const struct rmap *m, u32 bucket)
{
	u32 at = m->oa_head[bucket], prev = RMAP_NONE, count = 0;

	for (; at != RMAP_NONE; at = m->entry[at].oa_next) {
		const struct rmap_entry *e = at < m->max ? &m->entry[at] : NULL;

		if (!e || !e->level || e->oa_prev != prev || count++ > m->used ||
		    oa_chain(m, e->oa, e->level) != &m->oa_head[bucket]) {
			return -1;
		}
		prev = at;
	}
	return count;
}

static s64 ia_chain_check(const struct rmap *m, u32 bucket)
{
	u32 at = m->ia_head[bucket], count = 0;

	for (; at != RMAP_NONE; at = m->entry[at].ia_next) {
		const struct rmap_entry *e = at < m->max ? &m->entry[at] : NULL;

		if (!e || !e->level || count++ > m->used ||
		    ia_chain(m, e->ctx, e->ia) != &m->ia_head[bucket]) {
			return -1;
		}
	}
	return count;
}

bool rmap_check(const struct rmap *m)
{
	s64 by_oa = 0, by_ia = 0, n_oa, n_ia;
	u32 unused = 0;

	for (u32 i = 0; i < BIT(m->hash_bits); i++) {
		n_oa = oa_chain_check(m, i);
		n_ia = ia_chain_check(m, i);
		if (n_oa < 0 || n_ia < 0) {
			return false;
		}
		by_oa += n_oa;
		by_ia += n_ia;
	}
	for (u32 at = m->free_head; at != RMAP_NONE; at = m->entry[at].oa_next) {
		if (at >= m->max || m->entry[at].level || unused++ > m->max) {
			return false;
		}
	}
	return by_oa == m->used && by_ia == m->used && unused == m->max - m->used;
}
