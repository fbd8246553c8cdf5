// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/event.h"

#include "arch/x86/regs.h"
#include "vmm/nested_ops.h"
#include "vmm/vm.h"

/* The classes of the double-fault table. */
enum fault_class { CLASS_BENIGN, CLASS_CONTRIBUTORY, CLASS_PAGE_FAULT };

static enum fault_class fault_class(u8 vector)
{
	switch (vector) {
	case 0:
	case VEC_TS:
	case VEC_NP:
	case VEC_SS:
	case VEC_GP:
		return CLASS_CONTRIBUTORY;
	case VEC_PF:
		return CLASS_PAGE_FAULT;
	default:
		return CLASS_BENIGN;
	}
}

static bool makes_double_fault(u8 first, u8 second)
{
	enum fault_class a = fault_class(first), b = fault_class(second);

	return (a == CLASS_CONTRIBUTORY && b == CLASS_CONTRIBUTORY) ||
	       (a == CLASS_PAGE_FAULT && b != CLASS_BENIGN);
}

/* Of class fault: the instruction runs again ("Exceptions and Interrupts", "Vectors"). */
static bool is_fault(u8 vector)
{
	return vector != VEC_DB && vector != VEC_BP && vector != VEC_OF && vector != VEC_DF &&
	       vector != VEC_MC;
}

static void raise(struct vcpu *vcpu, u8 vector, u32 error, u64 address)
{
	struct x86_event *e = &vcpu->arch.event;

	if (e->valid && e->type == X86_EVENT_EXCEPTION) {
		if (e->vector == VEC_DF) {
			if (vcpu->arch.l2 &&
			    x86_ops->nested->exception(vcpu, X86_VEC_SHUTDOWN, 0, 0)) {
				return;
			}
			vm_kill(vcpu->vm, "triple fault (exception %u after a double fault)",
				vector);
			return;
		}
		if (makes_double_fault(e->vector, vector)) {
			vector = VEC_DF;
			error = 0;
		}
	}
	if (vcpu->arch.l2 && x86_ops->nested->exception(vcpu, vector, error, address)) {
		return;
	}
	if (e->valid && e->type != X86_EVENT_EXCEPTION) {
		vcpu->arch.deferred = *e; /* its delivery did not finish: it goes next */
	}
	if (vector == VEC_PF) {
		x86_set_reg(vcpu, X86_REG_CR2, address);
	}
	*e = (struct x86_event){
		.valid = true,
		.type = X86_EVENT_EXCEPTION,
		.vector = vector,
		.has_error = error != X86_NO_ERROR,
		.error = error == X86_NO_ERROR ? 0 : error,
	};
	/* Injection saves RFLAGS as they are; a fault's have RF, against a breakpoint met twice. */
	if (is_fault(vector)) {
		vcpu->arch.rflags |= RFLAGS_RF;
	}
}

void event_exception(struct vcpu *vcpu, u8 vector, u32 error)
{
	raise(vcpu, vector, error, 0);
}

enum exit_action event_gp(struct vcpu *vcpu)
{
	event_exception(vcpu, VEC_GP, 0);
	return EXIT_RESUME;
}

void event_page_fault(struct vcpu *vcpu, const struct gva_fault *fault)
{
	if (!fault->none) {
		raise(vcpu, VEC_PF, fault->error, fault->gva.v);
	}
}

static void inject_nmi(struct vcpu *vcpu)
{
	vcpu->arch.lapic.nmi_pending = false;
	vcpu->arch.nmi_blocked = true;
	vcpu->arch.event =
		(struct x86_event){.valid = true, .type = X86_EVENT_NMI, .vector = VEC_NMI};
	x86_ops->nmi_watch(vcpu, X86_NMI_WATCH_IRET);
}

/*
 * MOV SS blocks NMIs for an instruction ("Masking Exceptions and Interrupts When Switching
 * Stacks"), STI may, and Linux relies on it: an exit is asked for behind that instruction. SVM has
 * none with RFLAGS.IF = 0: the NMI then waits for any exit.
 */
static void nmi_await(struct vcpu *vcpu)
{
	if (!(vcpu->arch.rflags & RFLAGS_IF)) {
		x86_ops->nmi_watch(vcpu, X86_NMI_WATCH_IRET);
	} else if (!vcpu->arch.window_open) {
		x86_ops->window(vcpu, true);
	}
}

void event_interrupt(struct vcpu *vcpu)
{
	int vector;

	lock_take(&vcpu->vm->lock);
	vector = vplatform_ack_irq(&vcpu->vm->arch.platform, &vcpu->arch.lapic);
	lock_drop(&vcpu->vm->lock);
	if (vector >= 0) { /* else it has just been withdrawn */
		vcpu->arch.event = (struct x86_event){
			.valid = true, .type = X86_EVENT_INTR, .vector = (u8)vector};
	}
}

void event_select_pending(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;
	struct vplatform *platform = &vcpu->vm->arch.platform;

	if (a->lapic.live) {
		lock_take(&vcpu->vm->lock); /* others request interrupts of this LAPIC */
		x86_ops->irq_post(vcpu);
		lock_drop(&vcpu->vm->lock);
	}
	if (a->nmi_stepping || a->event.valid || (a->nested && x86_ops->nested->hold(vcpu))) {
		return;
	}
	if (a->deferred.valid) {
		a->event = a->deferred;
		a->deferred.valid = false;
		return;
	}
	if (a->lapic.nmi_pending && !a->nmi_blocked) {
		if (a->interrupt_shadow) {
			nmi_await(vcpu);
		} else {
			inject_nmi(vcpu);
		}
		return;
	}
	if (vplatform_pending_irq(platform, &a->lapic) < 0) {
		if (a->window_open) {
			x86_ops->window(vcpu, false);
		}
		return;
	}
	if (!(a->rflags & RFLAGS_IF) || a->interrupt_shadow) {
		if (!a->window_open) {
			x86_ops->window(vcpu, true);
		}
		return;
	}
	event_interrupt(vcpu);
	/* More may wait behind it: ask to hear when the next can be taken. */
	if (vplatform_pending_irq(platform, &a->lapic) >= 0) {
		x86_ops->window(vcpu, true);
	} else if (a->window_open) {
		x86_ops->window(vcpu, false);
	}
}
