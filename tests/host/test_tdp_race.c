// SPDX-License-Identifier: Apache-2.0
/*
 * Threads on one table, under ThreadSanitizer: vCPUs that fault, who takes memory away and who
 * changes permissions, and hardware that walks without a lock. Whatever a walk finds is a hole or
 * the one right address; a table that was freed is never read again (T3); a flush ends when each
 * walk of before has ended.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "mm/tdp.h"
#include "mm/tdp_entry.h"
#include "mm/tdp_iter.h"

#define WALKERS 2
#define ROUNDS  100
#define BLOCKS  4 /* of the second level, that all of it happens in */
#define ARENA   ((u64)1 << 30)

uintptr_t phys_offset;

static struct tdp tdp;
static const struct pt_format *fmt;
static u64 window;                      /* bytes; what lies at address a maps to window + a */
static _Atomic u64 walk_epoch[WALKERS]; /* odd: within a walk */
static atomic_bool stop;
static atomic_long tables;
static _Atomic u64 arena_used;
static atomic_ulong leaves_seen;

/* Each table has memory of its own: one that is freed is not soon another. */
static hpa_t table_alloc(struct tdp *t, unsigned order)
{
	u64 size = PAGE_SIZE << order, at = atomic_fetch_add(&arena_used, 2 * size);

	(void)t;
	atomic_fetch_add(&tables, 1);
	return at + 2 * size > ARENA ? HPA_NONE : hpa(align_up(at, size));
}

/* Whoever still reads it races with this. */
static void table_free(struct tdp *t, hpa_t table, unsigned order)
{
	(void)t;
	memset(phys_ptr(table), 0xff, PAGE_SIZE << order);
	atomic_fetch_sub(&tables, 1);
}

/* A walk that begins behind the exchange sees what was stored before the flush. */
static void flush(struct tdp *t, gpa_t start, u64 size)
{
	(void)t;
	(void)start;
	(void)size;
	for (unsigned i = 0; i < WALKERS; i++) {
		u64 epoch = atomic_fetch_add(&walk_epoch[i], 0);

		while (epoch % 2 && atomic_load(&walk_epoch[i]) == epoch) {
			sched_yield();
		}
	}
}

static const struct tdp_ops ops = {.alloc = table_alloc, .free = table_free, .flush = flush};

struct actor {
	pthread_t thread;
	unsigned seed;
	unsigned index; /* of a walker */
};

static u64 pick(struct actor *a, u64 below)
{
	return (u64)rand_r(&a->seed) % below;
}

static u64 page(void)
{
	return BIT(fmt->page_shift);
}

static void *walker(void *arg)
{
	struct actor *a = arg;

	while (!atomic_load(&stop)) {
		u64 addr = pick(a, window / page()) * page();
		struct pt_entry e;
		struct tdp_iter it;

		atomic_fetch_add(&walk_epoch[a->index], 1);
		tdp_iter_find(&it, &tdp, addr);
		atomic_fetch_add(&walk_epoch[a->index], 1);
		e = pt_decode(fmt, it.level, it.entry);
		if (e.kind == PT_LEAF) {
			assert_int_equal(e.oa.v + (addr - it.ia), window + addr);
			atomic_fetch_add(&leaves_seen, 1);
		} else {
			assert_int_equal(e.kind, PT_HOLE);
		}
	}
	return NULL;
}

/* A fault, in a page or a block, with the permissions @prot. */
static void *faulting(void *arg)
{
	struct actor *a = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		u64 size = pick(a, 4) ? page() : pt_level_size(fmt, 2);
		u64 addr = pick(a, window / size) * size;
		struct tdp_attr attr = {
			.oa = hpa(window + addr), .prot = PT_R | PT_W | PT_X, .mem = PT_MEM_WB};
		struct tlb_batch batch;

		tlb_batch_init(&batch, &tdp);
		assert_int_equal(tdp_map(&tdp, gpa(addr), size, attr, &batch), 0);
		tlb_batch_flush(&batch);
	}
	return NULL;
}

static void *unmapping(void *arg)
{
	struct actor *a = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		u64 addr = pick(a, window / page()) * page();
		u64 size = min_u64((1 + pick(a, 600)) * page(), window - addr);
		struct tlb_batch batch;

		tlb_batch_init(&batch, &tdp);
		assert_int_equal(tdp_unmap(&tdp, gpa(addr), size, &batch), 0);
		tlb_batch_flush(&batch);
	}
	return NULL;
}

static void *protecting(void *arg)
{
	struct actor *a = arg;

	for (unsigned i = 0; i < ROUNDS; i++) {
		u64 addr = pick(a, window / page()) * page();
		struct tlb_batch batch;

		tlb_batch_init(&batch, &tdp);
		assert_int_equal(tdp_protect(&tdp, gpa(addr), page(), PT_R | PT_X, &batch), 0);
		tlb_batch_flush(&batch);
	}
	return NULL;
}

static void run(const struct pt_format *format)
{
	static void *(*const acts[])(void *) = {walker,   walker,    faulting,
						faulting, unmapping, protecting};
	struct actor actors[ARRAY_SIZE(acts)];
	struct tlb_batch batch;

	fmt = format;
	atomic_store(&arena_used, PAGE_SIZE);
	window = BLOCKS * pt_level_size(fmt, 2);
	atomic_store(&stop, false);
	assert_int_equal(tdp_init(&tdp, fmt, &ops, fmt->ia_bits_max), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(acts); i++) {
		actors[i] = (struct actor){.seed = i + 1, .index = i};
		assert_int_equal(pthread_create(&actors[i].thread, NULL, acts[i], &actors[i]), 0);
	}
	for (unsigned i = WALKERS; i < ARRAY_SIZE(acts); i++) {
		pthread_join(actors[i].thread, NULL);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WALKERS; i++) {
		pthread_join(actors[i].thread, NULL);
	}
	assert_int_equal(tdp.pending_batches, 0);
	tlb_batch_init(&batch, &tdp);
	assert_int_equal(tdp_unmap(&tdp, gpa(0), window, &batch), 0);
	tlb_batch_flush(&batch);
	tdp_destroy(&tdp);
	assert_int_equal(atomic_load(&tables), 0);
}

static void test_race_all_formats(void **state)
{
	(void)state;
	for (unsigned f = 0; pt_formats[f]; f++) {
		unsigned long seen = atomic_load(&leaves_seen);

		run(pt_formats[f]);
		assert_true(atomic_load(&leaves_seen) > seen);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_race_all_formats)};

	phys_offset = (uintptr_t)mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
