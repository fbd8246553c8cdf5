// SPDX-License-Identifier: Apache-2.0
/*
 * Second-level faults of several vCPUs on one table, on this machine's own CPUs: the shipped policy
 * and builder, a thread for each vCPU, each fault a page of 4 KiB that nobody has touched (slot and
 * memory are not aligned alike). `faults N...` prints a row for each number of threads: faults in a
 * second of all together, and against one thread.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "mm/page.h"
#include "vmm/fault.h"
#include "vmm/vm.h"

#define PAGES   (1u << 18)
#define ROUNDS  5
#define THREADS 64

static struct vm vm;
static unsigned thread_count;
static pthread_barrier_t start;

uintptr_t phys_offset;

static hpa_t table_alloc(struct tdp *tdp, unsigned order)
{
	void *table = aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);

	(void)tdp;
	return table ? hpa((u64)(uintptr_t)table) : HPA_NONE;
}

static void table_free(struct tdp *tdp, hpa_t table, unsigned order)
{
	(void)tdp;
	(void)order;
	free((void *)(uintptr_t)table.v);
}

/* No CPU caches these tables. */
static void flush(struct tdp *tdp, gpa_t from, u64 size)
{
	(void)tdp;
	(void)from;
	(void)size;
}

static const struct tdp_ops ops = {.alloc = table_alloc, .free = table_free, .flush = flush};

/* Pages of all threads lie side by side, so that they share tables. */
static void *vcpu_run_thread(void *arg)
{
	unsigned first = (unsigned)(uintptr_t)arg;

	pthread_barrier_wait(&start);
	for (unsigned i = first; i < PAGES; i += thread_count) {
		struct tdp_fault fault = {.gpa = gpa((u64)i << PAGE_SHIFT), .access = PT_W};

		if (fault_handle(&vm, &fault) != FAULT_FIXED) {
			fprintf(stderr, "faults: page %u was not mapped\n", i);
			exit(1);
		}
	}
	return NULL;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Faults in a second, of the best of some rounds. */
static double measure(unsigned threads)
{
	struct memslot slot = {.size = (u64)PAGES << PAGE_SHIFT,
			       .hpa = hpa((u64)1 << 32 | PAGE_SIZE)};
	double best = 0;

	thread_count = threads;
	vm.slots.count = 0;
	if (memslot_add(&vm.slots, &slot)) {
		exit(1);
	}
	for (unsigned round = 0; round < ROUNDS; round++) {
		pthread_t thread[THREADS];
		double began, rate;

		if (tdp_init(&vm.tdp, &pt_npt, &ops, 48) ||
		    pthread_barrier_init(&start, NULL, threads + 1)) {
			exit(1);
		}
		for (unsigned i = 0; i < threads; i++) {
			if (pthread_create(&thread[i], NULL, vcpu_run_thread,
					   (void *)(uintptr_t)i)) {
				exit(1);
			}
		}
		pthread_barrier_wait(&start);
		began = seconds();
		for (unsigned i = 0; i < threads; i++) {
			pthread_join(thread[i], NULL);
		}
		rate = PAGES / (seconds() - began);
		best = rate > best ? rate : best;
		pthread_barrier_destroy(&start);
		tdp_destroy(&vm.tdp);
	}
	return best;
}

int main(int argc, char **argv)
{
	double one = measure(1);

	for (int i = 1; i < argc; i++) {
		unsigned threads = (unsigned)atoi(argv[i]);

		if (threads < 1 || threads > THREADS) {
			return 2;
		}
		double rate = threads == 1 ? one : measure(threads);

		printf("%u thread%s: %.0f faults/s, %.2f of one thread's\n", threads,
		       threads == 1 ? "" : "s", rate, rate / one);
	}
	return 0;
}
