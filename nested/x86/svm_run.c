// SPDX-License-Identifier: Apache-2.0
/*
 * VMRUN by L1: APM volume 2, "VMRUN Instruction". The VMCB is read once, field by field, into
 * n->l1; nothing of it is read again before #VMEXIT writes it.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "arch/x86/event.h"
#include "arch/x86/regs.h"
#include "mm/page.h"
#include "nested/x86/svm.h"
#include "nested/x86/svm_checks.h"
#include "vmm/log.h"

#define REFUSALS_TOLD 16 /* of a VM */

/* What of a VMCB is read: all that VMRUN uses, in runs of words. */
#define CONTROL_END offsetof(struct vmcb, insn_len)

/* The whole of [first, last] of struct vmcb. */
#define TAKE(to, from, first, last)          \
	memcpy(&(to)->first, &(from)->first, \
	       offsetof(struct vmcb, last) + sizeof((to)->last) - offsetof(struct vmcb, first))

static void vmcb_take(struct vmcb *to, const struct vmcb *from)
{
	memcpy(to, from, CONTROL_END);
	TAKE(to, from, es, ds);
	to->gdtr = from->gdtr;
	to->idtr = from->idtr;
	to->cpl = from->cpl;
	to->efer = from->efer;
	TAKE(to, from, cr4, rip);
	to->rsp = from->rsp;
	to->rax = from->rax;
	to->cr2 = from->cr2;
	to->g_pat = from->g_pat;
	/* Another vCPU of L1's may write it meanwhile: from here on the copy counts. */
	atomic_signal_fence(memory_order_seq_cst);
}

static enum exit_action refuse(struct vcpu *vcpu, struct vmcb *page, const char *rule)
{
	struct nested_vm *nv = vcpu->vm->arch.nested;

	if (nv->told != rule && nv->refusals < REFUSALS_TOLD) {
		nv->told = rule;
		nv->refusals++;
		log_vm(LOG_INFO, vcpu->vm->config->name, "VMRUN refused: %s", rule);
	}
	page->exit_code = ~(u64)0;
	page->exit_info1 = page->exit_info2 = page->exit_int_info = 0;
	svm_gif_set(vcpu, false);
	return EXIT_SKIP_INSN;
}

static const char *check(const struct vcpu *vcpu)
{
	const struct vm_arch *a = &vcpu->vm->arch;
	const struct nested_vcpu *n = vcpu->arch.nested;
	struct svm_check_env env = {
		.cr4_allowed = a->cr4_allowed,
		.efer_allowed = a->efer_allowed | EFER_LMA | EFER_SVME,
		.phys_bits = a->phys_bits,
		.long_mode = a->efer_allowed & EFER_LME,
		.l1_paging = n->vmcb01->cr0 & CR0_PG,
		.l1_long = n->vmcb01->efer & EFER_LMA,
	};

	return svm_check(n->l1, &env);
}

/* What VMRUN does not load stays the CPU's: it goes along. */
static void unloaded_state_copy(struct vmcb *to, const struct vmcb *from)
{
	to->fs = from->fs;
	to->gs = from->gs;
	to->ldtr = from->ldtr;
	to->tr = from->tr;
	TAKE(to, from, star, sysenter_eip);
}

void svm_level_switch(struct vcpu *vcpu, bool l2)
{
	struct svm_vcpu *svm = &vcpu->arch.svm;
	struct nested_vcpu *n = vcpu->arch.nested;
	struct vmcb *from = svm->vmcb;
	struct tlb_tag tag = svm->asid;

	if (vcpu->arch.flush_tlb & X86_FLUSH_GUEST) {
		tag.generation = 0; /* it was about this level */
		vcpu->arch.flush_tlb &= (u8)~X86_FLUSH_GUEST;
	}
	svm->asid = svm->other_asid;
	svm->other_asid = tag;
	svm->vmcb = l2 ? n->vmcb02 : n->vmcb01;
	svm->vmcb_pa = l2 ? n->pa02 : n->pa01;
	svm->l1_vmcb = n->vmcb01;
	unloaded_state_copy(svm->vmcb, from);
	svm->row_codes = l2 ? 0 : SVM_EXIT_CODES; /* first, whose the exit is */
	vcpu->arch.l2 = l2;
}

/* Windows and watches of L0's begin anew on each level; those of L1 stay in its VMCB. */
static void controls_load(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	struct svm_vcpu *svm = &vcpu->arch.svm;
	struct vmcb *vmcb = n->vmcb02;
	const struct vmcb *l1 = n->l1;
	struct svm_map_reader reader = {.vcpu = vcpu};
	struct svm_mem mem = {.read = svm_map_read, .ctx = &reader};

	svm_merge_controls(vmcb, &svm_controls, l1);
	vmcb->tsc_offset += n->vmcb01->tsc_offset;
	vmcb->intercept_misc1 |= n->vmcb01->intercept_misc1 & (u32)MISC1_IRET; /* L1's NMI */
	vmcb->iopm_base_pa = vcpu->vm->arch.iopm.v; /* all of it: an exit asks L1's map */
	vmcb->msrpm_base_pa = ptr_phys(n->msrpm).v;
	svm_merge_map(n->msrpm, phys_ptr(vcpu->vm->arch.msrpm), &vcpu->vm->arch.nested->msrs,
		      l1->intercept_misc1 & MISC1_MSR ? &mem : NULL, l1->msrpm_base_pa);
	vmcb->vintr = svm_merge_vintr(l1->vintr, (u8)(n->vmcb01->vintr & VINTR_TPR));
	vmcb->nested_ctl = NESTED_CTL_NP;
	vmcb->nested_cr3 = mmu_tdp(&n->mmu)->root.v;
	vmcb->next_rip = l1->next_rip;
	vmcb->exit_int_info = 0;
	svm->exceptions = vmcb->intercept_exceptions;
	svm->misc1 = l1->intercept_misc1;
	svm->vintr = (vmcb->vintr & ~VINTR_MASKING) | (l1->vintr & VINTR_MASKING);
	n->window01 = vcpu->arch.window_open;
	vcpu->arch.window_open = false;
}

static void event_load(struct vcpu *vcpu)
{
	u64 event = vcpu->arch.nested->l1->event_inj;

	vcpu->arch.svm.injected = 0;
	if (event & EVENT_VALID) {
		vcpu->arch.event = svm_event_decode(event);
		vcpu->arch.svm.injected = event;
	}
}

static u64 efer_with_lma(const struct vmcb *l1)
{
	return (l1->efer & ~EFER_LMA) |
	       ((l1->efer & EFER_LME) && (l1->cr0 & CR0_PG) ? EFER_LMA : 0);
}

static void state_load(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	struct vmcb *vmcb = n->vmcb02;
	const struct vmcb *l1 = n->l1;

	TAKE(vmcb, l1, es, ds);
	vmcb->gdtr = l1->gdtr;
	vmcb->idtr = l1->idtr;
	vmcb->cpl = l1->cpl;
	vmcb->cr4 = l1->cr4;
	vmcb->cr3 = l1->cr3;
	vmcb->cr0 = l1->cr0;
	vmcb->dr7 = l1->dr7;
	vmcb->dr6 = l1->dr6;
	vmcb->cr2 = l1->cr2;
	vmcb->g_pat = l1->nested_ctl & NESTED_CTL_NP ? l1->g_pat : n->vmcb01->g_pat;
	x86_set_reg(vcpu, X86_REG_EFER, efer_with_lma(l1));
	vcpu->arch.gpr[0] = l1->rax;
	vcpu->arch.gpr[4] = l1->rsp;
	vcpu->arch.rip = l1->rip;
	vcpu->arch.rflags = l1->rflags | RFLAGS_FIXED;
	vcpu->arch.interrupt_shadow = l1->interrupt_shadow;
}

/* What #VMEXIT brings back. RSP and RAX are in gpr[], which is L2's from here on. */
static void state_save(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;

	n->vmcb01->rip = vcpu->arch.exit.next_rip;
	n->vmcb01->rflags = vcpu->arch.rflags & ~RFLAGS_RF;
	n->vmcb01->rsp = vcpu->arch.gpr[4];
	n->vmcb01->rax = vcpu->arch.gpr[0];
	n->efer_lme01 = vcpu->arch.svm.efer_lme;
}

/* C8: a tag serves one ASID of L1's with one context in one of its lives. */
static void tag_choose(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	u64 generation = n->mmu.guest.ctx ? n->mmu.guest.ctx->generation : 0;

	if (n->asid != n->l1->asid || n->generation != generation) {
		n->asid = n->l1->asid;
		n->generation = generation;
		vcpu->arch.svm.other_asid.generation = 0;
	}
}

enum exit_action svm_vmrun(struct vcpu *vcpu, u64 addr)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	struct vmcb *page = svm_l1_page(vcpu, addr);
	const char *rule;

	if (!page || vcpu->arch.l2) {
		return event_gp(vcpu);
	}
	vmcb_take(n->l1, page);
	svm_contract_apply(&vcpu->vm->arch.nested->contract, n->l1);
	rule = check(vcpu);
	if (rule) {
		return refuse(vcpu, page, rule);
	}
	n->l1_gpa = gpa(addr);
	if (n->l1->tlb_control) {
		svm_mmu_tlb_control(vcpu);
	}
	state_save(vcpu);
	if (svm_mmu_enter(vcpu)) {
		vm_kill(vcpu->vm, "no memory for its guest's tables");
		return EXIT_KILL_VM;
	}
	tag_choose(vcpu);
	svm_level_switch(vcpu, true);
	controls_load(vcpu);
	state_load(vcpu);
	event_load(vcpu);
	svm_gif_set(vcpu, true);
	return EXIT_RESUME;
}
