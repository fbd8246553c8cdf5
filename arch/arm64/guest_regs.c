// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/guest_regs.h"

#include "arch/arm64/sysreg.h"
#include "arch/arm64/virt.h"
#include "mm/bits.h"

/* SP_EL1 where PSTATE says EL1h, else SP_EL0. */
u64 guest_sp(const struct vcpu *vcpu)
{
	return (vcpu->arch.pstate & PSTATE_M) == PSTATE_EL1H ? read_sysreg(sp_el1)
							     : read_sysreg(sp_el0);
}

void guest_set_sp(struct vcpu *vcpu, u64 val)
{
	if ((vcpu->arch.pstate & PSTATE_M) == PSTATE_EL1H) {
		write_sysreg(val, sp_el1);
	} else {
		write_sysreg(val, sp_el0);
	}
}

static struct inject_regs regs_take(const struct vcpu *vcpu)
{
	return (struct inject_regs){
		.vbar_el1 = read_el1(VBAR),
		.sctlr_el1 = read_el1(SCTLR),
		.pc = vcpu->arch.pc,
		.pstate = vcpu->arch.pstate,
		.far_el1 = read_el1(FAR),
		.features = cpu_inject_features,
	};
}

static void regs_give(struct vcpu *vcpu, const struct inject_regs *regs)
{
	vcpu->arch.pc = regs->pc;
	vcpu->arch.pstate = regs->pstate;
	write_el1(regs->elr_el1, ELR);
	write_el1(regs->spsr_el1, SPSR);
	write_el1(regs->esr_el1, ESR);
	write_el1(regs->far_el1, FAR);
}

void guest_undef(struct vcpu *vcpu)
{
	struct inject_regs regs = regs_take(vcpu);

	inject_undef(&regs);
	regs_give(vcpu, &regs);
}

void guest_data_abort(struct vcpu *vcpu, const struct inject_abort *abort)
{
	struct inject_regs regs = regs_take(vcpu);

	inject_data_abort(&regs, abort);
	regs_give(vcpu, &regs);
}

void guest_instr_abort(struct vcpu *vcpu, const struct inject_abort *abort)
{
	struct inject_regs regs = regs_take(vcpu);

	inject_instr_abort(&regs, abort);
	regs_give(vcpu, &regs);
}
