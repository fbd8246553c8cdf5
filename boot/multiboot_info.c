// SPDX-License-Identifier: Apache-2.0
/*
 * Also ACPI Specification 6.5, "Finding the RSDP on IA-PC Systems" and "Address Range Types".
 */
#include "boot/multiboot_info.h"

#include <string.h>

#include "boot/config.h"
#include "boot/span.h"
#include "mm/bits.h"

#define CMDLINE_MAX 1024

enum e820_type { E820_MEMORY = 1, E820_ACPI = 3, E820_NVS = 4 };

/* Multiboot: one structure, of which these are the fields that are read. */
#define INFO_MODULES BIT(3)
#define INFO_MAP     BIT(6)

struct info {
	u32 flags;
	u32 memory[2], boot_device, cmdline;
	u32 mods_count, mods_addr;
	u32 syms[4];
	u32 mmap_length, mmap_addr;
};

struct info_module {
	u32 start, end, string, reserved;
};

struct info_range {
	u32 size; /* of what follows */
	u64 base, length;
	u32 type;
} __attribute__((packed));

/* Multiboot2: tags, each at a multiple of 8. */
enum tag_type {
	TAG_END = 0,
	TAG_MODULE = 3,
	TAG_MAP = 6,
	TAG_FRAMEBUFFER = 8,
	TAG_ACPI_OLD = 14,
	TAG_ACPI_NEW = 15,
};

#define TAG_ALIGN       8
#define TAGS_MAX        4096
#define FRAMEBUFFER_RGB 1

struct tag {
	u32 type, size;
};

struct tag_module {
	struct tag tag;
	u32 start, end; /* and the string */
};

struct tag_map {
	struct tag tag;
	u32 entry_size, entry_version;
};

struct tag_range {
	u64 base, length;
	u32 type, reserved;
};

struct tag_framebuffer {
	struct tag tag;
	u64 addr;
	u32 pitch, width, height;
	u8 bits, type;
	u16 reserved;
	u8 red_at, red_bits, green_at, green_bits, blue_at, blue_bits;
	u16 pad;
};

static_assert(offsetof(struct tag_framebuffer, red_at) == 32, "framebuffer_red_field_position");

#define TAG_FRAMEBUFFER_SIZE offsetof(struct tag_framebuffer, pad)

static const char map_is_full[] = "a memory map of too many entries";

/* "Finding the RSDP": in the first KiB of the EBDA, or in the BIOS' read-only memory. */
#define EBDA_SEGMENT   0x40e
#define EBDA_SIZE      1024
#define BIOS_START     0xe0000
#define BIOS_SIZE      0x20000
#define RSDP_ALIGN     16
#define RSDP_SIZE      20
#define RSDP_SIGNATURE "RSD PTR "

/* The bytes at @address, NULL where they are not all in the window. */
static const u8 *bytes_at(const struct memory_window *w, u64 address, u64 size)
{
	u64 offset = address - w->start;

	return address < w->start || offset > w->size || size > w->size - offset ? NULL
										 : w->base + offset;
}

static bool copy_from(const struct memory_window *w, u64 address, void *to, size_t size)
{
	const u8 *from = bytes_at(w, address, size);

	if (from) {
		memcpy(to, from, size);
	}
	return from != NULL;
}

static enum boot_range_kind kind_of(u32 type)
{
	switch (type) {
	case E820_MEMORY:
		return BOOT_RANGE_FREE;
	case E820_ACPI:
	case E820_NVS:
		return BOOT_RANGE_ACPI;
	default:
		return BOOT_RANGE_RESERVED;
	}
}

static const char *range_add(struct memmap *map, u64 base, u64 length, u32 type)
{
	return memmap_add(map, base, length, kind_of(type)) ? map_is_full : NULL;
}

/* The last word of the text at @address; false where there is none, or one too long. */
static bool path_read(const struct memory_window *w, u64 address, char path[BOOT_PATH_MAX])
{
	struct span text = {(const char *)bytes_at(w, address, 1), 0}, word = {0};

	while (text.size < CMDLINE_MAX && bytes_at(w, address + text.size, 1) &&
	       text.at[text.size]) {
		text.size++;
	}
	text = span_trim(text);
	while (text.size) {
		word = span_take_word(&text);
	}
	return word.size && span_copy(word, path, BOOT_PATH_MAX);
}

static const char *file_add(const struct memory_window *w, u32 start, u32 end, u64 text,
			    struct multiboot_facts *facts)
{
	struct multiboot_file *file = &facts->files[facts->file_count];

	if (facts->file_count == MULTIBOOT_FILES_MAX) {
		return "too many modules";
	}
	if (end < start || !bytes_at(w, start, end - start)) {
		return "a module that is not in memory";
	}
	if (!path_read(w, text, file->path)) {
		return "a module without a name, or with one longer than 127 characters";
	}
	file->base = start;
	file->size = end - start;
	facts->file_count++;
	return NULL;
}

static const char *ranges_read(const struct memory_window *w, const struct info *info,
			       struct memmap *map)
{
	u64 at = info->mmap_addr, end = at + info->mmap_length;
	const char *why = NULL;
	struct info_range r;

	while (at < end && !why) {
		if (!copy_from(w, at, &r, sizeof(r)) || r.size < sizeof(r) - sizeof(r.size)) {
			return "a memory map whose entries are cut short";
		}
		why = range_add(map, r.base, r.length, r.type);
		at += sizeof(r.size) + r.size;
	}
	return why;
}

static const char *info_parse(const struct memory_window *w, u64 address, struct memmap *map,
			      struct multiboot_facts *facts)
{
	struct info info;
	struct info_module m;
	const char *why;

	if (!copy_from(w, address, &info, sizeof(info))) {
		return "information that is not in memory";
	}
	if (!(info.flags & INFO_MAP)) {
		return "no memory map";
	}
	why = ranges_read(w, &info, map);
	for (u32 i = 0; (info.flags & INFO_MODULES) && i < info.mods_count && !why; i++) {
		if (!copy_from(w, info.mods_addr + (u64)i * sizeof(m), &m, sizeof(m))) {
			return "a module that is not in memory";
		}
		why = file_add(w, m.start, m.end, m.string, facts);
	}
	return why;
}

static const char *tag_map_read(const struct memory_window *w, u64 at, u32 size, struct memmap *map)
{
	struct tag_map tag;
	struct tag_range r;
	const char *why = NULL;

	if (size < sizeof(tag) || !copy_from(w, at, &tag, sizeof(tag)) ||
	    tag.entry_size < sizeof(r)) {
		return "a memory map whose entries are cut short";
	}
	for (u64 i = sizeof(tag); i + sizeof(r) <= size && !why; i += tag.entry_size) {
		if (!copy_from(w, at + i, &r, sizeof(r))) {
			return "a memory map whose entries are cut short";
		}
		why = range_add(map, r.base, r.length, r.type);
	}
	return why;
}

/* One byte each of red, green and blue in 32 bits, the lowest being red or blue. */
static void tag_framebuffer_read(const struct memory_window *w, u64 at, u32 size,
				 struct boot_framebuffer *framebuffer)
{
	struct tag_framebuffer t;
	bool bgr, rgb;

	if (size < TAG_FRAMEBUFFER_SIZE || !copy_from(w, at, &t, TAG_FRAMEBUFFER_SIZE)) {
		return;
	}
	bgr = t.blue_at == 0 && t.red_at == 16;
	rgb = t.red_at == 0 && t.blue_at == 16;
	if (t.type != FRAMEBUFFER_RGB || t.bits != 32 || (!bgr && !rgb) || t.green_at != 8 ||
	    t.pitch / 4 < t.width) {
		return;
	}
	*framebuffer = (struct boot_framebuffer){
		.base = t.addr,
		.size = (u64)t.pitch * t.height,
		.width = t.width,
		.height = t.height,
		.stride_pixels = t.pitch / 4,
		.format = bgr ? BOOT_PIXEL_BGRX8 : BOOT_PIXEL_RGBX8,
	};
}

/* The newer one, where there are both. */
static void tag_acpi_read(const struct memory_window *w, u64 at, u32 size,
			  struct multiboot_facts *facts)
{
	u32 length = (u32)min_u64(size - sizeof(struct tag), sizeof(facts->rsdp));

	if (length > facts->rsdp_size &&
	    copy_from(w, at + sizeof(struct tag), facts->rsdp, length)) {
		facts->rsdp_size = length;
	}
}

static const char *tag_read(const struct memory_window *w, u64 at, const struct tag *tag,
			    struct memmap *map, struct multiboot_facts *facts)
{
	struct tag_module m;

	switch (tag->type) {
	case TAG_MODULE:
		if (!copy_from(w, at, &m, sizeof(m))) {
			return "a module that is not in memory";
		}
		return file_add(w, m.start, m.end, at + sizeof(m), facts);
	case TAG_MAP:
		return tag_map_read(w, at, tag->size, map);
	case TAG_FRAMEBUFFER:
		tag_framebuffer_read(w, at, tag->size, &facts->framebuffer);
		return NULL;
	case TAG_ACPI_OLD:
	case TAG_ACPI_NEW:
		tag_acpi_read(w, at, tag->size, facts);
		return NULL;
	default:
		return NULL;
	}
}

static const char *tags_parse(const struct memory_window *w, u64 address, struct memmap *map,
			      struct multiboot_facts *facts)
{
	u64 at = address + sizeof(struct tag); /* behind the total size */
	const char *why = NULL;

	for (u32 i = 0; i < TAGS_MAX && !why; i++) {
		struct tag tag;

		if (!copy_from(w, at, &tag, sizeof(tag)) || tag.size < sizeof(tag)) {
			return "information that is not in memory";
		}
		if (tag.type == TAG_END) {
			return map->claim_count ? NULL : "no memory map";
		}
		why = tag_read(w, at, &tag, map, facts);
		at = align_up(at + tag.size, TAG_ALIGN);
	}
	return why ? why : "information without an end";
}

const char *multiboot_info_parse(const struct memory_window *memory, u32 magic, u64 info,
				 struct memmap *map, struct multiboot_facts *facts)
{
	memset(facts, 0, sizeof(*facts));
	switch (magic) {
	case MULTIBOOT_MAGIC:
		return info_parse(memory, info, map, facts);
	case MULTIBOOT2_MAGIC:
		return tags_parse(memory, info, map, facts);
	default:
		return "another magic number";
	}
}

/* The configuration may come from any folder. */
static bool is_config(const char *path)
{
	size_t length = strlen(path), name = strlen(CONFIG_NAME);

	return length >= name && config_path_is_same(path + length - name, CONFIG_NAME) &&
	       (length == name || path[length - name - 1] == '/' ||
		path[length - name - 1] == '\\');
}

const struct multiboot_file *multiboot_file_find(const struct multiboot_facts *facts,
						 const char *path)
{
	bool config = config_path_is_same(path, CONFIG_PATH);

	for (size_t i = 0; i < facts->file_count; i++) {
		const struct multiboot_file *file = &facts->files[i];

		if (config ? is_config(file->path) : config_path_is_same(file->path, path)) {
			return file;
		}
	}
	return NULL;
}

static u64 rsdp_search(const struct memory_window *memory, u64 start, u64 size)
{
	for (u64 at = start; at + RSDP_ALIGN <= start + size; at += RSDP_ALIGN) {
		const u8 *p = bytes_at(memory, at, RSDP_SIZE);
		u8 sum = 0;

		if (!p || memcmp(p, RSDP_SIGNATURE, strlen(RSDP_SIGNATURE)) != 0) {
			continue;
		}
		for (size_t i = 0; i < RSDP_SIZE; i++) {
			sum = (u8)(sum + p[i]);
		}
		if (!sum) {
			return at;
		}
	}
	return 0;
}

u64 bios_rsdp_find(const struct memory_window *memory)
{
	u16 segment = 0;
	u64 rsdp = 0;

	if (copy_from(memory, EBDA_SEGMENT, &segment, sizeof(segment)) && segment) {
		rsdp = rsdp_search(memory, (u64)segment << 4, EBDA_SIZE);
	}
	return rsdp ? rsdp : rsdp_search(memory, BIOS_START, BIOS_SIZE);
}
