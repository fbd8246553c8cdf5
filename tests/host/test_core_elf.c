// SPDX-License-Identifier: Apache-2.0
/* The core's ELF file: a good one, each rule broken in turn, and random damage. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/core_elf.h"

#define LINK      0xffffffff80000000ULL
#define FILE_SIZE 0x4000
#define HEADERS   64

struct program_header {
	u32 type, flags;
	u64 offset, virt, phys, file_size, memory_size, align;
};

static u8 file[FILE_SIZE];

static void put(size_t at, u64 value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		file[at + i] = (u8)(value >> (8 * i));
	}
}

static void header_put(size_t index, struct program_header p)
{
	memcpy(file + HEADERS + index * sizeof(p), &p, sizeof(p));
}

static struct program_header header_get(size_t index)
{
	struct program_header p;

	memcpy(&p, file + HEADERS + index * sizeof(p), sizeof(p));
	return p;
}

static void file_make(void)
{
	memset(file, 0xcc, sizeof(file));
	memset(file, 0, HEADERS);
	memcpy(file, "\177ELF\2\1\1", 7);
	put(16, 2, 2);           /* type EXEC */
	put(18, 62, 2);          /* machine */
	put(24, LINK + 0x10, 8); /* entry */
	put(32, HEADERS, 8);
	put(54, sizeof(struct program_header), 2);
	put(56, 4, 2);
	header_put(0, (struct program_header){1, 5, 0x1000, LINK, 0, 0x800, 0x800, 0x1000});
	header_put(1, (struct program_header){1, 4, 0x2000, LINK + 0x1000, 0, 0x1000, 0x1000, 0});
	header_put(2, (struct program_header){0x6474e551, 6, 0, 0, 0, 0, 0, 0});
	header_put(3, (struct program_header){1, 6, 0x3000, LINK + 0x4000, 0, 0x10, 0x2001, 0});
	memset(file + 0x1000, 1, 0x800);
	memset(file + 0x2000, 2, 0x1000);
	memset(file + 0x3000, 3, 0x10);
}

static int parse(size_t size, struct core_elf *elf, const char **why)
{
	u8 *copy = malloc(size ? size : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, file, size);
	result = core_elf_parse(copy, size, CORE_MACHINE_X86_64, elf, why);
	free(copy);
	return result;
}

static void expect_why(size_t size, const char *expected)
{
	struct core_elf elf;
	const char *why;

	assert_int_equal(parse(size, &elf, &why), -EINVAL);
	assert_non_null(strstr(why, expected));
}

static void test_good(void **state)
{
	static u8 memory[0x7000];
	struct core_elf elf;
	const char *why;

	(void)state;
	file_make();
	assert_int_equal(parse(sizeof(file), &elf, &why), 0);
	assert_null(why);
	assert_int_equal(elf.virt, LINK);
	assert_int_equal(elf.size, 0x7000);
	assert_int_equal(elf.entry, LINK + 0x10);
	assert_int_equal(elf.segment_count, 3);
	assert_int_equal(elf.segments[0].flags, CORE_SEGMENT_R | CORE_SEGMENT_X);
	assert_int_equal(elf.segments[0].memory_size, 0x1000);
	assert_int_equal(elf.segments[2].virt, LINK + 0x4000);
	assert_int_equal(elf.segments[2].memory_size, 0x3000);

	memset(memory, 0xee, sizeof(memory));
	core_elf_copy(&elf, file, memory);
	assert_int_equal(memory[0x7ff], 1);
	assert_int_equal(memory[0x800], 0);
	assert_int_equal(memory[0x1fff], 2);
	assert_int_equal(memory[0x2000], 0);
	assert_int_equal(memory[0x400f], 3);
	for (size_t i = 0x4010; i < sizeof(memory); i++) {
		assert_int_equal(memory[i], 0);
	}
}

static void test_wrong_header(void **state)
{
	static const struct {
		size_t at, bytes;
		u64 value;
		const char *why;
	} cases[] = {
		{0, 1, 0, "not a little-endian ELF64"},
		{4, 1, 1, "not a little-endian ELF64"},
		{16, 2, 3, "EXEC"},
		{18, 2, 183, "another machine"},
		{54, 2, 32, "size of a program header"},
		{32, 8, FILE_SIZE + 1, "headers beyond"},
		{32, 8, ~(u64)0, "headers beyond"},
		{32, 8, FILE_SIZE - 4 * 56 + 1, "headers beyond"},
		{56, 2, 0xffff, "headers beyond"},
		{56, 2, 0, "entry"},
		{24, 8, LINK + 0x800, "entry"},
		{24, 8, LINK - 1, "entry"},
		{24, 8, LINK + 0x1000, "entry"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		file_make();
		put(cases[i].at, cases[i].value, cases[i].bytes);
		expect_why(sizeof(file), cases[i].why);
	}
	file_make();
	expect_why(0, "shorter");
	expect_why(63, "shorter");
	expect_why(64, "headers beyond");
	expect_why(0x300f, "segment beyond");
}

static void test_wrong_segment(void **state)
{
	static const struct {
		struct program_header p;
		const char *why;
	} cases[] = {
		{{1, 6, FILE_SIZE, LINK + 0x4000, 0, 1, 1, 0}, "beyond the end"},
		{{1, 6, ~(u64)0, LINK + 0x4000, 0, 2, 2, 0}, "beyond the end"},
		{{1, 6, 0, LINK + 0x4000, 0, ~(u64)0, ~(u64)0, 0}, "beyond the end"},
		{{1, 6, 0, LINK + 0x4000, 0, 2, 1, 0}, "larger in the file"},
		{{1, 6, 0, LINK + 0x4001, 0, 1, 1, 0}, "page-aligned"},
		{{1, 7, 0, LINK + 0x4000, 0, 1, 1, 0}, "writable and executable"},
		{{1, 6, 0, LINK + 0x1000, 0, 1, 1, 0}, "overlap"},
		{{1, 6, 0, LINK - 0x1000, 0, 1, 1, 0}, "overlap"},
		{{1, 6, 0, LINK + 0x4000, 0, 1, CORE_SIZE_MAX + 1, 0}, "too large"},
		{{1, 6, 0, LINK + 0x4000, 0, 1, ~(u64)0, 0}, "too large"},
		{{1, 6, 0, LINK + 0x4000, 0, 1, CORE_SIZE_MAX, 0}, "too far"},
		{{1, 6, 0, ~(u64)0xfff, 0, 1, 0x2000, 0}, "too high"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		file_make();
		header_put(3, cases[i].p);
		expect_why(sizeof(file), cases[i].why);
	}
	file_make();
	put(56, 20, 2);
	for (size_t i = 0; i < 20; i++) {
		struct program_header p = header_get(0);

		p.virt = LINK + i * 0x1000;
		header_put(i, p);
	}
	expect_why(sizeof(file), "too many");
}

/* Whatever is accepted can be copied within the size that it asks for. */
static void test_random_damage(void **state)
{
	(void)state;
	srand(1);
	for (unsigned round = 0; round < 20000; round++) {
		struct core_elf elf;
		const char *why;

		file_make();
		for (int i = rand() % 3; i >= 0; i--) {
			file[rand() % (HEADERS + 4 * 56)] = (u8)rand();
		}
		if (!parse(sizeof(file), &elf, &why) && elf.size <= 0x100000) {
			void *memory = malloc(elf.size);

			assert_non_null(memory);
			core_elf_copy(&elf, file, memory);
			free(memory);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_wrong_header),
		cmocka_unit_test(test_wrong_segment),
		cmocka_unit_test(test_random_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
