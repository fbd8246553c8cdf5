// SPDX-License-Identifier: Apache-2.0
/* The CPU's rows of the pre-flight report, from what cpu_judge() goes by. Pure. */
#include <string.h>

#include "boot/text.h"
#include "boot/x86_64_cpu.h"
#include "mm/bits.h"

#define SVM_EDX_NEXT_RIP      BIT(3)
#define SVM_EDX_FLUSH_BY_ASID BIT(6)
#define SVM_EDX_DECODE        BIT(7)
#define SVM_EDX_AVIC          BIT(13)

struct subject {
	const struct cpu_facts *facts;
	const struct cpu_verdict *verdict;
};

/* Each writes what it found and returns whether that will do. */
struct cpu_probe {
	struct survey_probe row;
	bool (*find)(const struct subject *s, char found[SURVEY_FOUND_MAX]);
};

static bool is_svm(const struct subject *s)
{
	return cpu_has_svm(s->facts);
}

static bool find_virtualisation(const struct subject *s, char *found)
{
	bool vmx = cpu_uses_vmx(s->facts);

	text_format(found, SURVEY_FOUND_MAX, "%s",
		    is_svm(s) ? "AMD SVM"
		    : vmx     ? "Intel VMX"
			      : "none");
	return is_svm(s) || vmx;
}

static bool find_lock(const struct subject *s, char *found)
{
	static const char *const vmx[] = {
		[VMX_FW_UNLOCKED] = "IA32_FEATURE_CONTROL left open: Socle switches VMX on",
		[VMX_FW_ENABLED] = "IA32_FEATURE_CONTROL locked, VMX on",
		[VMX_FW_DISABLED] = "IA32_FEATURE_CONTROL locked, VMX off",
	};
	bool off = cpu_svm_is_disabled(s->facts);

	if (is_svm(s)) {
		text_format(found, SURVEY_FOUND_MAX, "VM_CR.SVMDIS %s", off ? "set" : "clear");
		return !off;
	}
	if (!cpu_uses_vmx(s->facts)) {
		return false;
	}
	text_format(found, SURVEY_FOUND_MAX, "%s", vmx[s->verdict->vmx.firmware]);
	return s->verdict->vmx.firmware != VMX_FW_DISABLED;
}

static bool find_second_level(const struct subject *s, char *found)
{
	const struct vmx_caps *vmx = &s->verdict->vmx;

	if (is_svm(s)) {
		text_format(found, SURVEY_FOUND_MAX, "nested paging (NPT), %u levels",
			    s->facts->paging_levels);
		return cpu_has_npt(s->facts);
	}
	if (vmx->ept.walk4) {
		text_format(found, SURVEY_FOUND_MAX, "EPT, 4%s levels%s",
			    vmx->ept.walk5 ? " or 5" : "", vmx->ept.ad ? ", A/D bits" : "");
	}
	return vmx->ept.walk4;
}

static bool find_large_pages(const struct subject *s, char *found)
{
	const struct vmx_ept_caps *ept = &s->verdict->vmx.ept;
	bool large = is_svm(s) ? cpu_has_1g_pages(s->facts) : ept->page_1g;

	text_format(found, SURVEY_FOUND_MAX, "4 KiB%s%s",
		    is_svm(s) || ept->page_2m ? ", 2 MiB" : "", large ? ", 1 GiB" : "");
	return large;
}

static bool find_controls(const struct subject *s, char *found)
{
	unsigned missing = s->verdict->vmx.missing_count;

	if (is_svm(s)) {
		return true;
	}
	if (missing) {
		text_format(found, SURVEY_FOUND_MAX, "%u missing, \"%s\" first", missing,
			    s->verdict->vmx.missing[0]);
	}
	return cpu_uses_vmx(s->facts) && !missing;
}

static bool find_tags(const struct subject *s, char *found)
{
	if (is_svm(s)) {
		text_format(found, SURVEY_FOUND_MAX, "%u ASIDs%s", s->facts->svm_asids,
			    s->facts->svm_edx & SVM_EDX_FLUSH_BY_ASID ? ", flush by ASID" : "");
		return s->facts->svm_asids > 2;
	}
	if (s->verdict->vmx.ctl[VMX_PROC2] & PROC2_VPID) {
		text_format(found, SURVEY_FOUND_MAX, "VPID");
	}
	return s->verdict->vmx.ctl[VMX_PROC2] & PROC2_VPID;
}

static bool find_interrupts(const struct subject *s, char *found)
{
	if (is_svm(s)) {
		text_format(found, SURVEY_FOUND_MAX, "%s",
			    s->facts->svm_edx & SVM_EDX_AVIC ? "AVIC, which this version does "
							       "not use"
							     : "none");
		return false;
	}
	if (s->verdict->vmx.apicv) {
		text_format(found, SURVEY_FOUND_MAX, "APIC virtualisation");
	}
	return s->verdict->vmx.apicv;
}

static bool find_assists(const struct subject *s, char *found)
{
	if (!is_svm(s)) {
		return cpu_uses_vmx(s->facts);
	}
	text_format(found, SURVEY_FOUND_MAX, "next-RIP %s, decode assists %s",
		    s->facts->svm_edx & SVM_EDX_NEXT_RIP ? "yes" : "no",
		    s->facts->svm_edx & SVM_EDX_DECODE ? "yes" : "no");
	return s->facts->svm_edx & SVM_EDX_NEXT_RIP;
}

static bool find_nx(const struct subject *s, char *found)
{
	(void)found;
	return cpu_has_nx(s->facts);
}

static bool find_tsc(const struct subject *s, char *found)
{
	bool invariant = cpu_has_invariant_tsc(s->facts);

	text_format(found, SURVEY_FOUND_MAX, "TSC, %sinvariant", invariant ? "" : "not ");
	return invariant;
}

static const struct cpu_probe probes[] = {
	{{"virtualisation", true, "runs the guests",
	  "the CPU lacks it, the firmware setup hides it, or a hypervisor below does"},
	 find_virtualisation},
	{{"who locked it", true, "free to use",
	  "switched off by the firmware: \"SVM Mode\", \"VT-x\" or the like in its setup"},
	 find_lock},
	{{"second level", true, "guests' memory, without exits for their own page tables",
	  "none: guests could not be given memory"},
	 find_second_level},
	{{"its pages", false, "the largest that fits is mapped",
	  "no 1 GiB pages: more TLB misses in large guests"},
	 find_large_pages},
	{{"other controls", true, "all that Socle needs", "a CPU too old, or hidden from us"},
	 find_controls},
	{{"TLB tags", false, "translations stay over exits and switches",
	  "each exit or switch of guests empties the TLB"},
	 find_tags},
	{{"interrupts", false, "a guest in x2APIC mode takes and ends them without exits",
	  "the local APIC is software's: an exit or two for each interrupt"},
	 find_interrupts},
	{{"exits decoded", false, "the CPU tells an instruction's length",
	  "Socle reads the guest's instructions: some 100 instructions more for an exit"},
	 find_assists},
	{{"no-execute", true, "the core's data is not executable", "NX is absent or hidden"},
	 find_nx},
	{{"clock", false, "one time on all CPUs",
	  "time may run unevenly where the CPU changes its speed"},
	 find_tsc},
};

void cpu_survey(const struct cpu_facts *facts, const struct cpu_verdict *verdict,
		struct survey *survey)
{
	const struct subject s = {facts, verdict};
	char *name = survey_note(survey, "processor", "");

	text_format(name, SURVEY_FOUND_MAX, "%s (%s)", cpu_name(facts), facts->vendor);
	for (size_t i = 0; i < ARRAY_SIZE(probes); i++) {
		char found[SURVEY_FOUND_MAX] = "";
		bool there = probes[i].find(&s, found);

		memcpy(survey_add(survey, &probes[i].row, there), found, sizeof(found));
	}
}
