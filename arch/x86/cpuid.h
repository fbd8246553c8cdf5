// SPDX-License-Identifier: Apache-2.0
/* What CPUID tells a guest: a table made once per VM from the host's CPUID by policy. */
#pragma once

#include "arch/cpu.h"

#define CPUID_ENTRIES_MAX 96
#define CPUID_INDEX_SIZE  0x24 /* leaves that each of the three ranges can have */

enum cpuid_dynamic {
	CPUID_STATIC,
	CPUID_FEATURES,     /* leaf 1: APIC id, OSXSAVE, APIC enabled */
	CPUID_FEATURES_7,   /* leaf 7: OSPKE */
	CPUID_FEATURES_EXT, /* leaf 8000_0001: APIC enabled */
	CPUID_TOPOLOGY,     /* leaf B: APIC id */
	CPUID_XSAVE,        /* leaf D: sizes depend on XCR0 */
	CPUID_TOPOLOGY_AMD, /* leaf 8000_001E: APIC id */
};

struct cpuid_entry {
	u32 leaf, subleaf;
	bool has_subleaf;
	u8 dynamic; /* enum cpuid_dynamic */
	struct cpuid_regs regs;
};

struct cpuid_table {
	u32 count;
	u32 max_basic, max_ext;
	u8 index[3][CPUID_INDEX_SIZE]; /* 1 + first entry of a leaf; 0: none */
	struct cpuid_entry entry[CPUID_ENTRIES_MAX];
};

struct cpuid_config {
	u32 tsc_khz;
	u32 vcpus;
	u64 xcr0_allowed;
};

/* Fills @table from the host's CPUID and the policy. */
void cpuid_table_make(struct cpuid_table *table, const struct cpuid_config *config);

/* Sets bits of a leaf that is there. */
void cpuid_table_set(struct cpuid_table *table, u32 leaf, struct cpuid_regs bits);

/* Adds what a guest is told besides, in a range and below its end. */
void cpuid_table_add(struct cpuid_table *table, u32 leaf, struct cpuid_regs regs);

/* The entry for @leaf and @subleaf, or NULL: all registers read as 0 (AMD's rule). */
const struct cpuid_entry *cpuid_find(const struct cpuid_table *table, u32 leaf, u32 subleaf);
