// SPDX-License-Identifier: Apache-2.0
/* What Socle needs of an AArch64 CPU: the rules, apart from the instructions that ask it. Pure. */
#pragma once

#include "boot/survey.h"
#include "mm/types.h"

#define CPU_NEEDS_MAX 8
#define CPU_TEXT_MAX  80

/* ID registers as read; what a CPU does not know reads as 0. */
struct cpu_facts {
	unsigned level; /* CurrentEL: the exception level in use */
	u64 midr;       /* MIDR_EL1 */
	u64 pfr0;       /* ID_AA64PFR0_EL1 */
	u64 isar0;      /* ID_AA64ISAR0_EL1 */
	u64 mmfr[3];    /* ID_AA64MMFR0_EL1 to ID_AA64MMFR2_EL1 */
	u64 counter_hz; /* CNTFRQ_EL0 */
};

struct cpu_need {
	const char *needs, *found;
};

bool cpu_has_vhe(const struct cpu_facts *facts);
bool cpu_has_gicv3(const struct cpu_facts *facts);
bool cpu_has_4k_pages(const struct cpu_facts *facts); /* at both stages */
unsigned cpu_address_bits(const struct cpu_facts *facts);
unsigned cpu_vmid_bits(const struct cpu_facts *facts);

/* The model's name where it is known, else its numbers. */
void cpu_name(const struct cpu_facts *facts, char name[CPU_TEXT_MAX]);

/* The optional features of stage 2 that are there, in words, for a report. */
void cpu_stage2_features(const struct cpu_facts *facts, char text[CPU_TEXT_MAX]);

/* Lists in @missing what is needed and not there. Returns how many, 0 for a machine that will do.
 */
size_t cpu_missing(const struct cpu_facts *facts, struct cpu_need missing[CPU_NEEDS_MAX]);

/* Adds the CPU's rows (arm64_survey.c). */
void cpu_survey(const struct cpu_facts *facts, struct survey *survey);

/* System registers of EL2 for the core's start, by the boot contract (vmm/boot_info.h). */
u64 cpu_hcr_el2(const struct cpu_facts *facts);
u64 cpu_tcr_el2(const struct cpu_facts *facts);
