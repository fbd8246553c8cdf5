// SPDX-License-Identifier: Apache-2.0
#include "vmm/sched.h"

#include <errno.h>

#include "mm/bits.h"
#include "mm/lock.h"

struct sched_cpu {
	struct sched_entity *current;
	u64 slice_end_ns;
};

static struct {
	struct lock lock;
	u32 cpu_count, entity_count;
	u64 idle;     /* CPUs that found nothing, and that nobody has called since: a bit each */
	u64 floor_ns; /* no virtual time of a READY or RUNNING entity is below it, but for the bonus
		       */
	struct sched_cpu cpu[SCHED_MAX_CPUS];
	struct sched_entity *entity[SCHED_MAX_ENTITIES];
} sched = {.lock = {.rank = LOCK_RANK_SCHED}};

void sched_init(u32 cpu_count)
{
	assert(cpu_count && cpu_count <= SCHED_MAX_CPUS);
	sched.cpu_count = cpu_count;
	sched.entity_count = 0;
	sched.floor_ns = 0;
	sched.idle = 0;
	for (u32 i = 0; i < SCHED_MAX_CPUS; i++) {
		sched.cpu[i] = (struct sched_cpu){.slice_end_ns = SCHED_NEVER};
	}
}

int sched_add(struct sched_entity *e, u64 cpus)
{
	u64 here = sched.cpu_count == 64 ? ~0ULL : BIT(sched.cpu_count) - 1;
	int err = 0;

	if (!(cpus & here)) {
		return -EINVAL;
	}
	lock_take(&sched.lock);
	e->cpus = cpus & here;
	e->cpu = (u8)__builtin_ctzll(e->cpus);
	e->wake_ns = SCHED_NEVER;
	e->state = SCHED_OFF;
	if (sched.entity_count == SCHED_MAX_ENTITIES) {
		err = -ENOSPC;
	} else {
		sched.entity[sched.entity_count++] = e;
	}
	lock_drop(&sched.lock);
	return err;
}

void sched_remove(struct sched_entity *e)
{
	lock_take(&sched.lock);
	assert(e->state == SCHED_OFF && !e->loaded);
	for (u32 i = 0; i < sched.entity_count; i++) {
		if (sched.entity[i] == e) {
			sched.entity[i] = sched.entity[--sched.entity_count];
			break;
		}
	}
	lock_drop(&sched.lock);
}

/* The CPUs that may run it now. */
static u64 cpus_of(const struct sched_entity *e)
{
	return e->loaded ? BIT(e->cpu) : e->cpus;
}

static bool may_run(const struct sched_entity *e, u32 cpu)
{
	return cpus_of(e) >> cpu & 1;
}

static u64 vtime_now(const struct sched_entity *e, u64 now)
{
	return e->vtime_ns +
	       (e->state == SCHED_RUNNING && now > e->start_ns ? now - e->start_ns : 0);
}

/* A CPU without work for @e: the one that it was on, else any. */
static int idle_cpu(const struct sched_entity *e)
{
	u64 idle = sched.idle & cpus_of(e);

	if (!idle) {
		return -1;
	}
	return idle >> e->cpu & 1 ? e->cpu : __builtin_ctzll(idle);
}

/* Among the CPUs that may run @e the one whose entity has run most, if @e is to go before it. */
static int busy_cpu(const struct sched_entity *e, u64 now)
{
	u64 most = 0;
	int found = -1;

	for (u32 i = 0; i < sched.cpu_count; i++) {
		const struct sched_cpu *cpu = &sched.cpu[i];
		u64 vtime;

		if (!cpu->current || !may_run(e, i) || atomic_load(&cpu->current->leave)) {
			continue;
		}
		vtime = vtime_now(cpu->current, now);
		/* One that runs without an end has to be given one. */
		if ((vtime > e->vtime_ns || cpu->slice_end_ns == SCHED_NEVER) &&
		    (found < 0 || vtime > most)) {
			most = vtime;
			found = (int)i;
		}
	}
	return found;
}

static void cpu_leave(u32 cpu)
{
	sched.idle &= ~BIT(cpu);
	if (sched.cpu[cpu].current) {
		atomic_store(&sched.cpu[cpu].current->leave, true);
	}
	sched_kick_cpu(cpu);
}

/* Tells a CPU of @e, which is READY. One that is choosing just now will see it. */
static void announce(const struct sched_entity *e, u64 now)
{
	int cpu = idle_cpu(e);

	if (cpu < 0) {
		cpu = busy_cpu(e, now);
	}
	if (cpu >= 0) {
		cpu_leave((u32)cpu);
	}
}

static void make_ready(struct sched_entity *e, u64 now)
{
	u64 least = sched.floor_ns > SCHED_BONUS_NS ? sched.floor_ns - SCHED_BONUS_NS : 0;

	e->vtime_ns = max_u64(e->vtime_ns, least);
	e->wake_ns = SCHED_NEVER;
	e->state = SCHED_READY;
	announce(e, now);
}

void sched_start(struct sched_entity *e, u64 now)
{
	lock_take(&sched.lock);
	assert(e->state == SCHED_OFF);
	make_ready(e, now);
	lock_drop(&sched.lock);
}

int sched_wake(struct sched_entity *e, u64 now)
{
	int cpu = -1;

	lock_take(&sched.lock);
	if (e->state == SCHED_WAITING) {
		make_ready(e, now);
	} else if (e->state == SCHED_RUNNING) {
		e->woken = true;
		cpu = e->cpu;
	}
	lock_drop(&sched.lock);
	return cpu;
}

void sched_leave(struct sched_entity *e, u64 now)
{
	lock_take(&sched.lock);
	if (e->state == SCHED_WAITING) {
		make_ready(e, now);
	} else if (e->state == SCHED_RUNNING) {
		e->woken = true;
		cpu_leave(e->cpu);
	}
	lock_drop(&sched.lock);
}

static void wake_due(u64 now)
{
	for (u32 i = 0; i < sched.entity_count; i++) {
		struct sched_entity *e = sched.entity[i];

		if (e->state == SCHED_WAITING && e->wake_ns <= now) {
			make_ready(e, now);
		}
	}
}

/* The least virtual time; where @e ran last it counts for a bonus, so that caches are of use. */
static struct sched_entity *choose(u32 cpu)
{
	struct sched_entity *best = NULL;
	u64 best_key = 0;

	for (u32 i = 0; i < sched.entity_count; i++) {
		struct sched_entity *e = sched.entity[i];
		u64 key = e->vtime_ns + (e->cpu == cpu ? 0 : SCHED_BONUS_NS);

		if (e->state == SCHED_READY && may_run(e, cpu) && (!best || key < best_key)) {
			best = e;
			best_key = key;
		}
	}
	return best;
}

/*
 * Whether others wait for @cpu, which has chosen: its run is to have an end then. Those that it has
 * left may have been what another CPU was called for, or what it can take.
 */
static bool others_ready(u32 cpu)
{
	bool any = false;

	for (u32 i = 0; i < sched.entity_count; i++) {
		const struct sched_entity *e = sched.entity[i];

		if (e->state == SCHED_READY) {
			int other = idle_cpu(e);

			any |= may_run(e, cpu);
			if (other >= 0) {
				cpu_leave((u32)other);
			}
		}
	}
	return any;
}

static void floor_raise(void)
{
	u64 least = SCHED_NEVER;

	for (u32 i = 0; i < sched.entity_count; i++) {
		const struct sched_entity *e = sched.entity[i];

		if (e->state >= SCHED_READY) {
			least = min_u64(least, e->vtime_ns);
		}
	}
	if (least != SCHED_NEVER) {
		sched.floor_ns = max_u64(sched.floor_ns, least);
	}
}

/* Each waiting entity is looked after by the CPU that it was on. */
static u64 deadline_of(u32 cpu)
{
	u64 deadline = sched.cpu[cpu].slice_end_ns;

	for (u32 i = 0; i < sched.entity_count; i++) {
		const struct sched_entity *e = sched.entity[i];

		if (e->state == SCHED_WAITING && e->cpu == cpu) {
			deadline = min_u64(deadline, e->wake_ns);
		}
	}
	return deadline;
}

struct sched_entity *sched_next(u32 cpu, u64 now, u64 *deadline)
{
	struct sched_cpu *c = &sched.cpu[cpu];
	struct sched_entity *e;

	lock_take(&sched.lock);
	assert(!c->current);
	sched.idle &= ~BIT(cpu);
	wake_due(now);
	e = choose(cpu);
	c->slice_end_ns = SCHED_NEVER;
	if (e) {
		e->state = SCHED_RUNNING;
		e->cpu = (u8)cpu;
		e->start_ns = now;
		e->woken = false;
		e->runs++;
		atomic_store(&e->leave, false);
		c->current = e;
		floor_raise();
		if (others_ready(cpu)) {
			c->slice_end_ns = now + SCHED_SLICE_NS;
		}
	} else {
		sched.idle |= BIT(cpu);
	}
	*deadline = deadline_of(cpu);
	lock_drop(&sched.lock);
	return e;
}

void sched_stop(struct sched_entity *e, enum sched_how how, u64 now, u64 wake_ns)
{
	u64 ran;

	lock_take(&sched.lock);
	assert(e->state == SCHED_RUNNING && sched.cpu[e->cpu].current == e);
	ran = now > e->start_ns ? now - e->start_ns : 0;
	e->vtime_ns += ran;
	e->ran_ns += ran;
	sched.cpu[e->cpu].current = NULL;
	if (how == SCHED_PARK) {
		e->state = SCHED_OFF;
	} else if (how == SCHED_WAIT && !e->woken) {
		e->state = SCHED_WAITING;
		e->wake_ns = wake_ns;
	} else {
		e->state = SCHED_READY;
	}
	lock_drop(&sched.lock);
}

u64 sched_tick(u32 cpu, u64 now)
{
	struct sched_cpu *c = &sched.cpu[cpu];
	u64 deadline;

	lock_take(&sched.lock);
	wake_due(now);
	if (c->current && now >= c->slice_end_ns) {
		atomic_store(&c->current->leave, true);
		c->slice_end_ns = SCHED_NEVER;
	}
	deadline = deadline_of(cpu);
	lock_drop(&sched.lock);
	return deadline;
}

u64 sched_ran_ns(const struct sched_entity *e, u64 now)
{
	u64 ran;

	lock_take(&sched.lock);
	ran = e->ran_ns + (vtime_now(e, now) - e->vtime_ns);
	lock_drop(&sched.lock);
	return ran;
}

void sched_loaded(struct sched_entity *e)
{
	lock_take(&sched.lock);
	assert(e->state == SCHED_RUNNING);
	e->loaded = true;
	lock_drop(&sched.lock);
}

void sched_unloaded(struct sched_entity *e, u64 now, u64 wake_ns)
{
	lock_take(&sched.lock);
	e->loaded = false;
	if (e->state == SCHED_READY) {
		announce(e, now); /* any CPU may have it now */
	} else if (e->state == SCHED_WAITING) {
		e->wake_ns = min_u64(e->wake_ns, wake_ns);
	}
	lock_drop(&sched.lock);
}
