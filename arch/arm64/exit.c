// SPDX-License-Identifier: Apache-2.0
/* The one table from ESR_EL2.EC to what happens. */
#include "arch/arm64/exit.h"

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

/* The target finds it when it is polled. */
static void cpu_on(struct vm *vm, const struct psci_start *start)
{
	struct vcpu *target = vm->vcpu[start->target];

	target->arch.entry = start->entry;
	target->arch.entry_context = start->context;
	vm->arch.psci_cpus[start->target].power = PSCI_IS_ON_PENDING;
	sched_leave(&target->sched, arch_uptime_ns());
}

/* The last one that is on may not go: "CPU_OFF", DENIED. Returns whether it is off. */
static bool cpu_off(struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;

	for (u32 i = 0; i < vm->vcpu_count; i++) {
		if (i != vcpu->id && vm->arch.psci_cpus[i].power != PSCI_IS_OFF) {
			vm->arch.psci_cpus[vcpu->id].power = PSCI_IS_OFF;
			return true;
		}
	}
	return false;
}

/* With other vCPUs about: who is on stays so from the look to the act. */
static __attribute__((noinline)) enum psci_action call_locked(struct vcpu *vcpu, u32 imm)
{
	enum psci_action action;
	struct psci_start start;

	lock_take(&vcpu->vm->lock);
	action = psci_call(&vcpu->vm->arch.psci, imm, vcpu->arch.gpr, &start);
	if (action == PSCI_CPU_ON) {
		cpu_on(vcpu->vm, &start);
	} else if (action == PSCI_CPU_OFF && !cpu_off(vcpu)) {
		action = PSCI_RESUME; /* x[0] says DENIED */
	}
	lock_drop(&vcpu->vm->lock);
	return action;
}

/* A lone vCPU finds none to start, and cannot go. */
static enum psci_action call_alone(struct vcpu *vcpu, u32 imm)
{
	enum psci_action action;
	struct psci_start start;

	action = psci_call(&vcpu->vm->arch.psci, imm, vcpu->arch.gpr, &start);
	return action == PSCI_CPU_OFF ? PSCI_RESUME : action;
}

/* SMC is trapped before it executes, HVC after it ("Preferred exception return address"). */
static enum exit_action handle_call(struct vcpu *vcpu)
{
	bool smc = esr_ec(vcpu->arch.esr) == ESR_EC_SMC64;
	u32 imm = (u32)FIELD_GET(ESR_CALL_IMM, vcpu->arch.esr);
	enum psci_action action;

	action = vcpu->vm->vcpu_count > 1 ? call_locked(vcpu, imm) : call_alone(vcpu, imm);

	if (__builtin_expect(action == PSCI_RESUME, true)) {
		return smc ? EXIT_SKIP_INSN : EXIT_RESUME;
	}
	switch (action) {
	case PSCI_VM_OFF:
		(void)vm_ask(vcpu->vm, VM_WISH_POWER_OFF);
		return EXIT_RESUME;
	case PSCI_VM_RESET:
		(void)vm_ask(vcpu->vm, VM_WISH_RESET);
		return EXIT_RESUME;
	case PSCI_SUSPEND:
		return smc ? EXIT_HALT : EXIT_HALT_DONE;
	case PSCI_CPU_OFF:
		return EXIT_HALT_DONE;
	case PSCI_CPU_ON:
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

const char *arch_exit_name(u32 reason)
{
	static const char *const names[VCPU_EXIT_REASONS] = {
		[EXIT_REASON_IRQ] = "host interrupt",
		[ESR_EC_UNKNOWN] = "undefined instruction",
		[ESR_EC_WFX] = "WFI/WFE",
		[ESR_EC_FP] = "FP access",
		[ESR_EC_PAUTH] = "pointer authentication",
		[ESR_EC_HVC64] = "HVC",
		[ESR_EC_SMC64] = "SMC",
		[ESR_EC_SYSREG] = "system register",
		[ESR_EC_SVE] = "SVE access",
		[ESR_EC_SME] = "SME access",
		[ESR_EC_IABT_LOWER] = "instruction abort",
		[ESR_EC_DABT_LOWER] = "data abort",
	};

	return names[reason] ? names[reason] : "other";
}

/* Not an exception of the guest's own: a physical interrupt, or an SError. */
static __attribute__((noinline)) enum exit_action handle_event(struct vcpu *vcpu)
{
	if (vcpu->arch.event == ARM64_SERROR) {
		/* What the guest touched last is the likely cause. */
		vm_kill(vcpu->vm, "SError, ESR %08lx", vcpu->arch.esr);
		return EXIT_KILL_VM;
	}
	vcpu->arch.exit_count[EXIT_REASON_IRQ]++;
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
	a->exit_count[class]++;
	return handlers[class] ? handlers[class](vcpu) : handle_unknown(vcpu);
}
