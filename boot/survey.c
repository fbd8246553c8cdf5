// SPDX-License-Identifier: Apache-2.0
#include "boot/survey.h"

#include "boot/text.h"
#include "mm/bits.h"

#define COLUMNS    78
#define NAME_WIDTH 17
#define INDENT     (NAME_WIDTH + 3)

static const char marks[] = {
	[SURVEY_NOTE] = ' ',
	[SURVEY_USED] = '+',
	[SURVEY_WITHOUT] = '-',
	[SURVEY_MISSING] = '!',
};

static struct survey_row *row_add(struct survey *survey)
{
	static struct survey_row beyond; /* more rows than tables have: lost, not written over */

	return survey->count < SURVEY_ROWS_MAX ? &survey->row[survey->count++] : &beyond;
}

char *survey_add(struct survey *survey, const struct survey_probe *probe, bool there)
{
	struct survey_row *row = row_add(survey);

	*row = (struct survey_row){
		.name = probe->name,
		.mark = there           ? SURVEY_USED
			: probe->needed ? SURVEY_MISSING
					: SURVEY_WITHOUT,
		.says = there ? probe->used : probe->without,
	};
	return row->found;
}

char *survey_note(struct survey *survey, const char *name, const char *says)
{
	struct survey_row *row = row_add(survey);

	*row = (struct survey_row){.name = name, .mark = SURVEY_NOTE, .says = says};
	return row->found;
}

enum platform_row { ROW_TABLES, ROW_CPUS, ROW_SCREEN };

static const struct survey_probe platform_rows[] = {
	[ROW_TABLES] = {"machine tables", false, "CPUs, interrupt controllers, serial port",
			"one CPU, at the usual addresses"},
	[ROW_CPUS] = {"CPUs", false, "all of them run vCPUs",
		      "nothing tells of others than this one"},
	[ROW_SCREEN] = {"screen", false, "log and console, in the firmware's mode",
			"none with a linear framebuffer: the serial line is the only console"},
};

static void tables_survey(const struct platform_facts *facts, struct survey *survey)
{
	struct survey_probe probe = platform_rows[ROW_TABLES];
	bool there = facts->has_acpi || facts->has_fdt;

	if (facts->needs_tables) {
		probe.needed = true;
		probe.without = "nothing else tells where the interrupt controller is";
	}
	text_format(survey_add(survey, &probe, there), SURVEY_FOUND_MAX, "%s",
		    facts->has_acpi  ? "ACPI"
		    : facts->has_fdt ? "device tree"
				     : "neither ACPI nor a device tree");
}

static void iommu_survey(const struct platform_facts *facts, struct survey *survey)
{
	char *found = survey_note(survey, "IOMMU",
				  "not used: this version gives no device to a guest; devices that "
				  "the firmware left running can write to all memory");

	text_format(found, SURVEY_FOUND_MAX, "%s",
		    facts->has_dmar   ? "Intel VT-d (table DMAR)"
		    : facts->has_ivrs ? "AMD-Vi (table IVRS)"
		    : facts->has_iort ? "Arm SMMU or ITS (table IORT)"
		    : facts->has_smmu ? "Arm SMMUv3 (device tree)"
				      : "none, or switched off in the firmware setup");
}

static void secure_boot_survey(const struct platform_facts *facts, struct survey *survey)
{
	static const char *const states[] = {
		[SECURE_BOOT_UNKNOWN] = "the firmware does not know it",
		[SECURE_BOOT_OFF] = "off",
		[SECURE_BOOT_ON] = "on: the firmware accepted this loader's signature",
	};
	char *found = survey_note(survey, "Secure Boot",
				  "configuration and guests' images are not covered by it");

	text_format(found, SURVEY_FOUND_MAX, "%s", states[facts->secure_boot]);
}

void platform_survey(const struct platform_facts *facts, struct survey *survey)
{
	char *found = survey_note(survey, "firmware", "");

	text_format(found, SURVEY_FOUND_MAX, "%s", facts->firmware);
	tables_survey(facts, survey);
	found = survey_add(survey, &platform_rows[ROW_CPUS], facts->cpus > 0);
	if (facts->cpus) {
		text_format(found, SURVEY_FOUND_MAX, "%u", facts->cpus);
	}
	found = survey_note(survey, "memory", "");
	text_format(found, SURVEY_FOUND_MAX,
		    "%lu MiB, of it free now %lu; the last ends at %lu GiB", facts->memory >> 20,
		    facts->memory_free >> 20, align_up(facts->memory_end, BIT(30)) >> 30);
	iommu_survey(facts, survey);
	secure_boot_survey(facts, survey);
	found = survey_add(survey, &platform_rows[ROW_SCREEN], facts->screen_width);
	if (facts->screen_width) {
		text_format(found, SURVEY_FOUND_MAX, "%u x %u", facts->screen_width,
			    facts->screen_height);
	}
}

/* One row: its name, then what was found and what that means, wrapped in a column of its own. */
static size_t row_text(const struct survey_row *row, char *out, size_t size)
{
	char text[SURVEY_FOUND_MAX + 200];
	const char *at = text;
	size_t used = 0;

	text_format(text, sizeof(text), "%s%s%s", row->found,
		    row->found[0] && row->says[0] ? ": " : "", row->says);
	do {
		size_t length = text_wrap(at, COLUMNS - INDENT);
		bool first = at == text;

		used += text_format(out + used, size - used, "%c %-*s %.*s\n",
				    first ? marks[row->mark] : ' ', NAME_WIDTH,
				    first ? row->name : "", (int)length, at);
		at += length;
		at += *at == ' ';
	} while (*at);
	return used;
}

size_t survey_text(const struct survey *survey, char *out, size_t size)
{
	size_t used = text_format(out, size,
				  "What this machine offers   (+ used, - done without, ! missing "
				  "and needed)\n");

	for (size_t i = 0; i < survey->count; i++) {
		used += row_text(&survey->row[i], out + used, size - used);
	}
	return used;
}
