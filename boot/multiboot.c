// SPDX-License-Identifier: Apache-2.0
/*
 * The other front end of the loader: a PC that a Multiboot or Multiboot2 loader (GRUB; QEMU's
 * -kernel, Socle itself) has started this image on. What UEFI would do is done here with the little
 * there is: the loader's memory map, its modules as files, its menu as the menu. All memory used
 * lies below 4 GiB, which is identity-mapped. No way leads back: after a report the machine halts.
 */
#include "boot/multiboot_info.h"

#include <string.h>

#include "arch/x86/include/arch/io.h"
#include "boot/clock.h"
#include "boot/console.h"
#include "boot/crash.h"
#include "boot/firmware.h"
#include "boot/loader.h"
#include "boot/machine.h"
#include "boot/menu.h"
#include "boot/multiboot_console.h"
#include "boot/text.h"
#include "boot/volume.h"
#include "mm/bits.h"

#define CLAIMS_MAX   512
#define MEMORY_START ((u64)0x400)    /* the BIOS' data; what is below is not for us to read */
#define MEMORY_END   ((u64)4 << 30)  /* of the identity map */
#define ALLOC_START  ((u64)0x100000) /* low memory is for CPUs to start in */

/* Intel 8259A data sheet: the interrupt mask registers. */
#define PIC1_MASK 0x21
#define PIC2_MASK 0xa1

#define CMOS_INDEX        0x70
#define CMOS_DATA         0x71
#define CMOS_STATUS_A     0x0a
#define STATUS_A_UPDATING 0x80
#define CMOS_TRIES        1000000 /* an update takes 2 ms */

void multiboot_main(u32 magic, u64 info);

extern const u8 loader_start[], loader_end[]; /* multiboot.ld */

const char *const firmware_name = "Multiboot";
const char *const volume_place = "among the modules of the Multiboot loader, whose last word is "
				 "the path";
const bool volume_has_folders = false; /* boot entries are the Multiboot loader's */

static struct boot_range claims[CLAIMS_MAX], ranges[MEMMAP_RANGES_FOR(CLAIMS_MAX)];
static struct memmap memory = {.claims = claims,
			       .claim_capacity = CLAIMS_MAX,
			       .ranges = ranges,
			       .range_capacity = ARRAY_SIZE(ranges)};
static size_t files_start, files_end; /* the modules' claims; behind: those of what was allocated */
static struct multiboot_facts facts;

static struct memory_window window_get(void)
{
	return (struct memory_window){(const u8 *)(uintptr_t)MEMORY_START, MEMORY_START,
				      MEMORY_END - MEMORY_START};
}

/* From the top, so that what must lie low finds room. */
void *firmware_pages_alloc(u64 size)
{
	size = align_up(size, PAGE_SIZE);
	if (memmap_resolve(&memory)) {
		return NULL;
	}
	for (size_t i = memory.range_count; i--;) {
		const struct boot_range *r = &memory.ranges[i];
		u64 start = max_u64(r->base, ALLOC_START);
		u64 end = min_u64(r->base + r->size, MEMORY_END);

		if (r->kind == BOOT_RANGE_FREE && end > start && end - start >= size) {
			void *pages = (void *)(uintptr_t)(end - size);

			if (memmap_add(&memory, end - size, size, BOOT_RANGE_LOADER)) {
				return NULL;
			}
			return memset(pages, 0, size);
		}
	}
	return NULL;
}

void firmware_pages_free(void *pages)
{
	for (size_t i = files_end; i < memory.claim_count; i++) {
		if (claims[i].base == (uintptr_t)pages) {
			claims[i] = claims[--memory.claim_count];
			return;
		}
	}
}

/* The machine halts then. */
void firmware_pages_free_all(void)
{
}

EFI_STATUS firmware_memmap_alloc(struct memmap *map, size_t extra)
{
	map->claim_capacity = CLAIMS_MAX + extra;
	map->range_capacity = MEMMAP_RANGES_FOR(map->claim_capacity);
	map->claims = firmware_pages_alloc(map->claim_capacity * sizeof(*map->claims));
	map->ranges = firmware_pages_alloc(map->range_capacity * sizeof(*map->ranges));
	return map->claims && map->ranges ? EFI_SUCCESS : EFI_OUT_OF_RESOURCES;
}

EFI_STATUS firmware_memmap_read(struct memmap *map, UINTN *key)
{
	(void)key;
	memcpy(map->claims, claims, memory.claim_count * sizeof(*claims));
	map->claim_count = memory.claim_count;
	return memmap_resolve(map) ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS;
}

static u8 cmos_read(u8 index)
{
	outb(CMOS_INDEX, index);
	return inb(CMOS_DATA);
}

/* Between two updates; a clock that is not there seems to be updated for ever. */
static u64 unix_time(void)
{
	u8 registers[CLOCK_REGISTERS];
	struct clock_date date;

	for (u32 i = 0; cmos_read(CMOS_STATUS_A) & STATUS_A_UPDATING; i++) {
		if (i == CMOS_TRIES) {
			return 0;
		}
	}
	for (u8 i = 0; i < CLOCK_REGISTERS; i++) {
		registers[i] = cmos_read(i);
	}
	date = clock_of_registers(registers);
	return clock_unix_time(&date);
}

void firmware_describe(struct boot_info *info)
{
	struct memory_window window = window_get();

	info->framebuffer = facts.framebuffer;
	info->acpi_rsdp = facts.rsdp_size ? (uintptr_t)facts.rsdp : bios_rsdp_find(&window);
	info->unix_time = unix_time();
}

/* The modules have been copied: their memory is free. A BIOS leaves its timer and 8259s running. */
EFI_STATUS firmware_exit(const struct boot_info *info, struct memmap *map)
{
	size_t allocated = memory.claim_count - files_end;

	memcpy(map->claims, claims, files_start * sizeof(*claims));
	memcpy(map->claims + files_start, claims + files_end, allocated * sizeof(*claims));
	map->claim_count = files_start + allocated;
	outb(PIC1_MASK, 0xff);
	outb(PIC2_MASK, 0xff);
	return memmap_add_loaded(map, info) ? EFI_OUT_OF_RESOURCES : EFI_SUCCESS;
}

EFI_STATUS volume_open(struct volume *volume)
{
	volume->root = NULL;
	return EFI_SUCCESS;
}

void volume_close(struct volume *volume)
{
	(void)volume;
}

EFI_STATUS volume_file_size(struct volume *volume, const char *path, u64 *size)
{
	const struct multiboot_file *file = multiboot_file_find(&facts, path);

	(void)volume;
	*size = file ? file->size : 0;
	return !file ? EFI_NOT_FOUND : *size ? EFI_SUCCESS : EFI_BAD_BUFFER_SIZE;
}

EFI_STATUS volume_file_read(struct volume *volume, const char *path, void *to, u64 size,
			    const char *shown)
{
	const struct multiboot_file *file = multiboot_file_find(&facts, path);

	(void)volume;
	(void)shown;
	if (!file || size > file->size) {
		return EFI_END_OF_FILE;
	}
	memcpy(to, (const void *)(uintptr_t)file->base, size);
	return EFI_SUCCESS;
}

size_t volume_names(struct volume *volume, const char *folder, bool (*wanted)(const char *name),
		    char (*names)[VOLUME_NAME_MAX], size_t max)
{
	(void)volume;
	(void)folder;
	(void)wanted;
	(void)names;
	(void)max;
	return 0;
}

/* What UEFI has and a Multiboot loader has not: a keyboard, files to write, variables. */
unsigned console_hold(void)
{
	return CONSOLE_KEY_NONE;
}

unsigned console_read_key(unsigned milliseconds)
{
	(void)milliseconds;
	return CONSOLE_KEY_OTHER;
}

unsigned console_rows(void)
{
	return 25;
}

EFI_STATUS volume_file_write(struct volume *volume, const char *path, const void *from, u64 size)
{
	(void)volume;
	(void)path;
	(void)from;
	(void)size;
	return EFI_WRITE_PROTECTED;
}

void crash_take(struct volume *volume)
{
	(void)volume;
}

size_t crash_text(char *out, size_t size)
{
	(void)out;
	(void)size;
	return 0;
}

void firmware_survey(struct platform_facts *platform, struct firmware_tables *tables)
{
	struct memory_window window = window_get();

	text_format(platform->firmware, sizeof(platform->firmware), "a Multiboot loader");
	platform->screen_width = facts.framebuffer.width;
	platform->screen_height = facts.framebuffer.height;
	tables->rsdp = bios_rsdp_find(&window);
}

int menu_choose(const struct menu_item *items, size_t count, size_t first, u32 timeout_s)
{
	(void)items;
	(void)count;
	console_report("note", "timeout %u: no menu but the Multiboot loader's", timeout_s);
	return (int)first;
}

static const char *memory_read(u32 magic, u64 info)
{
	struct memory_window window = window_get();
	const char *why = multiboot_info_parse(&window, magic, info, &memory, &facts);
	u64 start = (uintptr_t)loader_start, size = (uintptr_t)loader_end - start;

	if (why) {
		return why;
	}
	if (memmap_add(&memory, start, size, BOOT_RANGE_LOADER)) {
		return "a memory map of too many entries";
	}
	if (facts.framebuffer.width && memmap_add(&memory, facts.framebuffer.base,
						  facts.framebuffer.size, BOOT_RANGE_RESERVED)) {
		return "a memory map of too many entries";
	}
	files_start = memory.claim_count;
	for (size_t i = 0; i < facts.file_count; i++) {
		if (memmap_add(&memory, facts.files[i].base, facts.files[i].size,
			       BOOT_RANGE_LOADER)) {
			return "a memory map of too many entries";
		}
	}
	files_end = memory.claim_count;
	return NULL;
}

void multiboot_main(u32 magic, u64 info)
{
	u64 start_cycles = machine_cycles();
	const char *why = memory_read(magic, info);

	multiboot_console_init(!facts.framebuffer.width);
	if (why) {
		console_print("\nSocle cannot start: it is not loaded as Multiboot says.\n");
		console_report("needs", "a memory map, and modules with their paths");
		console_report("found", "%s", why);
	} else {
		loader_run(start_cycles);
	}
	console_print("\nThe machine is halted.\n");
}
