// SPDX-License-Identifier: Apache-2.0
/*
 * The symboliser. Used in panics: it allocates nothing, trusts no offset of the file, and reads
 * each record into a local copy (the file may lie unaligned). A linear search: nobody waits.
 * "System V Application Binary Interface" (gABI), chapters "Object Files", "Symbol Table".
 */
#include "vmm/ksyms.h"

#include <errno.h>
#include <string.h>

#define ELF_CLASS_64     2
#define ELF_DATA_LSB     1
#define SHT_SYMTAB       2
#define SHT_STRTAB       3
#define STT_FUNC         2
#define SHN_UNDEF        0
#define SHN_LORESERVE    0xff00
#define UNSIZED_FUNC_MAX 4096 /* assembly may leave a symbol's size out */

struct elf_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, phoff, shoff;
	u32 flags;
	u16 ehsize, phentsize, phnum, shentsize, shnum, shstrndx;
};

struct elf_section {
	u32 name, type;
	u64 flags, addr, offset, size;
	u32 link, info;
	u64 addralign, entsize;
};

struct elf_symbol {
	u32 name;
	u8 info, other;
	u16 shndx;
	u64 value, size;
};

static_assert(sizeof(struct elf_header) == 64, "gABI: Elf64_Ehdr");
static_assert(sizeof(struct elf_section) == 64, "gABI: Elf64_Shdr");
static_assert(sizeof(struct elf_symbol) == 24, "gABI: Elf64_Sym");

struct elf_file {
	const u8 *bytes;
	size_t size;
};

static struct {
	const u8 *symbols;
	u64 symbol_count;
	const char *strings; /* ends with a NUL */
	u64 strings_size;
} ksyms;

static const u8 *file_range(const struct elf_file *f, u64 offset, u64 size)
{
	return offset <= f->size && size <= f->size - offset ? f->bytes + offset : NULL;
}

static bool read_header(const struct elf_file *f, struct elf_header *h)
{
	const u8 *p = file_range(f, 0, sizeof(*h));

	if (!p) {
		return false;
	}
	memcpy(h, p, sizeof(*h));
	return memcmp(h->ident, "\177ELF", 4) == 0 && h->ident[4] == ELF_CLASS_64 &&
	       h->ident[5] == ELF_DATA_LSB && h->shentsize == sizeof(struct elf_section);
}

static bool read_section(const struct elf_file *f, const struct elf_header *h, u32 i,
			 struct elf_section *s)
{
	const u8 *table = file_range(f, h->shoff, (u64)h->shnum * sizeof(*s));

	if (!table || i >= h->shnum) {
		return false;
	}
	memcpy(s, table + (size_t)i * sizeof(*s), sizeof(*s));
	return true;
}

static int use_symtab(const struct elf_file *f, const struct elf_header *h,
		      const struct elf_section *symtab)
{
	const u8 *symbols = file_range(f, symtab->offset, symtab->size);
	struct elf_section strtab;
	const u8 *strings;

	if (!symbols || symtab->entsize != sizeof(struct elf_symbol) ||
	    !read_section(f, h, symtab->link, &strtab) || strtab.type != SHT_STRTAB) {
		return -EINVAL;
	}
	strings = file_range(f, strtab.offset, strtab.size);
	if (!strings || strtab.size == 0 || strings[strtab.size - 1] != 0) {
		return -EINVAL;
	}
	ksyms.symbols = symbols;
	ksyms.symbol_count = symtab->size / sizeof(struct elf_symbol);
	ksyms.strings = (const char *)strings;
	ksyms.strings_size = strtab.size;
	return 0;
}

int ksyms_init(const void *elf, size_t size)
{
	struct elf_file file = {elf, size};
	struct elf_header header;
	struct elf_section section;

	ksyms.symbol_count = 0;
	if (!read_header(&file, &header)) {
		return -EINVAL;
	}
	for (u32 i = 0; i < header.shnum; i++) {
		if (!read_section(&file, &header, i, &section)) {
			return -EINVAL;
		}
		if (section.type == SHT_SYMTAB) {
			return use_symtab(&file, &header, &section);
		}
	}
	return -ENOENT;
}

static bool symbol_covers(const struct elf_symbol *s, u64 addr)
{
	u64 size = s->size ? s->size : UNSIZED_FUNC_MAX;

	return (s->info & 0xf) == STT_FUNC && s->shndx != SHN_UNDEF && s->shndx < SHN_LORESERVE &&
	       s->name < ksyms.strings_size && addr >= s->value && addr - s->value < size;
}

/* Of two that cover an address, the one that begins later; at the same place, the sized one. */
static bool symbol_is_better(const struct elf_symbol *a, const struct elf_symbol *b)
{
	return a->value > b->value || (a->value == b->value && a->size && !b->size);
}

const char *ksym_find(u64 addr, u64 *offset)
{
	struct elf_symbol best = {0};
	bool found = false;

	for (u64 i = 0; i < ksyms.symbol_count; i++) {
		struct elf_symbol s;

		memcpy(&s, ksyms.symbols + i * sizeof(s), sizeof(s));
		if (symbol_covers(&s, addr) && (!found || symbol_is_better(&s, &best))) {
			best = s;
			found = true;
		}
	}
	if (!found) {
		return NULL;
	}
	*offset = addr - best.value;
	return ksyms.strings + best.name;
}
