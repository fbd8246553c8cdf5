// SPDX-License-Identifier: Apache-2.0
/*
 * The firmware's services as the loader uses them: memory that can be given back, the memory map,
 * tables, the screen, and the end of boot services. Two implementations, chosen by link: UEFI's
 * (firmware.c), and what a Multiboot loader leaves of a PC (multiboot.c).
 */
#pragma once

#include <efi.h>

#include "boot/memmap.h"
#include "boot/survey.h"

extern const char *const firmware_name; /* what the loader was started by */
extern EFI_HANDLE firmware_image;       /* the loader itself; UEFI only */

/*
 * Allocates zeroed pages for @size bytes (not 0), anywhere; identity-mapped. They are remembered.
 * Returns NULL when there are none.
 */
void *firmware_pages_alloc(u64 size);

/* The same for code that is to lie below @end; UEFI only. */
void *firmware_code_alloc(u64 size, u64 end);

/* Gives @pages, not NULL, from firmware_pages_alloc() back. */
void firmware_pages_free(void *pages);

/* Gives everything from firmware_pages_alloc() back. */
void firmware_pages_free_all(void);

/*
 * Allocates @map's arrays, with room for the firmware's map of now, growth, and @extra claims:
 * the screen's and those of firmware_exit().
 */
EFI_STATUS firmware_memmap_alloc(struct memmap *map, size_t extra);

/* Resolves the map of now into @map. *@key, where not NULL, is for ExitBootServices(). */
EFI_STATUS firmware_memmap_read(struct memmap *map, UINTN *key);

/* UEFI only: is there a screen, besides or instead of a serial line? */
bool firmware_has_screen(void);

/* For the report: what the firmware says of itself and of the screen, and where its tables are. */
struct firmware_tables {
	u64 rsdp;        /* 0: none */
	const void *fdt; /* NULL: none */
};

void firmware_survey(struct platform_facts *facts, struct firmware_tables *tables);

/*
 * Fills in the framebuffer, the ACPI root, a copy of the device tree, ResetSystem and the time.
 * A device tree that is none, or too large to be true, is left out with a word to the user.
 */
void firmware_describe(struct boot_info *info);

/*
 * Ends boot services with @map resolved for that moment: the firmware's map with the modules and
 * the core of @info on top. After a failure nothing but returning to the firmware is allowed.
 */
EFI_STATUS firmware_exit(const struct boot_info *info, struct memmap *map);
