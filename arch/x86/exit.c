// SPDX-License-Identifier: Apache-2.0
/* The one table from why the guest left to what happens. */
#include "arch/x86/exit.h"

#include "arch/x86/event.h"
#include "arch/x86/handlers.h"
#include "arch/x86/host.h"
#include "arch/x86/regs.h"
#include "vmm/arch.h"
#include "vmm/fault.h"
#include "vmm/nested_ops.h"
#include "vmm/vm.h"

/* Faults or retries in a row without progress that end a VM (rule T8). */
#define RETRY_LIMIT 100000

const char *const x86_why_name[X86_WHY_COUNT] = {
	[X86_INTERRUPT] = "host interrupt",
	[X86_NMI] = "host NMI",
	[X86_TIMER] = "timer",
	[X86_INTERRUPT_WINDOW] = "interrupt window",
	[X86_EXCEPTION] = "exception",
	[X86_CPUID] = "CPUID",
	[X86_HLT] = "HLT",
	[X86_PAUSE] = "PAUSE",
	[X86_HYPERCALL] = "hypercall",
	[X86_RDMSR] = "RDMSR",
	[X86_WRMSR] = "WRMSR",
	[X86_IO] = "I/O",
	[X86_CR_WRITE] = "CR write",
	[X86_XSETBV] = "XSETBV",
	[X86_CACHE] = "INVD/WBINVD",
	[X86_VIRTUALIZATION] = "virtualisation instruction",
	[X86_TO_L1] = "exit to the guest hypervisor",
	[X86_UNDEFINED] = "undefined instruction",
	[X86_PRIVILEGED] = "privileged instruction",
	[X86_IRET] = "IRET",
	[X86_NMI_WINDOW] = "NMI window",
	[X86_TASK_SWITCH] = "task switch",
	[X86_APIC_EOI] = "end of interrupt",
	[X86_APIC_WRITE] = "LAPIC write",
	[X86_TDP_FAULT] = "second-level fault",
	[X86_SHUTDOWN] = "shutdown",
	[X86_INVALID_STATE] = "invalid guest state",
	[X86_RETRY] = "retry",
	[X86_UNKNOWN] = "unknown exit",
};

const char *arch_exit_name(u32 reason)
{
	return x86_why_name[reason];
}

/* Exceptions that push an error code: #DF, #TS to #PF, #AC, #CP, #VC, #SX. */
#define VECTORS_WITH_ERROR (BIT(8) | GENMASK(14, 10) | BIT(17) | BIT(21) | BIT(29) | BIT(30))

/* KVM's hypercall convention: an unknown number answers -ENOSYS in RAX. */
#define KVM_ENOSYS ((u64)-1000)

static enum exit_action handle_interrupt(struct vcpu *vcpu)
{
	host_irq_window(vcpu);
	return EXIT_RESUME;
}

static enum exit_action handle_timer(struct vcpu *vcpu)
{
	host_timer_due(vcpu);
	return EXIT_RESUME;
}

static enum exit_action handle_window(struct vcpu *vcpu)
{
	x86_ops->window(vcpu, false);
	return EXIT_RESUME;
}

/* IRET has been done (#DB), or has faulted and the NMI goes on until another IRET. */
static enum exit_action nmi_step_end(struct vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->arch.exit;
	u64 dr6 = x86_get_reg(vcpu, X86_REG_DR6);
	bool done = exit->exception.vector == VEC_DB && (dr6 & DR6_BS);

	vcpu->arch.nmi_stepping = false;
	x86_ops->nmi_watch(vcpu, done ? X86_NMI_WATCH_NONE : X86_NMI_WATCH_IRET);
	if (done) {
		vcpu->arch.nmi_blocked = false;
		if (!vcpu->arch.nmi_guest_tf) {
			x86_set_reg(vcpu, X86_REG_DR6, dr6 & ~DR6_BS);
			return EXIT_RESUME;
		}
	} else if (!vcpu->arch.nmi_guest_tf) {
		vcpu->arch.rflags &= ~RFLAGS_TF;
	}
	if (exit->exception.vector == VEC_PF) {
		x86_set_reg(vcpu, X86_REG_CR2, exit->info2);
	}
	event_exception(vcpu, exit->exception.vector,
			BIT(exit->exception.vector) & VECTORS_WITH_ERROR ? exit->exception.error
									 : X86_NO_ERROR);
	return EXIT_RESUME;
}

/* #DB, #AC and #MC are seen so that a guest cannot keep the CPU in their delivery for ever. */
static enum exit_action handle_exception(struct vcpu *vcpu)
{
	u8 vector = vcpu->arch.exit.exception.vector;

	if (vector == VEC_MC) {
		vm_kill(vcpu->vm, "machine check");
		return EXIT_KILL_VM;
	}
	if (vcpu->arch.nmi_stepping) {
		return nmi_step_end(vcpu);
	}
	event_exception(vcpu, vector, vector == VEC_AC ? 0 : X86_NO_ERROR);
	return EXIT_RESUME;
}

static enum exit_action handle_hlt(struct vcpu *vcpu)
{
	(void)vcpu;
	return EXIT_HALT;
}

static enum exit_action handle_hypercall(struct vcpu *vcpu)
{
	vcpu->arch.gpr[0] = KVM_ENOSYS;
	return EXIT_SKIP_INSN;
}

static enum exit_action handle_skip(struct vcpu *vcpu)
{
	(void)vcpu;
	return EXIT_SKIP_INSN;
}

/*
 * Guest memory is coherent with every cache of the host: nothing to write back for a guest.
 * Hardware looks at the privilege level before the intercept, QEMU 10 after it.
 */
static enum exit_action handle_cache(struct vcpu *vcpu)
{
	return x86_cpl(vcpu) ? event_gp(vcpu) : handle_skip(vcpu);
}

static enum exit_action handle_undefined(struct vcpu *vcpu)
{
	event_exception(vcpu, VEC_UD, X86_NO_ERROR);
	return EXIT_RESUME;
}

static enum exit_action handle_virtualization(struct vcpu *vcpu)
{
	return vcpu->arch.svme ? x86_ops->nested->instruction(vcpu) : handle_undefined(vcpu);
}

static enum exit_action handle_to_l1(struct vcpu *vcpu)
{
	return x86_ops->nested->exit_to_l1(vcpu);
}

/*
 * The CPU does not say when an NMI's IRET is done: step over it. TF is loaded from the frame by
 * IRET itself, or taken back where IRET faults, so the guest never sees ours.
 */
static enum exit_action handle_iret(struct vcpu *vcpu)
{
	x86_ops->nmi_watch(vcpu, X86_NMI_WATCH_STEP);
	vcpu->arch.nmi_stepping = true;
	vcpu->arch.nmi_guest_tf = vcpu->arch.rflags & RFLAGS_TF;
	vcpu->arch.rflags |= RFLAGS_TF;
	return EXIT_RESUME;
}

/* The CPU tells that the NMI is over: nothing to step over. */
static enum exit_action handle_nmi_window(struct vcpu *vcpu)
{
	x86_ops->nmi_watch(vcpu, X86_NMI_WATCH_NONE);
	vcpu->arch.nmi_blocked = false;
	return EXIT_RESUME;
}

static enum exit_action no_progress(struct vcpu *vcpu, const char *what)
{
	if (vcpu->arch.rip != vcpu->retry_pc) {
		vcpu->retry_pc = vcpu->arch.rip;
		vcpu->retries = 0;
	}
	if (++vcpu->retries < RETRY_LIMIT) {
		return EXIT_RESUME;
	}
	vm_kill(vcpu->vm, "no progress: %s repeats", what);
	return EXIT_KILL_VM;
}

static enum exit_action handle_retry(struct vcpu *vcpu)
{
	return no_progress(vcpu, "an instruction that cannot be read");
}

static enum exit_action handle_tdp_fault(struct vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->arch.exit;
	struct tdp_fault fault = {
		.gpa = exit->tdp.gpa, .access = exit->tdp.access, .on_walk = exit->tdp.on_walk};

	switch (vcpu->arch.l2 ? x86_ops->nested->tdp_fault(vcpu, &fault)
			      : fault_handle(vcpu->vm, &fault)) {
	case FAULT_FIXED:
		vcpu->retries = 0;
		return EXIT_RESUME;
	case FAULT_SPURIOUS:
		return no_progress(vcpu, "a second-level fault");
	case FAULT_DENIED:
		return event_gp(vcpu);
	case FAULT_NOMEM:
		vm_kill(vcpu->vm, "the host is out of memory");
		return EXIT_KILL_VM;
	case FAULT_TO_L1:
		return EXIT_RESUME;
	case FAULT_MMIO:
		break;
	}
	if (fault.on_walk || fault.access == PT_X || vcpu->arch.event.valid) {
		vm_kill(vcpu->vm, "%s at %016lx, where there is no memory",
			fault.on_walk          ? "page tables"
			: fault.access == PT_X ? "code"
					       : "an exception's stack or tables",
			fault.gpa.v);
		return EXIT_KILL_VM;
	}
	return handle_mmio(vcpu, fault.gpa);
}

static enum exit_action handle_apic_eoi(struct vcpu *vcpu)
{
	lock_take(&vcpu->vm->lock);
	vlapic_live_eoi(&vcpu->arch.lapic, vcpu->arch.exit.apic.vector);
	lock_drop(&vcpu->vm->lock);
	return EXIT_RESUME;
}

/* The instruction is done. */
static enum exit_action handle_apic_write(struct vcpu *vcpu)
{
	lock_take(&vcpu->vm->lock);
	vlapic_live_written(&vcpu->arch.lapic, vcpu->arch.exit.apic.reg, vm_time_ns(vcpu->vm));
	lock_drop(&vcpu->vm->lock);
	return EXIT_RESUME;
}

static enum exit_action handle_task_switch(struct vcpu *vcpu)
{
	vm_kill(vcpu->vm, "hardware task switch: not supported");
	return EXIT_KILL_VM;
}

static enum exit_action handle_shutdown(struct vcpu *vcpu)
{
	vm_kill(vcpu->vm, "triple fault");
	return EXIT_KILL_VM;
}

static enum exit_action handle_invalid_state(struct vcpu *vcpu)
{
	if (vcpu->arch.l2) {
		return x86_ops->nested->exit_to_l1(vcpu);
	}
	vm_kill(vcpu->vm, "the CPU refused the guest's state");
	return EXIT_KILL_VM;
}

static enum exit_action handle_unknown(struct vcpu *vcpu)
{
	vm_kill(vcpu->vm, "exit %lx (%lx, %lx) is not known", vcpu->arch.exit.code,
		vcpu->arch.exit.info1, vcpu->arch.exit.info2);
	return EXIT_KILL_VM;
}

static enum exit_action (*const handlers[X86_WHY_COUNT])(struct vcpu *) = {
	[X86_INTERRUPT] = handle_interrupt,
	[X86_NMI] = handle_interrupt,
	[X86_TIMER] = handle_timer,
	[X86_INTERRUPT_WINDOW] = handle_window,
	[X86_EXCEPTION] = handle_exception,
	[X86_CPUID] = handle_cpuid,
	[X86_HLT] = handle_hlt,
	[X86_PAUSE] = handle_skip,
	[X86_HYPERCALL] = handle_hypercall,
	[X86_RDMSR] = handle_rdmsr,
	[X86_WRMSR] = handle_wrmsr,
	[X86_IO] = handle_io,
	[X86_CR_WRITE] = handle_cr_write,
	[X86_XSETBV] = handle_xsetbv,
	[X86_CACHE] = handle_cache,
	[X86_VIRTUALIZATION] = handle_virtualization,
	[X86_TO_L1] = handle_to_l1,
	[X86_UNDEFINED] = handle_undefined,
	[X86_PRIVILEGED] = event_gp,
	[X86_IRET] = handle_iret,
	[X86_NMI_WINDOW] = handle_nmi_window,
	[X86_TASK_SWITCH] = handle_task_switch,
	[X86_APIC_EOI] = handle_apic_eoi,
	[X86_APIC_WRITE] = handle_apic_write,
	[X86_TDP_FAULT] = handle_tdp_fault,
	[X86_SHUTDOWN] = handle_shutdown,
	[X86_INVALID_STATE] = handle_invalid_state,
	[X86_RETRY] = handle_retry,
	[X86_UNKNOWN] = handle_unknown,
};

enum exit_action arch_vcpu_handle(struct vcpu *vcpu)
{
	enum x86_why why = vcpu->arch.exit.why;

	vcpu->arch.exit_count[why]++;
	return handlers[why](vcpu);
}
