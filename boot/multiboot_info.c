// SPDX-License-Identifier: Apache-2.0
/*
 * Also ACPI Specification 6.5, "Finding the RSDP on IA-PC Systems" and "Address Range Types".
 */
#include "boot/multiboot_info.h"

#include <string.h>

#include "boot/config.h"
#include "boot/span.h"
#include "mm/bits.h"

#define INFO_MODULES     BIT(3)
#define INFO_MAP         BIT(6)
#define INFO_FRAMEBUFFER BIT(12)
#define CMDLINE_MAX      1024

enum e820_type { E820_MEMORY = 1, E820_ACPI = 3, E820_NVS = 4 };

#define FRAMEBUFFER_RGB 1

/* The fields that are read: up to the framebuffer's, which the flags say are there. */
struct info {
	u32 flags;
	u32 memory[2], boot_device, cmdline;
	u32 mods_count, mods_addr;
	u32 syms[4];
	u32 mmap_length, mmap_addr;
	u32 drives[2], config_table, loader_name, apm_table;
	u32 vbe[4];
	u64 fb_addr;
	u32 fb_pitch, fb_width, fb_height;
	u8 fb_bits, fb_type;
	u8 fb_red_at, fb_red_bits, fb_green_at, fb_green_bits, fb_blue_at, fb_blue_bits;
} __attribute__((packed));

static_assert(offsetof(struct info, fb_addr) == 88, "framebuffer_addr");
static_assert(sizeof(struct info) == 116, "up to color_info");

#define INFO_SIZE_MIN offsetof(struct info, fb_addr)

struct info_module {
	u32 start, end, string, reserved;
};

struct info_range {
	u32 size; /* of what follows */
	u64 base, length;
	u32 type;
} __attribute__((packed));

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

static const char *ranges_read(const struct memory_window *w, const struct info *info,
			       struct memmap *map)
{
	u64 at = info->mmap_addr, end = at + info->mmap_length;
	struct info_range r;

	while (at < end) {
		if (!copy_from(w, at, &r, sizeof(r)) || r.size < sizeof(r) - sizeof(r.size)) {
			return "a memory map whose entries are cut short";
		}
		if (memmap_add(map, r.base, r.length, kind_of(r.type))) {
			return "a memory map of too many entries";
		}
		at += sizeof(r.size) + r.size;
	}
	return NULL;
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

static const char *files_read(const struct memory_window *w, const struct info *info,
			      struct multiboot_facts *facts)
{
	if (info->mods_count > MULTIBOOT_FILES_MAX) {
		return "too many modules";
	}
	for (u32 i = 0; i < info->mods_count; i++) {
		struct multiboot_file *file = &facts->files[i];
		struct info_module m;

		if (!copy_from(w, info->mods_addr + i * sizeof(m), &m, sizeof(m)) ||
		    m.end < m.start || !bytes_at(w, m.start, m.end - m.start)) {
			return "a module that is not in memory";
		}
		if (!path_read(w, m.string, file->path)) {
			return "a module without a name, or with one longer than 127 characters";
		}
		file->base = m.start;
		file->size = m.end - m.start;
		facts->file_count++;
	}
	return NULL;
}

/* One byte each of red, green and blue in 32 bits, the lowest being red or blue. */
static void framebuffer_read(const struct info *info, struct boot_framebuffer *framebuffer)
{
	bool bgr = info->fb_blue_at == 0 && info->fb_red_at == 16;
	bool rgb = info->fb_red_at == 0 && info->fb_blue_at == 16;

	if (!(info->flags & INFO_FRAMEBUFFER) || info->fb_type != FRAMEBUFFER_RGB ||
	    info->fb_bits != 32 || (!bgr && !rgb) || info->fb_green_at != 8 ||
	    info->fb_pitch / 4 < info->fb_width) {
		return;
	}
	*framebuffer = (struct boot_framebuffer){
		.base = info->fb_addr,
		.size = (u64)info->fb_pitch * info->fb_height,
		.width = info->fb_width,
		.height = info->fb_height,
		.stride_pixels = info->fb_pitch / 4,
		.format = bgr ? BOOT_PIXEL_BGRX8 : BOOT_PIXEL_RGBX8,
	};
}

const char *multiboot_info_parse(const struct memory_window *memory, u64 address,
				 struct memmap *map, struct multiboot_facts *facts)
{
	struct info info = {0};
	const char *why = NULL;

	memset(facts, 0, sizeof(*facts));
	if (!copy_from(memory, address, &info, INFO_SIZE_MIN) ||
	    ((info.flags & INFO_FRAMEBUFFER) && !copy_from(memory, address, &info, sizeof(info)))) {
		return "information that is not in memory";
	}
	if (!(info.flags & INFO_MAP)) {
		return "no memory map";
	}
	why = ranges_read(memory, &info, map);
	if (!why && (info.flags & INFO_MODULES)) {
		why = files_read(memory, &info, facts);
	}
	framebuffer_read(&info, &facts->framebuffer);
	return why;
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
