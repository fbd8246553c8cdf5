// SPDX-License-Identifier: Apache-2.0
/*
 * Judging the CPU: AMD64 Architecture Programmer's Manual volume 2, "Enabling SVM", and volume 3,
 * "Obtaining Processor Information Via the CPUID Instruction"; SDM volume 3, "Discovering Support
 * for VMX" and "Enabling and Entering VMX Operation". What VMX must offer is the core's knowledge.
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

const char *cpu_name(const struct cpu_facts *facts)
{
	const char *name = facts->brand;

	while (*name == ' ') {
		name++;
	}
	return *name ? name : "unnamed CPU";
}

bool cpu_has_svm(const struct cpu_facts *facts)
{
	return facts->extended_ecx & EXTENDED_ECX_SVM;
}

bool cpu_has_npt(const struct cpu_facts *facts)
{
	return facts->svm_edx & SVM_EDX_NPT;
}

bool cpu_svm_is_disabled(const struct cpu_facts *facts)
{
	return facts->vm_cr & VM_CR_SVM_DISABLE;
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

bool cpu_uses_vmx(const struct cpu_facts *facts)
{
	return !cpu_has_svm(facts) && facts->features_ecx & FEATURES_ECX_VMX;
}

static void need(struct cpu_verdict *verdict, const char *needs, const char *found)
{
	if (verdict->missing_count < CPU_NEEDS_MAX) {
		verdict->missing[verdict->missing_count] = (struct cpu_need){needs, found};
	}
	verdict->missing_count++;
}

static const char *virtualisation_absence(const struct cpu_facts *facts)
{
	if (facts->features_ecx & FEATURES_ECX_HYPERVISOR) {
		return "neither; this machine is itself virtual: switch nested virtualisation on "
		       "in the hypervisor below";
	}
	if (!memcmp(facts->vendor, INTEL, strlen(INTEL))) {
		return "no VMX: the CPU lacks it, or the firmware setup hides it (\"VT-x\", "
		       "\"Intel Virtualization Technology\")";
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

static void svm_judge(const struct cpu_facts *facts, struct cpu_verdict *verdict)
{
	if (cpu_svm_is_disabled(facts)) {
		need(verdict, "SVM not disabled (MSR VM_CR C001_0114 bit 4 clear)",
		     svm_disabled(facts));
	}
	if (!cpu_has_npt(facts)) {
		need(verdict, "nested paging, NPT (CPUID 8000_000A EDX bit 0)",
		     "SVM without nested paging");
	}
}

/* What the user knows by another name than that of its control. */
static const struct {
	const char *control;
	struct cpu_need need;
} vmx_needs[] = {
	{"VMX enabled by the firmware (IA32_FEATURE_CONTROL)",
	 {"VMX not disabled (MSR IA32_FEATURE_CONTROL 3AH: bit 2 set, or bit 0 clear)",
	  "VMX disabled by the firmware and locked: enable \"VT-x\" or \"Intel Virtualization "
	  "Technology\" in the firmware setup"}},
	{"enable EPT",
	 {"extended page tables, EPT (secondary processor-based control bit 1)",
	  "VMX without EPT: CPUs before Nehalem, or hidden by a hypervisor below"}},
	{"unrestricted guest",
	 {"unrestricted guest, real mode under EPT (secondary processor-based control bit 7)",
	  "VMX without unrestricted guest: CPUs before Westmere"}},
};

static void vmx_need(struct cpu_verdict *verdict, const char *control)
{
	for (size_t i = 0; i < ARRAY_SIZE(vmx_needs); i++) {
		if (!strcmp(control, vmx_needs[i].control)) {
			need(verdict, vmx_needs[i].need.needs, vmx_needs[i].need.found);
			return;
		}
	}
	need(verdict, control, "VMX whose capability MSRs do not offer this, or insist on it");
}

static void vmx_judge(const struct cpu_facts *facts, struct cpu_verdict *verdict)
{
	struct vmx_caps *caps = &verdict->vmx;

	vmx_caps_compute(&facts->vmx, caps);
	for (unsigned i = 0; i < caps->missing_count; i++) {
		vmx_need(verdict, caps->missing[i]);
	}
}

void cpu_judge(const struct cpu_facts *facts, struct cpu_verdict *verdict)
{
	memset(verdict, 0, sizeof(*verdict));
	if (!(facts->extended_edx & EXTENDED_EDX_LM)) {
		need(verdict, "long mode (CPUID 8000_0001 EDX bit 29)", "none reported");
	}
	if (!cpu_has_nx(facts)) {
		need(verdict, "no-execute pages, NX (CPUID 8000_0001 EDX bit 20)",
		     "none: the CPU lacks them, or the firmware setup hides them");
	}
	if (cpu_has_svm(facts)) {
		svm_judge(facts, verdict);
	} else if (cpu_uses_vmx(facts)) {
		vmx_judge(facts, verdict);
	} else {
		need(verdict,
		     "virtualisation: AMD SVM (CPUID 8000_0001 ECX bit 2) or Intel VMX (CPUID "
		     "0000_0001 ECX bit 5)",
		     virtualisation_absence(facts));
	}
}
