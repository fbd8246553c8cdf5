// SPDX-License-Identifier: Apache-2.0
/* UEFI Specification 2.10, "Services - Boot Services", "EFI System Table", "Graphics Output". */
#include "boot/firmware.h"

#include <efilib.h>

#include <string.h>

#include "boot/clock.h"
#include "boot/console.h"
#include "boot/loader.h"
#include "boot/machine.h"
#include "boot/text.h"
#include "mm/bits.h"

#define ALLOCATIONS_MAX  (BOOT_MAX_MODULES + 16)
#define DESCRIPTOR_SLACK 64 /* by which the map may grow until boot services end */
#define EXIT_TRIES       8

/* Newer than gnu-efi's header. */
#define MEMORY_RUNTIME_ATTRIBUTE ((u64)1 << 63)
#define MEMORY_CACHE_ATTRIBUTES  (EFI_MEMORY_UC | EFI_MEMORY_WC | EFI_MEMORY_WT | EFI_MEMORY_WB)

/* The flattened device tree's header: Devicetree Specification, "Header". Big-endian. */
#define FDT_MAGIC      0xd00dfeed
#define FDT_SIZE_AT    4
#define FDT_HEADER_END 40
#define FDT_SIZE_MAX   ((u32)16 << 20)

#define FDT_GUID                                                       \
	{                                                              \
		0xb1b621d5, 0xf19c, 0x41a5,                            \
		{                                                      \
			0x83, 0x0b, 0xd9, 0x15, 0x2c, 0x69, 0xaa, 0xe0 \
		}                                                      \
	}

struct allocation {
	EFI_PHYSICAL_ADDRESS base;
	u64 pages;
};

/* efilib.h declares them; its library is not linked. */
EFI_SYSTEM_TABLE *ST;
EFI_BOOT_SERVICES *BS;
EFI_RUNTIME_SERVICES *RT;

EFI_HANDLE firmware_image;
const char *const firmware_name = "UEFI";

static struct allocation allocations[ALLOCATIONS_MAX];
static size_t allocation_count;

/* The firmware's map as it comes: one buffer, taken once, so that reading it allocates nothing. */
static void *descriptors;
static u64 descriptors_size;

/* The screen's memory, which some firmware takes from what boot services give back. */
static struct boot_range screen_range;

static const u32 kind_of_type[] = {
	[EfiReservedMemoryType] = BOOT_RANGE_RESERVED,
	[EfiLoaderCode] = BOOT_RANGE_LOADER,
	[EfiLoaderData] = BOOT_RANGE_LOADER,
	[EfiBootServicesCode] = BOOT_RANGE_FREE,
	[EfiBootServicesData] = BOOT_RANGE_FREE,
	[EfiRuntimeServicesCode] = BOOT_RANGE_RUNTIME,
	[EfiRuntimeServicesData] = BOOT_RANGE_RUNTIME,
	[EfiConventionalMemory] = BOOT_RANGE_FREE,
	[EfiUnusableMemory] = BOOT_RANGE_RESERVED,
	[EfiACPIReclaimMemory] = BOOT_RANGE_ACPI,
	[EfiACPIMemoryNVS] = BOOT_RANGE_ACPI,
	[EfiMemoryMappedIO] = BOOT_RANGE_MMIO,
	[EfiMemoryMappedIOPortSpace] = BOOT_RANGE_MMIO,
	[EfiPalCode] = BOOT_RANGE_RESERVED,
};

static void *pages_alloc(EFI_ALLOCATE_TYPE how, EFI_MEMORY_TYPE type, u64 size, u64 limit)
{
	struct allocation *a = &allocations[allocation_count];
	u8 *pages;

	if (allocation_count == ALLOCATIONS_MAX || size > PAGE_MASK) {
		return NULL;
	}
	a->base = limit;
	a->pages = align_up(size, PAGE_SIZE) / PAGE_SIZE;
	if (EFI_ERROR(BS->AllocatePages(how, type, a->pages, &a->base))) {
		return NULL;
	}
	allocation_count++;
	pages = (u8 *)(uintptr_t)a->base;
	BS->SetMem(pages, a->pages * PAGE_SIZE, 0);
	return pages;
}

void *firmware_pages_alloc(u64 size)
{
	return pages_alloc(AllocateAnyPages, EfiLoaderData, size, 0);
}

void *firmware_code_alloc(u64 size, u64 end)
{
	return pages_alloc(AllocateMaxAddress, EfiLoaderCode, size, end - 1);
}

void firmware_pages_free(void *pages)
{
	for (size_t i = 0; i < allocation_count; i++) {
		if (allocations[i].base == (uintptr_t)pages) {
			BS->FreePages(allocations[i].base, allocations[i].pages);
			allocations[i] = allocations[--allocation_count];
			return;
		}
	}
}

void firmware_pages_free_all(void)
{
	while (allocation_count) {
		struct allocation *a = &allocations[--allocation_count];

		BS->FreePages(a->base, a->pages);
	}
}

EFI_STATUS firmware_memmap_alloc(struct memmap *map, size_t extra)
{
	UINTN size = 0, key, descriptor_size;
	UINT32 version;
	EFI_STATUS status = BS->GetMemoryMap(&size, NULL, &key, &descriptor_size, &version);

	if (status != EFI_BUFFER_TOO_SMALL || !descriptor_size) {
		return EFI_LOAD_ERROR;
	}
	descriptors_size = size + DESCRIPTOR_SLACK * descriptor_size;
	map->claim_capacity = descriptors_size / descriptor_size + extra;
	map->range_capacity = MEMMAP_RANGES_FOR(map->claim_capacity);
	descriptors = firmware_pages_alloc(descriptors_size);
	map->claims = firmware_pages_alloc(map->claim_capacity * sizeof(*map->claims));
	map->ranges = firmware_pages_alloc(map->range_capacity * sizeof(*map->ranges));
	return descriptors && map->claims && map->ranges ? EFI_SUCCESS : EFI_OUT_OF_RESOURCES;
}

/*
 * Memory of a type from after this was written, and what runtime services keep, is not ours; and
 * what cannot be cached is no memory, whatever its type: the direct map maps memory Write-Back.
 */
static enum boot_range_kind descriptor_kind(const EFI_MEMORY_DESCRIPTOR *d)
{
	u32 kind = d->Type < ARRAY_SIZE(kind_of_type) ? kind_of_type[d->Type] : BOOT_RANGE_RESERVED;

	if ((d->Attribute & MEMORY_CACHE_ATTRIBUTES) && !(d->Attribute & EFI_MEMORY_WB)) {
		kind = BOOT_RANGE_MMIO;
	}
	if ((d->Attribute & MEMORY_RUNTIME_ATTRIBUTE) && kind != BOOT_RANGE_MMIO) {
		kind = BOOT_RANGE_RUNTIME;
	}
	return (enum boot_range_kind)kind;
}

static EFI_STATUS claims_read(struct memmap *map, UINTN *key)
{
	UINTN size = descriptors_size, descriptor_size;
	UINT32 version;
	EFI_STATUS status = BS->GetMemoryMap(&size, descriptors, key, &descriptor_size, &version);

	if (EFI_ERROR(status)) {
		return status;
	}
	map->claim_count = 0;
	for (u64 at = 0; at + descriptor_size <= size; at += descriptor_size) {
		const EFI_MEMORY_DESCRIPTOR *d = (void *)((u8 *)descriptors + at);
		u64 pages = min_u64(d->NumberOfPages, PAGE_MASK >> PAGE_SHIFT);

		if (memmap_add(map, d->PhysicalStart, pages << PAGE_SHIFT, descriptor_kind(d))) {
			return EFI_OUT_OF_RESOURCES;
		}
	}
	if (memmap_add(map, screen_range.base, screen_range.size, BOOT_RANGE_RESERVED)) {
		return EFI_OUT_OF_RESOURCES;
	}
	return EFI_SUCCESS;
}

EFI_STATUS firmware_memmap_read(struct memmap *map, UINTN *key)
{
	UINTN ignored;
	EFI_STATUS status = claims_read(map, key ? key : &ignored);

	if (!EFI_ERROR(status) && memmap_resolve(map)) {
		status = EFI_OUT_OF_RESOURCES;
	}
	return status;
}

static void *configuration_table_find(EFI_GUID *guid)
{
	for (UINTN i = 0; i < ST->NumberOfTableEntries; i++) {
		if (!memcmp(&ST->ConfigurationTable[i].VendorGuid, guid, sizeof(*guid))) {
			return ST->ConfigurationTable[i].VendorTable;
		}
	}
	return NULL;
}

static u64 rsdp_find(void)
{
	EFI_GUID acpi_2 = ACPI_20_TABLE_GUID, acpi_1 = ACPI_TABLE_GUID;
	void *rsdp = configuration_table_find(&acpi_2);

	return (uintptr_t)(rsdp ? rsdp : configuration_table_find(&acpi_1));
}

static EFI_GRAPHICS_OUTPUT_PROTOCOL *screen_find(void)
{
	EFI_GUID guid = EFI_GRAPHICS_OUTPUT_PROTOCOL_GUID;
	void *screen;

	if (EFI_ERROR(BS->HandleProtocol(ST->ConsoleOutHandle, &guid, &screen)) &&
	    EFI_ERROR(BS->LocateProtocol(&guid, NULL, &screen))) {
		return NULL;
	}
	return screen;
}

bool firmware_has_screen(void)
{
	return screen_find() != NULL;
}

/* One byte each of red, green and blue in 32 bits, the lowest being red or blue. */
static bool pixel_format_get(const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode, u32 *format)
{
	const EFI_PIXEL_BITMASK *m = &mode->PixelInformation;
	bool masks = mode->PixelFormat == PixelBitMask && m->GreenMask == 0xff00;

	if (mode->PixelFormat == PixelBlueGreenRedReserved8BitPerColor ||
	    (masks && m->BlueMask == 0xff && m->RedMask == 0xff0000)) {
		*format = BOOT_PIXEL_BGRX8;
		return true;
	}
	*format = BOOT_PIXEL_RGBX8;
	return mode->PixelFormat == PixelRedGreenBlueReserved8BitPerColor ||
	       (masks && m->RedMask == 0xff && m->BlueMask == 0xff0000);
}

static void screen_describe(struct boot_framebuffer *framebuffer)
{
	const EFI_GRAPHICS_OUTPUT_PROTOCOL *screen = screen_find();
	const EFI_GRAPHICS_OUTPUT_MODE_INFORMATION *mode;
	u32 format;

	if (!screen || !screen->Mode || !screen->Mode->Info) {
		return;
	}
	mode = screen->Mode->Info;
	if (!pixel_format_get(mode, &format) || !screen->Mode->FrameBufferBase ||
	    mode->PixelsPerScanLine < mode->HorizontalResolution ||
	    (u64)mode->PixelsPerScanLine * mode->VerticalResolution >
		    screen->Mode->FrameBufferSize / sizeof(u32)) {
		return;
	}
	*framebuffer = (struct boot_framebuffer){
		.base = screen->Mode->FrameBufferBase,
		.size = screen->Mode->FrameBufferSize,
		.width = mode->HorizontalResolution,
		.height = mode->VerticalResolution,
		.stride_pixels = mode->PixelsPerScanLine,
		.format = format,
	};
	screen_range.base = framebuffer->base;
	screen_range.size = framebuffer->size;
}

/* By the firmware's clock, taken as UTC where it knows no zone; 0: no clock. */
static u64 unix_time(void)
{
	EFI_TIME t;

	if (EFI_ERROR(RT->GetTime(&t, NULL))) {
		return 0;
	}
	return clock_unix_time(
		&(struct clock_date){t.Year, t.Month, t.Day, t.Hour, t.Minute, t.Second});
}

static u32 big_endian_read(const u8 *from)
{
	return (u32)from[0] << 24 | (u32)from[1] << 16 | (u32)from[2] << 8 | from[3];
}

/* A copy, since nobody says in what kind of memory the firmware has it. */
static u64 device_tree_copy(void)
{
	EFI_GUID guid = FDT_GUID;
	const u8 *tree = configuration_table_find(&guid);
	void *copy;
	u32 size;

	if (!tree) {
		return 0;
	}
	size = big_endian_read(tree + FDT_SIZE_AT);
	if (big_endian_read(tree) != FDT_MAGIC || size < FDT_HEADER_END || size > FDT_SIZE_MAX) {
		console_report("note",
			       "the firmware's device tree is left out: magic 0x%08x, size %u",
			       big_endian_read(tree), size);
		return 0;
	}
	copy = firmware_pages_alloc(size);
	if (copy) {
		memcpy(copy, tree, size);
	}
	return (uintptr_t)copy;
}

/* "Globally Defined Variables": SecureBoot is 1 where images are checked. */
static enum survey_secure_boot secure_boot_get(void)
{
	static CHAR16 name[] = u"SecureBoot";
	EFI_GUID guid = EFI_GLOBAL_VARIABLE;
	UINTN size = 1;
	u8 on = 0;

	if (EFI_ERROR(RT->GetVariable(name, &guid, NULL, &size, &on))) {
		return SECURE_BOOT_UNKNOWN;
	}
	return on ? SECURE_BOOT_ON : SECURE_BOOT_OFF;
}

static void vendor_get(char *out, size_t size)
{
	const CHAR16 *vendor = ST->FirmwareVendor;
	size_t length = 0;

	for (; vendor && vendor[length] && length + 1 < size; length++) {
		out[length] = (char)(vendor[length] >= ' ' && vendor[length] <= '~' ? vendor[length]
										    : '?');
	}
	text_format(out + length, size - length, ", revision %x, UEFI %u.%u", ST->FirmwareRevision,
		    ST->Hdr.Revision >> 16, (ST->Hdr.Revision & 0xffff) / 10);
}

void firmware_survey(struct platform_facts *facts, struct firmware_tables *tables)
{
	EFI_GUID guid = FDT_GUID;
	const u8 *tree = configuration_table_find(&guid);
	struct boot_framebuffer screen = {0};

	vendor_get(facts->firmware, sizeof(facts->firmware));
	facts->secure_boot = secure_boot_get();
	screen_describe(&screen);
	facts->screen_width = screen.width;
	facts->screen_height = screen.height;
	tables->rsdp = rsdp_find();
	tables->fdt = tree && big_endian_read(tree) == FDT_MAGIC ? tree : NULL;
}

void firmware_describe(struct boot_info *info)
{
	screen_describe(&info->framebuffer);
	info->acpi_rsdp = rsdp_find();
	info->fdt = device_tree_copy();
	info->efi_reset_system = (uintptr_t)RT->ResetSystem;
	info->efi_set_variable = (uintptr_t)RT->SetVariable;
	info->unix_time = unix_time();
}

EFI_STATUS firmware_exit(const struct boot_info *info, struct memmap *map)
{
	EFI_STATUS status = EFI_LOAD_ERROR;

	for (unsigned i = 0; i < EXIT_TRIES; i++) {
		UINTN key;

		status = claims_read(map, &key);
		if (!EFI_ERROR(status) && memmap_add_loaded(map, info)) {
			status = EFI_OUT_OF_RESOURCES;
		}
		if (EFI_ERROR(status)) {
			return status;
		}
		status = BS->ExitBootServices(firmware_image, key);
		if (!EFI_ERROR(status)) {
			return status;
		}
	}
	return status;
}

/* gnu-efi's entry: System V calling convention. */
EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system);

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *system)
{
	u64 start_cycles = machine_cycles();
	EFI_STATUS status;

	firmware_image = image;
	ST = system;
	BS = system->BootServices;
	RT = system->RuntimeServices;
	BS->SetWatchdogTimer(0, 0, 0, NULL); /* five minutes may not do for a slow stick */
	if (firmware_has_screen()) {
		console_clear();
	}
	status = loader_run(start_cycles);
	console_print("\nReturning to the firmware.\n");
	return status;
}
