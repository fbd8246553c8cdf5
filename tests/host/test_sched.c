// SPDX-License-Identifier: Apache-2.0
/* The scheduler against a model machine: CPUs that run, halt, are kicked, on one made-up clock. */
#include "vmm/sched.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/bits.h"

#define CPUS_MAX 4
#define MS       1000000ULL

struct model_cpu {
	struct sched_entity *current, *loaded;
	u64 deadline;
	bool kicked;
};

static struct model_cpu cpus[CPUS_MAX];
static u32 cpu_count;
static struct sched_entity entities[SCHED_MAX_ENTITIES + 1];
static u64 now;

void sched_kick_cpu(u32 cpu)
{
	assert_true(cpu < cpu_count);
	cpus[cpu].kicked = true;
}

static void machine(u32 count)
{
	memset(cpus, 0, sizeof(cpus));
	memset(entities, 0, sizeof(entities));
	now = 1000;
	cpu_count = count;
	sched_init(count);
}

static void entity_start(u32 i, u64 mask)
{
	assert_int_equal(sched_add(&entities[i], mask), 0);
	sched_start(&entities[i], now);
}

/* Chooses on @cpu; registers follow, as in the core. */
static void cpu_choose(u32 cpu)
{
	struct model_cpu *c = &cpus[cpu];
	struct sched_entity *e;

	assert_null(c->current);
	c->kicked = false;
	e = sched_next(cpu, now, &c->deadline);
	c->current = e;
	if (!e) {
		return;
	}
	assert_int_equal(e->state, SCHED_RUNNING);
	assert_true(e->cpus >> cpu & 1);
	for (u32 i = 0; i < cpu_count; i++) {
		assert_true(i == cpu || cpus[i].current != e);
		assert_true(i == cpu || cpus[i].loaded != e);
	}
	if (c->loaded != e) {
		if (c->loaded) {
			struct sched_entity *old = c->loaded;

			c->loaded = NULL;
			sched_unloaded(old, now, SCHED_NEVER);
		}
		sched_loaded(e);
		c->loaded = e;
		c->deadline = sched_tick(cpu, now);
	}
}

static void cpu_stop(u32 cpu, enum sched_how how, u64 wake_ns)
{
	struct model_cpu *c = &cpus[cpu];

	if (how == SCHED_PARK && c->loaded == c->current) {
		c->loaded = NULL;
		sched_unloaded(c->current, now, SCHED_NEVER);
	}
	sched_stop(c->current, how, now, wake_ns);
	c->current = NULL;
}

/* What an interrupt, or its guest's exit, makes of @cpu. */
static void cpu_look(u32 cpu)
{
	struct model_cpu *c = &cpus[cpu];

	c->kicked = false;
	c->deadline = sched_tick(cpu, now);
	if (!c->current) {
		cpu_choose(cpu);
	} else if (atomic_load(&c->current->leave)) {
		cpu_stop(cpu, SCHED_YIELD, 0);
		cpu_choose(cpu);
	}
}

/* Time goes on to the next deadline, @end at the latest. */
static void machine_run(u64 end)
{
	while (now < end) {
		u64 next = end;

		for (u32 i = 0; i < cpu_count; i++) {
			if (cpus[i].kicked || cpus[i].deadline <= now) {
				cpu_look(i);
			}
		}
		for (u32 i = 0; i < cpu_count; i++) {
			next = cpus[i].kicked ? now
					      : min_u64(next, max_u64(cpus[i].deadline, now + 1));
		}
		now = max_u64(next, now);
	}
	for (u32 i = 0; i < cpu_count; i++) {
		if (cpus[i].current) { /* count what it has run so far */
			atomic_store(&cpus[i].current->leave, true);
			cpu_look(i);
		}
	}
}

static void spinners_share_alike(u32 count, u32 on)
{
	u64 least = ~0ULL, most = 0, total = 0;

	machine(on);
	for (u32 i = 0; i < on; i++) {
		cpu_choose(i);
	}
	for (u32 i = 0; i < count; i++) {
		entity_start(i, SCHED_ALL_CPUS);
	}
	machine_run(1000 * MS);
	for (u32 i = 0; i < count; i++) {
		least = min_u64(least, entities[i].ran_ns);
		most = max_u64(most, entities[i].ran_ns);
		total += entities[i].ran_ns;
	}
	assert_true(most - least <= 4 * SCHED_SLICE_NS);
	/* And no CPU was idle. */
	assert_true(total + MS >= (now - 1000) * min_u64(on, count));
}

static void test_fair(void **state)
{
	(void)state;
	for (u32 on = 1; on <= CPUS_MAX; on++) {
		for (u32 count = 1; count <= 9; count++) {
			spinners_share_alike(count, on);
		}
	}
}

static void test_lone_runs_without_end(void **state)
{
	(void)state;
	machine(1);
	entity_start(0, 1);
	cpu_choose(0);
	assert_ptr_equal(cpus[0].current, &entities[0]);
	assert_true(cpus[0].deadline == SCHED_NEVER);
	/* Another one comes: now it has an end. */
	entity_start(1, 1);
	assert_true(cpus[0].kicked);
	cpu_look(0);
	assert_true(cpus[0].deadline != SCHED_NEVER);
}

static void test_idle_has_no_deadline(void **state)
{
	(void)state;
	machine(2);
	cpu_choose(0);
	cpu_choose(1);
	assert_null(cpus[0].current);
	assert_true(cpus[0].deadline == SCHED_NEVER && cpus[1].deadline == SCHED_NEVER);
}

static void test_waiting_is_woken_in_time(void **state)
{
	(void)state;
	machine(1);
	entity_start(0, 1);
	cpu_choose(0);
	cpu_stop(0, SCHED_WAIT, now + 3 * MS);
	cpu_choose(0);
	assert_null(cpus[0].current);
	assert_true(cpus[0].deadline == now + 3 * MS);
	now += 3 * MS;
	cpu_look(0);
	assert_ptr_equal(cpus[0].current, &entities[0]);
}

/* One that has slept for long runs at once beside spinners, and still owes them their share. */
static void test_sleeper_is_prompt_not_rich(void **state)
{
	(void)state;
	machine(1);
	cpu_choose(0);
	for (u32 i = 0; i < 3; i++) {
		entity_start(i, 1);
	}
	cpu_look(0);
	while (cpus[0].current != &entities[2]) {
		now += MS;
		cpu_stop(0, SCHED_YIELD, 0);
		cpu_choose(0);
	}
	cpu_stop(0, SCHED_WAIT, SCHED_NEVER);
	cpu_choose(0);
	machine_run(500 * MS);
	assert_int_equal(sched_wake(&entities[2], now), -1);
	assert_true(cpus[0].kicked);
	cpu_look(0);
	assert_ptr_equal(cpus[0].current, &entities[2]);
	entities[2].ran_ns = 0;
	machine_run(now + 300 * MS);
	assert_true(entities[2].ran_ns < 100 * MS + 2 * SCHED_SLICE_NS);
}

static void test_wake_while_running_is_kept(void **state)
{
	(void)state;
	machine(1);
	entity_start(0, 1);
	cpu_choose(0);
	assert_int_equal(sched_wake(&entities[0], now), 0);
	cpu_stop(0, SCHED_WAIT, SCHED_NEVER);
	cpu_choose(0);
	assert_ptr_equal(cpus[0].current, &entities[0]);
	/* Seen once, it is gone. */
	cpu_stop(0, SCHED_WAIT, SCHED_NEVER);
	cpu_choose(0);
	assert_null(cpus[0].current);
}

static void test_loaded_stays_on_its_cpu(void **state)
{
	(void)state;
	machine(2);
	entity_start(0, 3);
	cpu_choose(1);
	assert_ptr_equal(cpus[1].current, &entities[0]);
	cpu_stop(1, SCHED_WAIT, SCHED_NEVER);
	cpu_choose(0);
	cpu_choose(1);
	sched_wake(&entities[0], now);
	assert_true(cpus[1].kicked && !cpus[0].kicked);
	cpu_choose(0);
	assert_null(cpus[0].current);
	/* Unloaded, any CPU may have it. */
	cpus[1].loaded = NULL;
	sched_unloaded(&entities[0], now, SCHED_NEVER);
	cpu_choose(0);
	assert_ptr_equal(cpus[0].current, &entities[0]);
}

static void test_unloaded_knows_its_timer(void **state)
{
	(void)state;
	machine(1);
	entity_start(0, 1);
	cpu_choose(0);
	cpu_stop(0, SCHED_WAIT, SCHED_NEVER);
	cpus[0].loaded = NULL;
	sched_unloaded(&entities[0], now, now + MS);
	assert_true(sched_tick(0, now) == now + MS);
}

static void test_pinned(void **state)
{
	(void)state;
	machine(2);
	entity_start(0, 1);
	entity_start(1, 1);
	cpu_choose(0);
	cpu_choose(1);
	assert_null(cpus[1].current);
	machine_run(100 * MS);
	assert_true(entities[0].ran_ns > 40 * MS && entities[1].ran_ns > 40 * MS);
	assert_int_equal(sched_add(&entities[2], 4), -EINVAL);
}

static void test_parked_stays_off(void **state)
{
	(void)state;
	machine(1);
	entity_start(0, 1);
	cpu_choose(0);
	sched_leave(&entities[0], now);
	assert_true(atomic_load(&entities[0].leave));
	cpu_stop(0, SCHED_PARK, 0);
	assert_int_equal(sched_wake(&entities[0], now), -1);
	cpu_choose(0);
	assert_null(cpus[0].current);
	sched_start(&entities[0], now);
	assert_true(cpus[0].kicked);
	cpu_choose(0);
	cpu_stop(0, SCHED_PARK, 0);
	sched_remove(&entities[0]);
}

static void test_no_room(void **state)
{
	(void)state;
	machine(1);
	for (u32 i = 0; i < SCHED_MAX_ENTITIES; i++) {
		assert_int_equal(sched_add(&entities[i], 1), 0);
	}
	assert_int_equal(sched_add(&entities[SCHED_MAX_ENTITIES], 1), -ENOSPC);
	sched_remove(&entities[7]);
	assert_int_equal(sched_add(&entities[SCHED_MAX_ENTITIES], 1), 0);
}

/*
 * Random life: halts, wake-ups by timers and by others, yields. Nothing that is READY or due waits
 * longer than everybody's turns take, and no CPU is halted while somebody could use it.
 */
static void random_life(unsigned seed, u32 on, u32 count)
{
	static u64 ready_since[SCHED_MAX_ENTITIES];

	srand(seed);
	machine(on);
	memset(ready_since, 0, sizeof(ready_since));
	for (u32 i = 0; i < on; i++) {
		cpu_choose(i);
	}
	for (u32 i = 0; i < count; i++) {
		entity_start(i, i % 3 == 2 ? BIT(i % on) : SCHED_ALL_CPUS);
	}
	for (u32 step = 0; step < 20000; step++) {
		u32 cpu = (u32)rand() % on, other = (u32)rand() % count;

		now += (u32)rand() % 400000;
		for (u32 i = 0; i < on; i++) {
			if (cpus[i].kicked || cpus[i].deadline <= now) {
				cpu_look(i);
			}
		}
		if (cpus[cpu].current && rand() % 3 == 0) {
			u64 wake = rand() % 2 ? now + (u32)rand() % 3000000 : SCHED_NEVER;

			cpu_stop(cpu, SCHED_WAIT, wake);
			cpu_choose(cpu);
		}
		(void)sched_wake(&entities[other], now);
		for (u32 i = 0; i < count; i++) {
			struct sched_entity *e = &entities[i];
			bool idle = false, called = false;

			if (e->state != SCHED_READY) {
				ready_since[i] = now;
			}
			assert_true(now - ready_since[i] < (count + 2) * (SCHED_SLICE_NS + MS));
			for (u32 c = 0; e->state == SCHED_READY && c < on; c++) {
				bool may = e->loaded ? e->cpu == c : e->cpus >> c & 1;

				idle |= may && !cpus[c].current && !cpus[c].kicked;
				called |= may && cpus[c].kicked;
			}
			assert_true(!idle || called);
		}
	}
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < 10; seed++) {
		random_life(seed, seed % CPUS_MAX + 1, seed % 7 + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fair),
		cmocka_unit_test(test_lone_runs_without_end),
		cmocka_unit_test(test_idle_has_no_deadline),
		cmocka_unit_test(test_waiting_is_woken_in_time),
		cmocka_unit_test(test_sleeper_is_prompt_not_rich),
		cmocka_unit_test(test_wake_while_running_is_kept),
		cmocka_unit_test(test_loaded_stays_on_its_cpu),
		cmocka_unit_test(test_unloaded_knows_its_timer),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_parked_stays_off),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
