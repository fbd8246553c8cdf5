// SPDX-License-Identifier: Apache-2.0
/* VM entry's checks on the guest-state area. */
#include "arch/x86/vmx_checks.h"

#include "arch/x86/vmx_checks_int.h"

/* In the order of the fields' encodings. */
enum seg { ES, CS, SS, DS, FS, GS, LDTR, TR };

static u64 seg_selector(const struct vmx_check *c, unsigned s)
{
	return get(c, VMCS_GUEST_ES + 2 * s);
}

static u64 seg_base(const struct vmx_check *c, unsigned s)
{
	return get(c, VMCS_GUEST_ES_BASE + 2 * s);
}

static u64 seg_limit(const struct vmx_check *c, unsigned s)
{
	return get(c, VMCS_GUEST_ES_LIMIT + 2 * s);
}

static u64 seg_ar(const struct vmx_check *c, unsigned s)
{
	return get(c, VMCS_GUEST_ES_AR + 2 * s);
}
static_assert(VMCS_GUEST_TR == VMCS_GUEST_ES + 2 * TR, "order of segments");
static_assert(VMCS_GUEST_TR_BASE == VMCS_GUEST_ES_BASE + 2 * TR, "order of segments");
static_assert(VMCS_GUEST_TR_LIMIT == VMCS_GUEST_ES_LIMIT + 2 * TR, "order of segments");
static_assert(VMCS_GUEST_TR_AR == VMCS_GUEST_ES_AR + 2 * TR, "order of segments");

static u64 seg_type(const struct vmx_check *c, unsigned s)
{
	return FIELD_GET(AR_TYPE, seg_ar(c, s));
}

static u64 seg_dpl(const struct vmx_check *c, unsigned s)
{
	return FIELD_GET(AR_DPL, seg_ar(c, s));
}

static bool usable(const struct vmx_check *c, unsigned s)
{
	return !(seg_ar(c, s) & AR_UNUSABLE);
}

static bool is_v8086(const struct vmx_check *c)
{
	return get(c, VMCS_GUEST_RFLAGS) & RFLAGS_VM;
}

static bool is_64bit(const struct vmx_check *c)
{
	return entry(c, ENTRY_GUEST_64) && (seg_ar(c, CS) & AR_L);
}

/* @ok of CS and each usable one of SS, DS, ES, FS, GS, outside virtual-8086 mode. */
static bool all_code_data(const struct vmx_check *c, bool (*ok)(const struct vmx_check *, unsigned))
{
	for (unsigned s = ES; s <= GS && !is_v8086(c); s++) {
		if ((s == CS || usable(c, s)) && !ok(c, s)) {
			return false;
		}
	}
	return true;
}

/* The same of DS, ES, FS, GS. */
static bool all_data(const struct vmx_check *c, bool (*ok)(const struct vmx_check *, unsigned))
{
	for (unsigned s = ES; s <= GS && !is_v8086(c); s++) {
		if (s != CS && s != SS && usable(c, s) && !ok(c, s)) {
			return false;
		}
	}
	return true;
}

static bool guest_cr0_ok(const struct vmx_check *c)
{
	u64 val = get(c, VMCS_GUEST_CR0), must = c->caps->cr0_must, may = c->caps->cr0_may;
	u64 never = CR0_CD | CR0_NW;

	if (proc2(c, PROC2_UNRESTRICTED)) {
		must &= ~(CR0_PE | CR0_PG);
	}
	must &= ~never;
	return (val & must) == must && !(val & ~(may | never));
}

static bool guest_efer_lma_ok(const struct vmx_check *c)
{
	u64 efer = get(c, VMCS_GUEST_EFER);
	bool lma = efer & EFER_LMA, lme = efer & EFER_LME;

	return lma == entry(c, ENTRY_GUEST_64) &&
	       (!(get(c, VMCS_GUEST_CR0) & CR0_PG) || lma == lme);
}

static bool cs_type_ok(const struct vmx_check *c)
{
	u64 type = seg_type(c, CS);

	return (type & 9) == 9 || (type == 3 && proc2(c, PROC2_UNRESTRICTED));
}

static bool data_type_ok(const struct vmx_check *c, unsigned s)
{
	u64 type = seg_type(c, s);

	return (type & 1) && (!(type & 8) || (type & 2));
}

static bool s_ok(const struct vmx_check *c, unsigned s)
{
	return seg_ar(c, s) & AR_S;
}

static bool p_ok(const struct vmx_check *c, unsigned s)
{
	return seg_ar(c, s) & AR_P;
}

static bool reserved_ok(const struct vmx_check *c, unsigned s)
{
	return !(seg_ar(c, s) & AR_RESERVED);
}

static bool granularity_ok(const struct vmx_check *c, unsigned s)
{
	u64 limit = seg_limit(c, s);
	bool g = seg_ar(c, s) & AR_G;

	return (!g || (limit & 0xfff) == 0xfff) && (g || !(limit >> 20));
}

static bool cs_dpl_ok(const struct vmx_check *c)
{
	u64 type = seg_type(c, CS), dpl = seg_dpl(c, CS);

	if (type == 3) {
		return dpl == 0;
	}
	if (type == 9 || type == 11) {
		return dpl == seg_dpl(c, SS);
	}
	return (type != 13 && type != 15) || dpl <= seg_dpl(c, SS);
}

static bool data_dpl_ok(const struct vmx_check *c, unsigned s)
{
	return seg_type(c, s) > 11 || seg_dpl(c, s) >= (seg_selector(c, s) & 3);
}

/* Bits 63 to the width of linear addresses are identical; they need not match the bit below. */
static bool rip_ok(const struct vmx_check *c)
{
	u64 top = ~GENMASK(c->linear_bits - 1, 0), rip = get(c, VMCS_GUEST_RIP);

	return (rip & top) == 0 || (rip & top) == top;
}

static bool injects_type(const struct vmx_check *c, enum intr_type type)
{
	u64 info = get(c, VMCS_ENTRY_INTR_INFO);

	return (info & INTR_INFO_VALID) && FIELD_GET(INTR_INFO_TYPE, info) == type;
}

static u64 activity(const struct vmx_check *c)
{
	return get(c, VMCS_GUEST_ACTIVITY);
}

static u64 blocking(const struct vmx_check *c)
{
	return get(c, VMCS_GUEST_INTERRUPTIBILITY);
}

static bool activity_takes_event(const struct vmx_check *c)
{
	u64 info = get(c, VMCS_ENTRY_INTR_INFO), state = activity(c);
	u64 type = FIELD_GET(INTR_INFO_TYPE, info), vector = FIELD_GET(INTR_INFO_VECTOR, info);
	bool hard = type == INTR_TYPE_HARD_EXCEPTION;

	if (!(info & INTR_INFO_VALID) || state == ACTIVITY_ACTIVE) {
		return true;
	}
	if (state == ACTIVITY_HLT) {
		return type == INTR_TYPE_EXTERNAL || type == INTR_TYPE_NMI ||
		       (hard && (vector == VEC_DB || vector == VEC_MC)) ||
		       (type == INTR_TYPE_OTHER && vector == 0);
	}
	return state == ACTIVITY_SHUTDOWN && (type == INTR_TYPE_NMI || (hard && vector == VEC_MC));
}

#define DEBUGCTL_BTF BIT(1)

static bool pending_bs_ok(const struct vmx_check *c)
{
	bool held = (blocking(c) & (BLOCK_STI | BLOCK_MOV_SS)) || activity(c) == ACTIVITY_HLT;
	bool step = (get(c, VMCS_GUEST_RFLAGS) & RFLAGS_TF) &&
		    !(get(c, VMCS_GUEST_DEBUGCTL) & DEBUGCTL_BTF);
	bool bs = get(c, VMCS_GUEST_PENDING_DEBUG) & PENDING_DEBUG_BS;

	return !held || bs == step;
}

static bool pending_rtm_ok(const struct vmx_check *c)
{
	u64 pending = get(c, VMCS_GUEST_PENDING_DEBUG);

	if (!(pending & PENDING_DEBUG_RTM)) {
		return true;
	}
	return c->rtm && pending == (PENDING_DEBUG_RTM | PENDING_DEBUG_ENABLED) &&
	       !(blocking(c) & BLOCK_MOV_SS);
}

static bool has_link(const struct vmx_check *c)
{
	return get(c, VMCS_LINK_POINTER) != ~0ull;
}

/* Bits 2:1, 8:5 and those beyond the width are reserved ("PDPTE Registers"). */
static bool pdptes_ok(const struct vmx_check *c)
{
	bool pae = (get(c, VMCS_GUEST_CR0) & CR0_PG) && (get(c, VMCS_GUEST_CR4) & CR4_PAE) &&
		   !entry(c, ENTRY_GUEST_64);

	for (unsigned i = 0; i < 4 && pae && proc2(c, PROC2_EPT); i++) {
		u64 pdpte = get(c, VMCS_GUEST_PDPTE0 + 2 * i);

		if ((pdpte & 1) &&
		    ((pdpte & (GENMASK(2, 1) | GENMASK(8, 5))) || !in_phys_width(c, pdpte))) {
			return false;
		}
	}
	return true;
}

static bool guest_cr0(const struct vmx_check *c)
{
	return guest_cr0_ok(c);
}

static bool guest_cr0_pg(const struct vmx_check *c)
{
	return !(get(c, VMCS_GUEST_CR0) & CR0_PG) || (get(c, VMCS_GUEST_CR0) & CR0_PE);
}

static bool guest_cr4(const struct vmx_check *c)
{
	return (get(c, VMCS_GUEST_CR4) & c->caps->cr4_must) == c->caps->cr4_must &&
	       !(get(c, VMCS_GUEST_CR4) & ~c->caps->cr4_may);
}

static bool guest_cet(const struct vmx_check *c)
{
	return !(get(c, VMCS_GUEST_CR4) & CR4_CET) || (get(c, VMCS_GUEST_CR0) & CR0_WP);
}

static bool guest_debugctl(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_DEBUG) || !(get(c, VMCS_GUEST_DEBUGCTL) & ~c->debugctl_allowed);
}

static bool guest_long_paging(const struct vmx_check *c)
{
	return !entry(c, ENTRY_GUEST_64) ||
	       ((get(c, VMCS_GUEST_CR0) & CR0_PG) && (get(c, VMCS_GUEST_CR4) & CR4_PAE));
}

static bool guest_pcide(const struct vmx_check *c)
{
	return entry(c, ENTRY_GUEST_64) || !(get(c, VMCS_GUEST_CR4) & CR4_PCIDE);
}

static bool guest_cr3(const struct vmx_check *c)
{
	return in_phys_width(c, get(c, VMCS_GUEST_CR3));
}

static bool guest_dr7(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_DEBUG) || !(get(c, VMCS_GUEST_DR7) >> 32);
}

static bool guest_sysenter(const struct vmx_check *c)
{
	return is_canonical(c, get(c, VMCS_GUEST_SYSENTER_ESP)) &&
	       is_canonical(c, get(c, VMCS_GUEST_SYSENTER_EIP));
}

static bool guest_perf_global(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_PERF_GLOBAL) ||
	       !(get(c, VMCS_GUEST_PERF_GLOBAL) & ~c->perf_global_allowed);
}

static bool guest_pat(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_PAT) || pat_is_valid(get(c, VMCS_GUEST_PAT));
}

static bool guest_efer(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_EFER) || !(get(c, VMCS_GUEST_EFER) & ~c->efer_allowed);
}

static bool guest_efer_lma(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_EFER) || guest_efer_lma_ok(c);
}

static bool guest_bndcfgs(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_BNDCFGS) ||
	       (!(get(c, VMCS_GUEST_BNDCFGS) & GENMASK(11, 2)) &&
		is_canonical(c, get(c, VMCS_GUEST_BNDCFGS) & PAGE_MASK));
}

static bool guest_rtit(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_RTIT) || !(get(c, VMCS_GUEST_RTIT_CTL) & ~c->rtit_allowed);
}

static bool guest_s_cet(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_CET) || (is_s_cet(c, get(c, VMCS_GUEST_S_CET)) &&
					     is_canonical(c, get(c, VMCS_GUEST_SSP_TABLE)));
}

static bool guest_pkrs(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_PKRS) || !(get(c, VMCS_GUEST_PKRS) >> 32);
}

static bool seg_tr_ti(const struct vmx_check *c)
{
	return !(get(c, VMCS_GUEST_TR) & 4);
}

static bool seg_ldtr_ti(const struct vmx_check *c)
{
	return !usable(c, LDTR) || !(get(c, VMCS_GUEST_LDTR) & 4);
}

static bool seg_ss_rpl(const struct vmx_check *c)
{
	return is_v8086(c) || proc2(c, PROC2_UNRESTRICTED) ||
	       (get(c, VMCS_GUEST_SS) & 3) == (get(c, VMCS_GUEST_CS) & 3);
}

static bool seg_v8086_base(const struct vmx_check *c)
{
	if (is_v8086(c)) {
		for (unsigned s = ES; s <= GS; s++) {
			if (seg_base(c, s) != seg_selector(c, s) << 4) {
				return false;
			}
		}
	}
	return true;
}

static bool seg_canonical(const struct vmx_check *c)
{
	return is_canonical(c, seg_base(c, TR)) && is_canonical(c, seg_base(c, FS)) &&
	       is_canonical(c, seg_base(c, GS)) &&
	       (!usable(c, LDTR) || is_canonical(c, seg_base(c, LDTR)));
}

static bool seg_base32(const struct vmx_check *c)
{
	for (unsigned s = ES; s <= DS; s++) {
		if ((s == CS || usable(c, s)) && seg_base(c, s) >> 32) {
			return false;
		}
	}
	return true;
}

static bool seg_v8086_limit(const struct vmx_check *c)
{
	if (is_v8086(c)) {
		for (unsigned s = ES; s <= GS; s++) {
			if (seg_limit(c, s) != 0xffff) {
				return false;
			}
		}
	}
	return true;
}

static bool seg_v8086_ar(const struct vmx_check *c)
{
	if (is_v8086(c)) {
		for (unsigned s = ES; s <= GS; s++) {
			if (seg_ar(c, s) != 0xf3) {
				return false;
			}
		}
	}
	return true;
}

static bool seg_cs_type(const struct vmx_check *c)
{
	return is_v8086(c) || cs_type_ok(c);
}

static bool seg_ss_type(const struct vmx_check *c)
{
	return is_v8086(c) || !usable(c, SS) || seg_type(c, SS) == 3 || seg_type(c, SS) == 7;
}

static bool seg_data_type(const struct vmx_check *c)
{
	return all_data(c, data_type_ok);
}

static bool seg_s(const struct vmx_check *c)
{
	return all_code_data(c, s_ok);
}

static bool seg_cs_dpl(const struct vmx_check *c)
{
	return is_v8086(c) || cs_dpl_ok(c);
}

static bool seg_ss_dpl_rpl(const struct vmx_check *c)
{
	return is_v8086(c) || proc2(c, PROC2_UNRESTRICTED) ||
	       seg_dpl(c, SS) == (seg_selector(c, SS) & 3);
}

static bool seg_ss_dpl_0(const struct vmx_check *c)
{
	return is_v8086(c) || (seg_type(c, CS) != 3 && (get(c, VMCS_GUEST_CR0) & CR0_PE)) ||
	       seg_dpl(c, SS) == 0;
}

static bool seg_data_dpl(const struct vmx_check *c)
{
	return proc2(c, PROC2_UNRESTRICTED) || all_data(c, data_dpl_ok);
}

static bool seg_p(const struct vmx_check *c)
{
	return all_code_data(c, p_ok);
}

static bool seg_reserved(const struct vmx_check *c)
{
	return all_code_data(c, reserved_ok);
}

static bool seg_cs_db(const struct vmx_check *c)
{
	return is_v8086(c) || !entry(c, ENTRY_GUEST_64) || !(seg_ar(c, CS) & AR_L) ||
	       !(seg_ar(c, CS) & AR_DB);
}

static bool seg_g(const struct vmx_check *c)
{
	return all_code_data(c, granularity_ok);
}

static bool tr_type(const struct vmx_check *c)
{
	return seg_type(c, TR) == 11 || (seg_type(c, TR) == 3 && !entry(c, ENTRY_GUEST_64));
}

static bool tr_flags(const struct vmx_check *c)
{
	return (seg_ar(c, TR) & (AR_S | AR_P | AR_UNUSABLE | AR_RESERVED)) == AR_P;
}

static bool tr_g(const struct vmx_check *c)
{
	return granularity_ok(c, TR);
}

static bool ldtr_type(const struct vmx_check *c)
{
	return !usable(c, LDTR) ||
	       (seg_ar(c, LDTR) & (AR_TYPE | AR_S | AR_P | AR_RESERVED)) == (2 | AR_P);
}

static bool ldtr_g(const struct vmx_check *c)
{
	return !usable(c, LDTR) || granularity_ok(c, LDTR);
}

static bool desc_base(const struct vmx_check *c)
{
	return is_canonical(c, get(c, VMCS_GUEST_GDTR_BASE)) &&
	       is_canonical(c, get(c, VMCS_GUEST_IDTR_BASE));
}

static bool desc_limit(const struct vmx_check *c)
{
	return !((get(c, VMCS_GUEST_GDTR_LIMIT) | get(c, VMCS_GUEST_IDTR_LIMIT)) >> 16);
}

static bool rip_32(const struct vmx_check *c)
{
	return is_64bit(c) || !(get(c, VMCS_GUEST_RIP) >> 32);
}

static bool rip_64(const struct vmx_check *c)
{
	return !is_64bit(c) || rip_ok(c);
}

static bool rflags_reserved(const struct vmx_check *c)
{
	return (get(c, VMCS_GUEST_RFLAGS) &
		(GENMASK(63, 22) | BIT(15) | BIT(5) | BIT(3) | BIT(1))) == BIT(1);
}

static bool rflags_vm(const struct vmx_check *c)
{
	return !is_v8086(c) || (!entry(c, ENTRY_GUEST_64) && (get(c, VMCS_GUEST_CR0) & CR0_PE));
}

static bool rflags_if(const struct vmx_check *c)
{
	return !injects_type(c, INTR_TYPE_EXTERNAL) || (get(c, VMCS_GUEST_RFLAGS) & RFLAGS_IF);
}

static bool ssp(const struct vmx_check *c)
{
	return !entry(c, ENTRY_LOAD_CET) ||
	       (!(get(c, VMCS_GUEST_SSP) & 3) && is_canonical(c, get(c, VMCS_GUEST_SSP)));
}

static bool activity_known(const struct vmx_check *c)
{
	return activity(c) == ACTIVITY_ACTIVE ||
	       (activity(c) < ACTIVITY_COUNT && (c->caps->activity & BIT(activity(c) - 1)));
}

static bool activity_hlt(const struct vmx_check *c)
{
	return activity(c) != ACTIVITY_HLT || seg_dpl(c, SS) == 0;
}

static bool activity_blocked(const struct vmx_check *c)
{
	return !(blocking(c) & (BLOCK_STI | BLOCK_MOV_SS)) || activity(c) == ACTIVITY_ACTIVE;
}

static bool activity_inject(const struct vmx_check *c)
{
	return activity_takes_event(c);
}

static bool activity_smm(const struct vmx_check *c)
{
	return !entry(c, ENTRY_TO_SMM) || activity(c) != ACTIVITY_WAIT_SIPI;
}

static bool block_reserved(const struct vmx_check *c)
{
	return !(blocking(c) >> 5);
}

static bool block_both(const struct vmx_check *c)
{
	return (blocking(c) & (BLOCK_STI | BLOCK_MOV_SS)) != (BLOCK_STI | BLOCK_MOV_SS);
}

static bool block_sti_if(const struct vmx_check *c)
{
	return !(blocking(c) & BLOCK_STI) || (get(c, VMCS_GUEST_RFLAGS) & RFLAGS_IF);
}

static bool block_interrupt(const struct vmx_check *c)
{
	return !injects_type(c, INTR_TYPE_EXTERNAL) || !(blocking(c) & (BLOCK_STI | BLOCK_MOV_SS));
}

static bool block_nmi_event(const struct vmx_check *c)
{
	return !injects_type(c, INTR_TYPE_NMI) || !(blocking(c) & (BLOCK_STI | BLOCK_MOV_SS));
}

static bool block_smi(const struct vmx_check *c)
{
	return !(blocking(c) & BLOCK_SMI);
}

static bool block_nmi(const struct vmx_check *c)
{
	return !injects_type(c, INTR_TYPE_NMI) || !pin(c, PIN_VIRTUAL_NMIS) ||
	       !(blocking(c) & BLOCK_NMI);
}

static bool block_enclave(const struct vmx_check *c)
{
	return !(blocking(c) & BLOCK_ENCLAVE) || (c->sgx && !(blocking(c) & BLOCK_MOV_SS));
}

static bool pending_reserved(const struct vmx_check *c)
{
	return !(get(c, VMCS_GUEST_PENDING_DEBUG) &
		 (GENMASK(63, 17) | BIT(15) | BIT(13) | GENMASK(11, 4)));
}

static bool pending_bs(const struct vmx_check *c)
{
	return pending_bs_ok(c);
}

static bool pending_rtm(const struct vmx_check *c)
{
	return pending_rtm_ok(c);
}

static bool link_address(const struct vmx_check *c)
{
	return !has_link(c) || is_page(c, get(c, VMCS_LINK_POINTER));
}

static bool link_revision(const struct vmx_check *c)
{
	return !has_link(c) || !c->has_link_word ||
	       c->link_word == (c->caps->revision | (proc2(c, PROC2_SHADOWING) ? BIT(31) : 0));
}

static bool link_current(const struct vmx_check *c)
{
	return !has_link(c) || get(c, VMCS_LINK_POINTER) != c->vmcs_pa;
}

static bool pdptes(const struct vmx_check *c)
{
	return pdptes_ok(c);
}

#define CR     "Checks on Guest Control Registers, Debug Registers, and MSRs"
#define SEG    "Checks on Guest Segment Registers"
#define DESC   "Checks on Guest Descriptor-Table Registers"
#define RIP    "Checks on Guest RIP, RFLAGS, and SSP"
#define NONREG "Checks on Guest Non-Register State"
#define PDPTE  "Checks on Guest Page-Directory-Pointer-Table Entries"

const struct vmx_rule vmx_guest_rules[] = {
	{CR,
	 "CR0 sets no bit that VMX operation does not support; PE and PG are free to unrestricted guests, CD and NW to all",
	 guest_cr0},
	{CR, "CR0.PG needs CR0.PE", guest_cr0_pg},
	{CR, "CR4 sets no bit that VMX operation does not support", guest_cr4},
	{CR, "CR4.CET needs CR0.WP", guest_cet},
	{CR, "load debug controls: reserved bits of IA32_DEBUGCTL are 0", guest_debugctl},
	{CR, "IA-32e mode guest: CR0.PG and CR4.PAE are 1", guest_long_paging},
	{CR, "not an IA-32e mode guest: CR4.PCIDE is 0", guest_pcide},
	{CR, "CR3 is within the width", guest_cr3},
	{CR, "load debug controls: bits 63:32 of DR7 are 0", guest_dr7},
	{CR, "IA32_SYSENTER_ESP and IA32_SYSENTER_EIP are canonical", guest_sysenter},
	{CR, "load IA32_PERF_GLOBAL_CTRL: reserved bits are 0", guest_perf_global},
	{CR, "load IA32_PAT: each byte is a memory type", guest_pat},
	{CR, "load IA32_EFER: reserved bits are 0", guest_efer},
	{CR, "load IA32_EFER: LMA is IA-32e mode guest, and LME equals it while CR0.PG is 1",
	 guest_efer_lma},
	{CR, "load IA32_BNDCFGS: reserved bits are 0 and the address is canonical", guest_bndcfgs},
	{CR, "load IA32_RTIT_CTL: reserved bits are 0", guest_rtit},
	{CR, "load CET state: IA32_S_CET has no reserved bit and canonical addresses", guest_s_cet},
	{CR, "load PKRS: bits 63:32 are 0", guest_pkrs},
	{SEG, "TR: TI is 0", seg_tr_ti},
	{SEG, "LDTR: TI is 0 where it is usable", seg_ldtr_ti},
	{SEG, "SS: RPL is that of CS, but in virtual-8086 mode and for unrestricted guests",
	 seg_ss_rpl},
	{SEG, "virtual-8086: each base is the selector times 16", seg_v8086_base},
	{SEG, "the bases of TR, FS, GS, and of LDTR where it is usable, are canonical",
	 seg_canonical},
	{SEG, "bits 63:32 of the base of CS, and of SS, DS and ES where usable, are 0", seg_base32},
	{SEG, "virtual-8086: each limit is FFFFH", seg_v8086_limit},
	{SEG, "virtual-8086: the access rights are F3H", seg_v8086_ar},
	{SEG, "CS: an accessed code segment, or type 3 of an unrestricted guest", seg_cs_type},
	{SEG, "SS: type 3 or 7 where it is usable", seg_ss_type},
	{SEG, "DS, ES, FS, GS: accessed, and readable where code", seg_data_type},
	{SEG, "S is 1 of CS and where usable", seg_s},
	{SEG, "CS: DPL fits the type and SS", seg_cs_dpl},
	{SEG, "SS: DPL is RPL, but for unrestricted guests", seg_ss_dpl_rpl},
	{SEG, "SS: DPL is 0 where CS has type 3 or CR0.PE is 0", seg_ss_dpl_0},
	{SEG,
	 "DS, ES, FS, GS: DPL is not below RPL for data and non-conforming code, but for unrestricted guests",
	 seg_data_dpl},
	{SEG, "P is 1 of CS and where usable", seg_p},
	{SEG, "reserved bits are 0 of CS and where usable", seg_reserved},
	{SEG, "CS: D/B is 0 in 64-bit mode", seg_cs_db},
	{SEG, "G fits the limit of CS and where usable", seg_g},
	{SEG, "TR: a busy TSS, 16-bit only outside IA-32e mode", tr_type},
	{SEG, "TR: S is 0, P is 1, reserved bits are 0, usable", tr_flags},
	{SEG, "TR: G fits the limit", tr_g},
	{SEG, "LDTR: type 2, S 0, P 1, reserved bits 0 where it is usable", ldtr_type},
	{SEG, "LDTR: G fits the limit where it is usable", ldtr_g},
	{DESC, "the bases of GDTR and IDTR are canonical", desc_base},
	{DESC, "bits 31:16 of both limits are 0", desc_limit},
	{RIP, "RIP is within 32 bits outside 64-bit mode", rip_32},
	{RIP, "RIP in 64-bit mode: the bits above the linear-address width are equal", rip_64},
	{RIP, "RFLAGS: reserved bits are 0, bit 1 is 1", rflags_reserved},
	{RIP, "RFLAGS.VM is 0 in IA-32e mode and without CR0.PE", rflags_vm},
	{RIP, "RFLAGS.IF is 1 where an external interrupt is injected", rflags_if},
	{RIP, "load CET state: SSP is aligned to 4 bytes and canonical", ssp},
	{NONREG, "the activity state is supported", activity_known},
	{NONREG, "not HLT where SS.DPL is not 0", activity_hlt},
	{NONREG, "active where STI or MOV SS blocks", activity_blocked},
	{NONREG, "the injected event is one that the activity state takes", activity_inject},
	{NONREG, "entry to SMM: not wait-for-SIPI", activity_smm},
	{NONREG, "interruptibility: bits 31:5 are 0", block_reserved},
	{NONREG, "not blocking by both STI and MOV SS", block_both},
	{NONREG, "no blocking by STI where RFLAGS.IF is 0", block_sti_if},
	{NONREG, "no blocking by STI or MOV SS where an external interrupt is injected",
	 block_interrupt},
	{NONREG, "no blocking by STI or MOV SS where an NMI is injected", block_nmi_event},
	{NONREG, "no blocking by SMI outside SMM", block_smi},
	{NONREG, "virtual NMIs: no blocking by NMI where an NMI is injected", block_nmi},
	{NONREG, "enclave interruption: SGX, and no blocking by MOV SS", block_enclave},
	{NONREG, "pending debug exceptions: reserved bits are 0", pending_reserved},
	{NONREG,
	 "pending debug exceptions: BS is TF without BTF where STI, MOV SS or HLT holds them back",
	 pending_bs},
	{NONREG,
	 "pending debug exceptions: RTM stands with bit 12 alone, on a CPU that has it, not after MOV SS",
	 pending_rtm},
	{NONREG, "VMCS link pointer: aligned and within the width", link_address},
	{NONREG,
	 "VMCS link pointer: the VMCS has our revision, and is a shadow VMCS with VMCS shadowing only",
	 link_revision},
	{NONREG, "VMCS link pointer: not the current VMCS", link_current},
	{PDPTE, "PAE paging with EPT: reserved bits of present PDPTEs are 0", pdptes},
};
const unsigned vmx_guest_rule_count = ARRAY_SIZE(vmx_guest_rules);

const struct vmx_rule *vmx_check_guest(const struct vmx_check *c)
{
	return first_violated(c, vmx_guest_rules, vmx_guest_rule_count);
}
