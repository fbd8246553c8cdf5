// SPDX-License-Identifier: Apache-2.0
/* The symboliser over crafted ELF files, this program's own, and spoilt ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>

#include <cmocka.h>

#include "vmm/ksyms.h"

struct image {
	Elf64_Ehdr header;
	Elf64_Shdr sections[4];
	Elf64_Sym symbols[8];
	char strings[64];
};

static const char names[64] = "\0first\0second\0asm_a\0asm_b\0data\0outside\0nested";

static Elf64_Sym symbol(const char *name, u8 type, u16 section, u64 value, u64 size)
{
	size_t at = 1;

	while (strcmp(names + at, name) != 0) {
		at += strlen(names + at) + 1;
	}
	return (Elf64_Sym){.st_name = (u32)at,
			   .st_info = ELF64_ST_INFO(STB_GLOBAL, type),
			   .st_shndx = section,
			   .st_value = value,
			   .st_size = size};
}

static void make_image(struct image *im)
{
	memset(im, 0, sizeof(*im));
	memcpy(im->header.e_ident, ELFMAG, SELFMAG);
	im->header.e_ident[EI_CLASS] = ELFCLASS64;
	im->header.e_ident[EI_DATA] = ELFDATA2LSB;
	im->header.e_shoff = offsetof(struct image, sections);
	im->header.e_shentsize = sizeof(Elf64_Shdr);
	im->header.e_shnum = ARRAY_SIZE(im->sections);
	im->sections[2] = (Elf64_Shdr){.sh_type = SHT_SYMTAB,
				       .sh_offset = offsetof(struct image, symbols),
				       .sh_size = sizeof(im->symbols),
				       .sh_entsize = sizeof(Elf64_Sym),
				       .sh_link = 3};
	im->sections[3] = (Elf64_Shdr){.sh_type = SHT_STRTAB,
				       .sh_offset = offsetof(struct image, strings),
				       .sh_size = sizeof(im->strings)};
	memcpy(im->strings, names, sizeof(names));
	im->symbols[1] = symbol("second", STT_FUNC, 1, 0x2000, 0x100);
	im->symbols[2] = symbol("first", STT_FUNC, 1, 0x1000, 0x100);
	im->symbols[3] = symbol("asm_a", STT_FUNC, 1, 0x3000, 0);
	im->symbols[4] = symbol("asm_b", STT_FUNC, 1, 0x3040, 0);
	im->symbols[5] = symbol("data", STT_OBJECT, 1, 0x1000, 0x10000);
	im->symbols[6] = symbol("outside", STT_FUNC, SHN_UNDEF, 0x1000, 0x10000);
	im->symbols[7] = symbol("nested", STT_FUNC, 1, 0x2080, 0x10);
}

static void expect(u64 addr, const char *name, u64 offset)
{
	u64 got = 0;
	const char *found = ksym_find(addr, &got);

	if (!name) {
		assert_null(found);
		return;
	}
	assert_non_null(found);
	assert_string_equal(found, name);
	assert_int_equal(got, offset);
}

static void finds_functions(void **state)
{
	/* One byte off: nothing in the file need be aligned. */
	char *odd = malloc(sizeof(struct image) + 1);
	struct image im;

	(void)state;
	make_image(&im);
	memcpy(odd + 1, &im, sizeof(im));
	assert_int_equal(ksyms_init(odd + 1, sizeof(im)), 0);
	expect(0xfff, NULL, 0);
	expect(0x1000, "first", 0);
	expect(0x10ff, "first", 0xff);
	expect(0x1100, NULL, 0);
	expect(0x2085, "nested", 5);
	expect(0x2090, "second", 0x90);
	expect(0x303f, "asm_a", 0x3f);
	expect(0x3041, "asm_b", 1);
	expect(0x3040 + 4096, NULL, 0);
	expect(~(u64)0, NULL, 0);
	free(odd);
}

static void refuses_wrong_files(void **state)
{
	struct image im;

	(void)state;
	make_image(&im);
	assert_int_equal(ksyms_init(&im, 0), -EINVAL);
	assert_int_equal(ksyms_init(&im, sizeof(im.header) - 1), -EINVAL);
	assert_int_equal(ksyms_init(&im, sizeof(im.header)), -EINVAL);
	assert_int_equal(ksyms_init(&im, sizeof(im) - 1), -EINVAL);
	im.header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(ksyms_init(&im, sizeof(im)), -EINVAL);
	make_image(&im);
	im.sections[2].sh_type = SHT_PROGBITS;
	assert_int_equal(ksyms_init(&im, sizeof(im)), -ENOENT);
	expect(0x1000, NULL, 0); /* and finds nothing from before */
	make_image(&im);
	im.strings[sizeof(im.strings) - 1] = 'x';
	assert_int_equal(ksyms_init(&im, sizeof(im)), -EINVAL);
	make_image(&im);
	im.sections[2].sh_link = 4;
	assert_int_equal(ksyms_init(&im, sizeof(im)), -EINVAL);
	make_image(&im);
	im.sections[2].sh_offset = ~(u64)0 - 8;
	assert_int_equal(ksyms_init(&im, sizeof(im)), -EINVAL);
	make_image(&im);
	im.header.e_shoff = ~(u64)0 - 63;
	assert_int_equal(ksyms_init(&im, sizeof(im)), -EINVAL);
}

static void survives_spoilt_files(void **state)
{
	struct image *im = malloc(sizeof(*im)); /* exact: ASan guards both ends */
	u8 *bytes = (u8 *)im;
	u64 offset;

	(void)state;
	srandom(1);
	for (int round = 0; round < 200000; round++) {
		make_image(im);
		for (int i = 0; i < 3; i++) {
			bytes[(size_t)random() % sizeof(*im)] = (u8)random();
		}
		if (ksyms_init(im, sizeof(*im)) == 0) {
			const char *name = ksym_find((u64)random() % 0x4000, &offset);

			assert_true(!name || strlen(name) < sizeof(*im));
		}
	}
	free(im);
}

extern const char __executable_start[]; /* the linker's */

static void knows_this_program(void **state)
{
	FILE *f = fopen("/proc/self/exe", "rb");
	u64 offset = 0, base = 0;
	size_t size;
	char *elf;

	(void)state;
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = (size_t)ftell(f);
	rewind(f);
	elf = malloc(size);
	assert_int_equal(fread(elf, 1, size, f), size);
	(void)fclose(f);
	assert_int_equal(ksyms_init(elf, size), 0);

	/* A position-independent program: its symbols count from where it was loaded. */
	if (((const Elf64_Ehdr *)(const void *)elf)->e_type == ET_DYN) {
		base = (u64)(uintptr_t)__executable_start;
	}
	assert_string_equal(ksym_find((u64)(uintptr_t)knows_this_program - base + 3, &offset),
			    "knows_this_program");
	assert_int_equal(offset, 3);
	assert_string_equal(ksym_find((u64)(uintptr_t)ksym_find - base, &offset), "ksym_find");
	free(elf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_functions),
		cmocka_unit_test(refuses_wrong_files),
		cmocka_unit_test(survives_spoilt_files),
		cmocka_unit_test(knows_this_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
