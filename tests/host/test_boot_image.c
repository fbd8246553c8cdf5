// SPDX-License-Identifier: Apache-2.0
/* arm64 kernels as they come: plain, gzip'ed, in an EFI zboot file; whole, cut, corrupt. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <zlib.h>

#include "boot/gzip.h"
#include "boot/image.h"

#define KERNEL_SIZE ((size_t)3 << 20)
#define IMAGE_SIZE  (KERNEL_SIZE + 0x12000) /* with what is zero behind the file */
#define FILE_MAX    (KERNEL_SIZE + 0x1000)
#define HEADER_END  64
#define PE_AT       0x40
#define SECTIONS_AT (PE_AT + 24 + 0xa0)

static u8 kernel[KERNEL_SIZE], file[FILE_MAX];
static size_t file_size;

static void put(u8 *at, u64 value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		at[i] = (u8)(value >> (8 * i));
	}
}

/* With an EFI stub: two sections, up to the end of the file. */
static void kernel_make(void)
{
	srand(2);
	for (size_t i = 0; i < KERNEL_SIZE; i++) {
		kernel[i] = (u8)(i % 3 ? rand() % 16 : 0);
	}
	memset(kernel, 0, 0x200);
	memcpy(kernel, "MZ", 2);
	put(kernel + 16, IMAGE_SIZE, 8);
	put(kernel + 24, 0xa, 8);
	memcpy(kernel + 56, "ARM\x64", 4);
	put(kernel + 60, PE_AT, 4);
	memcpy(kernel + PE_AT, "PE\0\0", 4);
	put(kernel + PE_AT + 6, 2, 2);
	put(kernel + PE_AT + 20, 0xa0, 2);
	put(kernel + SECTIONS_AT + 16, 0x100000, 4);
	put(kernel + SECTIONS_AT + 20, 0x10000, 4);
	put(kernel + SECTIONS_AT + 40 + 16, KERNEL_SIZE - 0x110000, 4);
	put(kernel + SECTIONS_AT + 40 + 20, 0x110000, 4);
}

/* Packs the first @size bytes of the kernel to @at of the file, which then ends behind. */
static void file_pack(size_t at, size_t size)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = kernel;
	z.avail_in = (uInt)size;
	z.next_out = file + at;
	z.avail_out = (uInt)(FILE_MAX - at);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	file_size = FILE_MAX - z.avail_out;
	deflateEnd(&z);
}

static void file_zboot(const char *compression)
{
	memset(file, 0, 0x400);
	file_pack(0x400, KERNEL_SIZE);
	memcpy(file, "MZ\0\0zimg", 8);
	put(file + 8, 0x400, 4);
	put(file + 12, file_size - 0x400, 4);
	strcpy((char *)file + 24, compression);
	put(file + 56, 0x818223cd, 4);
}

/* From memory of exactly its size; unpacks to memory of exactly the size that was asked for. */
static int check(const u8 *from, size_t size, u64 *unpacked, struct image_error *error)
{
	u8 *copy = malloc(size ? size : 1);
	struct image_unpacking unpacking;
	struct image_facts facts;
	int status;
	u8 *to;

	assert_non_null(copy);
	memcpy(copy, from, size);
	*unpacked = 0;
	status = image_check(copy, size, &facts, error);
	if (!status && facts.packed_size) {
		to = malloc(facts.unpacked_max);
		assert_non_null(to);
		image_unpack_start(&unpacking, copy, &facts, to);
		do {
			u64 before = unpacking.size;

			status = image_unpack(&unpacking, error);
			assert_true(unpacking.size > before || status <= 0);
			assert_true(unpacking.used <= facts.packed_size);
		} while (status > 0);
		*unpacked = unpacking.size;
		if (!status) {
			assert_memory_equal(to, kernel, unpacking.size);
			assert_int_equal(facts.memory, IMAGE_SIZE);
		}
		free(to);
	} else if (!status) {
		assert_int_equal(facts.memory, IMAGE_SIZE);
	}
	free(copy);
	return status;
}

static void expect_error(const u8 *from, size_t size, const char *field, const char *hint)
{
	struct image_error error;
	u64 unpacked;

	assert_int_equal(check(from, size, &unpacked, &error), -EINVAL);
	assert_string_equal(error.field, field);
	if (!strstr(error.message, hint)) {
		fail_msg("\"%s\" lacks \"%s\"", error.message, hint);
	}
}

static void expect_good(const u8 *from, size_t size, u64 expected)
{
	struct image_error error;
	u64 unpacked;

	assert_int_equal(check(from, size, &unpacked, &error), 0);
	assert_int_equal(unpacked, expected);
}

static void test_plain(void **state)
{
	static const struct {
		size_t at, bytes;
		u64 value;
		const char *field, *hint;
	} cases[] = {
		{8, 8, 0x200000, "text_offset", "less than 2 MiB, found 0x200000"},
		{8, 8, ~(u64)0, "text_offset", "less than 2 MiB"},
		{16, 8, 0, "image_size", "Linux 3.17, found 0x0"},
		{16, 8, ((u64)1 << 40) + 1, "image_size", "found 0x10000000001"},
		{24, 8, 0xb, "flags", "little-endian kernel, found 0xb"},
		{56, 4, 0, "magic", "some other EFI application"},
		{60, 4, KERNEL_SIZE, "size", "expected 3145752 bytes, found 3145728: the file is"},
		{60, 4, 0xffffffff, "size", "cut off"},
		{PE_AT + 6, 2, 0xffff, "size", "cut off"},
		{PE_AT + 20, 2, 0xffff, "size", "cut off"},
		{SECTIONS_AT + 16, 4, 0xffffffff, "size", "cut off"},
		{SECTIONS_AT + 40 + 20, 4, 0xffffffff, "size", "cut off"},
	};

	(void)state;
	kernel_make();
	expect_good(kernel, KERNEL_SIZE, 0);
	for (size_t size = 0; size < KERNEL_SIZE; size = size * 5 / 4 + 1) {
		expect_error(kernel, size, size < 60 && size >= HEADER_END ? "magic" : "size",
			     size < HEADER_END ? "at least 64 bytes" : "cut off");
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		kernel_make();
		put(kernel + cases[i].at, cases[i].value, cases[i].bytes);
		expect_error(kernel, KERNEL_SIZE, cases[i].field, cases[i].hint);
	}
	kernel_make();
	kernel[0] = 0; /* no EFI stub: its fields are not looked at */
	put(kernel + 60, 0xffffffff, 4);
	expect_good(kernel, KERNEL_SIZE, 0);
}

static void test_other_files(void **state)
{
	static const struct {
		size_t at;
		const char *magic, *hint;
	} cases[] = {
		{0x202, "HdrS", "found an x86 bzImage"},
		{0,
		 "\x7f"
		 "ELF",
		 "an ELF file"},
		{0, "\x28\xb5\x2f\xfd", "zstd data"},
		{0, "\xd0\x0d\xfe\xed", "device tree"},
		{0, "070701", "a cpio archive"},
		{1, "?", "something else"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		memset(file, 0, 4096);
		memcpy(file + cases[i].at, cases[i].magic, strlen(cases[i].magic));
		expect_error(file, 4096, "magic", cases[i].hint);
	}
}

static void test_gzip(void **state)
{
	(void)state;
	kernel_make();
	file_pack(0, KERNEL_SIZE);
	expect_good(file, file_size, KERNEL_SIZE);
	memset(file + file_size, 0xa5, 100); /* what follows the stream does not matter */
	expect_good(file, file_size + 100, KERNEL_SIZE);
	for (size_t size = 4; size < file_size; size = size * 7 / 4) {
		expect_error(file, size, "gzip", "the file is cut off");
	}
	expect_error(file, file_size - 1, "gzip", "cut off: it ends after 3145728 unpacked bytes");
	file[file_size - 5] ^= 1;
	expect_error(file, file_size, "gzip", "corrupt: incorrect data check after 3145728");
	file[file_size - 5] ^= 1;
	file[file_size - 1] ^= 1;
	expect_error(file, file_size, "gzip", "corrupt: incorrect length check");
	file[file_size - 1] ^= 1;
	file[file_size / 2] ^= 0x40;
	expect_error(file, file_size, "gzip", "corrupt: ");
	file[3] = 0xe0; /* reserved flags */
	expect_error(file, file_size, "gzip", "unknown header flags set after 0");
}

/* A stream holds what its header does not say: more, exactly as much, hardly anything. */
static void test_gzip_size(void **state)
{
	(void)state;
	kernel_make();
	put(kernel + 16, KERNEL_SIZE - 1, 8);
	file_pack(0, KERNEL_SIZE);
	expect_error(file, file_size, "image_size", "at most the 3145727 bytes");
	put(kernel + 16, 1, 8);
	file_pack(0, KERNEL_SIZE);
	expect_error(file, file_size, "image_size", "at most the 1 bytes");
	kernel_make();
	file_pack(0, KERNEL_SIZE - 1);
	expect_error(file, file_size, "size", "expected 3145728 bytes, found 3145727");
	file_pack(0, HEADER_END - 1);
	expect_error(file, file_size, "size", "at least 64 bytes in it, found 63");
	file_pack(0, 0);
	expect_error(file, file_size, "size", "found 0");
	memset(kernel, 0, HEADER_END);
	file_pack(0, KERNEL_SIZE);
	expect_error(file, file_size, "magic", "found something else inside");
}

/* The stream's end and the memory's at the same byte. */
static void test_gzip_full(void **state)
{
	struct image_unpacking unpacking;
	struct image_facts facts;
	struct image_error error;
	u8 *to;
	int status;

	(void)state;
	kernel_make();
	put(kernel + 16, KERNEL_SIZE, 8);
	file_pack(0, KERNEL_SIZE);
	assert_int_equal(image_check(file, file_size, &facts, &error), 0);
	assert_int_equal(facts.unpacked_max, KERNEL_SIZE);
	to = malloc(KERNEL_SIZE);
	assert_non_null(to);
	image_unpack_start(&unpacking, file, &facts, to);
	do {
		status = image_unpack(&unpacking, &error);
	} while (status > 0);
	assert_int_equal(status, 0);
	assert_memory_equal(to, kernel, KERNEL_SIZE);
	file[file_size - 8] ^= 1; /* the checksum behind it is looked at all the same */
	image_unpack_start(&unpacking, file, &facts, to);
	do {
		status = image_unpack(&unpacking, &error);
	} while (status > 0);
	assert_int_equal(status, -EINVAL);
	assert_string_equal(error.field, "gzip");
	free(to);
}

static void test_zboot(void **state)
{
	(void)state;
	kernel_make();
	file_zboot("gzip");
	expect_good(file, file_size, KERNEL_SIZE);
	expect_error(file, file_size - 1, "payload", "the file is cut off");
	expect_error(file, 63, "size", "zboot file of at least 64 bytes, found 63");
	put(file + 12, 1000, 4);
	expect_error(file, file_size, "gzip", "cut off");
	put(file + 12, 0, 4);
	expect_error(file, file_size, "payload", "found 1024 and 0");
	file_zboot("gzip");
	put(file + 8, 0xffffffff, 4);
	put(file + 12, 0xffffffff, 4);
	expect_error(file, file_size, "payload", "expected 8589934590 bytes");
	put(file + 8, 63, 4);
	expect_error(file, file_size, "payload", "an offset of 64 or more");
	file_zboot("zstd22");
	expect_error(file, file_size, "compression", "expected gzip, found \"zstd22\"");
	file_zboot("gzipped");
	expect_error(file, file_size, "compression", "found \"gzipped\"");
	file_zboot("");
	expect_error(file, file_size, "compression", "found \"\"");
	memset(file + 24, 0xff, 32); /* without an end, and not to be printed */
	expect_error(file, file_size, "compression", "\"????????????????????????????????\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),     cmocka_unit_test(test_other_files),
		cmocka_unit_test(test_gzip),      cmocka_unit_test(test_gzip_size),
		cmocka_unit_test(test_gzip_full), cmocka_unit_test(test_zboot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
