// SPDX-License-Identifier: Apache-2.0
/* How the guest's CPU translates now, as a role of the walker. Intel SDM vol. 3, "Paging". */
#include "arch/x86/regs.h"
#include "arch/x86/svm.h"
#include "vmm/arch.h"
#include "vmm/explain.h"
#include "vmm/vm.h"

#define CPUID_EXT_EDX_PAGE1G BIT(26)

static enum walk_kind kind_of(u64 cr4, u64 efer)
{
	if (efer & EFER_LMA) {
		return cr4 & CR4_LA57 ? WALK_LONG5 : WALK_LONG4;
	}
	return cr4 & CR4_PAE ? WALK_PAE : WALK_X86_32;
}

void arch_vcpu_paging(const struct vcpu *vcpu, struct guest_paging *p)
{
	u64 cr0 = x86_get_reg(vcpu, X86_REG_CR0), cr3 = x86_get_reg(vcpu, X86_REG_CR3);
	u64 cr4 = x86_get_reg(vcpu, X86_REG_CR4), efer = x86_get_reg(vcpu, X86_REG_EFER);
	const struct cpuid_entry *e = cpuid_find(&vcpu->vm->arch.cpuid, 0x80000001, 0);
	union cpu_role role = {
		.kind = kind_of(cr4, efer) & 15u,
		.oa_bits = vcpu->vm->arch.phys_bits & 63u,
		.nx = !!(efer & EFER_NXE),
		.wp = !!(cr0 & CR0_WP),
		.smep = !!(cr4 & CR4_SMEP),
		.smap = cr4 & CR4_SMAP && !(vcpu->arch.rflags & RFLAGS_AC),
		.pse = !!(cr4 & CR4_PSE),
		.page1g = e && e->regs.edx & CPUID_EXT_EDX_PAGE1G,
		.amd = x86_ops == &svm_ops,
	};

	*p = (struct guest_paging){.on = cr0 & CR0_PG, .role = {role, role}, .root = {cr3, cr3}};
}
