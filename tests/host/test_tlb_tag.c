// SPDX-License-Identifier: Apache-2.0
/*
 * Tags against a model of TLBs: what a vCPU cached under a tag stays there until somebody flushes.
 * Whoever enters must find nothing but what it has cached itself since its last renewal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/tlb_tag.h"

#define CPUS  3
#define VCPUS 7
#define TAGS  6

/* Who cached last under each tag of each CPU, and in which of its lives; 0: nothing is cached. */
static u32 cached[CPUS][TAGS];
static struct tlb_tags tags[CPUS];
static struct tlb_tag tag[VCPUS];
static u32 life[VCPUS];

static int setup(void **state)
{
	(void)state;
	memset(tag, 0, sizeof(tag));
	memset(life, 0, sizeof(life));
	memset(cached, 0xff, sizeof(cached)); /* left by whoever had the machine before */
	for (u32 i = 0; i < CPUS; i++) {
		tlb_tags_init(&tags[i], TAGS);
	}
	return 0;
}

static void enter(u32 cpu, u32 vcpu, bool flush)
{
	if (flush || !tlb_tag_is_current(&tags[cpu], &tag[vcpu], cpu)) {
		if (tlb_tag_renew(&tags[cpu], &tag[vcpu], cpu)) {
			memset(cached[cpu], 0, sizeof(cached[cpu]));
		}
		life[vcpu]++;
	}
	assert_in_range(tag[vcpu].nr, 1, TAGS - 1);
	assert_true(!cached[cpu][tag[vcpu].nr] ||
		    cached[cpu][tag[vcpu].nr] == ((vcpu + 1) << 24 | life[vcpu]));
	cached[cpu][tag[vcpu].nr] = (vcpu + 1) << 24 | life[vcpu];
}

static void test_random(void **state)
{
	(void)state;
	srand(1);
	for (unsigned i = 0; i < 200000; i++) {
		enter((u32)rand() % CPUS, (u32)rand() % VCPUS, rand() % 4 == 0);
	}
}

/* A vCPU that stays keeps its tag; one that comes back to a CPU does not find its old one good. */
static void test_kept(void **state)
{
	u32 nr;

	(void)state;
	enter(0, 0, false);
	nr = tag[0].nr;
	for (unsigned i = 0; i < 100; i++) {
		enter(0, 0, false);
	}
	assert_int_equal(tag[0].nr, nr);
	enter(1, 0, false);
	enter(0, 0, false);
	assert_int_not_equal(tag[0].nr, nr);
}

static void test_generation(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TAGS - 1; i++) {
		enter(0, i, false);
		assert_int_equal(tags[0].generation, 2);
	}
	enter(0, 6, false);
	assert_int_equal(tags[0].generation, 3);
	assert_false(tlb_tag_is_current(&tags[0], &tag[0], 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_random, setup),
		cmocka_unit_test_setup(test_kept, setup),
		cmocka_unit_test_setup(test_generation, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
