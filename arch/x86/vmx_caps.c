// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/vmx_caps.h"

#include <string.h>

#include "arch/x86/x86.h"

/* Every control we have an opinion on; others take the value that the CPU insists on, else 0. */
const struct vmx_control vmx_controls[] = {
	{VMX_PIN, VMX_REQUIRED, PIN_INTR, "external-interrupt exiting"},
	{VMX_PIN, VMX_REQUIRED, PIN_NMI, "NMI exiting"},
	{VMX_PIN, VMX_REQUIRED, PIN_VIRTUAL_NMIS, "virtual NMIs"},
	{VMX_PIN, VMX_AT_TIMES, PIN_PREEMPTION_TIMER, "activate VMX-preemption timer"},
	{VMX_PIN, VMX_OFF, PIN_POSTED_INTR, "process posted interrupts"},

	{VMX_PROC, VMX_DYNAMIC, PROC_INTR_WINDOW, "interrupt-window exiting"},
	{VMX_PROC, VMX_REQUIRED, PROC_TSC_OFFSET, "use TSC offsetting"},
	{VMX_PROC, VMX_REQUIRED, PROC_HLT, "HLT exiting"},
	{VMX_PROC, VMX_OFF, PROC_INVLPG, "INVLPG exiting"},
	{VMX_PROC, VMX_REQUIRED, PROC_MWAIT, "MWAIT exiting"},
	{VMX_PROC, VMX_REQUIRED, PROC_RDPMC, "RDPMC exiting"},
	{VMX_PROC, VMX_OFF, PROC_RDTSC, "RDTSC exiting"},
	{VMX_PROC, VMX_OFF, PROC_CR3_LOAD, "CR3-load exiting"},
	{VMX_PROC, VMX_OFF, PROC_CR3_STORE, "CR3-store exiting"},
	{VMX_PROC, VMX_OFF, PROC_CTLS3, "activate tertiary controls"},
	{VMX_PROC, VMX_REQUIRED, PROC_CR8_LOAD, "CR8-load exiting"},
	{VMX_PROC, VMX_OFF, PROC_CR8_STORE, "CR8-store exiting"},
	{VMX_PROC, VMX_REQUIRED, PROC_TPR_SHADOW, "use TPR shadow"},
	{VMX_PROC, VMX_DYNAMIC, PROC_NMI_WINDOW, "NMI-window exiting"},
	{VMX_PROC, VMX_OFF, PROC_MOV_DR, "MOV-DR exiting"},
	{VMX_PROC, VMX_REQUIRED, PROC_IO, "unconditional I/O exiting"},
	{VMX_PROC, VMX_OFF, PROC_IO_BITMAPS, "use I/O bitmaps"},
	{VMX_PROC, VMX_OFF, PROC_MONITOR_TRAP, "monitor trap flag"},
	{VMX_PROC, VMX_REQUIRED, PROC_MSR_BITMAPS, "use MSR bitmaps"},
	{VMX_PROC, VMX_REQUIRED, PROC_MONITOR, "MONITOR exiting"},
	{VMX_PROC, VMX_OFF, PROC_PAUSE, "PAUSE exiting"},
	{VMX_PROC, VMX_REQUIRED, PROC_CTLS2, "activate secondary controls"},

	{VMX_PROC2, VMX_OFF, PROC2_APIC_ACCESSES, "virtualize APIC accesses"},
	{VMX_PROC2, VMX_REQUIRED, PROC2_EPT, "enable EPT"},
	{VMX_PROC2, VMX_OFF, PROC2_DESC_TABLE, "descriptor-table exiting"},
	{VMX_PROC2, VMX_OFFERED, PROC2_RDTSCP, "enable RDTSCP"},
	{VMX_PROC2, VMX_AT_TIMES, PROC2_X2APIC, "virtualize x2APIC mode"},
	{VMX_PROC2, VMX_OFFERED, PROC2_VPID, "enable VPID"},
	{VMX_PROC2, VMX_OFFERED, PROC2_WBINVD, "WBINVD exiting"},
	{VMX_PROC2, VMX_REQUIRED, PROC2_UNRESTRICTED, "unrestricted guest"},
	{VMX_PROC2, VMX_AT_TIMES, PROC2_APIC_REGISTER, "APIC-register virtualization"},
	{VMX_PROC2, VMX_AT_TIMES, PROC2_INTR_DELIVERY, "virtual-interrupt delivery"},
	{VMX_PROC2, VMX_OFF, PROC2_PAUSE_LOOP, "PAUSE-loop exiting"},
	{VMX_PROC2, VMX_OFF, PROC2_RDRAND, "RDRAND exiting"},
	{VMX_PROC2, VMX_OFFERED, PROC2_INVPCID, "enable INVPCID"},
	{VMX_PROC2, VMX_OFF, PROC2_VM_FUNCTIONS, "enable VM functions"},
	{VMX_PROC2, VMX_OFF, PROC2_SHADOWING, "VMCS shadowing"},
	{VMX_PROC2, VMX_OFFERED, PROC2_ENCLS, "enable ENCLS exiting"},
	{VMX_PROC2, VMX_OFF, PROC2_RDSEED, "RDSEED exiting"},
	{VMX_PROC2, VMX_OFF, PROC2_PML, "enable PML"},
	{VMX_PROC2, VMX_OFF, PROC2_VE, "EPT-violation #VE"},
	{VMX_PROC2, VMX_OFFERED, PROC2_PT_CONCEAL, "conceal VMX from PT"},
	{VMX_PROC2, VMX_OFF, PROC2_XSAVES, "enable XSAVES/XRSTORS"},
	{VMX_PROC2, VMX_OFF, PROC2_EPT_MODE_EXEC, "mode-based execute control for EPT"},
	{VMX_PROC2, VMX_OFF, PROC2_EPT_SUB_PAGE, "sub-page write permissions for EPT"},
	{VMX_PROC2, VMX_OFF, PROC2_PT_GUEST_PHYS, "Intel PT uses guest physical addresses"},
	{VMX_PROC2, VMX_OFF, PROC2_TSC_SCALING, "use TSC scaling"},
	{VMX_PROC2, VMX_OFF, PROC2_USER_WAIT, "enable user wait and pause"},
	{VMX_PROC2, VMX_OFF, PROC2_PCONFIG, "enable PCONFIG"},
	{VMX_PROC2, VMX_OFFERED, PROC2_ENCLV, "enable ENCLV exiting"},

	{VMX_EXIT, VMX_REQUIRED, EXIT_SAVE_DEBUG, "save debug controls"},
	{VMX_EXIT, VMX_REQUIRED, EXIT_HOST_64, "host address-space size"},
	{VMX_EXIT, VMX_OFF, EXIT_LOAD_PERF_GLOBAL, "exit: load IA32_PERF_GLOBAL_CTRL"},
	{VMX_EXIT, VMX_OFF, EXIT_ACK_INTR, "acknowledge interrupt on exit"},
	{VMX_EXIT, VMX_REQUIRED, EXIT_SAVE_PAT, "save IA32_PAT"},
	{VMX_EXIT, VMX_REQUIRED, EXIT_LOAD_PAT, "exit: load IA32_PAT"},
	{VMX_EXIT, VMX_REQUIRED, EXIT_SAVE_EFER, "save IA32_EFER"},
	{VMX_EXIT, VMX_REQUIRED, EXIT_LOAD_EFER, "exit: load IA32_EFER"},
	{VMX_EXIT, VMX_OFF, EXIT_SAVE_PREEMPTION, "save VMX-preemption timer value"},
	{VMX_EXIT, VMX_OFFERED, EXIT_CLEAR_BNDCFGS, "clear IA32_BNDCFGS"},
	{VMX_EXIT, VMX_OFFERED, EXIT_PT_CONCEAL, "conceal VM exits from PT"},
	{VMX_EXIT, VMX_OFF, EXIT_CLEAR_RTIT, "clear IA32_RTIT_CTL"},
	{VMX_EXIT, VMX_OFF, EXIT_LOAD_CET, "exit: load CET state"},
	{VMX_EXIT, VMX_OFF, EXIT_LOAD_PKRS, "exit: load PKRS"},

	{VMX_ENTRY, VMX_REQUIRED, ENTRY_LOAD_DEBUG, "load debug controls"},
	{VMX_ENTRY, VMX_DYNAMIC, ENTRY_GUEST_64, "IA-32e mode guest"},
	{VMX_ENTRY, VMX_OFF, ENTRY_TO_SMM, "entry to SMM"},
	{VMX_ENTRY, VMX_OFF, ENTRY_DUAL_MONITOR_OFF, "deactivate dual-monitor treatment"},
	{VMX_ENTRY, VMX_OFF, ENTRY_LOAD_PERF_GLOBAL, "entry: load IA32_PERF_GLOBAL_CTRL"},
	{VMX_ENTRY, VMX_REQUIRED, ENTRY_LOAD_PAT, "entry: load IA32_PAT"},
	{VMX_ENTRY, VMX_REQUIRED, ENTRY_LOAD_EFER, "entry: load IA32_EFER"},
	{VMX_ENTRY, VMX_OFF, ENTRY_LOAD_BNDCFGS, "load IA32_BNDCFGS"},
	{VMX_ENTRY, VMX_OFFERED, ENTRY_PT_CONCEAL, "conceal VM entries from PT"},
	{VMX_ENTRY, VMX_OFF, ENTRY_LOAD_RTIT, "load IA32_RTIT_CTL"},
	{VMX_ENTRY, VMX_OFF, ENTRY_LOAD_CET, "entry: load CET state"},
	{VMX_ENTRY, VMX_OFF, ENTRY_LOAD_PKRS, "entry: load PKRS"},
};
const unsigned vmx_control_count = ARRAY_SIZE(vmx_controls);
static_assert(ARRAY_SIZE(vmx_controls) + 8 <= VMX_MISSING_MAX, "room for every reason");

/* The MSR behind each word, and the one that supersedes it ("Reserved Controls and Default"). */
static const struct {
	u8 msr, true_msr;
} word_msr[VMX_WORD_COUNT] = {
	[VMX_PIN] = {VMX_MSR_PIN, VMX_MSR_TRUE_PIN},
	[VMX_PROC] = {VMX_MSR_PROC, VMX_MSR_TRUE_PROC},
	[VMX_PROC2] = {VMX_MSR_PROC2, VMX_MSR_PROC2},
	[VMX_EXIT] = {VMX_MSR_EXIT, VMX_MSR_TRUE_EXIT},
	[VMX_ENTRY] = {VMX_MSR_ENTRY, VMX_MSR_TRUE_ENTRY},
};

void vmx_msrs_read(u64 (*read)(u32 msr), struct vmx_msrs *msrs)
{
	u64 exist = GENMASK(VMX_MSR_VMCS_ENUM, VMX_MSR_BASIC);
	u64 proc2;

	memset(msrs, 0, sizeof(*msrs));
	msrs->feature_control = read(MSR_FEATURE_CONTROL);
	if (read(MSR_VMX_FIRST + VMX_MSR_BASIC) & VMX_BASIC_TRUE_CTLS) {
		exist |= GENMASK(VMX_MSR_TRUE_ENTRY, VMX_MSR_TRUE_PIN);
	}
	if (read(MSR_VMX_FIRST + VMX_MSR_PROC) >> 32 & PROC_CTLS2) {
		exist |= BIT(VMX_MSR_PROC2);
		proc2 = read(MSR_VMX_FIRST + VMX_MSR_PROC2) >> 32;
		exist |= proc2 & (PROC2_EPT | PROC2_VPID) ? BIT(VMX_MSR_EPT_VPID) : 0;
		exist |= proc2 & PROC2_VM_FUNCTIONS ? BIT(VMX_MSR_VMFUNC) : 0;
	}
	for (u32 i = 0; i < VMX_MSR_COUNT; i++) {
		msrs->vmx[i] = exist & BIT(i) ? read(MSR_VMX_FIRST + i) : 0;
	}
}

static void missing(struct vmx_caps *caps, const char *name)
{
	if (caps->missing_count < VMX_MISSING_MAX) {
		caps->missing[caps->missing_count++] = name;
	}
}

enum vmx_firmware vmx_firmware_judge(u64 feature_control)
{
	if (!(feature_control & FEATURE_CONTROL_LOCK)) {
		return VMX_FW_UNLOCKED;
	}
	return feature_control & FEATURE_CONTROL_VMXON ? VMX_FW_ENABLED : VMX_FW_DISABLED;
}

/* Low half: bits that must be 1; high half: bits that may be. */
static void words_read(const struct vmx_msrs *msrs, struct vmx_caps *caps)
{
	bool is_true = msrs->vmx[VMX_MSR_BASIC] & VMX_BASIC_TRUE_CTLS;

	for (unsigned i = 0; i < VMX_WORD_COUNT; i++) {
		u64 val = is_true ? msrs->vmx[word_msr[i].true_msr] : 0;

		if (!val) { /* also of a host that promises such an MSR and has none */
			val = msrs->vmx[word_msr[i].msr];
		}
		caps->may[i] = (u32)(val >> 32);
		caps->must[i] = (u32)val & caps->may[i];
	}
	if (!(caps->may[VMX_PROC] & PROC_CTLS2)) {
		caps->may[VMX_PROC2] = caps->must[VMX_PROC2] = 0;
	}
}

static void control_choose(struct vmx_caps *caps, const struct vmx_control *c)
{
	bool may = caps->may[c->word] & c->bit, must = caps->must[c->word] & c->bit;

	switch ((enum vmx_want)c->want) {
	case VMX_REQUIRED:
		if (!may) {
			missing(caps, c->name);
		}
		break;
	case VMX_OFFERED:
		break;
	case VMX_DYNAMIC:
		if (!may || must) {
			missing(caps, c->name);
		}
		return;
	case VMX_AT_TIMES:
	case VMX_OFF:
		if (must) {
			missing(caps, c->name);
		}
		return;
	}
	if (may) {
		caps->ctl[c->word] |= c->bit;
	}
}

static void ept_read(const struct vmx_msrs *msrs, struct vmx_caps *caps)
{
	u64 v = msrs->vmx[VMX_MSR_EPT_VPID];
	bool invept, invvpid;

	if (!(caps->may[VMX_PROC2] & (PROC2_EPT | PROC2_VPID))) {
		return; /* the MSR does not exist */
	}
	invept = v & BIT(20);
	invvpid = v & BIT(32);
	caps->ept = (struct vmx_ept_caps){
		.exec_only = v & BIT(0),
		.walk4 = v & BIT(6),
		.walk5 = v & BIT(7),
		.uc = v & BIT(8),
		.wb = v & BIT(14),
		.page_2m = v & BIT(16),
		.page_1g = v & BIT(17),
		.ad = v & BIT(21),
		.invept = invept,
		.invept_single = invept && (v & BIT(25)),
		.invept_all = invept && (v & BIT(26)),
		.invvpid = invvpid,
		.invvpid_address = invvpid && (v & BIT(40)),
		.invvpid_single = invvpid && (v & BIT(41)),
		.invvpid_all = invvpid && (v & BIT(42)),
		.invvpid_keep_global = invvpid && (v & BIT(43)),
	};
}

/* What EPT must be able to do; VPIDs that cannot be invalidated are done without. */
static void ept_judge(struct vmx_caps *caps)
{
	const struct vmx_ept_caps *e = &caps->ept;

	if (caps->may[VMX_PROC2] & PROC2_EPT) {
		if (!e->walk4) {
			missing(caps, "EPT page walk of 4 levels");
		}
		if (!e->wb) {
			missing(caps, "EPT paging structures of type WB");
		}
		if (!e->invept_single && !e->invept_all) {
			missing(caps, "INVEPT");
		}
	}
	if (!e->invvpid_single && !e->invvpid_all && !(caps->must[VMX_PROC2] & PROC2_VPID)) {
		caps->ctl[VMX_PROC2] &= ~(u32)PROC2_VPID;
	}
}

/*
 * One without the others would leave a part of the LAPIC here and a part in the CPU. MOV to CR8
 * must not exit while the TPR is the CPU's.
 */
static bool apicv_judge(const struct vmx_caps *caps)
{
	return (caps->may[VMX_PROC2] & PROC2_APICV) == PROC2_APICV &&
	       (caps->may[VMX_PROC] & PROC_TPR_SHADOW) && (caps->may[VMX_PIN] & PIN_INTR) &&
	       !(caps->must[VMX_PROC] & PROC_CR8_LOAD);
}

/*
 * CR0 and CR4 ("VMX-Fixed Bits in CR0", "... in CR4"). Absent MSRs fix what the first CPUs do:
 * CR0.PE, NE and PG, and CR4.VMXE.
 */
static void cr_read(const struct vmx_msrs *msrs, struct vmx_caps *caps)
{
	caps->cr0_must = msrs->vmx[VMX_MSR_CR0_FIXED0];
	caps->cr0_may = msrs->vmx[VMX_MSR_CR0_FIXED1];
	caps->cr4_must = msrs->vmx[VMX_MSR_CR4_FIXED0];
	caps->cr4_may = msrs->vmx[VMX_MSR_CR4_FIXED1];
	if (!caps->cr0_may) {
		caps->cr0_must = CR0_PE | CR0_NE | CR0_PG;
		caps->cr0_may = GENMASK(31, 0);
	}
	if (!caps->cr4_may) {
		caps->cr4_must = CR4_VMXE;
		caps->cr4_may = GENMASK(31, 0);
	}
}

bool vmx_caps_compute(const struct vmx_msrs *msrs, struct vmx_caps *caps)
{
	u64 basic = msrs->vmx[VMX_MSR_BASIC], misc = msrs->vmx[VMX_MSR_MISC];

	memset(caps, 0, sizeof(*caps));
	caps->revision = (u32)FIELD_GET(VMX_BASIC_REVISION, basic);
	caps->region_size = (u32)FIELD_GET(VMX_BASIC_SIZE, basic);
	caps->addr32 = basic & VMX_BASIC_ADDR32;
	caps->ins_outs = basic & VMX_BASIC_INS_OUTS;
	caps->no_error_ok = basic & VMX_BASIC_NO_ERROR;
	caps->timer_rate = (u8)FIELD_GET(VMX_MISC_TIMER_RATE, misc);
	caps->activity = (u8)FIELD_GET(VMX_MISC_ACTIVITY, misc);
	caps->cr3_targets = (u16)FIELD_GET(VMX_MISC_CR3_TARGETS, misc);
	caps->len0_ok = misc & VMX_MISC_LEN0;
	caps->firmware = vmx_firmware_judge(msrs->feature_control);
	if (!basic) {
		missing(caps, "IA32_VMX_BASIC");
	}
	if (caps->region_size > 4096) {
		missing(caps, "a VMCS region within 4 KiB");
	}
	if (caps->firmware == VMX_FW_DISABLED) {
		missing(caps, "VMX enabled by the firmware (IA32_FEATURE_CONTROL)");
	}
	words_read(msrs, caps);
	memcpy(caps->ctl, caps->must, sizeof(caps->ctl));
	for (unsigned i = 0; i < vmx_control_count; i++) {
		control_choose(caps, &vmx_controls[i]);
	}
	if (caps->may[VMX_PROC2] & PROC2_VM_FUNCTIONS) {
		caps->vm_functions = msrs->vmx[VMX_MSR_VMFUNC];
	}
	ept_read(msrs, caps);
	ept_judge(caps);
	cr_read(msrs, caps);
	caps->apicv = apicv_judge(caps);
	return !caps->missing_count;
}

bool vmx_timer_is_sound(u32 signature)
{
	static const u32 unsound[] = {
		0x106a0, 0x106a1, 0x106a4, 0x106a5, 0x106e5, 0x20652, 0x20655, 0x206e6, 0x306a8,
	};

	for (unsigned i = 0; i < ARRAY_SIZE(unsound); i++) {
		if (signature == unsound[i]) {
			return false;
		}
	}
	return true;
}

u64 vmx_cr0_fix(const struct vmx_caps *caps, u64 cr0)
{
	return (cr0 | caps->cr0_must) & caps->cr0_may;
}

u64 vmx_cr4_fix(const struct vmx_caps *caps, u64 cr4)
{
	return (cr4 | caps->cr4_must) & caps->cr4_may;
}
