// SPDX-License-Identifier: Apache-2.0
/*
 * Guest-virtual memory as the guest's CPU sees it: a software walk of the guest's own tables.
 *
 * For the bytes of an exiting instruction the last walks are kept with pointers to the entries
 * that they read: a kept walk counts only if CR3 and every entry are still what they were, so it
 * says exactly what a fresh walk would say, at a tenth of the cost.
 */
#pragma once

#include "mm/types.h"

struct vcpu;
struct vm;

#define FETCH_CACHE_SIZE 16
#define WALK_LEVELS_MAX  5

struct fetch_walk {
	u64 page; /* gva of the page | 1, 0: unused */
	u64 cr3;
	const u64 *entry[WALK_LEVELS_MAX]; /* levels that the walk lacks repeat its last entry */
	u64 value[WALK_LEVELS_MAX];
	const u8 *host; /* the page */
};

struct fetch_cache {
	struct fetch_walk walk[FETCH_CACHE_SIZE];
};

/* No loop and no early end: five loads and compares cost less than their branches. */
static inline bool fetch_walk_is_current(const struct fetch_walk *k)
{
	u64 changed = 0;

#define COMPARE(i) changed |= __atomic_load_n(k->entry[i], __ATOMIC_RELAXED) ^ k->value[i]
	COMPARE(0);
	COMPARE(1);
	COMPARE(2);
	COMPARE(3);
	COMPARE(4);
#undef COMPARE
	return !changed;
}

/* The host's address of the page at @page if a kept walk leads there, else NULL. */
static inline const u8 *fetch_cache_find(const struct fetch_cache *cache, u64 page, u64 cr3)
{
	const struct fetch_walk *k = &cache->walk[(page >> PAGE_SHIFT) % FETCH_CACHE_SIZE];

	return k->page == (page | 1) && k->cr3 == cr3 && fetch_walk_is_current(k) ? k->host : NULL;
}

enum gva_access { GVA_READ, GVA_WRITE, GVA_FETCH };

/* A fault that a walk raises: the #PF to inject. */
struct gva_fault {
	gva_t gva;
	u32 error;
	bool none; /* nothing to inject: its tables changed meanwhile, or L1 has the fault */
};

/* Drops kept walks: after memory slots or the paging mode (not a table) changed under them. */
void fetch_cache_clear(struct fetch_cache *cache);

/* The host's address of guest-physical memory, as far as its page goes; NULL: there is none. */
void *guest_ptr(const struct vm *vm, gpa_t addr);

/*
 * Up to 15 instruction bytes at linear address @rip under @cr3 (the guest's own) into @buf.
 * Returns how many could be read; 0: none.
 */
unsigned guest_fetch(struct vcpu *vcpu, u64 rip, u64 cr3, u8 buf[16]);

/*
 * Translates @addr for a data access of the guest at its present CPL. Sets accessed and dirty.
 * Returns 0. Errors: -EFAULT and *fault: the guest's tables refuse it.
 */
int guest_translate(struct vcpu *vcpu, gva_t addr, enum gva_access access, gpa_t *out,
		    struct gva_fault *fault) __must_check;
