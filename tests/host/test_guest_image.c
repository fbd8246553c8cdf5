// SPDX-License-Identifier: Apache-2.0
/* ELF, Multiboot, PVH and raw kernels: what is read out of a good one, and why a bad one is none.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/bits.h"
#include "vmm/guest_image.h"

#define FILE_MAX 16384
#define MB_MAGIC 0x1badb002u

/* A file being made; numbers are little-endian. */
struct maker {
	u8 bytes[FILE_MAX];
	u64 size;
	bool is_64;
	u32 phdrs;
};

static struct maker m;

static void put(u64 at, u64 value, unsigned size)
{
	assert_true(at + size <= FILE_MAX);
	memcpy(m.bytes + at, &value, size);
	m.size = max_u64(m.size, at + size);
}

static void elf_start(bool is_64, u16 machine, u64 entry)
{
	m = (struct maker){.is_64 = is_64};
	put(0, 0x464c457f, 4);
	put(4, is_64 ? 2 : 1, 1);
	put(5, 1, 1);
	put(6, 1, 1);
	put(16, 2, 2);
	put(18, machine, 2);
	put(24, entry, is_64 ? 8 : 4);
	put(is_64 ? 32 : 28, is_64 ? 64 : 52, is_64 ? 8 : 4);
	put(is_64 ? 54 : 42, is_64 ? 56 : 32, 2);
	put(0x1ff, 0, 1); /* what segments may take from */
}

struct phdr {
	u64 type, offset, vaddr, paddr, file_size, memory_size, align;
};

static void phdr_add(struct phdr p)
{
	u64 at = (m.is_64 ? 64 : 52) + m.phdrs * (m.is_64 ? 56u : 32u);
	u64 w = m.is_64 ? 8 : 4, first = m.is_64 ? 8 : 4;

	put(at, p.type, 4);
	put(at + first, p.offset, (unsigned)w);
	put(at + first + w, p.vaddr, (unsigned)w);
	put(at + first + 2 * w, p.paddr, (unsigned)w);
	put(at + first + 3 * w, p.file_size, (unsigned)w);
	put(at + first + 4 * w, p.memory_size, (unsigned)w);
	put(at + (m.is_64 ? 48 : 28), p.align, (unsigned)w);
	put(m.is_64 ? 56 : 44, ++m.phdrs, 2);
}

/* The file lies in a block of its own size, so that ASan sees a read behind it. */
static int parse(enum guest_machine machine, enum boot_image_kind kind, struct guest_image *image,
		 struct guest_image_fault *fault)
{
	u8 *copy = malloc(m.size ? m.size : 1);
	struct guest_file file = {copy, m.size, machine};
	int err;

	assert_non_null(copy);
	memcpy(copy, m.bytes, m.size);
	err = guest_image_parse(&file, kind, image, fault);
	free(copy);
	return err;
}

static void expect_good(enum guest_machine machine, enum boot_image_kind kind,
			struct guest_image *image)
{
	struct guest_image_fault fault = {0};

	if (parse(machine, kind, image, &fault)) {
		fail_msg("%s: expected %s, found %#lx", fault.field, fault.expected,
			 (unsigned long)fault.found);
	}
}

static void expect_fault(enum boot_image_kind kind, const char *field)
{
	struct guest_image_fault fault = {0};
	struct guest_image image;

	assert_int_equal(parse(GUEST_MACHINE_X86, kind, &image, &fault), -EINVAL);
	assert_string_equal(fault.field, field);
	assert_true(strlen(fault.expected) > 0);
}

static const struct phdr text = {1, 0x100, 0xffffffff80100000, 0x100000, 0x80, 0x1000, 0x1000};

static void test_elf(void **state)
{
	static const struct {
		bool is_64;
		u16 machine;
	} good[] = {{true, 62}, {false, 3}, {false, 62}};
	struct guest_image image;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		elf_start(good[i].is_64, good[i].machine, 0x100004);
		phdr_add(text);
		phdr_add((struct phdr){1, 0x180, 0, 0x200000, 0x10, 0x20, 0});
		phdr_add((struct phdr){1, 0xfffff, 0, 0x10, 0, 0, 0}); /* nothing */
		phdr_add((struct phdr){2, 0xfffff, 0, 0x10, 9, 9, 0}); /* not loaded */
		expect_good(GUEST_MACHINE_X86, BOOT_IMAGE_ELF, &image);
		assert_int_equal(image.entry, 0x100004);
		assert_int_equal(image.is_64, good[i].is_64);
		assert_int_equal(image.segment_count, 2);
		assert_int_equal(image.segment[0].addr, 0x100000);
		assert_int_equal(image.segment[0].file_offset, 0x100);
		assert_int_equal(image.segment[0].file_size, 0x80);
		assert_int_equal(image.segment[0].memory_size, 0x1000);
		assert_int_equal(image.low, 0x100000);
		assert_int_equal(image.end, 0x200020);
	}
}

static void test_elf_virtual_entry(void **state)
{
	struct guest_image image;

	(void)state;
	elf_start(true, 62, 0xffffffff80100010);
	phdr_add(text);
	expect_good(GUEST_MACHINE_X86, BOOT_IMAGE_ELF, &image);
	assert_int_equal(image.entry, 0x100010);
	put(24, 0xffffffff80100080, 8); /* behind the bytes of the file */
	expect_fault(BOOT_IMAGE_ELF, "e_entry");
	put(24, 0x100080, 8);
	expect_fault(BOOT_IMAGE_ELF, "e_entry");
}

static void test_elf_arm64(void **state)
{
	struct guest_image image;
	struct guest_image_fault fault;

	(void)state;
	elf_start(true, 183, 0x40080000);
	phdr_add((struct phdr){1, 0x100, 0x40080000, 0x40080000, 0x80, 0x1000, 0});
	expect_good(GUEST_MACHINE_ARM64, BOOT_IMAGE_ELF, &image);
	assert_int_equal(image.entry, 0x40080000);
	assert_int_equal(parse(GUEST_MACHINE_X86, BOOT_IMAGE_ELF, &image, &fault), -EINVAL);
	assert_string_equal(fault.field, "e_machine");
	elf_start(true, 62, 0x40080000);
	assert_int_equal(parse(GUEST_MACHINE_ARM64, BOOT_IMAGE_ELF, &image, &fault), -EINVAL);
	assert_string_equal(fault.field, "e_machine");
	elf_start(true, 183, 0x100000);
	phdr_add(text);
	assert_int_equal(parse(GUEST_MACHINE_ARM64, BOOT_IMAGE_ELF, &image, &fault), -EINVAL);
	assert_string_equal(fault.field, "p_paddr");
}

static void elf_with(u64 at, u64 value, unsigned size)
{
	elf_start(true, 62, 0x100000);
	phdr_add(text);
	put(at, value, size);
}

static void test_elf_low(void **state)
{
	struct guest_image image;

	(void)state;
	elf_with(64 + 24, 0x7f000, 8);
	put(24, 0x7f004, 8);
	expect_good(GUEST_MACHINE_X86, BOOT_IMAGE_ELF, &image);
	assert_int_equal(image.low, 0x7f000);
	assert_int_equal(image.end, 0x80000);
}

static void test_elf_wrong(void **state)
{
	static const struct {
		u64 at, value;
		unsigned size;
		const char *field;
	} rows[] = {
		{0, 'X', 1, "e_ident"},
		{4, 3, 1, "EI_CLASS"},
		{5, 2, 1, "EI_DATA"},
		{16, 3, 2, "e_type"},
		{18, 40, 2, "e_machine"},
		{32, 0x300, 8, "e_phoff"},
		{32, ~(u64)0, 8, "e_phoff"},
		{54, 32, 2, "e_phentsize"},
		{56, 0, 2, "e_phnum"},
		{56, 0xffff, 2, "e_phoff"},
		{64 + 8, 0x300, 8, "p_filesz"},
		{64 + 8, ~(u64)0, 8, "p_filesz"},
		{64 + 32, 0x200, 8, "p_filesz"},
		{64 + 32, ~(u64)0, 8, "p_filesz"},
		{64 + 40, 0x7f, 8, "p_memsz"},
		{64 + 40, ~(u64)0, 8, "p_paddr"},
		{64 + 24, 0xfffff, 8, "p_paddr"},
		{64 + 24, 0xfff, 8, "p_paddr"},
		{64 + 24, 0x7f001, 8, "p_paddr"},
		{64 + 24, 0x80000, 8, "p_paddr"},
		{64 + 24, 0xfffff001, 8, "p_paddr"},
		{64 + 24, ~(u64)0, 8, "p_paddr"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		elf_with(rows[i].at, rows[i].value, rows[i].size);
		expect_fault(BOOT_IMAGE_ELF, rows[i].field);
	}
	elf_with(0, 0x7f, 1);
	m.size = 63;
	expect_fault(BOOT_IMAGE_ELF, "e_ident");
	m.size = 0;
	expect_fault(BOOT_IMAGE_ELF, "e_ident");
	elf_start(true, 62, 0x100000);
	for (u32 i = 0; i <= GUEST_SEGMENTS_MAX; i++) {
		phdr_add(text);
	}
	expect_fault(BOOT_IMAGE_ELF, "p_paddr");
	elf_start(true, 62, 0x100000);
	for (u32 i = 0; i <= 256; i++) {
		phdr_add((struct phdr){0});
	}
	expect_fault(BOOT_IMAGE_ELF, "e_phnum");
}

static u64 note_add(u64 at, const char *name, u32 type, u64 entry)
{
	put(at, strlen(name) + 1, 4);
	put(at + 4, 4, 4);
	put(at + 8, type, 4);
	put(at + 12, 0, 8);
	memcpy(m.bytes + at + 12, name, strlen(name));
	put(at + 12 + align_up(strlen(name) + 1, 4), entry, 4);
	return at + 16 + align_up(strlen(name) + 1, 4);
}

static void pvh_make(u64 entry)
{
	u64 end;

	elf_start(true, 62, 0);
	phdr_add(text);
	end = note_add(0x300, "GNU", 18, 7);
	end = note_add(end, "Xen", 6, 8);
	end = note_add(end, "Xen", 18, entry);
	phdr_add((struct phdr){4, 0x300, 0, 0, end - 0x300, end - 0x300, 4});
}

static void test_pvh(void **state)
{
	struct guest_image image;

	(void)state;
	pvh_make(0x100040);
	expect_good(GUEST_MACHINE_X86, BOOT_IMAGE_PVH, &image);
	assert_int_equal(image.entry, 0x100040);
	pvh_make(0x300000);
	expect_fault(BOOT_IMAGE_PVH, "PHYS32_ENTRY");
	elf_with(0, 0x7f, 1);
	expect_fault(BOOT_IMAGE_PVH, "PT_NOTE");
	for (u64 cut = 1; cut <= 12; cut++) { /* the note's end beyond the segment's */
		pvh_make(0x100040);
		put(64 + 56 + 32, m.size - 0x300 - cut, 8);
		expect_fault(BOOT_IMAGE_PVH, "PT_NOTE");
	}
	pvh_make(0x100040);
	put(0x300, 0xffffffff, 4); /* a name of 4 GiB */
	expect_fault(BOOT_IMAGE_PVH, "PT_NOTE");
	pvh_make(0x100040);
	put(64 + 56 + 8, ~(u64)0 - 4, 8); /* notes beyond the file */
	expect_fault(BOOT_IMAGE_PVH, "PT_NOTE");
}

static void multiboot_header(u64 at, u32 flags)
{
	put(at, MB_MAGIC, 4);
	put(at + 4, flags, 4);
	put(at + 8, (u32) - (MB_MAGIC + flags), 4);
}

static void test_multiboot_elf(void **state)
{
	struct guest_image image;

	(void)state;
	elf_start(false, 3, 0x100000);
	phdr_add(text);
	put(0x300, MB_MAGIC, 4); /* no header: its checksum is wrong */
	multiboot_header(0x400, 3);
	expect_good(GUEST_MACHINE_X86, BOOT_IMAGE_MULTIBOOT, &image);
	assert_int_equal(image.entry, 0x100000);
	multiboot_header(0x400, 4);
	expect_fault(BOOT_IMAGE_MULTIBOOT, "flags");
	multiboot_header(0x400, BIT(15));
	expect_fault(BOOT_IMAGE_MULTIBOOT, "flags");
	multiboot_header(0x400, BIT(31)); /* a wish, which may be left */
	expect_good(GUEST_MACHINE_X86, BOOT_IMAGE_MULTIBOOT, &image);
	put(0x400, 0, 4);
	expect_fault(BOOT_IMAGE_MULTIBOOT, "magic");
	multiboot_header(8192 - 12, 0);
	expect_good(GUEST_MACHINE_X86, BOOT_IMAGE_MULTIBOOT, &image);
	put(8192 - 12, 0, 4);
	multiboot_header(8192 - 8, 0);
	expect_fault(BOOT_IMAGE_MULTIBOOT, "magic");
	m.size = 11;
	expect_fault(BOOT_IMAGE_MULTIBOOT, "magic");
}

/* No ELF: addresses in the header, at 0x40 of a file of 0x200 bytes. */
static void addresses_make(u32 load, u32 load_end, u32 bss_end, u32 entry)
{
	m = (struct maker){.size = 0x200};
	multiboot_header(0x40, BIT(16));
	put(0x4c, 0x100020, 4);
	put(0x50, load, 4);
	put(0x54, load_end, 4);
	put(0x58, bss_end, 4);
	put(0x5c, entry, 4);
}

static void test_multiboot_addresses(void **state)
{
	struct guest_image image;

	(void)state;
	addresses_make(0x100000, 0x100100, 0x102000, 0x100050);
	expect_good(GUEST_MACHINE_X86, BOOT_IMAGE_MULTIBOOT, &image);
	assert_int_equal(image.entry, 0x100050);
	assert_int_equal(image.segment_count, 1);
	assert_int_equal(image.segment[0].addr, 0x100000);
	assert_int_equal(image.segment[0].file_offset, 0x20);
	assert_int_equal(image.segment[0].file_size, 0x100);
	assert_int_equal(image.segment[0].memory_size, 0x2000);
	addresses_make(0x100000, 0, 0, 0x100050);
	expect_good(GUEST_MACHINE_X86, BOOT_IMAGE_MULTIBOOT, &image);
	assert_int_equal(image.segment[0].file_size, 0x1e0);
	assert_int_equal(image.end, 0x1001e0);
	addresses_make(0x100021, 0, 0, 0x100050);
	expect_fault(BOOT_IMAGE_MULTIBOOT, "load_addr");
	addresses_make(0xfffdf, 0, 0, 0x100050);
	expect_fault(BOOT_IMAGE_MULTIBOOT, "load_addr");
	addresses_make(0x100000, 0xfffff, 0, 0x100050);
	expect_fault(BOOT_IMAGE_MULTIBOOT, "load_end_addr");
	addresses_make(0x100000, 0x1001e1, 0, 0x100050);
	expect_fault(BOOT_IMAGE_MULTIBOOT, "load_end_addr");
	addresses_make(0x100000, 0x100100, 0x1000ff, 0x100050);
	expect_fault(BOOT_IMAGE_MULTIBOOT, "bss_end_addr");
	addresses_make(0x100000, 0x100100, 0, 0x100100);
	expect_fault(BOOT_IMAGE_MULTIBOOT, "entry_addr");
	addresses_make(0x100000, 0x100100, 0, 0xfffff);
	expect_fault(BOOT_IMAGE_MULTIBOOT, "entry_addr");
	addresses_make(0x100000, 0, 0, 0x100050);
	m.size = 0x5f;
	expect_fault(BOOT_IMAGE_MULTIBOOT, "flags");
}

static void test_raw(void **state)
{
	struct guest_image_fault fault;
	struct guest_image image;

	(void)state;
	m = (struct maker){.size = 100};
	expect_good(GUEST_MACHINE_ARM64, BOOT_IMAGE_RAW, &image);
	assert_int_equal(image.entry, 0x40080000);
	assert_int_equal(image.segment_count, 1);
	assert_int_equal(image.segment[0].addr, 0x40080000);
	assert_int_equal(image.segment[0].file_size, 100);
	assert_int_equal(image.end, 0x40080064);
	m.size = 3;
	assert_int_equal(parse(GUEST_MACHINE_ARM64, BOOT_IMAGE_RAW, &image, &fault), -EINVAL);
	assert_string_equal(fault.field, "size");
	expect_fault(BOOT_IMAGE_LINUX, "kind");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_elf),           cmocka_unit_test(test_elf_virtual_entry),
		cmocka_unit_test(test_elf_arm64),     cmocka_unit_test(test_elf_low),
		cmocka_unit_test(test_elf_wrong),     cmocka_unit_test(test_pvh),
		cmocka_unit_test(test_multiboot_elf), cmocka_unit_test(test_multiboot_addresses),
		cmocka_unit_test(test_raw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
