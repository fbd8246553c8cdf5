// SPDX-License-Identifier: Apache-2.0
#include "boot/inventory.h"

#include <string.h>

#include "boot/console.h"
#include "boot/crash.h"
#include "boot/firmware.h"
#include "boot/machine.h"
#include "boot/report.h"
#include "boot/text.h"
#include "mm/bits.h"
#include "vmm/acpi.h"
#include "vmm/log.h"

static struct survey cpu_rows; /* as machine_check() left them */
static struct memmap *memory_map;
static char report[SURVEY_TEXT_MAX];

/* What the core's parser of ACPI tables has to say. */
void log_print(enum log_level level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list args;

	(void)level;
	va_start(args, fmt);
	text_vformat(text, sizeof(text), fmt, args);
	va_end(args);
	console_report("note", "%s", text);
}

struct survey *inventory_start(struct memmap *map)
{
	memory_map = map;
	return &cpu_rows;
}

static void memory_find(struct platform_facts *facts)
{
	if (EFI_ERROR(firmware_memmap_read(memory_map, NULL))) {
		return;
	}
	for (size_t i = 0; i < memory_map->range_count; i++) {
		const struct boot_range *r = &memory_map->ranges[i];

		if (r->kind != BOOT_RANGE_RESERVED && r->kind != BOOT_RANGE_MMIO) {
			facts->memory += r->size;
		}
	}
	facts->memory_free = memmap_sum(memory_map, BOOT_RANGE_FREE);
	facts->memory_end = memmap_memory_end(memory_map);
}

/* Addresses are the firmware's own here; a BIOS has its tables in memory that it calls reserved. */
static void tables_find(struct platform_facts *facts, const struct firmware_tables *tables)
{
	static struct acpi_info acpi;
	struct acpi_window window = {(const void *)PAGE_SIZE, PAGE_SIZE,
				     max_u64(facts->memory_end, BIT(32)) - PAGE_SIZE, NULL};

	facts->has_fdt = tables->fdt != NULL;
	facts->has_acpi = tables->rsdp && !acpi_init(&acpi, tables->rsdp, &window);
	if (facts->has_acpi) {
		facts->cpus = acpi.gicc_count ? acpi.gicc_count : acpi.cpu_count;
		facts->has_dmar = acpi.has_dmar;
		facts->has_ivrs = acpi.has_ivrs;
		facts->has_iort = acpi.has_iort;
	} else if (tables->fdt) {
		facts->cpus = machine_fdt_cpus(tables->fdt, &facts->has_smmu);
	}
}

static size_t report_make(void)
{
	static struct survey survey; /* too large for a stack */
	struct platform_facts facts = {.needs_tables = machine_needs_tables};
	struct firmware_tables tables = {0};
	size_t used;

	memory_find(&facts);
	firmware_survey(&facts, &tables);
	tables_find(&facts, &tables);
	survey = cpu_rows;
	platform_survey(&facts, &survey);
	used = survey_text(&survey, report, sizeof(report));
	return used + crash_text(report + used, sizeof(report) - used);
}

void inventory_show(bool paged)
{
	report_make();
	console_print("\n");
	console_page(report, paged);
}

void inventory_save(struct volume *volume)
{
	size_t size = report_make();
	EFI_STATUS status = volume_file_write(volume, INVENTORY_PATH, report, size);

	if (EFI_ERROR(status)) {
		console_print("It could not be saved as %s: %s.\n", INVENTORY_PATH,
			      report_status_text(status));
	} else {
		console_print("Saved as %s, on the volume that holds this loader.\n",
			      INVENTORY_PATH);
	}
}

void inventory_dialog(struct volume *volume)
{
	unsigned key;

	inventory_show(true);
	console_print("S saves this as %s; any other key goes back.\n", INVENTORY_PATH);
	do {
		key = console_read_key(1000);
	} while (key == CONSOLE_KEY_NONE);
	if (key == 's' || key == 'S') {
		inventory_save(volume);
	}
}
