// SPDX-License-Identifier: Apache-2.0
/* The page allocator over an arena with holes, and the lock it uses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <errno.h>

#include "mm/bits.h"
#include "mm/lock.h"
#include "mm/page.h"

#define ARENA_PAGES 4096u
#define BASE        0x7fffc00000ULL /* high, 4 MiB-aligned */

static u8 *arena;
static _Thread_local u32 held_ranks;

u32 *lock_held_ranks(void)
{
	return &held_ranks;
}

static u64 at(u64 page)
{
	return BASE + page * PAGE_SIZE;
}

static int setup(void **state)
{
	(void)state;
	if (!arena) {
		arena = aligned_alloc(PAGE_SIZE, ARENA_PAGES * PAGE_SIZE);
		phys_offset = (uintptr_t)arena - BASE;
	}
	memset(arena, 0xa5, ARENA_PAGES * PAGE_SIZE);
	page_fail_hook = NULL;
	return 0;
}

static u64 free_pages(void)
{
	struct page_stats s;
	u64 sum;

	page_stats(&s);
	sum = s.free_pages;
	for (unsigned i = 0; i < PAGE_OWNER_COUNT; i++) {
		sum += s.used_pages[i];
	}
	assert_true(sum == s.total_pages);
	return s.free_pages;
}

static void test_pointers(void **state)
{
	(void)state;
	assert_ptr_equal(phys_ptr(hpa(BASE)), arena);
	assert_true(ptr_phys(arena + 5).v == BASE + 5);
}

static void test_init_errors(void **state)
{
	struct range overlap[] = {{at(0), 64 * PAGE_SIZE}, {at(63), 64 * PAGE_SIZE}};
	struct range small[] = {{at(0) + 1, PAGE_SIZE}};
	/* Far more pages than any one range could describe. */
	static struct range wide[64];

	(void)state;
	assert_int_equal(page_init(NULL, 0), -ENOMEM);
	assert_int_equal(page_init(small, 1), -ENOMEM);
	assert_int_equal(page_init(overlap, 2), -EINVAL);
	assert_true(hpa_is_none(page_alloc(0, PAGE_OWNER_CORE)));
	assert_false(page_is_managed(hpa(at(0))));
	for (unsigned i = 0; i < 64; i++) {
		wide[i] = (struct range){BIT(50) + i * BIT(47), BIT(44)};
	}
	assert_int_equal(page_init(wide, 64), -ENOMEM);
}

/* Unsorted, unaligned, empty, adjacent: and every page of them is counted once. */
static void test_init_ranges(void **state)
{
	struct range free[] = {
		{at(1000), 500 * PAGE_SIZE},
		{at(10) + 1, 20 * PAGE_SIZE},
		{at(50), 0},
		{at(200), 100 * PAGE_SIZE},
		{at(60), PAGE_SIZE - 1},
		{at(300), 50 * PAGE_SIZE},
	};
	struct page_stats s;
	u64 meta;

	(void)state;
	assert_int_equal(page_init(free, ARRAY_SIZE(free)), 0);
	page_stats(&s);
	assert_true(s.total_pages == 500 + 19 + 100 + 50);
	meta = s.used_pages[PAGE_OWNER_CORE];
	assert_true(meta >= 1 && meta <= 4 && s.free_pages == s.total_pages - meta);
	assert_true(page_is_managed(hpa(at(11))) && page_is_managed(hpa(at(349))));
	assert_false(page_is_managed(hpa(at(10))) || page_is_managed(hpa(at(30))));
	assert_false(page_is_managed(hpa(at(350))) || page_is_managed(hpa(at(1500))));
	/* 200 .. 349 are one zone: a block may cross 300. */
	assert_true(page_is_managed(hpa(at(299))) && page_is_managed(hpa(at(300))));
}

/* Page 0 of the address space is nobody's. */
static void test_page_zero(void **state)
{
	struct range free = {0, 16 * PAGE_SIZE};
	uintptr_t saved = phys_offset;

	(void)state;
	phys_offset = (uintptr_t)arena;
	assert_int_equal(page_init(&free, 1), 0);
	for (unsigned i = 0; i < 16; i++) {
		hpa_t p = page_alloc(0, PAGE_OWNER_CORE);

		assert_true(hpa_is_none(p) == (i >= 14) && p.v != 0);
	}
	phys_offset = saved;
}

static void test_orders(void **state)
{
	struct range free = {at(0), 2048 * PAGE_SIZE};
	u64 all;

	(void)state;
	assert_int_equal(page_init(&free, 1), 0);
	all = free_pages();
	for (unsigned order = 0; order <= 10; order++) {
		hpa_t p = page_alloc(order, PAGE_OWNER_GUEST);

		assert_false(hpa_is_none(p));
		assert_true(is_aligned(p.v, PAGE_SIZE << order));
		assert_true(p.v >= at(0) && p.v + (PAGE_SIZE << order) <= at(2048));
		assert_true(free_pages() == all - BIT(order));
		page_free(p, order);
		assert_true(free_pages() == all);
	}
	assert_true(hpa_is_none(page_alloc(11, PAGE_OWNER_GUEST)));
	assert_true(hpa_is_none(page_alloc(PAGE_MAX_ORDER + 1, PAGE_OWNER_GUEST)));
	assert_true(hpa_is_none(page_alloc_zeroed(PAGE_MAX_ORDER + 1, PAGE_OWNER_GUEST)));
}

static void test_zeroed(void **state)
{
	struct range free = {at(0), 64 * PAGE_SIZE};
	hpa_t p;
	u8 *bytes;

	(void)state;
	assert_int_equal(page_init(&free, 1), 0);
	p = page_alloc_zeroed(2, PAGE_OWNER_TABLE);
	bytes = phys_ptr(p);
	for (size_t i = 0; i < 4 * PAGE_SIZE; i++) {
		assert_int_equal(bytes[i], 0);
	}
	page_free(p, 2);
}

static bool fail_order_1(unsigned order)
{
	return order == 1;
}

static void test_fail_hook(void **state)
{
	struct range free = {at(0), 64 * PAGE_SIZE};

	(void)state;
	assert_int_equal(page_init(&free, 1), 0);
	page_fail_hook = fail_order_1;
	assert_true(hpa_is_none(page_alloc(1, PAGE_OWNER_CORE)));
	assert_false(hpa_is_none(page_alloc(0, PAGE_OWNER_CORE)));
}

/* Random use of three zones: no block overlaps another one or leaves its zone; in the end all
 * joins to what it was. */
static void test_random(void **state)
{
	struct range free[] = {
		{at(3), 700 * PAGE_SIZE}, {at(1024), 1024 * PAGE_SIZE}, {at(3000), 37 * PAGE_SIZE}};
	static u8 owner[ARENA_PAGES];
	static struct {
		hpa_t page;
		unsigned order;
	} held[200];
	u64 all;

	(void)state;
	assert_int_equal(page_init(free, 3), 0);
	all = free_pages();
	srand(7);
	for (unsigned n = 0; n < 30000; n++) {
		unsigned i = (unsigned)rand() % 200;
		u64 first = (held[i].page.v - BASE) >> PAGE_SHIFT;

		if (held[i].page.v) {
			for (u64 p = first; p < first + BIT(held[i].order); p++) {
				assert_int_equal(owner[p], 1 + i % 250);
				owner[p] = 0;
			}
			page_free(held[i].page, held[i].order);
			held[i].page.v = 0;
			continue;
		}
		held[i].order = (unsigned)rand() % 8;
		held[i].page = page_alloc(held[i].order, (enum page_owner)(i % PAGE_OWNER_COUNT));
		if (hpa_is_none(held[i].page)) {
			held[i].page.v = 0;
			continue;
		}
		first = (held[i].page.v - BASE) >> PAGE_SHIFT;
		assert_true(is_aligned(held[i].page.v, PAGE_SIZE << held[i].order));
		for (u64 p = first; p < first + BIT(held[i].order); p++) {
			assert_true((p >= 3 && p < 703) || (p >= 1024 && p < 2048) ||
				    (p >= 3000 && p < 3037));
			assert_int_equal(owner[p], 0);
			owner[p] = (u8)(1 + i % 250);
		}
		memset(phys_ptr(held[i].page), 0xee, PAGE_SIZE << held[i].order);
	}
	for (unsigned i = 0; i < 200; i++) {
		if (held[i].page.v) {
			page_free(held[i].page, held[i].order);
		}
	}
	assert_true(free_pages() == all);
	/* The allocator's data went to the middle range; the big one is whole again. */
	assert_false(hpa_is_none(page_alloc(10, PAGE_OWNER_GUEST)));
}

/* Where a zone ends in the middle of a pair, the other half is not the next zone's page. */
static void test_zone_ends(void **state)
{
	/* The first takes the allocator's data. */
	struct range free[] = {{at(3000), PAGE_SIZE},
			       {at(4), 3 * PAGE_SIZE},
			       {at(1025), PAGE_SIZE},
			       {at(2048), 64 * PAGE_SIZE}};
	hpa_t pages[80];
	unsigned n;

	(void)state;
	assert_int_equal(page_init(free, 4), 0);
	for (unsigned round = 0; round < 2; round++) {
		for (n = 0; pages[n] = page_alloc(0, PAGE_OWNER_CORE), !hpa_is_none(pages[n]);) {
			n++;
		}
		/* Forth and back: either half may be free first. */
		for (unsigned i = 0; i < n; i++) {
			page_free(pages[round ? i : n - 1 - i], 0);
		}
	}
	for (hpa_t p; p = page_alloc(1, PAGE_OWNER_CORE), !hpa_is_none(p);) {
		assert_true(page_is_managed(p));
		assert_true(page_is_managed(hpa(p.v + PAGE_SIZE)));
	}
	assert_true(free_pages() >= 2); /* 6 and 1025 have no other half */
}

/* Runs @fn in a child; true if it died by abort(). */
static bool aborts(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static hpa_t victim;

static void free_twice(void)
{
	page_free(victim, 1);
	page_free(victim, 1);
}

static void free_wrong_order(void)
{
	page_free(victim, 0);
}

static void free_inside(void)
{
	page_free(hpa(victim.v + PAGE_SIZE), 0);
}

static void free_unaligned(void)
{
	page_free(hpa(victim.v + 8), 1);
}

static void free_foreign(void)
{
	page_free(hpa(at(100)), 0);
}

static void lock_out_of_order(void)
{
	struct lock low = LOCK_INIT(3), high = LOCK_INIT(9);

	lock_take(&high);
	lock_take(&low);
}

static void lock_twice(void)
{
	struct lock l = LOCK_INIT(3);

	lock_take(&l);
	lock_take(&l);
}

static void drop_unheld(void)
{
	struct lock l = LOCK_INIT(3);

	lock_drop(&l);
}

static void test_our_bugs(void **state)
{
	struct range free = {at(0), 64 * PAGE_SIZE};

	(void)state;
	assert_int_equal(page_init(&free, 1), 0);
	victim = page_alloc(1, PAGE_OWNER_CORE);
	assert_true(aborts(free_twice));
	assert_true(aborts(free_wrong_order));
	assert_true(aborts(free_inside));
	assert_true(aborts(free_unaligned));
	assert_true(aborts(free_foreign));
	assert_true(aborts(lock_out_of_order));
	assert_true(aborts(lock_twice));
	assert_true(aborts(drop_unheld));
}

static void test_order_of_size(void **state)
{
	(void)state;
	assert_int_equal(page_order(1), 0);
	assert_int_equal(page_order(PAGE_SIZE), 0);
	assert_int_equal(page_order(PAGE_SIZE + 1), 1);
	assert_int_equal(page_order(2 * PAGE_SIZE), 1);
	assert_int_equal(page_order(BIT(30)), 18);
	assert_int_equal(page_order(BIT(30) + 1), 19);
	assert_int_equal(page_order(~(u64)0), 52);
}

static struct lock shared_lock;
static u64 shared_count;

static void *count_up(void *arg)
{
	for (unsigned i = 0; i < 2000; i++) {
		hpa_t p = page_alloc(0, PAGE_OWNER_CORE);

		lock_take(&shared_lock);
		shared_count++;
		lock_drop(&shared_lock);
		page_free(p, 0);
	}
	return arg;
}

static void test_threads(void **state)
{
	struct range free = {at(0), 64 * PAGE_SIZE};
	pthread_t threads[3];
	u64 all;

	(void)state;
	assert_int_equal(page_init(&free, 1), 0);
	all = free_pages();
	lock_init(&shared_lock, 1);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, count_up, NULL), 0);
	}
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	assert_true(shared_count == 6000 && free_pages() == all);
	assert_false(lock_is_taken(&shared_lock));
	lock_take(&shared_lock);
	assert_true(lock_is_taken(&shared_lock));
	lock_drop(&shared_lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pointers, setup),
		cmocka_unit_test_setup(test_init_errors, setup),
		cmocka_unit_test_setup(test_init_ranges, setup),
		cmocka_unit_test_setup(test_page_zero, setup),
		cmocka_unit_test_setup(test_orders, setup),
		cmocka_unit_test_setup(test_zeroed, setup),
		cmocka_unit_test_setup(test_fail_hook, setup),
		cmocka_unit_test_setup(test_random, setup),
		cmocka_unit_test_setup(test_zone_ends, setup),
		cmocka_unit_test_setup(test_our_bugs, setup),
		cmocka_unit_test_setup(test_order_of_size, setup),
		cmocka_unit_test_setup(test_threads, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
