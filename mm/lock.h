// SPDX-License-Identifier: Apache-2.0
/*
 * A ticket lock on C11 atomics: first come, first served, two 16-bit counters in one word.
 *
 * With LOCK_DEBUG each CPU keeps the set of ranks it holds: taking a lock whose rank is not above
 * all of them is our bug and asserts. lock_held_ranks() is then to be supplied by who runs the
 * code (per CPU in the core, per thread in host tests). LOCK_RELAX() is what a waiting CPU does
 * between two looks; the build may define it as the architecture's pause hint.
 */
#pragma once

#include <stdatomic.h>

#include "mm/types.h"

#ifndef LOCK_RELAX
#define LOCK_RELAX() ((void)0)
#endif

/* Locks are taken in rising rank. Ranks below and above these are free for other parts. */
enum lock_rank {
	LOCK_RANK_LOAD = 2, /* one VM's images at a time */
	LOCK_RANK_VM = 4,   /* a VM's devices */
	LOCK_RANK_LIFE = 6, /* its state */
	LOCK_RANK_SCHED = 8,
	LOCK_RANK_SHADOW = 10,
	LOCK_RANK_TDP = 12,
	LOCK_RANK_PAGE = 20,
	LOCK_RANK_CONSOLE = 26, /* the guests' consoles */
	LOCK_RANK_LOG = 28,
};

struct lock {
	_Atomic u16 next, owner;
	u8 rank; /* enum lock_rank, or any number below 32 */
};

#define LOCK_INIT(r) ((struct lock){.rank = (r)})

static inline void lock_init(struct lock *l, unsigned rank)
{
	assert(rank < 32);
	atomic_init(&l->next, 0);
	atomic_init(&l->owner, 0);
	l->rank = (u8)rank;
}

/* The ranks held by this CPU, one bit each; to be supplied by the environment of LOCK_DEBUG. */
u32 *lock_held_ranks(void);

#ifdef LOCK_DEBUG
static inline void lock_rank_enter(const struct lock *l)
{
	u32 *held = lock_held_ranks();

	assert((*held >> l->rank) == 0); /* lock order: ranks rise */
	*held |= (u32)1 << l->rank;
}

static inline void lock_rank_leave(const struct lock *l)
{
	u32 *held = lock_held_ranks();

	assert(*held & ((u32)1 << l->rank));
	*held &= ~((u32)1 << l->rank);
}
#else
static inline void lock_rank_enter(const struct lock *l)
{
	(void)l;
}

static inline void lock_rank_leave(const struct lock *l)
{
	(void)l;
}
#endif

static inline void lock_take(struct lock *l)
{
	u16 ticket;

	lock_rank_enter(l);
	ticket = atomic_fetch_add_explicit(&l->next, 1, memory_order_relaxed);
	/* Acquire: pairs with the release in lock_drop(). */
	while (atomic_load_explicit(&l->owner, memory_order_acquire) != ticket) {
		LOCK_RELAX();
	}
}

static inline void lock_drop(struct lock *l)
{
	u16 owner = atomic_load_explicit(&l->owner, memory_order_relaxed);

	lock_rank_leave(l);
	/* Release: what was written under the lock is seen by the next lock_take(). */
	atomic_store_explicit(&l->owner, (u16)(owner + 1), memory_order_release);
}

/* Whether somebody holds it: for assertions only. */
static inline bool lock_is_taken(struct lock *l)
{
	return atomic_load_explicit(&l->owner, memory_order_relaxed) !=
	       atomic_load_explicit(&l->next, memory_order_relaxed);
}
