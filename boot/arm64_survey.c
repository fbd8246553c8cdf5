// SPDX-License-Identifier: Apache-2.0
/* The CPU's rows of the pre-flight report, from what cpu_missing() goes by. Pure. */
#include <string.h>

#include "boot/arm64_cpu.h"
#include "boot/text.h"
#include "mm/bits.h"

/* Each writes what it found and returns whether that will do. */
struct cpu_probe {
	struct survey_probe row;
	bool (*find)(const struct cpu_facts *facts, char found[SURVEY_FOUND_MAX]);
};

static bool find_level(const struct cpu_facts *facts, char *found)
{
	text_format(found, SURVEY_FOUND_MAX, "EL%u", facts->level);
	return facts->level == 2;
}

static bool find_vhe(const struct cpu_facts *facts, char *found)
{
	(void)found;
	return cpu_has_vhe(facts);
}

static bool find_granule(const struct cpu_facts *facts, char *found)
{
	bool there = cpu_has_4k_pages(facts);

	if (there) {
		text_format(found, SURVEY_FOUND_MAX,
			    "4 KiB pages, 2 MiB and 1 GiB blocks; %u-bit physical addresses",
			    cpu_address_bits(facts));
	}
	return there;
}

static bool find_tags(const struct cpu_facts *facts, char *found)
{
	text_format(found, SURVEY_FOUND_MAX, "%u-bit VMIDs", cpu_vmid_bits(facts));
	return cpu_vmid_bits(facts) > 8;
}

static bool find_gic(const struct cpu_facts *facts, char *found)
{
	bool there = cpu_has_gicv3(facts);

	if (there) {
		text_format(found, SURVEY_FOUND_MAX, "GICv3 system registers");
	}
	return there;
}

static bool find_counter(const struct cpu_facts *facts, char *found)
{
	text_format(found, SURVEY_FOUND_MAX, "%lu kHz", facts->counter_hz / 1000);
	return facts->counter_hz;
}

static const struct cpu_probe probes[] = {
	{{"exception level", true, "Socle runs here, guests at EL1",
	  "EL2 is missing, or the firmware or a hypervisor keeps it"},
	 find_level},
	{{"VHE", false, "Socle runs with E2H set", "Socle runs with E2H clear; costs nothing"},
	 find_vhe},
	{{"second level", true, "guests' memory, without exits for their own page tables",
	  "no 4 KiB pages at stage 1 or at stage 2"},
	 find_granule},
	{{"TLB tags", false, "translations stay over exits and switches",
	  "enough: translations stay over exits and switches of up to 255 VMs"},
	 find_tags},
	{{"interrupts", true, "guests take and end them without exits",
	  "a GICv2, or the firmware hides a GICv3"},
	 find_gic},
	{{"clock", true, "the guests' timers are the hardware's own",
	  "the firmware sets no counter frequency"},
	 find_counter},
};

void cpu_survey(const struct cpu_facts *facts, struct survey *survey)
{
	char text[CPU_TEXT_MAX];

	cpu_name(facts, text);
	text_format(survey_note(survey, "processor", ""), SURVEY_FOUND_MAX, "%s", text);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		char found[SURVEY_FOUND_MAX] = "";
		bool there = probes[i].find(facts, found);

		memcpy(survey_add(survey, &probes[i].row, there), found, sizeof(found));
	}
	cpu_stage2_features(facts, text);
	text_format(survey_note(survey, "stage 2 options", ""), SURVEY_FOUND_MAX, "%s", text);
}
