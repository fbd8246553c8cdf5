// SPDX-License-Identifier: Apache-2.0
/*
 * Guest registers under VMX. What can change only by an exit is kept in struct vmx_vcpu beside the
 * VMCS, so that reading it needs no VMREAD; what the VMCS does not hold and the core does not use
 * (CR2, DR6, SYSCALL's MSRs, KERNEL_GS_BASE) stays in the CPU from vcpu_load to vcpu_put.
 */
#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/x86/regs.h"
#include "arch/x86/vmx.h"
#include "arch/x86/vmx_insn.h"
#include "vmm/panic.h"
#include "vmm/vm.h"

/* Bits of CR4 that the guest changes without an exit; the others are compared with the shadow. */
#define CR4_GUEST_OWNED (CR4_PGE | CR4_TSD)

/* Bits of CR0 that VMX fixes for a host, but not for an unrestricted guest. */
#define CR0_UNRESTRICTED (CR0_PE | CR0_PG)

static const u32 live_msr[VMX_LIVE_MSRS] = {
	MSR_STAR, MSR_LSTAR, MSR_CSTAR, MSR_SFMASK, MSR_KERNEL_GS_BASE,
};

/* In the order of the fields' encodings. */
static const u8 seg_index[X86_SEG_COUNT] = {
	[X86_SEG_ES] = 0,   [X86_SEG_CS] = 1,   [X86_SEG_SS] = 2,   [X86_SEG_DS] = 3,
	[X86_SEG_FS] = 4,   [X86_SEG_GS] = 5,   [X86_SEG_LDTR] = 6, [X86_SEG_TR] = 7,
	[X86_SEG_GDTR] = 8, [X86_SEG_IDTR] = 9,
};

#define SEG_FIELD(first, seg) ((enum vmcs_field)((first) + 2 * seg_index[seg]))

static bool has_selector(enum x86_seg_name seg)
{
	return seg != X86_SEG_GDTR && seg != X86_SEG_IDTR;
}

static void vmclear_borrowed(struct vmx_percpu *cpu)
{
	struct vcpu *vcpu = cpu->current;

	if (vcpu && vcpu != cpu->loaded) {
		vmclear(vcpu->arch.vmx.vmcs);
		vcpu->arch.vmx.launched = false;
	}
}

/*
 * A VMCS that is not of the loaded vCPU is borrowed: it is cleared before the next becomes current,
 * so that no CPU keeps parts of it ("Managing VMCS Regions and Pointers").
 */
void vmx_use(const struct vcpu *vcpu)
{
	struct vmx_percpu *cpu = &this_cpu()->vmx;

	if (cpu->current == vcpu) {
		return;
	}
	vmclear_borrowed(cpu);
	cpu->current = (struct vcpu *)(uintptr_t)vcpu;
	if (!vmptrld(vcpu->arch.vmx.vmcs)) {
		panic("VMPTRLD of %lx failed", vcpu->arch.vmx.vmcs.v);
	}
}

static bool is_loaded(const struct vcpu *vcpu)
{
	return this_cpu()->vmx.loaded == vcpu;
}

static u64 cr4_owned(const struct vcpu *vcpu)
{
	return CR4_GUEST_OWNED & vcpu->vm->arch.cr4_allowed;
}

static u64 read_dr6(void)
{
	u64 v;

	__asm__ volatile("mov %%dr6, %0" : "=r"(v));
	return v;
}

static void write_dr6(u64 v)
{
	__asm__ volatile("mov %0, %%dr6" : : "r"(v));
}

u64 vmx_get_reg(const struct vcpu *vcpu, enum x86_reg reg)
{
	const struct vmx_vcpu *v = &vcpu->arch.vmx;

	switch (reg) {
	case X86_REG_CR2:
		return is_loaded(vcpu) ? read_cr2() : v->cr2;
	case X86_REG_DR6:
		return is_loaded(vcpu) ? read_dr6() : v->dr6;
	case X86_REG_CR3:
		vmx_use(vcpu);
		return vmread(VMCS_GUEST_CR3);
	case X86_REG_CR4:
		vmx_use(vcpu);
		return (vmread(VMCS_GUEST_CR4) & cr4_owned(vcpu)) |
		       (v->reg[X86_REG_CR4] & ~cr4_owned(vcpu));
	case X86_REG_CR0:
	case X86_REG_EFER:
	case X86_REG_PAT:
	case X86_REG_TSC_OFFSET:
	case X86_REG_COUNT:
		break;
	}
	return v->reg[reg];
}

static void set_efer(struct vmx_vcpu *v, u64 val)
{
	u32 ctl =
		(v->entry_ctl & ~(u32)ENTRY_GUEST_64) | (val & EFER_LMA ? (u32)ENTRY_GUEST_64 : 0);

	vmwrite(VMCS_GUEST_EFER, val);
	if (ctl != v->entry_ctl) {
		v->entry_ctl = ctl;
		vmwrite(VMCS_ENTRY_CTLS, ctl);
	}
}

static void set_cr0(u64 val)
{
	u64 must = vmx_caps.cr0_must & ~CR0_UNRESTRICTED;

	vmwrite(VMCS_CR0_SHADOW, val);
	vmwrite(VMCS_GUEST_CR0, (val | must) & vmx_caps.cr0_may);
}

void vmx_set_reg(struct vcpu *vcpu, enum x86_reg reg, u64 val)
{
	struct vmx_vcpu *v = &vcpu->arch.vmx;

	vmx_use(vcpu);
	v->reg[reg] = val;
	switch (reg) {
	case X86_REG_CR0:
		set_cr0(val);
		break;
	case X86_REG_CR2:
		v->cr2 = val;
		if (is_loaded(vcpu)) {
			write_cr2(val);
		}
		break;
	case X86_REG_CR3:
		vmwrite(VMCS_GUEST_CR3, val);
		break;
	case X86_REG_CR4:
		vmwrite(VMCS_CR4_SHADOW, val);
		vmwrite(VMCS_GUEST_CR4, vmx_cr4_fix(&vmx_caps, val));
		break;
	case X86_REG_DR6:
		v->dr6 = val;
		if (is_loaded(vcpu)) {
			write_dr6(val);
		}
		break;
	case X86_REG_EFER:
		set_efer(v, val);
		break;
	case X86_REG_PAT:
		vmwrite(VMCS_GUEST_PAT, val);
		break;
	case X86_REG_TSC_OFFSET:
		vmwrite(VMCS_TSC_OFFSET, val);
		break;
	case X86_REG_COUNT:
		break;
	}
}

/* Of an unusable segment only SS.DPL means something ("Guest Register State"). */
struct x86_seg vmx_get_seg(const struct vcpu *vcpu, enum x86_seg_name seg)
{
	struct x86_seg s = {0};

	vmx_use(vcpu);
	s.limit = (u32)vmread(SEG_FIELD(VMCS_GUEST_ES_LIMIT, seg));
	s.base = vmread(SEG_FIELD(VMCS_GUEST_ES_BASE, seg));
	if (has_selector(seg)) {
		u64 ar = vmread(SEG_FIELD(VMCS_GUEST_ES_AR, seg));

		s.selector = (u16)vmread(SEG_FIELD(VMCS_GUEST_ES, seg));
		s.attrib = (u16)(ar & AR_UNUSABLE ? ar & ~AR_P : ar);
	}
	return s;
}

void vmx_set_seg(struct vcpu *vcpu, enum x86_seg_name seg, struct x86_seg val)
{
	vmx_use(vcpu);
	vmwrite(SEG_FIELD(VMCS_GUEST_ES_LIMIT, seg), val.limit);
	vmwrite(SEG_FIELD(VMCS_GUEST_ES_BASE, seg), val.base);
	if (has_selector(seg)) {
		vmwrite(SEG_FIELD(VMCS_GUEST_ES, seg), val.selector);
		vmwrite(SEG_FIELD(VMCS_GUEST_ES_AR, seg),
			val.attrib & AR_P ? val.attrib : val.attrib | AR_UNUSABLE);
	}
}

void vmx_state_load(struct vcpu *vcpu)
{
	const struct vmx_vcpu *v = &vcpu->arch.vmx;

	write_cr2(v->cr2);
	write_dr6(v->dr6);
	for (unsigned i = 0; i < VMX_LIVE_MSRS; i++) {
		wrmsr(live_msr[i], v->msr[i]);
	}
}

void vmx_state_save(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = &vcpu->arch.vmx;

	v->cr2 = read_cr2();
	v->dr6 = read_dr6();
	for (unsigned i = 0; i < VMX_LIVE_MSRS; i++) {
		v->msr[i] = rdmsr(live_msr[i]);
	}
}

/* SDM volume 3, "Processor State After Reset". */
static void segments_reset(struct vcpu *vcpu)
{
	static const struct x86_seg code = {0xf000, 0x9b, 0xffff, 0xffff0000};
	static const struct x86_seg data = {0, 0x93, 0xffff, 0};
	static const struct x86_seg table = {0, 0, 0xffff, 0};

	for (enum x86_seg_name s = X86_SEG_ES; s <= X86_SEG_GS; s++) {
		vmx_set_seg(vcpu, s, s == X86_SEG_CS ? code : data);
	}
	vmx_set_seg(vcpu, X86_SEG_GDTR, table);
	vmx_set_seg(vcpu, X86_SEG_IDTR, table);
	vmx_set_seg(vcpu, X86_SEG_LDTR, (struct x86_seg){0, 0x82, 0xffff, 0});
	vmx_set_seg(vcpu, X86_SEG_TR, (struct x86_seg){0, 0x8b, 0xffff, 0});
}

void vmx_state_reset(struct vcpu *vcpu)
{
	static const enum vmcs_field zero[] = {
		VMCS_GUEST_DEBUGCTL,     VMCS_GUEST_PDPTE0,        VMCS_GUEST_PDPTE1,
		VMCS_GUEST_PDPTE2,       VMCS_GUEST_PDPTE3,        VMCS_GUEST_INTERRUPTIBILITY,
		VMCS_GUEST_ACTIVITY,     VMCS_GUEST_SYSENTER_CS,   VMCS_GUEST_SYSENTER_ESP,
		VMCS_GUEST_SYSENTER_EIP, VMCS_GUEST_PENDING_DEBUG, VMCS_GUEST_RSP,
		VMCS_ENTRY_INTR_INFO,
	};
	struct vmx_vcpu *v = &vcpu->arch.vmx;

	for (unsigned i = 0; i < ARRAY_SIZE(zero); i++) {
		vmwrite(zero[i], 0);
	}
	for (unsigned i = 0; i < VMX_LIVE_MSRS; i++) {
		v->msr[i] = 0;
	}
	if (is_loaded(vcpu)) {
		vmx_state_load(vcpu);
	}
	segments_reset(vcpu);
	vmwrite(VMCS_CR0_MASK, ~0ULL);
	vmwrite(VMCS_CR4_MASK, ~cr4_owned(vcpu));
	vmx_set_reg(vcpu, X86_REG_CR0, CR0_ET | CR0_NW | CR0_CD);
	vmx_set_reg(vcpu, X86_REG_CR2, 0);
	vmx_set_reg(vcpu, X86_REG_CR3, 0);
	vmx_set_reg(vcpu, X86_REG_CR4, 0);
	vmx_set_reg(vcpu, X86_REG_DR6, DR6_INIT);
	vmx_set_reg(vcpu, X86_REG_EFER, 0);
	vmx_set_reg(vcpu, X86_REG_TSC_OFFSET, vcpu->vm->arch.tsc_offset);
	vmwrite(VMCS_GUEST_DR7, DR7_INIT);
	v->rsp = 0;
	v->interruptibility = 0;
	v->rip = vcpu->arch.rip = 0xfff0;
	v->rflags = vcpu->arch.rflags = RFLAGS_FIXED;
	vmwrite(VMCS_GUEST_RIP, v->rip);
	vmwrite(VMCS_GUEST_RFLAGS, v->rflags);
}
