// SPDX-License-Identifier: Apache-2.0
/* The bzImage header: every field that can be wrong, and images cut anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/linux_boot.h"

#define IMAGE_SIZE 0x2000

static u8 image[IMAGE_SIZE];

static void put(u32 offset, u64 val, u32 size)
{
	memcpy(image + offset, &val, size);
}

static void image_make(void)
{
	memset(image, 0, IMAGE_SIZE);
	put(0x1f1, 3, 1); /* setup_sects: payload at 0x800 */
	put(0x1fe, 0xaa55, 2);
	put(0x200, 0x6aeb, 2);
	put(0x202, 0x53726448, 4);
	put(0x206, 0x20f, 2);
	put(0x22c, 0x7fffffff, 4);
	put(0x236, 1, 2);
	put(0x238, 2047, 4);
	put(0x258, 0x1000000, 8);
	put(0x260, 0x3000000, 4);
}

static void test_good(void **state)
{
	struct bzimage bz;

	(void)state;
	image_make();
	assert_null(bzimage_parse(image, sizeof(image), &bz));
	assert_int_equal(bz.payload_offset, 0x800);
	assert_int_equal(bz.payload_size, IMAGE_SIZE - 0x800);
	assert_int_equal(bz.load_addr, 0x1000000);
	assert_int_equal(bz.init_size, 0x3000000);
	assert_int_equal(bz.initrd_max, 0x7fffffff);
	assert_int_equal(bz.cmdline_max, 2047);
	assert_int_equal(bz.setup_header_end, 0x26c);
}

static void test_wrong_fields(void **state)
{
	static const struct {
		u32 offset, size;
		u64 val;
	} rows[] = {
		{0x1fe, 2, 0xaa54},  {0x202, 4, 0x53726449}, {0x206, 2, 0x20b},
		{0x236, 2, 2},       {0x258, 8, 0xff000},    {0x258, 8, 0x1000001},
		{0x258, 8, BIT(32)}, {0x258, 8, BIT(63)},    {0x201, 1, 0x10},
		{0x1f1, 1, 0xff},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct bzimage bz;

		image_make();
		put(rows[i].offset, rows[i].val, rows[i].size);
		assert_non_null(bzimage_parse(image, sizeof(image), &bz));
	}
}

/* A copy of exactly the bytes there are, so that a read past them is seen. */
static void test_cut(void **state)
{

	(void)state;
	image_make();
	for (size_t size = 0; size < 0x1000; size += 7) {
		u8 *cut = malloc(size + 1);
		struct bzimage bz;

		memcpy(cut, image, size);
		assert_non_null(bzimage_parse(cut, size, &bz));
		free(cut);
	}
}

/* Whatever an image says, what is accepted lies inside the file and inside 32 bits. */
static void test_random(void **state)
{

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 100000; i++) {
		struct bzimage bz;

		image_make();
		for (unsigned n = (unsigned)rand() % 4; n; n--) {
			image[0x1f1 + rand() % 0x80] = (u8)rand();
		}
		if (bzimage_parse(image, sizeof(image), &bz)) {
			continue;
		}
		assert_int_equal(bz.payload_offset + bz.payload_size, sizeof(image));
		assert_true(bz.init_size >= bz.payload_size);
		assert_true(bz.load_addr >= 0x100000 && bz.load_addr < BIT(32));
		assert_true(bz.setup_header_end >= 0x264 && bz.setup_header_end <= 0x290);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_wrong_fields),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
