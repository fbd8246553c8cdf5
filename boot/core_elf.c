// SPDX-License-Identifier: Apache-2.0
/*
 * The core's ELF file (System V ABI, "ELF Header" and "Program Header"). It travels inside the
 * loader, so a wrong one is a wrong build: the checks name the rule, there is no repair. Beyond
 * ELF, the core's own rules hold: page-aligned segments that are never writable and executable.
 */
#include "boot/core_elf.h"

#include <errno.h>
#include <string.h>

#include "mm/bits.h"

#define ELF_TYPE_EXEC    2
#define ELF_SEGMENT_LOAD 1

struct elf_header {
	u8 ident[16];
	u16 type, machine;
	u32 version;
	u64 entry, program_offset, section_offset;
	u32 flags;
	u16 header_size, program_size, program_count;
	u16 section_size, section_count, section_names;
};

struct elf_program_header {
	u32 type, flags;
	u64 offset, virt, phys, file_size, memory_size, align;
};

static_assert(sizeof(struct elf_header) == 64, "ELF64 header");
static_assert(sizeof(struct elf_program_header) == 56, "ELF64 program header");

/* Class 64, little-endian, version 1. */
static const u8 elf_ident[7] = {0x7f, 'E', 'L', 'F', 2, 1, 1};

static const char *header_check(const struct elf_header *h, size_t size, unsigned machine)
{
	if (memcmp(h->ident, elf_ident, sizeof(elf_ident))) {
		return "not a little-endian ELF64 file";
	}
	if (h->type != ELF_TYPE_EXEC) {
		return "not of type EXEC";
	}
	if (h->machine != machine) {
		return "for another machine";
	}
	if (h->program_size != sizeof(struct elf_program_header)) {
		return "wrong size of a program header";
	}
	if (h->program_offset > size ||
	    h->program_count > (size - h->program_offset) / sizeof(struct elf_program_header)) {
		return "program headers beyond the end of the file";
	}
	return NULL;
}

static const char *segment_check(const struct elf_program_header *p, size_t size)
{
	if (p->offset > size || p->file_size > size - p->offset) {
		return "segment beyond the end of the file";
	}
	if (p->file_size > p->memory_size) {
		return "segment larger in the file than in memory";
	}
	if (!is_aligned(p->virt, PAGE_SIZE)) {
		return "segment not page-aligned";
	}
	if (p->memory_size > CORE_SIZE_MAX || p->virt > ~(u64)0 - CORE_SIZE_MAX) {
		return "segment too large or too high";
	}
	if ((p->flags & CORE_SEGMENT_W) && (p->flags & CORE_SEGMENT_X)) {
		return "segment both writable and executable";
	}
	return NULL;
}

static const char *segment_add(struct core_elf *elf, const struct elf_program_header *p)
{
	if (elf->segment_count == CORE_SEGMENTS_MAX) {
		return "too many segments";
	}
	if (!elf->segment_count) {
		elf->virt = p->virt;
	} else if (p->virt < elf->virt + elf->size) {
		return "segments overlap, share a page or do not ascend";
	}
	elf->segments[elf->segment_count++] = (struct core_segment){
		.virt = p->virt,
		.memory_size = align_up(p->memory_size, PAGE_SIZE),
		.file_offset = p->offset,
		.file_size = p->file_size,
		.flags = p->flags & (CORE_SEGMENT_R | CORE_SEGMENT_W | CORE_SEGMENT_X),
	};
	elf->size = p->virt + align_up(p->memory_size, PAGE_SIZE) - elf->virt;
	return elf->size > CORE_SIZE_MAX ? "segments too far apart" : NULL;
}

static const char *entry_check(const struct core_elf *elf)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct core_segment *s = &elf->segments[i];

		if ((s->flags & CORE_SEGMENT_X) && elf->entry >= s->virt &&
		    elf->entry - s->virt < s->file_size) {
			return NULL;
		}
	}
	return "entry not in an executable segment";
}

static const char *segments_parse(const u8 *file, size_t size, const struct elf_header *h,
				  struct core_elf *elf)
{
	for (size_t i = 0; i < h->program_count; i++) {
		struct elf_program_header p;
		const char *why;

		memcpy(&p, file + h->program_offset + i * sizeof(p), sizeof(p));
		if (p.type != ELF_SEGMENT_LOAD || !p.memory_size) {
			continue;
		}
		why = segment_check(&p, size);
		why = why ? why : segment_add(elf, &p);
		if (why) {
			return why;
		}
	}
	return entry_check(elf);
}

int core_elf_parse(const void *file, size_t size, unsigned machine, struct core_elf *elf,
		   const char **why)
{
	struct elf_header h;

	*why = "shorter than an ELF header";
	if (size < sizeof(h)) {
		return -EINVAL;
	}
	memcpy(&h, file, sizeof(h));
	*elf = (struct core_elf){.entry = h.entry};
	*why = header_check(&h, size, machine);
	if (!*why) {
		*why = segments_parse(file, size, &h, elf);
	}
	return *why ? -EINVAL : 0;
}

void core_elf_copy(const struct core_elf *elf, const void *file, void *memory)
{
	const u8 *from = file;
	u8 *to = memory;

	memset(to, 0, elf->size);
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct core_segment *s = &elf->segments[i];

		memcpy(to + (s->virt - elf->virt), from + s->file_offset, s->file_size);
	}
}
