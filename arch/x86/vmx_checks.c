// SPDX-License-Identifier: Apache-2.0
/* VM entry's checks on the controls and the host state. */
#include "arch/x86/vmx_checks.h"

#include "arch/x86/vmx_checks_int.h"

static bool word_ok(const struct vmx_check *c, enum vmcs_field field, enum vmx_word word)
{
	u64 val = get(c, field);

	return (val & c->caps->must[word]) == c->caps->must[word] &&
	       !(val & ~(u64)c->caps->may[word]);
}

/* @size bytes at @addr; neither end may be beyond the width, nor may the area wrap. */
static bool area_ok(const struct vmx_check *c, u64 addr, u64 align, u64 size)
{
	u64 last = addr + size - 1;

	return is_aligned(addr, align) && last >= addr && in_phys_width(c, addr) &&
	       in_phys_width(c, last) && !(c->caps->addr32 && last >> 32);
}

static bool msr_area_ok(const struct vmx_check *c, enum vmcs_field addr, enum vmcs_field count)
{
	u64 n = (u32)get(c, count);

	return !n || area_ok(c, get(c, addr), 16, n * 16);
}

static bool ept_memtype_ok(const struct vmx_check *c)
{
	u64 type = FIELD_GET(EPTP_MEMTYPE, get(c, VMCS_EPTP));

	return (type == 0 && c->caps->ept.uc) || (type == 6 && c->caps->ept.wb);
}

static bool ept_walk_ok(const struct vmx_check *c)
{
	u64 walk = FIELD_GET(EPTP_WALK, get(c, VMCS_EPTP));

	return (walk == 3 && c->caps->ept.walk4) || (walk == 4 && c->caps->ept.walk5);
}

static bool injects(const struct vmx_check *c)
{
	return get(c, VMCS_ENTRY_INTR_INFO) & INTR_INFO_VALID;
}

static u64 inject_type_of(const struct vmx_check *c)
{
	return FIELD_GET(INTR_INFO_TYPE, get(c, VMCS_ENTRY_INTR_INFO));
}

static bool inject_vector_ok(const struct vmx_check *c)
{
	u64 type = inject_type_of(c),
	    vector = FIELD_GET(INTR_INFO_VECTOR, get(c, VMCS_ENTRY_INTR_INFO));

	return (type != INTR_TYPE_NMI || vector == 2) &&
	       (type != INTR_TYPE_HARD_EXCEPTION || vector <= 31) &&
	       (type != INTR_TYPE_OTHER || vector == 0);
}

/* #DF, #TS, #NP, #SS, #GP, #PF, #AC; in protected mode only, which unrestricted guests may leave.
 */
#define VECTORS_WITH_ERROR (BIT(8) | GENMASK(14, 10) | BIT(17))

static bool inject_error_ok(const struct vmx_check *c)
{
	u64 info = get(c, VMCS_ENTRY_INTR_INFO), vector = FIELD_GET(INTR_INFO_VECTOR, info);
	bool delivers = info & INTR_INFO_ERROR;
	bool hard = inject_type_of(c) == INTR_TYPE_HARD_EXCEPTION;
	bool real_mode = proc2(c, PROC2_UNRESTRICTED) && !(get(c, VMCS_GUEST_CR0) & CR0_PE);

	if (!hard || real_mode) {
		return !delivers;
	}
	if (c->caps->no_error_ok) {
		return true;
	}
	return delivers == (vector < 32 && (BIT(vector) & VECTORS_WITH_ERROR));
}

static bool inject_length_ok(const struct vmx_check *c)
{
	u64 type = inject_type_of(c), len = get(c, VMCS_ENTRY_INSN_LEN);

	if (type != INTR_TYPE_SOFT_INTERRUPT && type != INTR_TYPE_PRIV_EXCEPTION &&
	    type != INTR_TYPE_SOFT_EXCEPTION) {
		return true;
	}
	return len <= 15 && (len || c->caps->len0_ok);
}

static bool cr0_fixed_ok(const struct vmx_check *c, u64 val)
{
	return (val & c->caps->cr0_must) == c->caps->cr0_must && !(val & ~c->caps->cr0_may);
}

static bool cr4_fixed_ok(const struct vmx_check *c, u64 val)
{
	return (val & c->caps->cr4_must) == c->caps->cr4_must && !(val & ~c->caps->cr4_may);
}

static bool pin_reserved(const struct vmx_check *c)
{
	return word_ok(c, VMCS_PIN_CTLS, VMX_PIN);
}

static bool proc_reserved(const struct vmx_check *c)
{
	return word_ok(c, VMCS_PROC_CTLS, VMX_PROC);
}

static bool proc2_reserved(const struct vmx_check *c)
{
	return !proc(c, PROC_CTLS2) || word_ok(c, VMCS_PROC_CTLS2, VMX_PROC2);
}

static bool proc3_reserved(const struct vmx_check *c)
{
	return !proc(c, PROC_CTLS3) || !get(c, VMCS_PROC_CTLS3);
}

static bool cr3_targets(const struct vmx_check *c)
{
	return get(c, VMCS_CR3_TARGET_COUNT) <= c->caps->cr3_targets;
}

static bool io_bitmaps(const struct vmx_check *c)
{
	return !proc(c, PROC_IO_BITMAPS) ||
	       (is_page(c, get(c, VMCS_IO_BITMAP_A)) && is_page(c, get(c, VMCS_IO_BITMAP_B)));
}

static bool msr_bitmap(const struct vmx_check *c)
{
	return !proc(c, PROC_MSR_BITMAPS) || is_page(c, get(c, VMCS_MSR_BITMAP));
}

static bool virtual_apic(const struct vmx_check *c)
{
	return !proc(c, PROC_TPR_SHADOW) || is_page(c, get(c, VMCS_VIRTUAL_APIC));
}

static bool tpr_threshold(const struct vmx_check *c)
{
	return !proc(c, PROC_TPR_SHADOW) || proc2(c, PROC2_INTR_DELIVERY) ||
	       !(get(c, VMCS_TPR_THRESHOLD) & GENMASK(31, 4));
}

static bool tpr_threshold_vtpr(const struct vmx_check *c)
{
	return !c->has_vtpr || !proc(c, PROC_TPR_SHADOW) ||
	       proc2(c, PROC2_APIC_ACCESSES | PROC2_INTR_DELIVERY) ||
	       (get(c, VMCS_TPR_THRESHOLD) & 15) <= c->vtpr >> 4;
}

static bool virtual_nmis(const struct vmx_check *c)
{
	return pin(c, PIN_NMI) || !pin(c, PIN_VIRTUAL_NMIS);
}

static bool nmi_window(const struct vmx_check *c)
{
	return pin(c, PIN_VIRTUAL_NMIS) || !proc(c, PROC_NMI_WINDOW);
}

static bool apic_access(const struct vmx_check *c)
{
	return !proc2(c, PROC2_APIC_ACCESSES) || is_page(c, get(c, VMCS_APIC_ACCESS));
}

static bool tpr_shadow(const struct vmx_check *c)
{
	return proc(c, PROC_TPR_SHADOW) ||
	       !proc2(c, PROC2_X2APIC | PROC2_APIC_REGISTER | PROC2_INTR_DELIVERY);
}

static bool x2apic(const struct vmx_check *c)
{
	return !proc2(c, PROC2_X2APIC) || !proc2(c, PROC2_APIC_ACCESSES);
}

static bool intr_delivery(const struct vmx_check *c)
{
	return !proc2(c, PROC2_INTR_DELIVERY) || pin(c, PIN_INTR);
}

static bool posted_controls(const struct vmx_check *c)
{
	return !pin(c, PIN_POSTED_INTR) ||
	       (proc2(c, PROC2_INTR_DELIVERY) && exit_ctl(c, EXIT_ACK_INTR));
}

static bool posted_vector(const struct vmx_check *c)
{
	return !pin(c, PIN_POSTED_INTR) || !(get(c, VMCS_POSTED_INTR_VECTOR) >> 8);
}

static bool posted_desc(const struct vmx_check *c)
{
	return !pin(c, PIN_POSTED_INTR) || area_ok(c, get(c, VMCS_POSTED_INTR_DESC), 64, 64);
}

static bool vpid(const struct vmx_check *c)
{
	return !proc2(c, PROC2_VPID) || get(c, VMCS_VPID);
}

static bool eptp_memtype(const struct vmx_check *c)
{
	return !proc2(c, PROC2_EPT) || ept_memtype_ok(c);
}

static bool eptp_walk(const struct vmx_check *c)
{
	return !proc2(c, PROC2_EPT) || ept_walk_ok(c);
}

static bool eptp_ad(const struct vmx_check *c)
{
	return !proc2(c, PROC2_EPT) || c->caps->ept.ad || !(get(c, VMCS_EPTP) & EPTP_AD);
}

static bool eptp_reserved(const struct vmx_check *c)
{
	return !proc2(c, PROC2_EPT) ||
	       (!(get(c, VMCS_EPTP) & GENMASK(11, 7)) && in_phys_width(c, get(c, VMCS_EPTP)));
}

static bool pml_ept(const struct vmx_check *c)
{
	return !proc2(c, PROC2_PML) || proc2(c, PROC2_EPT);
}

static bool pml_address(const struct vmx_check *c)
{
	return !proc2(c, PROC2_PML) || is_page(c, get(c, VMCS_PML_ADDRESS));
}

static bool unrestricted_ept(const struct vmx_check *c)
{
	return !proc2(c, PROC2_UNRESTRICTED) || proc2(c, PROC2_EPT);
}

static bool mode_exec_ept(const struct vmx_check *c)
{
	return !proc2(c, PROC2_EPT_MODE_EXEC) || proc2(c, PROC2_EPT);
}

static bool sub_page_ept(const struct vmx_check *c)
{
	return !proc2(c, PROC2_EPT_SUB_PAGE) || proc2(c, PROC2_EPT);
}

static bool sub_page_table(const struct vmx_check *c)
{
	return !proc2(c, PROC2_EPT_SUB_PAGE) || is_page(c, get(c, VMCS_SPP_TABLE));
}

static bool vm_functions(const struct vmx_check *c)
{
	return !proc2(c, PROC2_VM_FUNCTIONS) ||
	       !(get(c, VMCS_VM_FUNCTIONS) & ~c->caps->vm_functions);
}

static bool eptp_switching(const struct vmx_check *c)
{
	return !proc2(c, PROC2_VM_FUNCTIONS) || !(get(c, VMCS_VM_FUNCTIONS) & BIT(0)) ||
	       (proc2(c, PROC2_EPT) && is_page(c, get(c, VMCS_EPTP_LIST)));
}

static bool shadowing(const struct vmx_check *c)
{
	return !proc2(c, PROC2_SHADOWING) ||
	       (is_page(c, get(c, VMCS_VMREAD_BITMAP)) && is_page(c, get(c, VMCS_VMWRITE_BITMAP)));
}

static bool ve_info(const struct vmx_check *c)
{
	return !proc2(c, PROC2_VE) || is_page(c, get(c, VMCS_VE_INFO));
}

static bool pt_guest_phys(const struct vmx_check *c)
{
	return !proc2(c, PROC2_PT_GUEST_PHYS) ||
	       (proc2(c, PROC2_EPT) && entry(c, ENTRY_LOAD_RTIT) && exit_ctl(c, EXIT_CLEAR_RTIT));
}

static bool tsc_multiplier(const struct vmx_check *c)
{
	return !proc2(c, PROC2_TSC_SCALING) || get(c, VMCS_TSC_MULTIPLIER);
}

static bool exit_reserved(const struct vmx_check *c)
{
	return word_ok(c, VMCS_EXIT_CTLS, VMX_EXIT);
}

static bool preemption(const struct vmx_check *c)
{
	return pin(c, PIN_PREEMPTION_TIMER) || !exit_ctl(c, EXIT_SAVE_PREEMPTION);
}

static bool exit_store(const struct vmx_check *c)
{
	return msr_area_ok(c, VMCS_EXIT_MSR_STORE, VMCS_EXIT_MSR_STORE_COUNT);
}

static bool exit_load(const struct vmx_check *c)
{
	return msr_area_ok(c, VMCS_EXIT_MSR_LOAD, VMCS_EXIT_MSR_LOAD_COUNT);
}

static bool entry_reserved(const struct vmx_check *c)
{
	return word_ok(c, VMCS_ENTRY_CTLS, VMX_ENTRY);
}

static bool inject_type(const struct vmx_check *c)
{
	return !injects(c) || (inject_type_of(c) != INTR_TYPE_RESERVED &&
			       (inject_type_of(c) != INTR_TYPE_OTHER ||
				(c->caps->may[VMX_PROC] & PROC_MONITOR_TRAP)));
}

static bool inject_vector(const struct vmx_check *c)
{
	return !injects(c) || inject_vector_ok(c);
}

static bool inject_error(const struct vmx_check *c)
{
	return !injects(c) || inject_error_ok(c);
}

static bool inject_reserved(const struct vmx_check *c)
{
	return !injects(c) || !(get(c, VMCS_ENTRY_INTR_INFO) & GENMASK(30, 12));
}

static bool inject_error_code(const struct vmx_check *c)
{
	return !injects(c) || !(get(c, VMCS_ENTRY_INTR_INFO) & INTR_INFO_ERROR) ||
	       !(get(c, VMCS_ENTRY_ERROR_CODE) & GENMASK(31, 16));
}

static bool inject_length(const struct vmx_check *c)
{
	return !injects(c) || inject_length_ok(c);
}

static bool entry_load(const struct vmx_check *c)
{
	return msr_area_ok(c, VMCS_ENTRY_MSR_LOAD, VMCS_ENTRY_MSR_LOAD_COUNT);
}

static bool entry_smm(const struct vmx_check *c)
{
	return !entry(c, ENTRY_TO_SMM | ENTRY_DUAL_MONITOR_OFF);
}

static bool host_cr0(const struct vmx_check *c)
{
	return cr0_fixed_ok(c, get(c, VMCS_HOST_CR0));
}

static bool host_cr4(const struct vmx_check *c)
{
	return cr4_fixed_ok(c, get(c, VMCS_HOST_CR4));
}

static bool host_cet(const struct vmx_check *c)
{
	return !(get(c, VMCS_HOST_CR4) & CR4_CET) || (get(c, VMCS_HOST_CR0) & CR0_WP);
}

static bool host_cr3(const struct vmx_check *c)
{
	return in_phys_width(c, get(c, VMCS_HOST_CR3));
}

static bool host_sysenter(const struct vmx_check *c)
{
	return is_canonical(c, get(c, VMCS_HOST_SYSENTER_ESP)) &&
	       is_canonical(c, get(c, VMCS_HOST_SYSENTER_EIP));
}

static bool host_perf_global(const struct vmx_check *c)
{
	return !exit_ctl(c, EXIT_LOAD_PERF_GLOBAL) ||
	       !(get(c, VMCS_HOST_PERF_GLOBAL) & ~c->perf_global_allowed);
}

static bool host_pat(const struct vmx_check *c)
{
	return !exit_ctl(c, EXIT_LOAD_PAT) || pat_is_valid(get(c, VMCS_HOST_PAT));
}

static bool host_efer(const struct vmx_check *c)
{
	return !exit_ctl(c, EXIT_LOAD_EFER) || !(get(c, VMCS_HOST_EFER) & ~c->efer_allowed);
}

static bool host_efer_size(const struct vmx_check *c)
{
	return !exit_ctl(c, EXIT_LOAD_EFER) ||
	       (get(c, VMCS_HOST_EFER) & (EFER_LMA | EFER_LME)) ==
		       (exit_ctl(c, EXIT_HOST_64) ? EFER_LMA | EFER_LME : 0);
}

static bool host_s_cet(const struct vmx_check *c)
{
	return !exit_ctl(c, EXIT_LOAD_CET) || (is_s_cet(c, get(c, VMCS_HOST_S_CET)) &&
					       is_canonical(c, get(c, VMCS_HOST_SSP_TABLE)));
}

static bool host_ssp(const struct vmx_check *c)
{
	return !exit_ctl(c, EXIT_LOAD_CET) ||
	       (!(get(c, VMCS_HOST_SSP) & 3) && is_canonical(c, get(c, VMCS_HOST_SSP)));
}

static bool host_pkrs(const struct vmx_check *c)
{
	return !exit_ctl(c, EXIT_LOAD_PKRS) || !(get(c, VMCS_HOST_PKRS) >> 32);
}

static bool host_selectors(const struct vmx_check *c)
{
	return !((get(c, VMCS_HOST_ES) | get(c, VMCS_HOST_CS) | get(c, VMCS_HOST_SS) |
		  get(c, VMCS_HOST_DS) | get(c, VMCS_HOST_FS) | get(c, VMCS_HOST_GS) |
		  get(c, VMCS_HOST_TR)) &
		 7);
}

static bool host_cs(const struct vmx_check *c)
{
	return get(c, VMCS_HOST_CS) && get(c, VMCS_HOST_TR);
}

static bool host_ss(const struct vmx_check *c)
{
	return exit_ctl(c, EXIT_HOST_64) || get(c, VMCS_HOST_SS);
}

static bool host_bases(const struct vmx_check *c)
{
	return is_canonical(c, get(c, VMCS_HOST_FS_BASE)) &&
	       is_canonical(c, get(c, VMCS_HOST_GS_BASE)) &&
	       is_canonical(c, get(c, VMCS_HOST_GDTR_BASE)) &&
	       is_canonical(c, get(c, VMCS_HOST_IDTR_BASE)) &&
	       is_canonical(c, get(c, VMCS_HOST_TR_BASE));
}

static bool size_legacy(const struct vmx_check *c)
{
	return c->long_mode || (!entry(c, ENTRY_GUEST_64) && !exit_ctl(c, EXIT_HOST_64));
}

static bool size_long(const struct vmx_check *c)
{
	return !c->long_mode || exit_ctl(c, EXIT_HOST_64);
}

static bool size_host_32(const struct vmx_check *c)
{
	return exit_ctl(c, EXIT_HOST_64) ||
	       (!entry(c, ENTRY_GUEST_64) && !(get(c, VMCS_HOST_CR4) & CR4_PCIDE) &&
		!(get(c, VMCS_HOST_RIP) >> 32) &&
		(!exit_ctl(c, EXIT_LOAD_CET) || !(get(c, VMCS_HOST_SSP) >> 32)));
}

static bool size_host_64(const struct vmx_check *c)
{
	return !exit_ctl(c, EXIT_HOST_64) ||
	       ((get(c, VMCS_HOST_CR4) & CR4_PAE) && is_canonical(c, get(c, VMCS_HOST_RIP)));
}

#define EXEC     "VM-Execution Control Fields"
#define EXIT     "VM-Exit Control Fields"
#define ENTRY    "VM-Entry Control Fields"
#define HOST_CR  "Checks on Host Control Registers, MSRs, and SSP"
#define HOST_SEG "Checks on Host Segment and Descriptor-Table Registers"
#define SIZE     "Checks Related to Address-Space Size"

const struct vmx_rule vmx_control_rules[] = {
	{EXEC, "reserved bits of the pin-based controls", pin_reserved},
	{EXEC, "reserved bits of the primary processor-based controls", proc_reserved},
	{EXEC, "reserved bits of the secondary processor-based controls", proc2_reserved},
	{EXEC, "reserved bits of the tertiary processor-based controls", proc3_reserved},
	{EXEC, "the CR3-target count is at most what the CPU supports", cr3_targets},
	{EXEC, "use I/O bitmaps: both addresses are aligned and within the width", io_bitmaps},
	{EXEC, "use MSR bitmaps: the address is aligned and within the width", msr_bitmap},
	{EXEC, "use TPR shadow: the virtual-APIC address is aligned and within the width",
	 virtual_apic},
	{EXEC,
	 "use TPR shadow without virtual-interrupt delivery: bits 31:4 of the TPR threshold are 0",
	 tpr_threshold},
	{EXEC, "the TPR threshold is at most bits 7:4 of VTPR", tpr_threshold_vtpr},
	{EXEC, "virtual NMIs need NMI exiting", virtual_nmis},
	{EXEC, "NMI-window exiting needs virtual NMIs", nmi_window},
	{EXEC, "virtualize APIC accesses: the APIC-access address is aligned and within the width",
	 apic_access},
	{EXEC, "x2APIC, APIC-register and interrupt virtualization need the TPR shadow",
	 tpr_shadow},
	{EXEC, "virtualize x2APIC mode excludes virtualize APIC accesses", x2apic},
	{EXEC, "virtual-interrupt delivery needs external-interrupt exiting", intr_delivery},
	{EXEC, "posted interrupts need virtual-interrupt delivery and acknowledge on exit",
	 posted_controls},
	{EXEC, "posted interrupts: bits 15:8 of the notification vector are 0", posted_vector},
	{EXEC,
	 "posted interrupts: the descriptor address is aligned to 64 bytes and within the width",
	 posted_desc},
	{EXEC, "enable VPID: the VPID is not 0", vpid},
	{EXEC, "EPTP: the memory type is supported", eptp_memtype},
	{EXEC, "EPTP: the length of the page walk is supported", eptp_walk},
	{EXEC, "EPTP: accessed and dirty flags are supported", eptp_ad},
	{EXEC, "EPTP: reserved bits 11:7 and those beyond the width are 0", eptp_reserved},
	{EXEC, "enable PML needs EPT", pml_ept},
	{EXEC, "enable PML: the PML address is aligned and within the width", pml_address},
	{EXEC, "unrestricted guest needs EPT", unrestricted_ept},
	{EXEC, "mode-based execute control for EPT needs EPT", mode_exec_ept},
	{EXEC, "sub-page write permissions for EPT need EPT", sub_page_ept},
	{EXEC, "sub-page write permissions: the table pointer is aligned and within the width",
	 sub_page_table},
	{EXEC, "enable VM functions: reserved bits of the VM-function controls are 0",
	 vm_functions},
	{EXEC, "EPTP switching needs EPT, and a list address aligned and within the width",
	 eptp_switching},
	{EXEC, "VMCS shadowing: both bitmap addresses are aligned and within the width", shadowing},
	{EXEC, "EPT-violation #VE: the information address is aligned and within the width",
	 ve_info},
	{EXEC, "Intel PT with guest physical addresses needs EPT and the controls of IA32_RTIT_CTL",
	 pt_guest_phys},
	{EXEC, "use TSC scaling: the multiplier is not 0", tsc_multiplier},
	{EXIT, "reserved bits of the VM-exit controls", exit_reserved},
	{EXIT, "saving the VMX-preemption timer needs the timer", preemption},
	{EXIT, "the VM-exit MSR-store area is aligned and within the width", exit_store},
	{EXIT, "the VM-exit MSR-load area is aligned and within the width", exit_load},
	{ENTRY, "reserved bits of the VM-entry controls", entry_reserved},
	{ENTRY, "event injection: the interruption type is not reserved", inject_type},
	{ENTRY, "event injection: the vector fits the type", inject_vector},
	{ENTRY, "event injection: an error code is delivered if and only if the exception has one",
	 inject_error},
	{ENTRY, "event injection: bits 30:12 are 0", inject_reserved},
	{ENTRY, "event injection: bits 31:16 of the error code are 0", inject_error_code},
	{ENTRY, "event injection: the instruction length of a software event is 1 to 15",
	 inject_length},
	{ENTRY, "the VM-entry MSR-load area is aligned and within the width", entry_load},
	{ENTRY, "entry to SMM and the end of dual-monitor treatment are for SMM only", entry_smm},
};
const unsigned vmx_control_rule_count = ARRAY_SIZE(vmx_control_rules);

const struct vmx_rule *vmx_check_controls(const struct vmx_check *c)
{
	return first_violated(c, vmx_control_rules, vmx_control_rule_count);
}

const struct vmx_rule vmx_host_rules[] = {
	{HOST_CR, "CR0 sets no bit that VMX operation does not support", host_cr0},
	{HOST_CR, "CR4 sets no bit that VMX operation does not support", host_cr4},
	{HOST_CR, "CR4.CET needs CR0.WP", host_cet},
	{HOST_CR, "CR3 is within the width", host_cr3},
	{HOST_CR, "IA32_SYSENTER_ESP and IA32_SYSENTER_EIP are canonical", host_sysenter},
	{HOST_CR, "load IA32_PERF_GLOBAL_CTRL: reserved bits are 0", host_perf_global},
	{HOST_CR, "load IA32_PAT: each byte is a memory type", host_pat},
	{HOST_CR, "load IA32_EFER: reserved bits are 0", host_efer},
	{HOST_CR, "load IA32_EFER: LMA and LME are the host address-space size", host_efer_size},
	{HOST_CR, "load CET state: IA32_S_CET has no reserved bit and canonical addresses",
	 host_s_cet},
	{HOST_CR, "load CET state: SSP is aligned to 4 bytes and canonical", host_ssp},
	{HOST_CR, "load PKRS: bits 63:32 are 0", host_pkrs},
	{HOST_SEG, "RPL and TI of every selector are 0", host_selectors},
	{HOST_SEG, "CS and TR are not 0", host_cs},
	{HOST_SEG, "SS is not 0 for a 32-bit host", host_ss},
	{HOST_SEG, "the bases of FS, GS, GDTR, IDTR and TR are canonical", host_bases},
	{SIZE, "outside IA-32e mode: neither IA-32e mode guest nor 64-bit host", size_legacy},
	{SIZE, "in IA-32e mode: the host address-space size is 1", size_long},
	{SIZE, "32-bit host: no IA-32e mode guest, CR4.PCIDE 0, RIP and SSP within 32 bits",
	 size_host_32},
	{SIZE, "64-bit host: CR4.PAE is 1 and RIP is canonical", size_host_64},
};
const unsigned vmx_host_rule_count = ARRAY_SIZE(vmx_host_rules);

const struct vmx_rule *vmx_check_host(const struct vmx_check *c)
{
	return first_violated(c, vmx_host_rules, vmx_host_rule_count);
}
