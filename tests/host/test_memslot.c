// SPDX-License-Identifier: Apache-2.0
/* Memory slots against a page-by-page model. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "vmm/memslot.h"

#define MODEL_PAGES 256

static struct memslot slot_of(u64 page, u64 pages)
{
	return (struct memslot){.base = gpa(page * PAGE_SIZE),
				.size = pages * PAGE_SIZE,
				.hpa = hpa(page * PAGE_SIZE)};
}

static void test_refused(void **state)
{
	static struct memslots slots;
	struct memslot good = slot_of(1, 2), bad;

	(void)state;
	assert_int_equal(memslot_add(&slots, &good), 0);
	bad = slot_of(4, 0);
	assert_int_equal(memslot_add(&slots, &bad), -EINVAL);
	bad = slot_of(4, 1);
	bad.base.v++;
	assert_int_equal(memslot_add(&slots, &bad), -EINVAL);
	bad = slot_of(4, 1);
	bad.hpa.v++;
	assert_int_equal(memslot_add(&slots, &bad), -EINVAL);
	bad = slot_of(0, 2);
	assert_int_equal(memslot_add(&slots, &bad), -EEXIST);
	bad = slot_of(2, 2);
	assert_int_equal(memslot_add(&slots, &bad), -EEXIST);
	bad = (struct memslot){.base = gpa(~PAGE_MASK << 12 & PAGE_MASK), .size = PAGE_MASK};
	assert_int_equal(memslot_add(&slots, &bad), -EINVAL);
	bad = (struct memslot){.base = gpa((u64)1 << 52), .size = PAGE_SIZE};
	assert_int_equal(memslot_add(&slots, &bad), -EINVAL);
	assert_int_equal(slots.count, 1);
}

static void test_full(void **state)
{
	static struct memslots slots;
	struct memslot one;

	(void)state;
	slots.count = 0;
	for (u64 i = 0; i < MEMSLOT_MAX; i++) {
		one = slot_of(2 * (MEMSLOT_MAX - i), 1);
		assert_int_equal(memslot_add(&slots, &one), 0);
	}
	one = slot_of(1, 1);
	assert_int_equal(memslot_add(&slots, &one), -ENOSPC);
	assert_non_null(memslot_find(&slots, gpa(2 * PAGE_SIZE)));
	assert_null(memslot_find(&slots, gpa(PAGE_SIZE)));
}

/* Random additions: accepted exactly where no page is taken, and found exactly where accepted. */
static void test_model(void **state)
{
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 500; round++) {
		bool taken[MODEL_PAGES] = {0};
		static struct memslots slots;

		slots.count = 0;
		for (unsigned i = 0; i < 30; i++) {
			u64 page = (u64)rand() % MODEL_PAGES, pages = 1 + (u64)rand() % 12;
			struct memslot slot = slot_of(page, pages);
			bool free = page + pages <= MODEL_PAGES;

			for (u64 p = page; free && p < page + pages; p++) {
				free = !taken[p];
			}
			if (page + pages > MODEL_PAGES) {
				continue;
			}
			assert_int_equal(memslot_add(&slots, &slot), free ? 0 : -EEXIST);
			if (free) {
				memset(taken + page, 1, pages);
			}
		}
		for (u64 p = 0; p < MODEL_PAGES; p++) {
			const struct memslot *s = memslot_find(&slots, gpa(p * PAGE_SIZE + 123));

			assert_int_equal(s != NULL, taken[p]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
