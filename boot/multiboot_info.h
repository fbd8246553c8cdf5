// SPDX-License-Identifier: Apache-2.0
/*
 * What a Multiboot loader says of the machine, and what a PC's BIOS has left in memory. Pure: reads
 * memory through a window only, and by copies. Multiboot Specification 0.6.96 and Multiboot2
 * Specification 2.0, "Boot information format".
 */
#pragma once

#include "boot/memmap.h"

/* In EAX, at entry: by which of the two the image was loaded. */
#define MULTIBOOT_MAGIC     0x2badb002
#define MULTIBOOT2_MAGIC    0x36d76289
#define MULTIBOOT_RSDP_MAX  36
#define MULTIBOOT_FILES_MAX (BOOT_MAX_MODULES + 1)

/* Physical memory that may be read: the byte at address @start lies at @base. */
struct memory_window {
	const u8 *base;
	u64 start, size;
};

/* A module, by the last word of what the loader says of it: the file's path. */
struct multiboot_file {
	char path[BOOT_PATH_MAX];
	u64 base, size;
};

struct multiboot_facts {
	struct multiboot_file files[MULTIBOOT_FILES_MAX];
	size_t file_count;
	/* Of Multiboot2 only. */
	struct boot_framebuffer framebuffer; /* where the screen is in a graphics mode */
	u8 rsdp[MULTIBOOT_RSDP_MAX];         /* a copy of ACPI's, where rsdp_size is not 0 */
	u32 rsdp_size;
};

/*
 * Reads the information at address @info, which is as @magic says: memory becomes claims of @map,
 * all else goes to @facts. Nothing of it needs to be kept then. Returns NULL, or what is wrong.
 */
const char *multiboot_info_parse(const struct memory_window *memory, u32 magic, u64 info,
				 struct memmap *map, struct multiboot_facts *facts);

/* The file of that path, or NULL: '/' is as good as '\', case does not matter. */
const struct multiboot_file *multiboot_file_find(const struct multiboot_facts *facts,
						 const char *path);

/* The address of ACPI's RSDP, where a BIOS puts it; 0: there is none. */
u64 bios_rsdp_find(const struct memory_window *memory);
