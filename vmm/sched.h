// SPDX-License-Identifier: Apache-2.0
/*
 * Which vCPU a host CPU runs next: fair shares of time among those that want to run (pure).
 *
 * Each entity has a virtual time, the time that it has run; the READY one with the least runs. One
 * that has waited comes back at most SCHED_BONUS_NS behind the others: it runs soon, but what it
 * did not use is not saved up. With others ready, a run ends after SCHED_SLICE_NS; without, it has
 * no end, and a CPU with nothing to run has nothing to do.
 *
 * One set of entities for all host CPUs, since there are few: whoever is free takes the next, so no
 * CPU idles while one waits, and shares are fair over CPUs without moving entities between queues.
 * An entity whose registers are still in a CPU (@loaded) runs only there.
 *
 * No wake-up is lost: one that comes while the entity runs is kept, and sched_stop() then makes it
 * ready. Locks: one inside, LOCK_RANK_SCHED. Times are the host's, in nanoseconds; ~0: never.
 */
#pragma once

#include <stdatomic.h>

#include "mm/types.h"

#define SCHED_MAX_CPUS     64
#define SCHED_MAX_ENTITIES 64
#define SCHED_SLICE_NS     5000000ULL
#define SCHED_BONUS_NS     2500000ULL
#define SCHED_NEVER        (~0ULL)
#define SCHED_ALL_CPUS     (~0ULL)

enum sched_state {
	SCHED_OFF,     /* not to be run */
	SCHED_WAITING, /* for sched_wake() or @wake_ns */
	SCHED_READY,
	SCHED_RUNNING,
};

struct sched_entity {
	u64 cpus; /* host CPUs that may run it, a bit each */
	u64 vtime_ns, ran_ns;
	u64 start_ns; /* RUNNING: since when */
	u64 wake_ns;  /* WAITING */
	u64 runs;     /* how often it was chosen */
	u8 state;     /* enum sched_state */
	u8 cpu;       /* where it runs, or ran last */
	bool loaded;  /* that CPU still has its registers */
	bool woken;   /* while it ran */
	/* Whoever runs it is to call sched_stop() and sched_next() soon. */
	atomic_bool leave;
};

/* How a run ended. */
enum sched_how { SCHED_YIELD, SCHED_WAIT, SCHED_PARK };

/* Host CPUs 0 .. @cpu_count - 1, none of which has called in yet. Forgets all entities. */
void sched_init(u32 cpu_count);

/* @e, zeroed, joins: SCHED_OFF. Returns 0. Errors: -ENOSPC; -EINVAL: no such CPU in @cpus. */
int sched_add(struct sched_entity *e, u64 cpus) __must_check;

/* @e, which is OFF and not loaded, is forgotten. */
void sched_remove(struct sched_entity *e);

/* An OFF one becomes READY. */
void sched_start(struct sched_entity *e, u64 now);

/* Something for @e to look at. Returns the CPU that runs it, -1: none does; OFF: stays so. */
int sched_wake(struct sched_entity *e, u64 now);

/* The same; and if it runs it is to leave. */
void sched_leave(struct sched_entity *e, u64 now);

/*
 * What @cpu runs from now on, NULL: nothing. The one that it ran has been stopped. @deadline: when
 * it is to call sched_tick() at the latest.
 */
struct sched_entity *sched_next(u32 cpu, u64 now, u64 *deadline);

/* @e's run on its CPU has ended. @wake_ns: of SCHED_WAIT. */
void sched_stop(struct sched_entity *e, enum sched_how how, u64 now, u64 wake_ns);

/* Wakes what is due, ends a slice (@leave). Returns the new deadline. */
u64 sched_tick(u32 cpu, u64 now);

/* @e, which runs, has its registers in its CPU; or no more, and if it waits, then till @wake_ns. */
void sched_loaded(struct sched_entity *e);
void sched_unloaded(struct sched_entity *e, u64 now, u64 wake_ns);

/* How long @e has run, with the run that goes on. */
u64 sched_ran_ns(const struct sched_entity *e, u64 now);

/* Supplied by the environment, called with the lock held: has @cpu leave its guest or its halt. */
void sched_kick_cpu(u32 cpu);
