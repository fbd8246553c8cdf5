// SPDX-License-Identifier: Apache-2.0
/* What a Multiboot loader says, right, wrong and spoilt at random; RSDP and clock of a PC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/clock.h"
#include "boot/multiboot_info.h"

#define START  0x400u
#define SIZE   0x100000u /* up to 1 MiB + 0x400: modules may end there */
#define INFO   0x9500u
#define MAP    0x9600u
#define MODS   0x9700u
#define TEXT   0xa000u
#define MODULE 0x20000u
#define CLAIMS 8

static u8 *memory;
static struct boot_range claims[CLAIMS];
static struct memmap map;
static struct multiboot_facts facts;
static u32 text_end, magic;

static struct memory_window window_of(void)
{
	return (struct memory_window){memory, START, SIZE};
}

static void put(u32 at, u32 width, u64 value)
{
	for (u32 i = 0; i < width; i++) {
		memory[at - START + i] = (u8)(value >> (8 * i));
	}
}

static void put_range(u32 index, u64 base, u64 size, u32 type)
{
	u32 at = MAP + index * 24;

	put(at, 4, 20);
	put(at + 4, 8, base);
	put(at + 12, 8, size);
	put(at + 20, 4, type);
	put(INFO + 44, 4, (index + 1) * 24);
}

static void put_module(u32 index, u64 start, u64 end, const char *text)
{
	put(MODS + index * 16, 4, start);
	put(MODS + index * 16 + 4, 4, end);
	put(MODS + index * 16 + 8, 4, text_end);
	put(INFO + 20, 4, index + 1);
	memcpy(memory + text_end - START, text, strlen(text) + 1);
	text_end += (u32)strlen(text) + 1;
}

static void make_all(void)
{
	memset(memory, 0, SIZE);
	text_end = TEXT;
	magic = MULTIBOOT_MAGIC;
	put(INFO, 4, 1u << 3 | 1u << 6);
	put(INFO + 24, 4, MODS);
	put(INFO + 48, 4, MAP);
	put_range(0, 0, 0x9fc00, 1);
	put_range(1, 0x9fc00, 0x400, 2);
	put_range(2, 0x100000, 0x1ff00000, 1);
	put_range(3, 0x20000000, 0x10000, 3);
	put_range(4, 0x20010000, 0x10000, 4);
	put_range(5, 0xfffc0000, 0x40000, 17);
	put_module(0, MODULE, MODULE + 0x100, "build/x/socle.conf");
	put_module(1, MODULE + 0x1000, MODULE + 0x3000, "  vmlinuz-6.12 quiet\t/Guests/vmlinuz ");
	put_module(2, MODULE + 0x4000, MODULE + 0x4000, "empty");
}

static const char *parse(void)
{
	struct memory_window window = window_of();

	map = (struct memmap){.claims = claims, .claim_capacity = CLAIMS};
	return multiboot_info_parse(&window, magic, INFO, &map, &facts);
}

static void reads_good_information(void **state)
{
	static const u32 kinds[] = {BOOT_RANGE_FREE, BOOT_RANGE_RESERVED, BOOT_RANGE_FREE,
				    BOOT_RANGE_ACPI, BOOT_RANGE_ACPI,     BOOT_RANGE_RESERVED};
	const struct multiboot_file *file;

	(void)state;
	make_all();
	assert_null(parse());
	assert_int_equal(map.claim_count, 6);
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(claims[i].kind, kinds[i]);
	}
	assert_int_equal(claims[2].base, 0x100000);
	assert_int_equal(claims[2].size, 0x1ff00000);
	assert_int_equal(facts.file_count, 3);
	file = multiboot_file_find(&facts, "\\guests\\vmlinuz");
	assert_non_null(file);
	assert_int_equal(file->base, MODULE + 0x1000);
	assert_int_equal(file->size, 0x2000);
	assert_ptr_equal(multiboot_file_find(&facts, "empty"), &facts.files[2]);
	assert_null(multiboot_file_find(&facts, "quiet"));
	assert_int_equal(facts.framebuffer.width, 0);
}

/* The configuration is the first file of that name, in whatever folder. */
static void finds_the_configuration(void **state)
{
	static const struct {
		const char *text;
		bool is;
	} names[] = {
		{"socle.conf", true},      {"/boot/SOCLE.CONF", true}, {"a b\\socle.conf", true},
		{"x/mysocle.conf", false}, {"socle.conf/x", false},    {"socle.con", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		make_all();
		put_module(0, MODULE, MODULE + 1, names[i].text);
		assert_null(parse());
		assert_int_equal(multiboot_file_find(&facts, "\\socle\\socle.conf") != NULL,
				 names[i].is);
	}
}

static void refuses_wrong_information(void **state)
{
	char name[BOOT_PATH_MAX + 1];

	(void)state;
	make_all();
	put(INFO, 4, 1u << 3);
	assert_string_equal(parse(), "no memory map");
	make_all();
	put(MAP + 24, 4, 19);
	assert_string_equal(parse(), "a memory map whose entries are cut short");
	make_all();
	put(INFO + 48, 4, START + SIZE - 23);
	assert_string_equal(parse(), "a memory map whose entries are cut short");
	make_all();
	for (u32 i = 6; i <= CLAIMS; i++) {
		put_range(i, (u64)i << 32, 0x1000, 1);
	}
	assert_string_equal(parse(), "a memory map of too many entries");
	make_all();
	for (u32 i = 0; i <= MULTIBOOT_FILES_MAX; i++) {
		put_module(i, MODULE, MODULE + 1, "m");
	}
	assert_string_equal(parse(), "too many modules");
	make_all();
	put_module(0, MODULE, START + SIZE + 1, "socle.conf");
	assert_string_equal(parse(), "a module that is not in memory");
	make_all();
	put_module(0, MODULE, MODULE - 1, "socle.conf");
	assert_string_equal(parse(), "a module that is not in memory");
	make_all();
	put_module(0, MODULE, MODULE + 1, "   ");
	assert_string_equal(parse(),
			    "a module without a name, or with one longer than 127 characters");
	memset(name, 'n', BOOT_PATH_MAX);
	name[BOOT_PATH_MAX] = '\0';
	make_all();
	put_module(0, MODULE, MODULE + 1, name);
	assert_non_null(parse());
	make_all();
	put_module(0, MODULE, MODULE + 1, name + 1);
	assert_null(parse());
}

/* --- Multiboot2 --- */

static u32 tag_end;

/* A tag, and the next one behind it. Returns its address. */
static u32 put_tag(u32 type, u32 size)
{
	u32 at = tag_end;

	put(at, 4, type);
	put(at + 4, 4, size);
	tag_end = (at + size + 7) & ~7u;
	put(tag_end, 4, 0);
	put(tag_end + 4, 4, 8);
	return at;
}

static u32 put_map_tag(u32 entry_size)
{
	u32 at = put_tag(6, 16 + 2 * entry_size);

	put(at + 8, 4, entry_size);
	put(at + 16, 8, 0x100000);
	put(at + 24, 8, 0x7ff00000);
	put(at + 32, 4, 1);
	put(at + 16 + entry_size, 8, 0x80000000);
	put(at + 24 + entry_size, 8, 0x10000);
	put(at + 32 + entry_size, 4, 3);
	return at;
}

static u32 put_framebuffer(u32 bits, u32 type, u32 red, u32 blue)
{
	u32 at = put_tag(8, 38);

	put(at + 8, 8, 0xfd000000);
	put(at + 16, 4, 4096);
	put(at + 20, 4, 1000);
	put(at + 24, 4, 768);
	put(at + 28, 1, bits);
	put(at + 29, 1, type);
	put(at + 32, 1, red);
	put(at + 34, 1, 8);
	put(at + 36, 1, blue);
	return at;
}

static void make_tags(void)
{
	static const char text[] = "/guests/vmlinuz";
	u32 at;

	memset(memory, 0, SIZE);
	magic = MULTIBOOT2_MAGIC;
	tag_end = INFO + 8;
	put_tag(1, 9); /* a command line */
	at = put_tag(3, 16 + sizeof(text));
	put(at + 8, 4, MODULE);
	put(at + 12, 4, MODULE + 0x1234);
	memcpy(memory + at + 16 - START, text, sizeof(text));
	put_map_tag(24);
	at = put_tag(15, 8 + 36);
	memset(memory + at + 8 - START, 'n', 36);
	at = put_tag(14, 8 + 20);
	memset(memory + at + 8 - START, 'o', 20);
}

static void reads_good_tags(void **state)
{
	(void)state;
	make_tags();
	put_framebuffer(32, 1, 16, 0);
	assert_null(parse());
	assert_int_equal(map.claim_count, 2);
	assert_int_equal(claims[0].size, 0x7ff00000);
	assert_int_equal(claims[1].kind, BOOT_RANGE_ACPI);
	assert_int_equal(facts.file_count, 1);
	assert_string_equal(facts.files[0].path, "/guests/vmlinuz");
	assert_int_equal(facts.files[0].size, 0x1234);
	assert_int_equal(facts.rsdp_size, 36);
	assert_int_equal(facts.rsdp[35], 'n');
	assert_int_equal(facts.framebuffer.base, 0xfd000000);
	assert_int_equal(facts.framebuffer.width, 1000);
	assert_int_equal(facts.framebuffer.stride_pixels, 1024);
	assert_int_equal(facts.framebuffer.format, BOOT_PIXEL_BGRX8);
	make_tags();
	put_framebuffer(32, 1, 0, 16);
	assert_null(parse());
	assert_int_equal(facts.framebuffer.format, BOOT_PIXEL_RGBX8);
}

static void leaves_other_screens_out(void **state)
{
	static const u8 others[][4] = {
		{80, 2, 16, 0}, {24, 1, 16, 0}, {32, 1, 8, 0}, {32, 0, 16, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		make_tags();
		put_framebuffer(others[i][0], others[i][1], others[i][2], others[i][3]);
		assert_null(parse());
		assert_int_equal(facts.framebuffer.width, 0);
	}
}

static void refuses_wrong_tags(void **state)
{
	(void)state;
	make_tags();
	magic = 1;
	assert_string_equal(parse(), "another magic number");
	make_tags();
	put(tag_end + 4, 4, 7);
	assert_string_equal(parse(), "information that is not in memory");
	make_tags();
	put_map_tag(16);
	assert_string_equal(parse(), "a memory map whose entries are cut short");
	memset(memory, 0, SIZE);
	tag_end = INFO + 8;
	put_tag(1, 9);
	assert_string_equal(parse(), "no memory map");
	make_tags();
	put(put_tag(3, 18) + 12, 4, START + SIZE + 1);
	assert_string_equal(parse(), "a module that is not in memory");
	memset(memory, 0, SIZE);
	for (u32 at = INFO + 8; at < START + SIZE; at += 8) {
		put(at, 4, 99);
		put(at + 4, 4, 8);
	}
	assert_string_equal(parse(), "information without an end");
}

/* Whatever it reads, it stays within memory: ASan watches. */
static void survives_spoilt_information(void **state)
{
	(void)state;
	srand(1);
	for (u32 i = 0; i < 20000; i++) {
		if (i % 2) {
			make_tags();
			put_framebuffer(32, 1, 16, 0);
		} else {
			make_all();
		}
		for (u32 j = 0; j < 4; j++) {
			put(INFO + (u32)rand() % 0x500, 1 + (u32)rand() % 4, (u32)rand());
		}
		(void)parse();
		(void)multiboot_file_find(&facts, "\\guests\\vmlinuz");
	}
}

static void put_rsdp(u32 at)
{
	u8 sum = 0;

	memcpy(memory + at - START, "RSD PTR ", 8);
	for (u32 i = 0; i < 20; i++) {
		sum = (u8)(sum + memory[at - START + i]);
	}
	memory[at - START + 8] = (u8)(memory[at - START + 8] - sum);
}

static void finds_the_rsdp(void **state)
{
	struct memory_window window = window_of();

	(void)state;
	make_all();
	assert_int_equal(bios_rsdp_find(&window), 0);
	put_rsdp(0xf5a30);
	assert_int_equal(bios_rsdp_find(&window), 0xf5a30);
	put_rsdp(0xe0000);
	assert_int_equal(bios_rsdp_find(&window), 0xe0000);
	put(0xe0005, 1, 0); /* neither its name nor its sum */
	put_rsdp(0xe0028);  /* not where one may be */
	assert_int_equal(bios_rsdp_find(&window), 0xf5a30);
	put(0x40e, 2, 0x9fc0);
	put_rsdp(0x9fc10);
	assert_int_equal(bios_rsdp_find(&window), 0x9fc10);
	put(0x9fc15, 1, 0x55);
	assert_int_equal(bios_rsdp_find(&window), 0xf5a30);
	put(0xf5a3c, 1, 0x55); /* a wrong sum */
	assert_int_equal(bios_rsdp_find(&window), 0);
}

static void tells_the_time(void **state)
{
	static const struct clock_date epoch = {1970, 1, 1, 0, 0, 0};
	static const struct clock_date leap = {2000, 2, 29, 12, 34, 56};
	static const struct clock_date late = {2100, 3, 1, 0, 0, 1};
	static const struct clock_date early = {1969, 12, 31, 23, 59, 59},
				       none = {2024, 13, 1, 0, 0, 0};

	(void)state;
	assert_int_equal(clock_unix_time(&epoch), 0);
	assert_int_equal(clock_unix_time(&leap), 951827696);
	assert_int_equal(clock_unix_time(&late), 4107542401);
	assert_int_equal(clock_unix_time(&early), 0);
	assert_int_equal(clock_unix_time(&none), 0);
}

static void reads_the_clock(void **state)
{
	u8 r[CLOCK_REGISTERS] = {[0] = 0x59, [2] = 0x30, [4] = 0x23,   [7] = 0x31,
				 [8] = 0x12, [9] = 0x26, [0xb] = 0x02, [0x32] = 0x20};
	struct clock_date d = clock_of_registers(r);

	(void)state;
	assert_int_equal(d.year, 2026);
	assert_int_equal(d.month, 12);
	assert_int_equal(d.day, 31);
	assert_int_equal(d.hour, 23);
	assert_int_equal(d.minute, 30);
	assert_int_equal(d.second, 59);
	r[0x32] = 0; /* a PC that keeps no century */
	assert_int_equal(clock_of_registers(r).year, 2026);
	r[9] = 0x97;
	assert_int_equal(clock_of_registers(r).year, 1997);
	r[0xb] = 0; /* twelve hours */
	r[4] = 0x12;
	assert_int_equal(clock_of_registers(r).hour, 0);
	r[4] = 0x92;
	assert_int_equal(clock_of_registers(r).hour, 12);
	r[4] = 0x81;
	assert_int_equal(clock_of_registers(r).hour, 13);
	r[0xb] = 0x06; /* binary */
	r[4] = 23;
	assert_int_equal(clock_of_registers(r).hour, 23);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_good_information),
		cmocka_unit_test(finds_the_configuration),
		cmocka_unit_test(refuses_wrong_information),
		cmocka_unit_test(reads_good_tags),
		cmocka_unit_test(leaves_other_screens_out),
		cmocka_unit_test(refuses_wrong_tags),
		cmocka_unit_test(survives_spoilt_information),
		cmocka_unit_test(finds_the_rsdp),
		cmocka_unit_test(tells_the_time),
		cmocka_unit_test(reads_the_clock),
	};
	int failed;

	memory = malloc(SIZE); /* exact: ASan guards both ends */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(memory);
	return failed;
}
