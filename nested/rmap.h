// SPDX-License-Identifier: Apache-2.0
/*
 * The reverse map: for each page of host memory, the shadow leaves that map it.
 *
 * One entry for each shadow leaf of all contexts of a VM (ARCHITECTURE.md, D5). Two hashes: by
 * the memory that the leaf maps, to reach all mappings of a page, and by the leaf's place, to
 * remove it in constant time however many mappings a page has. Host-physical addresses are the
 * key, so that no alias of a page is missed. The entries are a pool of fixed size: what a guest
 * can make us remember is limited. No lock of its own: the shadow's.
 */
#pragma once

#include "mm/types.h"

#define RMAP_NONE (~(u32)0)

struct rmap_entry {
	u64 oa;               /* first byte that the leaf maps */
	u64 ia;               /* the leaf's place in its context */
	u16 ctx;              /* index of the context */
	u8 level;             /* of the leaf; 0: a free entry */
	u8 attr;              /* rmap_attr(): what the leaf allows, for the auditor to compare */
	u32 oa_next, oa_prev; /* chain of the memory's hash; the free list by oa_next */
	u32 ia_next;          /* chain of the place's hash */
};

struct rmap {
	struct rmap_entry *entry;
	u32 *oa_head, *ia_head;
	u32 max, used, free_head;
	unsigned hash_bits;
	u64 seed; /* odd: a guest that cannot know it cannot make the chains long */
};

/* Bytes of storage that a map of @max entries needs. */
u64 rmap_bytes(u32 max);

/* Starts an empty map in @storage of rmap_bytes(@max). */
void rmap_init(struct rmap *m, void *storage, u32 max, u64 seed);

static inline bool rmap_is_full(const struct rmap *m)
{
	return m->used == m->max;
}

/* Notes a leaf. There must be room, and no leaf of that context at that place and level. */
void rmap_add(struct rmap *m, const struct rmap_entry *leaf);

static inline u8 rmap_attr(unsigned prot, unsigned mem)
{
	return (u8)(prot | mem << 4);
}

/* Notes what a leaf that is there allows now. */
void rmap_set_attr(struct rmap *m, const struct rmap_entry *leaf);

/* The entry of a leaf, or RMAP_NONE. */
u32 rmap_find(const struct rmap *m, unsigned ctx, u64 ia, unsigned level);

/* Forgets a leaf, which must be there. */
void rmap_remove(struct rmap *m, unsigned ctx, u64 ia, unsigned level);

/* The first leaf of @level that begins at @oa, then the next one: RMAP_NONE at the end. The entry
 * at hand may be removed after the next one was taken. */
u32 rmap_first(const struct rmap *m, u64 oa, unsigned level);
u32 rmap_next(const struct rmap *m, u32 at);

/* For the auditor: whether each entry in use is where both hashes look for it, and no other is. */
bool rmap_check(const struct rmap *m);
