// SPDX-License-Identifier: Apache-2.0
/* Nested SVM: VMs, vCPUs, MSRs, GIF and the instructions but VMRUN. */
#include "nested/x86/svm.h"

#include <errno.h>
#include <string.h>

#include "arch/cpu.h"
#include "arch/x86/event.h"
#include "arch/x86/mmio.h"
#include "arch/x86/regs.h"
#include "mm/page.h"
#include "vmm/arch.h"
#include "vmm/log.h"

#define CPUID_SVM   0x8000000au
#define MSRPM_ORDER 1

#define VM_CR_WRITABLE GENMASK(4, 0)
#define VM_CR_LOCK     BIT(3)

static unsigned vcpu_order(void)
{
	return page_order(sizeof(struct nested_vcpu));
}

static unsigned vm_order(void)
{
	return page_order(sizeof(struct nested_vm));
}

/* CPUID as svm_contract.def has it. */
static void cpuid_tell(struct vm *vm, const struct nested_vm *nv)
{
	struct cpuid_table *table = &vm->arch.cpuid;
	struct cpuid_regs regs = {.eax = SVM_L1_REVISION, .ebx = SVM_L1_ASIDS};

	regs.edx = (u32)nv->contract.offered[SVM_WORD_CPUID];
	cpuid_table_add(table, CPUID_SVM, regs);
	cpuid_table_set(table, 0x80000001, (struct cpuid_regs){.ecx = BIT(2)});
}

static int nested_vm_init(struct vm *vm)
{
	hpa_t page = page_alloc_zeroed(vm_order(), PAGE_OWNER_CORE);
	u32 features = cpuid(CPUID_SVM, 0).edx;
	struct nested_vm *nv;
	int err;

	if (hpa_is_none(page)) {
		return -ENOMEM;
	}
	nv = phys_ptr(page);
	vm->arch.nested = nv;
	nv->vgif = features & CPUID_SVM_VGIF;
	svm_contract_make(&nv->contract, features);
	err = svm_mmu_vm_init(vm);
	if (err) {
		vm->arch.nested = NULL;
		page_free(page, vm_order());
		return err;
	}
	cpuid_tell(vm, nv);
	return 0;
}

/* What L2 ran on is gone before its memory is anybody else's. */
static void nested_vm_stopped(struct vm *vm)
{
	struct shadow_scope all = {.any_root = true, .any_tag = true};

	svm_audit(vm);
	shadow_invalidate(&vm->arch.nested->shadow, &all);
}

static void nested_vm_fini(struct vm *vm)
{
	shadow_destroy(&vm->arch.nested->shadow);
	page_free(ptr_phys(vm->arch.nested), vm_order());
	vm->arch.nested = NULL;
}

static void *page_take(unsigned order)
{
	hpa_t page = page_alloc_zeroed(order, PAGE_OWNER_CORE);

	return hpa_is_none(page) ? NULL : phys_ptr(page);
}

static void page_give(void *page, unsigned order)
{
	if (page) {
		page_free(ptr_phys(page), order);
	}
}

/* Without a word to L1. */
static void leave(struct vcpu *vcpu)
{
	if (vcpu->arch.l2) {
		mmu_leave_l2(&vcpu->arch.nested->mmu);
		svm_level_switch(vcpu, false);
	}
}

static void nested_vcpu_fini(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;

	leave(vcpu);
	page_give(n->vmcb02, 0);
	page_give(n->l1, 0);
	page_give(n->msrpm, MSRPM_ORDER);
	page_give(n, vcpu_order());
	vcpu->arch.nested = NULL;
}

static int nested_vcpu_init(struct vcpu *vcpu)
{
	struct nested_vm *nv = vcpu->vm->arch.nested;
	struct nested_vcpu *n = page_take(vcpu_order());
	const u64 *map = phys_ptr(vcpu->vm->arch.msrpm);

	if (!n) {
		return -ENOMEM;
	}
	vcpu->arch.nested = n;
	n->vmcb01 = vcpu->arch.svm.vmcb;
	n->pa01 = vcpu->arch.svm.vmcb_pa;
	n->vmcb02 = page_take(0);
	n->l1 = page_take(0);
	n->msrpm = page_take(MSRPM_ORDER);
	if (!n->vmcb02 || !n->l1 || !n->msrpm || !svm_open_find(&nv->msrs, map, SVM_MSRPM_WORDS)) {
		return -ENOMEM;
	}
	n->pa02 = ptr_phys(n->vmcb02);
	memcpy(n->msrpm, map, SVM_MSRPM_WORDS * sizeof(*map));
	mmu_init(&n->mmu, &nv->shadow, &vcpu->vm->tdp, &mmu_npt);
	return 0;
}

/* --- GIF --- */

bool svm_gif(const struct vcpu *vcpu)
{
	const struct nested_vcpu *n = vcpu->arch.nested;

	return vcpu->vm->arch.nested->vgif && vcpu->arch.svme ? n->vmcb01->vintr & VINTR_GIF
							      : n->gif;
}

void svm_gif_watch(struct vcpu *vcpu)
{
	vcpu->arch.nested->vmcb01->intercept_misc2 |= MISC2_STGI;
}

/* GIF is the CPU's to keep for L1 where it can; to L1 without EFER.SVME its instructions are #UD.
 */
static void svme_set(struct vcpu *vcpu, bool svme)
{
	struct vmcb *vmcb = vcpu->arch.nested->vmcb01;
	bool vgif = vcpu->vm->arch.nested->vgif && svme;

	vcpu->arch.svme = svme;
	vmcb->intercept_misc2 |= MISC2_STGI | MISC2_CLGI;
	vmcb->intercept_misc2 &= vgif ? ~(u32)(MISC2_STGI | MISC2_CLGI) : ~0u;
	vmcb->vintr &= ~VINTR_GIF_ENABLE;
	vmcb->vintr |= vgif ? VINTR_GIF_ENABLE : 0;
	svm_gif_set(vcpu, true);
}

static void nested_vcpu_reset(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;

	leave(vcpu);
	svme_set(vcpu, false);
	n->vm_cr = 0;
	n->hsave_pa = 0;
	n->asid = 0;
	n->slot = NULL;
	memset(n->code, 0, sizeof(n->code)); /* they point into the memory that was */
	vcpu->arch.svm.other_asid.generation = 0;
}

/* --- MSRs --- */

static bool nested_msr_read(struct vcpu *vcpu, u32 msr, u64 *val)
{
	const struct nested_vcpu *n = vcpu->arch.nested;

	*val = msr == MSR_VM_CR ? n->vm_cr : n->hsave_pa;
	return true;
}

/* APM volume 2, "VM_CR MSR". */
static bool vm_cr_write(struct vcpu *vcpu, u64 val)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	u64 kept = n->vm_cr & VM_CR_LOCK ? VM_CR_LOCK | VM_CR_SVMDIS : 0;

	val = (val & ~kept) | (n->vm_cr & kept);
	if ((val & ~VM_CR_WRITABLE) || ((val & VM_CR_SVMDIS) && vcpu->arch.svme)) {
		return false;
	}
	n->vm_cr = val;
	return true;
}

/* L2's EFER.SVME is L1's to give. */
static bool efer_svme_write(struct vcpu *vcpu, bool svme)
{
	if (vcpu->arch.l2 || svme == vcpu->arch.svme) {
		return true;
	}
	if (svme && (vcpu->arch.nested->vm_cr & VM_CR_SVMDIS)) {
		return false;
	}
	svme_set(vcpu, svme);
	return true;
}

static bool nested_msr_write(struct vcpu *vcpu, u32 msr, u64 val)
{
	u8 phys_bits = vcpu->vm->arch.phys_bits;

	switch (msr) {
	case MSR_EFER:
		return efer_svme_write(vcpu, val & EFER_SVME);
	case MSR_VM_CR:
		return vm_cr_write(vcpu, val);
	default:
		if (!is_aligned(val, PAGE_SIZE) || val >> phys_bits) {
			return false;
		}
		vcpu->arch.nested->hsave_pa = val;
		return true;
	}
}

/* --- instructions --- */

/* The slot that holds @addr: most often the last one again. Slots stay while the VM runs. */
static inline const struct memslot *slot_find(struct vcpu *vcpu, u64 addr)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	const struct memslot *slot = n->slot;

	if (slot && addr - slot->base.v < slot->size) {
		return slot;
	}
	slot = memslot_find(&vcpu->vm->slots, gpa(addr));
	n->slot = slot;
	return slot;
}

struct vmcb *svm_l1_page(struct vcpu *vcpu, u64 addr)
{
	const struct memslot *slot = slot_find(vcpu, addr);

	if (!slot || (slot->flags & MEMSLOT_RO)) {
		return NULL;
	}
	return phys_ptr(memslot_hpa(slot, gpa(addr)));
}

bool svm_map_read(void *reader, u64 pa, void *buf, u32 size)
{
	struct svm_map_reader *r = reader;

	if (!r->at || r->page != (pa & PAGE_MASK)) {
		const struct memslot *slot = slot_find(r->vcpu, pa);

		if (!slot) {
			return false;
		}
		r->page = pa & PAGE_MASK;
		r->at = phys_ptr(memslot_hpa(slot, gpa(r->page)));
	}
	if (size == sizeof(u64)) { /* VMRUN's reads of the MSR map, compiled in line */
		memcpy(buf, r->at + (pa & ~PAGE_MASK), sizeof(u64));
	} else {
		memcpy(buf, r->at + (pa & ~PAGE_MASK), size);
	}
	return true;
}

/* What VMLOAD and VMSAVE move: APM volume 2, "VMSAVE and VMLOAD Instructions". */
static void hidden_state_copy(struct vmcb *to, const struct vmcb *from)
{
	to->fs = from->fs;
	to->gs = from->gs;
	to->ldtr = from->ldtr;
	to->tr = from->tr;
	to->star = from->star;
	to->lstar = from->lstar;
	to->cstar = from->cstar;
	to->sfmask = from->sfmask;
	to->kernel_gs_base = from->kernel_gs_base;
	to->sysenter_cs = from->sysenter_cs;
	to->sysenter_esp = from->sysenter_esp;
	to->sysenter_eip = from->sysenter_eip;
}

/* RAX by the instruction's address size; the usual encoding in 64-bit mode has 64 bits. */
static u64 operand(struct vcpu *vcpu)
{
	struct guest_insn g;

	const struct vmcb *vmcb = vcpu->arch.svm.vmcb;

	if (vcpu->arch.exit.insn_len == 3 && (vmcb->cs.attrib & VMCB_ATTR_L) &&
	    (vmcb->efer & EFER_LMA)) {
		return vcpu->arch.gpr[0];
	}
	if (guest_insn_fetch(vcpu, &g) && g.insn.addrsize == 8) {
		return vcpu->arch.gpr[0];
	}
	return (u32)vcpu->arch.gpr[0];
}

/* The TLB's tag goes by the whole: whatever the page. */
static void invlpga(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	u32 asid = (u32)vcpu->arch.gpr[1];

	if (vcpu->arch.l2 ? asid == n->l1->asid : !asid) {
		vcpu->arch.flush_tlb |= X86_FLUSH_GUEST;
	} else if (!asid || asid == n->asid) {
		vcpu->arch.svm.other_asid.generation = 0;
	}
}

static void stgi(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;

	svm_gif_set(vcpu, true);
	if (vcpu->vm->arch.nested->vgif) {
		n->vmcb01->intercept_misc2 &= ~(u32)MISC2_STGI;
	}
	if (vcpu->arch.lapic.init_pending) {
		sched_leave(&vcpu->sched, arch_uptime_ns()); /* arch_vcpu_poll() sees to it */
	}
}

static enum exit_action page_instruction(struct vcpu *vcpu, u32 code)
{
	u64 addr = operand(vcpu);
	struct vmcb *page;

	if (!is_aligned(addr, PAGE_SIZE) || addr >> vcpu->vm->arch.phys_bits) {
		return event_gp(vcpu);
	}
	if (code == SVM_EXIT_VMRUN) {
		return svm_vmrun(vcpu, addr);
	}
	page = svm_l1_page(vcpu, addr);
	if (!page) {
		return event_gp(vcpu);
	}
	if (code == SVM_EXIT_VMLOAD) {
		hidden_state_copy(vcpu->arch.svm.vmcb, page);
	} else {
		hidden_state_copy(page, vcpu->arch.svm.vmcb);
	}
	return EXIT_SKIP_INSN;
}

static enum exit_action nested_instruction(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = vcpu->arch.svm.vmcb;
	u32 code = (u32)vcpu->arch.exit.code;

	if (!(vmcb->cr0 & CR0_PE)) {
		event_exception(vcpu, VEC_UD, X86_NO_ERROR);
		return EXIT_RESUME;
	}
	if (vmcb->ss.attrib & VMCB_ATTR_DPL) {
		return event_gp(vcpu);
	}
	switch (code) {
	case SVM_EXIT_STGI:
		stgi(vcpu);
		return EXIT_SKIP_INSN;
	case SVM_EXIT_CLGI:
		svm_gif_set(vcpu, false);
		return EXIT_SKIP_INSN;
	case SVM_EXIT_INVLPGA:
		invlpga(vcpu);
		return EXIT_SKIP_INSN;
	default:
		return page_instruction(vcpu, code);
	}
}

const struct nested_ops nested_svm = {
	.vm_init = nested_vm_init,
	.vm_stopped = nested_vm_stopped,
	.vm_fini = nested_vm_fini,
	.vcpu_init = nested_vcpu_init,
	.vcpu_fini = nested_vcpu_fini,
	.vcpu_reset = nested_vcpu_reset,
	.exit_is_l1s = svm_exit_is_l1s,
	.exit_to_l1 = svm_exit_to_l1,
	.instruction = nested_instruction,
	.tdp_fault = svm_tdp_fault,
	.exception = svm_exception,
	.cr0_write = svm_cr0_write,
	.hold = svm_hold,
	.wakes = svm_wakes,
	.holds_init = svm_holds_init,
	.translate = svm_translate,
	.code_page = svm_code_page,
	.msr_read = nested_msr_read,
	.msr_write = nested_msr_write,
};
