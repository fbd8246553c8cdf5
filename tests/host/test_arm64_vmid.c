// SPDX-License-Identifier: Apache-2.0
/* VMIDs against a model of the TLBs: a CPU never meets a translation of another VM. */
#include "arch/arm64/vmid.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CPUS 4
#define VMS  300

static struct vmid_pool pool;
static struct vmid ids[VMS];
static int tlb[CPUS][65536]; /* whose translations are tagged so; 0: none, else VM + 1 */
static int runs[CPUS];       /* VM + 1 */

static void flush_all(void)
{
	memset(tlb, 0, sizeof(tlb));
}

/* What a CPU in a guest does all the time. */
static void translate(unsigned cpu)
{
	int *entry = &tlb[cpu][pool.running[cpu]];

	assert_true(*entry == 0 || *entry == runs[cpu]);
	*entry = runs[cpu];
}

static void enter(unsigned cpu, int vm)
{
	if (vmid_get(&pool, &ids[vm], cpu)) {
		flush_all();
	}
	assert_int_not_equal(ids[vm].nr, 0);
	assert_true(ids[vm].nr < pool.count);
	runs[cpu] = vm + 1;
	for (unsigned i = 0; i < CPUS; i++) {
		if (runs[i]) {
			translate(i);
		}
	}
}

static void start(unsigned bits)
{
	vmid_pool_init(&pool, bits, CPUS);
	memset(ids, 0, sizeof(ids));
	memset(runs, 0, sizeof(runs));
	flush_all();
}

static void random_runs(unsigned bits)
{
	start(bits);
	srand(bits);
	for (unsigned i = 0; i < 20000; i++) {
		unsigned cpu = (unsigned)rand() % CPUS;

		if (rand() % 8 == 0) {
			vmid_put(&pool, cpu);
			runs[cpu] = 0;
		} else {
			/* CPU 3 mostly stays in one guest, over many generations. */
			enter(cpu == 3 && rand() % 500 ? 0 : cpu, rand() % VMS);
		}
	}
	if (bits == 8) {
		assert_true(pool.generation > 20);
	}
}

static void test_random_8(void **state)
{
	(void)state;
	random_runs(8);
}

static void test_random_16(void **state)
{
	(void)state;
	random_runs(16);
}

/* All numbers of a generation are used, none twice, before it ends. */
static void test_rollover(void **state)
{
	bool seen[256] = {false};

	(void)state;
	start(8);
	for (int vm = 0; vm < 255; vm++) {
		assert_false(vmid_get(&pool, &ids[vm], 0));
		assert_false(seen[ids[vm].nr]);
		seen[ids[vm].nr] = true;
	}
	assert_int_equal(pool.generation, 1);
	assert_true(vmid_get(&pool, &ids[255], 0));
	assert_int_equal(pool.generation, 2);
}

/* Several CPUs in one VM over a rollover keep one number: TLBI by VMID must reach them all. */
static void test_one_number_per_vm(void **state)
{
	(void)state;
	start(8);
	enter(1, 7);
	enter(2, 7);
	for (int vm = 10; vm < 10 + 260; vm++) {
		enter(0, vm);
	}
	assert_int_equal(pool.generation, 2);
	enter(1, 7);
	assert_int_equal(pool.running[1], pool.running[2]);
	enter(2, 7);
	assert_int_equal(pool.running[1], pool.running[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_8),
		cmocka_unit_test(test_random_16),
		cmocka_unit_test(test_rollover),
		cmocka_unit_test(test_one_number_per_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
