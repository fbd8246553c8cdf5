// SPDX-License-Identifier: Apache-2.0
/* The one table from ESR_EL2.EC to what happens. */
#include "arch/arm64/exit.h"

#include <string.h>

#include "arch/arm64/esr.h"
#include "arch/arm64/guest_regs.h"
#include "arch/arm64/platform.h"
#include "arch/arm64/psci.h"
#include "arch/arm64/virt.h"
#include "vmm/arch.h"
#include "vmm/vm.h"

/* Faults or retries in a row without progress that end a VM (rule T8). */
#define RETRY_LIMIT 100000

enum exit_action exit_undefined(struct vcpu *vcpu)
{
	guest_undef(vcpu);
	return EXIT_RESUME;
}

enum exit_action exit_no_progress(struct vcpu *vcpu, const char *what)
{
	if (vcpu->arch.pc != vcpu->retry_pc) {
		vcpu->retry_pc = vcpu->arch.pc;
		vcpu->retries = 0;
	}
	if (++vcpu->retries < RETRY_LIMIT) {
		return EXIT_RESUME;
	}
	vm_kill(vcpu->vm, "no progress: %s repeats", what);
	return EXIT_KILL_VM;
}

/* WFE only gives way: nobody else waits for this CPU. */
static enum exit_action handle_wfx(struct vcpu *vcpu)
{
	return FIELD_GET(ESR_WFX_TI, vcpu->arch.esr) == ESR_WFX_WFI ? EXIT_HALT : EXIT_SKIP_INSN;
}

static enum psci_action call_do(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;
	struct psci_call call;
	enum psci_action action;

	memcpy(call.x, a->gpr, sizeof(call.x));
	action = psci_call(&vcpu->vm->arch.psci, (u32)FIELD_GET(ESR_CALL_IMM, a->esr), &call);
	memcpy(a->gpr, call.x, sizeof(call.x));
	return action;
}

/*
 * SMC is trapped before it executes, HVC after it ("Preferred exception return address"). The one
 * vCPU cannot be switched off by itself: CPU_OFF is denied, and there is no other to switch on.
 */
static enum exit_action handle_call(struct vcpu *vcpu)
{
	bool smc = esr_ec(vcpu->arch.esr) == ESR_EC_SMC64;

	switch (call_do(vcpu)) {
	case PSCI_VM_OFF:
		vcpu->vm->state = VM_POWERED_OFF;
		return EXIT_RESUME;
	case PSCI_VM_RESET:
		vcpu->vm->state = VM_RESET;
		return EXIT_RESUME;
	case PSCI_SUSPEND:
		arch_vcpu_idle(vcpu);
		break;
	case PSCI_CPU_ON:
		vcpu->arch.gpr[0] = (u64)PSCI_INTERNAL_FAILURE;
		break;
	case PSCI_CPU_OFF:
		vcpu->arch.gpr[0] = (u64)PSCI_DENIED;
		break;
	case PSCI_RESUME:
		break;
	}
	return smc ? EXIT_SKIP_INSN : EXIT_RESUME;
}

/* What this VM's CPU does not have, or EL1 may not use: the guest's own exception. */
static enum exit_action handle_undefined(struct vcpu *vcpu)
{
	return exit_undefined(vcpu);
}

/* Exceptions that nothing asked EL2 to take, or that only EL2 itself takes. */
static __attribute__((noinline)) enum exit_action handle_unknown(struct vcpu *vcpu)
{
	vm_kill(vcpu->vm, "exit of class %02x (ESR %08lx) is not known", esr_ec(vcpu->arch.esr),
		vcpu->arch.esr);
	return EXIT_KILL_VM;
}

/* A class without a row is handle_unknown()'s. */
static enum exit_action (*const handlers[ESR_EC_COUNT])(struct vcpu *) = {
	[ESR_EC_UNKNOWN] = handle_undefined,
	[ESR_EC_WFX] = handle_wfx,
	[ESR_EC_CP15_32] = handle_undefined,
	[ESR_EC_CP15_64] = handle_undefined,
	[ESR_EC_CP14_32] = handle_undefined,
	[ESR_EC_CP14_LS] = handle_undefined,
	[ESR_EC_FP] = handle_undefined,
	[ESR_EC_CP10_ID] = handle_undefined,
	[ESR_EC_PAUTH] = handle_undefined,
	[ESR_EC_LS64] = handle_undefined,
	[ESR_EC_CP14_64] = handle_undefined,
	[ESR_EC_HVC32] = handle_undefined,
	[ESR_EC_SMC32] = handle_undefined,
	[ESR_EC_SYSREG128] = handle_undefined,
	[ESR_EC_HVC64] = handle_call,
	[ESR_EC_SMC64] = handle_call,
	[ESR_EC_SYSREG] = handle_sysreg,
	[ESR_EC_SVE] = handle_undefined,
	[ESR_EC_TSTART] = handle_undefined,
	[ESR_EC_SME] = handle_undefined,
	[ESR_EC_IABT_LOWER] = handle_instr_abort,
	[ESR_EC_DABT_LOWER] = handle_data_abort,
	[ESR_EC_GCS] = handle_undefined,
};

/* Not an exception of the guest's own: a physical interrupt, or an SError. */
static __attribute__((noinline)) enum exit_action handle_event(struct vcpu *vcpu)
{
	if (vcpu->arch.event == ARM64_SERROR) {
		/* What the guest touched last is the likely cause. */
		vm_kill(vcpu->vm, "SError, ESR %08lx", vcpu->arch.esr);
		return EXIT_KILL_VM;
	}
	vcpu->arch.irq_count++;
	platform_irq(vcpu);
	return EXIT_RESUME;
}

/* What is rare stays out of line: this function then needs no frame. */
enum exit_action arch_vcpu_handle(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;
	unsigned class = esr_ec(a->esr);

	if (a->event != ARM64_SYNC) {
		return handle_event(vcpu);
	}
	a->ec_count[class]++;
	return handlers[class] ? handlers[class](vcpu) : handle_unknown(vcpu);
}
