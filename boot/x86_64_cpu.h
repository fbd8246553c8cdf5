// SPDX-License-Identifier: Apache-2.0
/* What Socle needs of an x86-64 CPU: the rules, apart from the instructions that ask it. Pure. */
#pragma once

#include "arch/x86/vmx_caps.h"
#include "boot/survey.h"
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
	struct vmx_msrs vmx;    /* read only when VMX is what counts */
	unsigned paging_levels; /* in use: 4, or 5 */
};

struct cpu_need {
	const char *needs, *found;
};

struct cpu_verdict {
	struct vmx_caps vmx;                    /* where VMX is what counts */
	size_t missing_count;                   /* 0: this machine will do */
	struct cpu_need missing[CPU_NEEDS_MAX]; /* the first of them */
};

bool cpu_has_svm(const struct cpu_facts *facts);
bool cpu_has_npt(const struct cpu_facts *facts);
bool cpu_svm_is_disabled(const struct cpu_facts *facts); /* by the firmware */
bool cpu_has_nx(const struct cpu_facts *facts);
bool cpu_has_1g_pages(const struct cpu_facts *facts);
bool cpu_has_invariant_tsc(const struct cpu_facts *facts);

/* Whether VMX is what counts: a CPU that has both is run as an AMD one, as the core does. */
bool cpu_uses_vmx(const struct cpu_facts *facts);

/* The brand, without the blanks that it may be padded with. */
const char *cpu_name(const struct cpu_facts *facts);

/* Says what is needed and not there. */
void cpu_judge(const struct cpu_facts *facts, struct cpu_verdict *verdict);

/* Adds the CPU's rows (x86_64_survey.c). */
void cpu_survey(const struct cpu_facts *facts, const struct cpu_verdict *verdict,
		struct survey *survey);
