// SPDX-License-Identifier: Apache-2.0
/*
 * Judging the CPU: AMD64 Architecture Programmer's Manual volume 2, "Enabling SVM", and volume 3,
 * "Obtaining Processor Information Via the CPUID Instruction".
 */
#include "boot/x86_64_cpu.h"

#include <string.h>

#include "mm/bits.h"

#define INTEL                   "GenuineIntel"
#define FEATURES_ECX_VMX        BIT(5)
#define FEATURES_ECX_HYPERVISOR BIT(31)
#define EXTENDED_ECX_SVM        BIT(2)
#define EXTENDED_EDX_NX         BIT(20)
#define EXTENDED_EDX_PAGE_1G    BIT(26)
#define EXTENDED_EDX_LM         BIT(29)
#define POWER_EDX_INVARIANT_TSC BIT(8)
#define SVM_EDX_NPT             BIT(0)
#define SVM_EDX_LOCK            BIT(2)
#define VM_CR_SVM_DISABLE       BIT(4)

bool cpu_has_svm(const struct cpu_facts *facts)
{
	return facts->extended_ecx & EXTENDED_ECX_SVM;
}

bool cpu_has_nx(const struct cpu_facts *facts)
{
	return facts->extended_edx & EXTENDED_EDX_NX;
}

bool cpu_has_1g_pages(const struct cpu_facts *facts)
{
	return facts->extended_edx & EXTENDED_EDX_PAGE_1G;
}

bool cpu_has_invariant_tsc(const struct cpu_facts *facts)
{
	return facts->power_edx & POWER_EDX_INVARIANT_TSC;
}

static const char *svm_absence(const struct cpu_facts *facts)
{
	/* A virtual Intel CPU may come without VMX: offering to nest it would mislead. */
	if (facts->features_ecx & FEATURES_ECX_VMX ||
	    !memcmp(facts->vendor, INTEL, strlen(INTEL))) {
		return "Intel VMX, which this version does not support yet";
	}
	if (facts->features_ecx & FEATURES_ECX_HYPERVISOR) {
		return "no SVM; this machine is itself virtual: switch nested virtualisation on "
		       "in the hypervisor below";
	}
	return "no SVM: the CPU lacks it, or the firmware setup hides it (\"SVM Mode\")";
}

static const char *svm_disabled(const struct cpu_facts *facts)
{
	return facts->svm_edx & SVM_EDX_LOCK
		       ? "SVM, disabled by the firmware and locked with a key: look for \"SVM "
			 "Mode\" or a TPM policy in the firmware setup"
		       : "SVM, disabled by the firmware: enable \"SVM Mode\" in the firmware setup";
}

size_t cpu_missing(const struct cpu_facts *facts, struct cpu_need missing[CPU_NEEDS_MAX])
{
	size_t count = 0;

	if (!(facts->extended_edx & EXTENDED_EDX_LM)) {
		missing[count++] = (struct cpu_need){
			"long mode (CPUID 8000_0001 EDX bit 29)",
			"none reported",
		};
	}
	if (!cpu_has_nx(facts)) {
		missing[count++] = (struct cpu_need){
			"no-execute pages, NX (CPUID 8000_0001 EDX bit 20)",
			"none: the CPU lacks them, or the firmware setup hides them",
		};
	}
	if (!cpu_has_svm(facts)) {
		missing[count++] = (struct cpu_need){
			"AMD virtualisation, SVM (CPUID 8000_0001 ECX bit 2)",
			svm_absence(facts),
		};
		return count;
	}
	if (facts->vm_cr & VM_CR_SVM_DISABLE) {
		missing[count++] = (struct cpu_need){
			"SVM not disabled (MSR VM_CR C001_0114 bit 4 clear)",
			svm_disabled(facts),
		};
	}
	if (!(facts->svm_edx & SVM_EDX_NPT)) {
		missing[count++] = (struct cpu_need){
			"nested paging, NPT (CPUID 8000_000A EDX bit 0)",
			"SVM without nested paging",
		};
	}
	return count;
}
