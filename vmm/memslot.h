// SPDX-License-Identifier: Apache-2.0
/* Guest-physical ranges backed by memory: a small sorted array per VM. Pure. */
#pragma once

#include "mm/types.h"

#define MEMSLOT_MAX 64
#define MEMSLOT_RO  1u

struct memslot {
	gpa_t base;
	u64 size; /* bytes, multiple of PAGE_SIZE */
	hpa_t hpa;
	u32 flags;
};

struct memslots {
	struct memslot slot[MEMSLOT_MAX];
	u32 count;
};

/*
 * Adds a slot, keeping the order. Returns 0. Errors: -EINVAL unaligned, empty or beyond 2^52;
 * -EEXIST overlaps another; -ENOSPC no room.
 */
int memslot_add(struct memslots *slots, const struct memslot *slot) __must_check;

/* The slot that holds @addr, or NULL. */
const struct memslot *memslot_find(const struct memslots *slots, gpa_t addr);

/* Host-physical address of @addr, which @slot holds. */
static inline hpa_t memslot_hpa(const struct memslot *slot, gpa_t addr)
{
	return hpa(slot->hpa.v + (addr.v - slot->base.v));
}
