// SPDX-License-Identifier: Apache-2.0
/*
 * Out of L2: whose an exit is, what waits for L1, and #VMEXIT (APM volume 2, "#VMEXIT", "Intercept
 * Operation", "Global Interrupt Flag, STGI and CLGI Instructions").
 */
#include <string.h>

#include "arch/percpu.h"
#include "arch/x86/event.h"
#include "arch/x86/regs.h"
#include "nested/x86/svm.h"

/* L2's state into L1's VMCB: what #VMEXIT saves, and no byte more. */
static void state_store(const struct vcpu *vcpu, struct vmcb *page)
{
	const struct vmcb *vmcb = vcpu->arch.svm.vmcb;

	memcpy(&page->es, &vmcb->es, 4 * sizeof(vmcb->es)); /* ES, CS, SS, DS */
	page->gdtr = vmcb->gdtr;
	page->idtr = vmcb->idtr;
	page->cpl = vmcb->cpl;
	page->efer = x86_get_reg(vcpu, X86_REG_EFER);
	page->cr4 = vmcb->cr4;
	page->cr3 = vmcb->cr3;
	page->cr0 = vmcb->cr0;
	page->dr7 = vmcb->dr7;
	page->dr6 = vmcb->dr6;
	page->cr2 = vmcb->cr2;
	page->rflags = vcpu->arch.rflags;
	page->rip = vcpu->arch.rip;
	page->rsp = vcpu->arch.gpr[4];
	page->rax = vcpu->arch.gpr[0];
	if (vcpu->arch.nested->l1->nested_ctl & NESTED_CTL_NP) {
		page->g_pat = vmcb->g_pat;
	}
}

struct reason {
	u64 code, info1, info2;
};

static void reason_store(const struct vcpu *vcpu, struct vmcb *page, const struct reason *why)
{
	const struct nested_vcpu *n = vcpu->arch.nested;
	const struct vmcb *vmcb = n->vmcb02;
	const struct svm_contract *contract = &vcpu->vm->arch.nested->contract;

	page->vintr = svm_split_vintr(n->l1->vintr, vmcb->vintr);
	page->interrupt_shadow = vcpu->arch.interrupt_shadow ? SHADOW_INTERRUPT : 0;
	page->exit_code = why->code;
	page->exit_info1 = why->info1;
	page->exit_info2 = why->info2;
	page->exit_int_info = 0;
	if (vmcb->exit_int_info & EVENT_VALID) {
		struct x86_event event = svm_event_decode(vmcb->exit_int_info);

		page->exit_int_info = svm_event_encode(&event);
	}
	page->event_inj = n->l1->event_inj & ~EVENT_VALID;
	if (contract->offered[SVM_WORD_CPUID] & CPUID_SVM_NRIPS) {
		page->next_rip = vmcb->next_rip;
	}
}

/* L1's state as VMRUN left it: APM volume 2, "#VMEXIT", host state. */
static void state_restore(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	struct vcpu_arch *a = &vcpu->arch;
	struct vmcb *vmcb = n->vmcb01;

	a->gpr[0] = vmcb->rax;
	a->gpr[4] = vmcb->rsp;
	a->rip = vmcb->rip;
	a->rflags = vmcb->rflags & ~RFLAGS_VM;
	a->interrupt_shadow = 0;
	a->event.valid = false;
	a->deferred.valid = false;
	a->nmi_stepping = false;
	a->window_open = n->window01;
	vmcb->cr2 = n->vmcb02->cr2;
	vmcb->dr6 = n->vmcb02->dr6;
	vmcb->dr7 = DR7_INIT;
	a->svm.efer_lme = n->efer_lme01;
	a->svm.exceptions = svm_controls.intercept_exceptions;
	a->svm.misc1 = 0;
	a->svm.vintr = 0;
}

void svm_vmexit(struct vcpu *vcpu, u64 code, u64 info1, u64 info2)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	struct vmcb *page = svm_l1_page(vcpu, n->l1_gpa.v); /* VMRUN found it */
	const struct reason why = {code, info1, info2};

	if (vcpu->arch.nmi_stepping && !vcpu->arch.nmi_guest_tf) {
		vcpu->arch.rflags &= ~RFLAGS_TF;
	}
	state_store(vcpu, page);
	reason_store(vcpu, page, &why);
	mmu_leave_l2(&n->mmu);
	svm_level_switch(vcpu, false);
	state_restore(vcpu);
	svm_gif_set(vcpu, false);
	if (AUDIT_PERIOD && vcpu->vm->vcpu_count == 1 && ++n->exits == AUDIT_PERIOD) {
		n->exits = 0;
		svm_audit(vcpu->vm);
	}
	event_insn_done(vcpu); /* VMRUN, at last: for L1's single step */
}

bool svm_exit_is_l1s(struct vcpu *vcpu)
{
	const struct nested_vcpu *n = vcpu->arch.nested;
	const struct vmcb *vmcb = n->vmcb02;
	struct svm_map_reader reader = {.vcpu = vcpu};
	struct svm_mem mem = {.read = svm_map_read, .ctx = &reader};
	struct svm_l2_exit exit = {
		.code = (u32)vmcb->exit_code,
		.msr = (u32)vcpu->arch.gpr[1],
		.info1 = vmcb->exit_info1,
	};

	return exit.code != SVM_EXIT_NPF && exit.code != SVM_EXIT_INVALID &&
	       !(exit.code == SVM_EXIT_VINTR && vcpu->arch.window_open) &&
	       !(vcpu->arch.nmi_stepping && exit.code - SVM_EXIT_EXCP < 32) &&
	       svm_l1_wants(n->l1, &exit, &mem);
}

enum exit_action svm_exit_to_l1(struct vcpu *vcpu)
{
	const struct x86_exit *exit = &vcpu->arch.exit;
	u64 code = exit->code == SVM_EXIT_INVALID ? ~(u64)0 : exit->code;

	svm_vmexit(vcpu, code, exit->info1, exit->info2);
	return EXIT_RESUME;
}

bool svm_exception(struct vcpu *vcpu, u8 vector, u32 error, u64 address)
{
	const struct vmcb *l1 = vcpu->arch.nested->l1;

	if (vector == X86_VEC_SHUTDOWN) {
		if (!(l1->intercept_misc1 & MISC1_SHUTDOWN)) {
			return false;
		}
		svm_vmexit(vcpu, SVM_EXIT_SHUTDOWN, 0, 0);
		return true;
	}
	if (!(l1->intercept_exceptions & BIT(vector))) {
		return false;
	}
	svm_vmexit(vcpu, SVM_EXIT_EXCP + vector, error == X86_NO_ERROR ? 0 : error, address);
	return true;
}

bool svm_cr0_write(struct vcpu *vcpu, u64 val, bool lmsw)
{
	const struct nested_vcpu *n = vcpu->arch.nested;

	if (!svm_l1_wants_cr0_sel(n->l1, lmsw, n->vmcb02->cr0, val)) {
		return false;
	}
	svm_vmexit(vcpu, SVM_EXIT_CR0_SEL, 0, 0);
	return true;
}

/* --- what waits for L1 --- */

static bool virtual_masking(const struct vcpu *vcpu)
{
	return vcpu->arch.nested->l1->vintr & VINTR_MASKING;
}

/* L1's IF counts while it virtualizes L2's. */
static bool irqs_are_on(const struct vcpu *vcpu)
{
	if (virtual_masking(vcpu)) {
		return vcpu->arch.nested->vmcb01->rflags & RFLAGS_IF;
	}
	return (vcpu->arch.rflags & RFLAGS_IF) && !vcpu->arch.interrupt_shadow;
}

/* In L1, GIF is 0: it is to say when it is not. */
static bool hold_for_gif(struct vcpu *vcpu)
{
	svm_gif_watch(vcpu);
	return true;
}

static bool hold_irq(struct vcpu *vcpu)
{
	const struct vmcb *l1 = vcpu->arch.nested->l1;

	if (l1->intercept_misc1 & MISC1_INTR) {
		if (irqs_are_on(vcpu)) {
			svm_vmexit(vcpu, SVM_EXIT_INTR, 0, 0);
			return hold_for_gif(vcpu);
		}
		if (!virtual_masking(vcpu) && !vcpu->arch.window_open) {
			x86_ops->window(vcpu, true);
		}
		return true;
	}
	if (virtual_masking(vcpu)) {
		if (irqs_are_on(vcpu)) {
			event_interrupt(vcpu);
		}
		return true;
	}
	return false;
}

bool svm_hold(struct vcpu *vcpu)
{
	struct vcpu_arch *a = &vcpu->arch;

	if (!a->l2) {
		return !svm_gif(vcpu) && hold_for_gif(vcpu);
	}
	if (!svm_gif(vcpu)) {
		return true; /* its STGI is intercepted */
	}
	if (a->deferred.valid) {
		return false;
	}
	if (a->lapic.nmi_pending && !a->nmi_blocked) {
		if (a->nested->l1->intercept_misc1 & MISC1_NMI) {
			svm_vmexit(vcpu, SVM_EXIT_NMI, 0, 0);
			return hold_for_gif(vcpu);
		}
		return false;
	}
	return vplatform_pending_irq(&vcpu->vm->arch.platform, &a->lapic) >= 0 && hold_irq(vcpu);
}

bool svm_wakes(const struct vcpu *vcpu)
{
	if (!svm_gif(vcpu)) {
		return false;
	}
	return vcpu->arch.l2 ? irqs_are_on(vcpu) : vcpu->arch.rflags & RFLAGS_IF;
}

bool svm_holds_init(struct vcpu *vcpu)
{
	if (vcpu->arch.l2 && svm_gif(vcpu)) {
		if (!(vcpu->arch.nested->l1->intercept_misc1 & MISC1_INIT)) {
			return false;
		}
		svm_vmexit(vcpu, SVM_EXIT_INIT, 0, 0);
	}
	return !svm_gif(vcpu) && hold_for_gif(vcpu);
}
