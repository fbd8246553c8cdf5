// SPDX-License-Identifier: Apache-2.0
/*
 * Runs in the loader as well as in the core: ISO C, no log, no allocation. Every number of the file
 * is compared with what is left before it is added to anything.
 */
#include "vmm/guest_image.h"

#include <errno.h>
#include <string.h>

#include "mm/bits.h"

#define ELF_EXEC        2
#define ELF_386         3
#define ELF_X86_64      62
#define ELF_AARCH64     183
#define PHDR_LOAD       1
#define PHDR_NOTE       4
#define NOTE_PHYS32     18 /* XEN_ELFNOTE_PHYS32_ENTRY */
#define NOTE_HEADER     12
#define NOTES_SIZE_MAX  BIT(16) /* of a segment that is searched */
#define PHDRS_MAX       256
#define ADDR_END        BIT(40)
#define X86_HOLE_END    BIT(20)
#define X86_END         BIT(32)
#define MB_SEARCH       8192
#define MB_MAGIC        0x1badb002u
#define MB_REQUIRED     0xffffu /* flags that a loader has to know */
#define MB_KNOWN        0x0003u /* modules on pages; memory information: both are always given */
#define MB_ADDRESSES    BIT(16)
#define MB_HEADER       12
#define MB_HEADER_ADDRS 32

/* Offsets of ELF's two classes. */
struct elf_layout {
	u8 header, word;
	u8 entry, phoff, phentsize, phnum;
	u8 phdr;
	u8 p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_align;
};

static const struct elf_layout elf32 = {52, 4, 24, 28, 42, 44, 32, 4, 8, 12, 16, 20, 28};
static const struct elf_layout elf64 = {64, 8, 24, 32, 54, 56, 56, 8, 16, 24, 32, 40, 48};

struct elf_phdr {
	u32 type;
	u64 offset, vaddr, paddr, file_size, memory_size, align;
};

struct parse {
	const struct guest_file *file;
	struct guest_image *out;
	struct guest_image_fault *fault;
	const struct elf_layout *elf;
	u64 phoff, phnum;
};

static int fail(const struct parse *p, const char *field, const char *expected, u64 found)
{
	*p->fault = (struct guest_image_fault){field, expected, found};
	return -EINVAL;
}

/* The caller has checked that the bytes are there. */
static u64 field_at(const struct parse *p, u64 offset, u32 size)
{
	u64 value = 0;

	while (size--) {
		value = value << 8 | p->file->bytes[offset + size];
	}
	return value;
}

/* Returns what is expected of the segment's place, NULL when it is right. */
static const char *x86_place_expected(const struct guest_segment *s)
{
	if (s->addr >= GUEST_X86_LOW && s->addr < GUEST_X86_LOW_END) {
		return s->memory_size <= GUEST_X86_LOW_END - s->addr
			       ? NULL
			       : "a segment that ends below 0x80000 or begins at 0x100000 or above";
	}
	if (s->addr < X86_HOLE_END) {
		return "an address from 0x1000 to 0x7ffff or from 0x100000 up";
	}
	return s->addr < X86_END && s->memory_size <= X86_END - s->addr
		       ? NULL
		       : "a segment that ends below 4 GiB";
}

static const char *arm64_place_expected(const struct guest_segment *s)
{
	if (s->addr < guest_image_ram_base(GUEST_MACHINE_ARM64)) {
		return "an address from 0x40000000 up";
	}
	return s->addr < ADDR_END && s->memory_size <= ADDR_END - s->addr
		       ? NULL
		       : "a segment that ends below 2^40";
}

static int segment_add(const struct parse *p, const struct guest_segment *s, const char *field)
{
	struct guest_image *out = p->out;
	const char *expected = p->file->machine == GUEST_MACHINE_X86 ? x86_place_expected(s)
								     : arm64_place_expected(s);

	if (expected) {
		return fail(p, field, expected, s->addr);
	}
	if (out->segment_count == GUEST_SEGMENTS_MAX) {
		return fail(p, field, "at most 16 segments to load", out->segment_count + 1);
	}
	out->low = out->segment_count ? min_u64(out->low, s->addr) : s->addr;
	out->end = max_u64(out->end, s->addr + s->memory_size);
	out->segment[out->segment_count++] = *s;
	return 0;
}

static struct elf_phdr phdr_at(const struct parse *p, u64 index)
{
	const struct elf_layout *e = p->elf;
	u64 at = p->phoff + index * e->phdr;

	return (struct elf_phdr){
		.type = (u32)field_at(p, at, 4),
		.offset = field_at(p, at + e->p_offset, e->word),
		.vaddr = field_at(p, at + e->p_vaddr, e->word),
		.paddr = field_at(p, at + e->p_paddr, e->word),
		.file_size = field_at(p, at + e->p_filesz, e->word),
		.memory_size = field_at(p, at + e->p_memsz, e->word),
		.align = field_at(p, at + e->p_align, e->word),
	};
}

static int elf_header(struct parse *p)
{
	static const u8 magic[4] = {0x7f, 'E', 'L', 'F'};
	const struct guest_file *f = p->file;
	u64 machine;

	if (f->size < elf64.header || memcmp(f->bytes, magic, sizeof(magic)) != 0) {
		return fail(p, "e_ident", "an ELF file (0x464c457f)",
			    f->size < 4 ? 0 : field_at(p, 0, 4));
	}
	if (f->bytes[4] < 1 || f->bytes[4] > 2) {
		return fail(p, "EI_CLASS", "1 (ELF32) or 2 (ELF64)", f->bytes[4]);
	}
	p->out->is_64 = f->bytes[4] == 2;
	p->elf = p->out->is_64 ? &elf64 : &elf32;
	if (f->bytes[5] != 1) {
		return fail(p, "EI_DATA", "1 (little-endian)", f->bytes[5]);
	}
	if (field_at(p, 16, 2) != ELF_EXEC) {
		return fail(p, "e_type", "2 (an executable, linked to a fixed address)",
			    field_at(p, 16, 2));
	}
	machine = field_at(p, 18, 2);
	if (f->machine == GUEST_MACHINE_ARM64) {
		return machine == ELF_AARCH64 && p->out->is_64
			       ? 0
			       : fail(p, "e_machine", "183 (AArch64)", machine);
	}
	/* A 64-bit kernel may come in a 32-bit file. */
	if (machine != ELF_386 && machine != ELF_X86_64) {
		return fail(p, "e_machine", "3 (80386) or 62 (x86-64)", machine);
	}
	return 0;
}

static int elf_phdrs(struct parse *p)
{
	const struct elf_layout *e = p->elf;
	u64 size = p->file->size;

	p->phoff = field_at(p, e->phoff, e->word);
	p->phnum = field_at(p, e->phnum, 2);
	if (field_at(p, e->phentsize, 2) != e->phdr) {
		return fail(p, "e_phentsize", e->phdr == 32 ? "32" : "56",
			    field_at(p, e->phentsize, 2));
	}
	if (p->phoff > size || p->phnum > (size - p->phoff) / e->phdr) {
		return fail(p, "e_phoff", "program headers within the file", p->phoff);
	}
	if (p->phnum > PHDRS_MAX) {
		return fail(p, "e_phnum", "at most 256 program headers", p->phnum);
	}
	return 0;
}

static int elf_segments(struct parse *p)
{
	for (u64 i = 0; i < p->phnum; i++) {
		struct elf_phdr h = phdr_at(p, i);
		struct guest_segment s = {h.paddr, h.offset, h.file_size, h.memory_size};

		if (h.type != PHDR_LOAD || !h.memory_size) {
			continue;
		}
		if (h.offset > p->file->size || h.file_size > p->file->size - h.offset) {
			return fail(p, "p_filesz", "a segment within the file: it is cut off",
				    h.file_size);
		}
		if (h.file_size > h.memory_size) {
			return fail(p, "p_memsz", "at least p_filesz", h.memory_size);
		}
		if (segment_add(p, &s, "p_paddr")) {
			return -EINVAL;
		}
	}
	return p->out->segment_count ? 0 : fail(p, "e_phnum", "a segment to load", p->phnum);
}

static bool is_loaded(const struct guest_image *image, u64 addr)
{
	for (u32 i = 0; i < image->segment_count; i++) {
		if (addr - image->segment[i].addr < image->segment[i].file_size &&
		    addr >= image->segment[i].addr) {
			return true;
		}
	}
	return false;
}

/* As a physical address, or as the virtual one of a segment. */
static int elf_entry(struct parse *p)
{
	u64 entry = field_at(p, p->elf->entry, p->elf->word);

	p->out->entry = entry;
	if (is_loaded(p->out, entry)) {
		return 0;
	}
	for (u64 i = 0; i < p->phnum; i++) {
		struct elf_phdr h = phdr_at(p, i);

		if (h.type == PHDR_LOAD && entry >= h.vaddr && entry - h.vaddr < h.file_size) {
			p->out->entry = h.paddr + (entry - h.vaddr);
			return 0;
		}
	}
	return fail(p, "e_entry", "an address in a loaded segment", entry);
}

static int elf_parse(struct parse *p)
{
	int err = elf_header(p);

	err = err ? err : elf_phdrs(p);
	return err ? err : elf_segments(p);
}

/* One PT_NOTE segment. Returns true when the entry was found. */
static bool notes_search(struct parse *p, const struct elf_phdr *h)
{
	u64 align = h->align == 8 ? 8 : 4;
	u64 at = h->offset, end = h->offset + min_u64(h->file_size, NOTES_SIZE_MAX);

	while (end - at >= NOTE_HEADER) {
		u64 name_size = field_at(p, at, 4), size = field_at(p, at + 4, 4);
		u64 type = field_at(p, at + 8, 4);
		u64 name = at + NOTE_HEADER, desc = name + align_up(name_size, align);

		/* Both sizes are of 32 bits and @at is within a file: no sum runs over. */
		at = desc + align_up(size, align);
		if (at > end) {
			return false;
		}
		if (type == NOTE_PHYS32 && name_size == 4 &&
		    memcmp(p->file->bytes + name, "Xen", 4) == 0 && (size == 4 || size == 8)) {
			p->out->entry = field_at(p, desc, (u32)size);
			return true;
		}
	}
	return false;
}

static int pvh_parse(struct parse *p)
{
	if (elf_parse(p)) {
		return -EINVAL;
	}
	for (u64 i = 0; i < p->phnum; i++) {
		struct elf_phdr h = phdr_at(p, i);

		if (h.type != PHDR_NOTE || h.offset > p->file->size ||
		    h.file_size > p->file->size - h.offset || !notes_search(p, &h)) {
			continue;
		}
		return is_loaded(p->out, p->out->entry)
			       ? 0
			       : fail(p, "PHYS32_ENTRY", "an address in a loaded segment",
				      p->out->entry);
	}
	return fail(p, "PT_NOTE", "Xen's note PHYS32_ENTRY (type 18)", 0);
}

/* "The address fields of Multiboot header": one segment, told by four addresses. */
static int multiboot_addresses(struct parse *p, u64 header)
{
	u64 header_addr = field_at(p, header + 12, 4), load = field_at(p, header + 16, 4);
	u64 load_end = field_at(p, header + 20, 4), bss_end = field_at(p, header + 24, 4);
	struct guest_segment s = {.addr = load};

	if (load > header_addr || header_addr - load > header) {
		return fail(p, "load_addr", "an address of bytes of the file", load);
	}
	s.file_offset = header - (header_addr - load);
	s.file_size = load_end ? load_end - load : p->file->size - s.file_offset;
	if (load_end && (load_end < load || s.file_size > p->file->size - s.file_offset)) {
		return fail(p, "load_end_addr", "an address of bytes of the file", load_end);
	}
	if (bss_end && bss_end < load + s.file_size) {
		return fail(p, "bss_end_addr", "0 or an address behind load_end_addr", bss_end);
	}
	s.memory_size = bss_end ? bss_end - load : s.file_size;
	p->out->entry = field_at(p, header + 28, 4);
	if (segment_add(p, &s, "load_addr")) {
		return -EINVAL;
	}
	return is_loaded(p->out, p->out->entry)
		       ? 0
		       : fail(p, "entry_addr", "an address in the loaded bytes", p->out->entry);
}

static int multiboot_parse(struct parse *p)
{
	u64 size = p->file->size, end = min_u64(size, MB_SEARCH), at = 0, flags;

	for (;; at += 4) {
		if (end < MB_HEADER || at > end - MB_HEADER) {
			return fail(p, "magic",
				    "a Multiboot header (0x1badb002) in the first 8 KiB", 0);
		}
		flags = field_at(p, at + 4, 4);
		if (field_at(p, at, 4) == MB_MAGIC &&
		    (u32)(MB_MAGIC + flags + field_at(p, at + 8, 4)) == 0) {
			break;
		}
	}
	if (flags & MB_REQUIRED & ~MB_KNOWN) {
		return fail(p, "flags", "no required feature but bits 0 and 1 (no video mode)",
			    flags);
	}
	if (!(flags & MB_ADDRESSES)) {
		return elf_parse(p) || elf_entry(p) ? -EINVAL : 0;
	}
	if (size - at < MB_HEADER_ADDRS) {
		return fail(p, "flags", "address fields (bit 16) within the file", flags);
	}
	return multiboot_addresses(p, at);
}

static int raw_parse(struct parse *p)
{
	struct guest_segment s = {
		.addr = guest_image_ram_base(p->file->machine) + GUEST_RAW_OFFSET,
		.file_size = p->file->size,
		.memory_size = p->file->size,
	};

	p->out->entry = s.addr;
	return p->file->size < 4 ? fail(p, "size", "an instruction at least", p->file->size)
				 : segment_add(p, &s, "size");
}

int guest_image_parse(const struct guest_file *file, enum boot_image_kind kind,
		      struct guest_image *out, struct guest_image_fault *fault)
{
	struct parse p = {.file = file, .out = out, .fault = fault};

	*out = (struct guest_image){0};
	switch (kind) {
	case BOOT_IMAGE_ELF:
		return elf_parse(&p) || elf_entry(&p) ? -EINVAL : 0;
	case BOOT_IMAGE_MULTIBOOT:
		return multiboot_parse(&p);
	case BOOT_IMAGE_PVH:
		return pvh_parse(&p);
	case BOOT_IMAGE_RAW:
		return raw_parse(&p);
	case BOOT_IMAGE_LINUX:
	case BOOT_IMAGE_KINDS:
		break;
	}
	return fail(&p, "kind", "elf, multiboot, pvh or raw", (u64)kind);
}
