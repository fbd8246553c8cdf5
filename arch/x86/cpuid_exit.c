// SPDX-License-Identifier: Apache-2.0
/* The CPUID exit: the VM's table, and the few bits that follow the guest's state. */
#include "arch/cpu.h"
#include "arch/x86/handlers.h"
#include "arch/x86/regs.h"
#include "vmm/vm.h"

static u32 apic_enabled(const struct vcpu *vcpu, u32 edx)
{
	return vlapic_is_enabled(&vcpu->arch.lapic) ? edx : edx & ~(u32)BIT(9);
}

static void adjust(const struct vcpu *vcpu, const struct cpuid_entry *e, struct cpuid_regs *r)
{
	u32 apic_id = vcpu->arch.lapic.apic_id;

	switch ((enum cpuid_dynamic)e->dynamic) {
	case CPUID_STATIC:
		break;
	case CPUID_FEATURES:
		r->ebx |= apic_id << 24;
		r->edx = apic_enabled(vcpu, r->edx);
		if (x86_get_reg(vcpu, X86_REG_CR4) & CR4_OSXSAVE) {
			r->ecx |= (u32)BIT(27);
		}
		break;
	case CPUID_FEATURES_7:
		if (x86_get_reg(vcpu, X86_REG_CR4) & CR4_PKE) {
			r->ecx |= (u32)BIT(4);
		}
		break;
	case CPUID_FEATURES_EXT:
		r->edx = apic_enabled(vcpu, r->edx);
		break;
	case CPUID_TOPOLOGY:
		r->edx = apic_id;
		break;
	case CPUID_XSAVE:
		if (e->subleaf == 0) {
			r->ebx = cpuid(0xd, 0).ebx; /* XCR0 is the guest's: so is the size */
		}
		break;
	case CPUID_TOPOLOGY_AMD:
		*r = (struct cpuid_regs){.eax = apic_id, .ebx = apic_id};
		break;
	}
}

enum exit_action handle_cpuid(struct vcpu *vcpu)
{
	u64 *gpr = vcpu->arch.gpr;
	const struct cpuid_entry *e = cpuid_find(&vcpu->vm->arch.cpuid, (u32)gpr[0], (u32)gpr[1]);
	struct cpuid_regs r = {0};

	if (e) {
		r = e->regs;
		if (e->dynamic) {
			adjust(vcpu, e, &r);
		}
	}
	gpr[0] = r.eax;
	gpr[3] = r.ebx;
	gpr[1] = r.ecx;
	gpr[2] = r.edx;
	return EXIT_SKIP_INSN;
}
