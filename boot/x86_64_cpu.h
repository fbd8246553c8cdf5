// SPDX-License-Identifier: Apache-2.0
/* What Socle needs of an x86-64 CPU: the rules, apart from the instructions that ask it. Pure. */
#pragma once

#include "mm/types.h"

#define CPU_VENDOR_MAX 13
#define CPU_BRAND_MAX  49
#define CPU_NEEDS_MAX  8

/* Words are 0 where the CPU has no such CPUID leaf. */
struct cpu_facts {
	char vendor[CPU_VENDOR_MAX], brand[CPU_BRAND_MAX];
	u32 features_ecx;       /* CPUID 0000_0001 ECX */
	u32 extended_ecx;       /* CPUID 8000_0001 ECX */
	u32 extended_edx;       /* CPUID 8000_0001 EDX */
	u32 power_edx;          /* CPUID 8000_0007 EDX */
	u32 svm_asids;          /* CPUID 8000_000A EBX */
	u32 svm_edx;            /* CPUID 8000_000A EDX */
	u64 vm_cr;              /* MSR C001_0114, read only when there is SVM */
	unsigned paging_levels; /* in use: 4, or 5 */
};

struct cpu_need {
	const char *needs, *found;
};

bool cpu_has_svm(const struct cpu_facts *facts);
bool cpu_has_nx(const struct cpu_facts *facts);
bool cpu_has_1g_pages(const struct cpu_facts *facts);
bool cpu_has_invariant_tsc(const struct cpu_facts *facts);

/* Lists in @missing what is needed and not there. Returns how many, 0 for a machine that will do.
 */
size_t cpu_missing(const struct cpu_facts *facts, struct cpu_need missing[CPU_NEEDS_MAX]);
