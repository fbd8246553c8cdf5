// SPDX-License-Identifier: Apache-2.0
/* Events for the guest: exceptions, NMIs, interrupts, and what comes first. */
#pragma once

#include "arch/x86/guest_mem.h"
#include "arch/x86/regs.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

enum x86_event_type {
	X86_EVENT_INTR,
	X86_EVENT_NMI = 2,
	X86_EVENT_EXCEPTION = 3,
	X86_EVENT_SOFT = 4, /* INTn, that a guest hypervisor injects */
};

/* For struct nested_ops: a triple fault as a vector. */
#define X86_VEC_SHUTDOWN 0xff

#define X86_NO_ERROR (~0u)

/*
 * Raises exception @vector at the next entry; @error X86_NO_ERROR: it has none. With another
 * exception waiting, the two make a double fault or the end of the VM (SDM volume 3, "Interrupt
 * 8: Double Fault Exception").
 */
void event_exception(struct vcpu *vcpu, u8 vector, u32 error);

/* #GP(0), the usual answer to an instruction; handlers return its EXIT_RESUME. */
enum exit_action event_gp(struct vcpu *vcpu);

/* An instruction has been done for the guest, or an iteration of it: #DB where RFLAGS.TF asks. */
static inline void event_insn_done(struct vcpu *vcpu)
{
	vcpu->arch.rflags &= ~RFLAGS_RF;
	vcpu->arch.interrupt_shadow = 0;
	if (vcpu->arch.rflags & RFLAGS_TF) {
		x86_set_reg(vcpu, X86_REG_DR6, x86_get_reg(vcpu, X86_REG_DR6) | DR6_BS);
		event_exception(vcpu, VEC_DB, X86_NO_ERROR);
	}
}

/* #PF as a guest walk found it. */
void event_page_fault(struct vcpu *vcpu, const struct gva_fault *fault);

/* Acknowledges the interrupt that waits: it is the next entry's event. */
void event_interrupt(struct vcpu *vcpu);

/* Picks what the next entry delivers: an NMI, an interrupt, or a window to deliver one later. */
void event_select_pending(struct vcpu *vcpu);

/* The same, at a few instructions' cost when nothing waits; what waits already goes first. */
static inline void event_select(struct vcpu *vcpu)
{
	const struct vcpu_arch *a = &vcpu->arch;

	if ((!a->event.valid || a->lapic.live) &&
	    (a->deferred.valid || a->lapic.nmi_pending || a->window_open ||
	     vplatform_pending_irq(&vcpu->vm->arch.platform, &a->lapic) >= 0)) {
		event_select_pending(vcpu);
	}
}
