// SPDX-License-Identifier: Apache-2.0
/* The arm64 Image header: every field that can be wrong, files cut anywhere, and the layout. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "arch/arm64/linux_image.h"
#include "mm/bits.h"

#define FILE_SIZE 0x2000
#define RAM       0x40000000u
#define MIB       0x100000u

static u8 image[FILE_SIZE];

static void put(u32 offset, u64 val, u32 size)
{
	memcpy(image + offset, &val, size);
}

static void image_make(void)
{
	memset(image, 0, FILE_SIZE);
	put(0x00, 0x14000400, 4);
	put(0x10, 0x1e00000, 8);
	put(0x18, 0xa, 8);
	put(0x38, 0x644d5241, 4);
}

static void test_good(void **state)
{
	struct linux_image im;

	(void)state;
	image_make();
	assert_null(linux_image_parse(image, sizeof(image), &im));
	assert_int_equal(im.text_offset, 0);
	assert_int_equal(im.memory_size, 0x1e00000);
	assert_int_equal(im.file_size, FILE_SIZE);
	put(0x08, 0x80000, 8);
	put(0x10, 0x1000, 8); /* less than the file has */
	assert_null(linux_image_parse(image, sizeof(image), &im));
	assert_int_equal(im.text_offset, 0x80000);
	assert_int_equal(im.memory_size, FILE_SIZE);
}

static void test_wrong_fields(void **state)
{
	static const struct {
		u32 offset, size;
		u64 val;
		const char *names;
	} rows[] = {
		{0x38, 4, 0x644d5242, "magic"},    {0x38, 1, 0, "magic"},
		{0x10, 8, 0, "image_size"},        {0x10, 8, BIT(32), "image_size"},
		{0x10, 8, ~(u64)0, "image_size"},  {0x18, 8, 1, "flags"},
		{0x08, 8, 2, "text_offset"},       {0x08, 8, BIT(30) + 4, "text_offset"},
		{0x08, 8, ~(u64)3, "text_offset"},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		struct linux_image im;
		const char *expected;

		image_make();
		put(rows[i].offset, rows[i].val, rows[i].size);
		expected = linux_image_parse(image, sizeof(image), &im);
		assert_non_null(expected);
		assert_non_null(strstr(expected, rows[i].names));
	}
}

static void test_other_formats(void **state)
{
	struct linux_image im;

	(void)state;
	memset(image, 0, sizeof(image));
	put(0, 0x8b1f, 2);
	assert_non_null(strstr(linux_image_parse(image, sizeof(image), &im), "gzip"));
	memcpy(image, "MZ\0\0zimg", 8);
	assert_non_null(strstr(linux_image_parse(image, sizeof(image), &im), "zboot"));
}

/* A copy of exactly the bytes there are, so that a read past them is seen. */
static void test_cut(void **state)
{
	(void)state;
	image_make();
	for (size_t size = 0; size <= 64; size++) {
		u8 *cut = malloc(size ? size : 1);
		struct linux_image im;

		memcpy(cut, image, size);
		assert_true((linux_image_parse(cut, size, &im) == NULL) == (size == 64));
		free(cut);
	}
}

static void test_place(void **state)
{
	struct linux_image im = {.memory_size = 0x1e00001};
	struct linux_layout l;

	(void)state;
	assert_int_equal(linux_image_place(&im, RAM, 0, &l), 0);
	assert_int_equal(l.dtb, RAM);
	assert_int_equal(l.image, RAM + 2 * MIB);
	assert_int_equal(l.initrd, 0);
	assert_int_equal(l.end, RAM + 2 * MIB + 0x1e00001);
	im.text_offset = 0x80000;
	assert_int_equal(linux_image_place(&im, RAM, 5, &l), 0);
	assert_int_equal(l.image, RAM + 2 * MIB + 0x80000);
	assert_int_equal(l.initrd, RAM + 34 * MIB);
	assert_int_equal(l.end, RAM + 34 * MIB + 5);
	assert_int_equal(linux_image_place(&im, RAM, ~(u64)0, &l), -EOVERFLOW);
	assert_int_equal(linux_image_place(&im, ~(u64)0, 1, &l), -EOVERFLOW);
}

/* Whatever an image says, what is accepted makes a layout in order, without overlap. */
static void test_random(void **state)
{
	(void)state;
	srandom(1);
	for (unsigned i = 0; i < 100000; i++) {
		u64 initrd = (u64)random() << (random() % 24);
		struct linux_image im;
		struct linux_layout l;

		image_make();
		for (unsigned n = (unsigned)random() % 4; n; n--) {
			image[random() % 64] = (u8)random();
		}
		if (linux_image_parse(image, sizeof(image), &im) ||
		    linux_image_place(&im, RAM, initrd, &l)) {
			continue;
		}
		assert_true(l.dtb + LINUX_DTB_SPACE <= l.image);
		assert_int_equal((l.image - im.text_offset) % (2 * MIB), 0);
		assert_true(im.memory_size >= FILE_SIZE);
		assert_true(l.end >= l.image + im.memory_size);
		if (initrd) {
			assert_true(l.initrd >= l.image + im.memory_size);
			assert_int_equal(l.end, l.initrd + initrd);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),          cmocka_unit_test(test_wrong_fields),
		cmocka_unit_test(test_other_formats), cmocka_unit_test(test_cut),
		cmocka_unit_test(test_place),         cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
