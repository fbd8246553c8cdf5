// SPDX-License-Identifier: Apache-2.0
/*
 * Nested SVM's memory: the shadow engine put to work. APM volume 2, "Nested Paging". L1's nested
 * table is of the mode that L1 itself runs in at VMRUN; L2's own paging is only walked.
 */
#include <errno.h>

#include "arch/cpu.h"
#include "arch/x86/event.h"
#include "arch/x86/guest_mem.h"
#include "arch/x86/host.h"
#include "arch/x86/regs.h"
#include "mm/page.h"
#include "nested/audit.h"
#include "nested/x86/svm.h"
#include "vmm/fault.h"
#include "vmm/log.h"

/* An ASID counts on one CPU alone: a vCPU's contexts are its own, as a CPU's TLB is. */
#define TAG_ASID_BITS 29
static_assert(VM_MAX_VCPUS <= 1u << (32 - TAG_ASID_BITS), "a tag has the vCPU's number");

static hpa_t shadow_alloc(struct shadow *sh, unsigned order)
{
	(void)sh;
	return page_alloc(order, PAGE_OWNER_TABLE);
}

static void shadow_free(struct shadow *sh, hpa_t pages, unsigned order)
{
	(void)sh;
	page_free(pages, order);
}

static void shadow_flush(struct shadow_ctx *ctx, gpa_t start, u64 size)
{
	struct nested_vm *nv = container_of(ctx->shadow, struct nested_vm, shadow);

	(void)start;
	(void)size;
	vm_tlb_flush(nv->vm);
}

static bool shadow_is_table(struct shadow *sh, hpa_t page, unsigned order)
{
	(void)sh;
	(void)order;
	return page_is_managed(page);
}

static const struct shadow_ops shadow_ops = {
	.alloc = shadow_alloc,
	.free = shadow_free,
	.flush = shadow_flush,
	.is_table = shadow_is_table,
};

/*
 * Tables for all of L1's memory in small pages three times over, and a leaf for each page: what is
 * more makes room. A context for each of four guests of L1's on each vCPU.
 */
int svm_mmu_vm_init(struct vm *vm)
{
	struct nested_vm *nv = vm->arch.nested;
	const struct cpuid_entry *e = cpuid_find(&vm->arch.cpuid, 0x80000001, 0);
	u32 vcpus = vm->config->vcpus;
	struct shadow_config config = {
		.ops = &shadow_ops,
		.slots = &vm->slots,
		.fmt = x86_ops->tdp_format,
		.ia_bits = x86_ops->tdp_bits(),
		.vcpu_count = vcpus,
		.ctx_count = 4 * vcpus + 4,
		.page_limit = vm->memory_pages / 128 + 256 * vcpus,
		.rmap_max = (u32)min_u64(max_u64(vm->memory_pages, 4096), BIT(22)),
		.seed = rdtsc() | 1,
	};

	nv->vm = vm;
	nv->page1g = e && (e->regs.edx & BIT(26));
	return shadow_init(&nv->shadow, &config);
}

static union cpu_role role_of(const struct vm *vm, u64 cr0, u64 cr4, u64 efer)
{
	union cpu_role role = {.word = 0};

	if (!(cr0 & CR0_PG)) {
		return role;
	}
	if (efer & EFER_LMA) {
		role.kind = cr4 & CR4_LA57 ? WALK_LONG5 : WALK_LONG4;
	} else {
		role.kind = cr4 & CR4_PAE ? WALK_PAE : WALK_X86_32;
	}
	role.oa_bits = vm->arch.phys_bits & 0x3fu;
	role.nx = !!(efer & EFER_NXE);
	role.wp = !!(cr0 & CR0_WP);
	role.smep = !!(cr4 & CR4_SMEP);
	role.smap = !!(cr4 & CR4_SMAP);
	role.pse = !!(cr4 & CR4_PSE);
	role.page1g = vm->arch.nested->page1g;
	role.amd = 1;
	return role;
}

/* "Nested Paging", "Nested versus Guest Page Faults": every access is a user's; no WP. */
static union cpu_role nested_role(const struct vm *vm, const struct vmcb *vmcb01)
{
	union cpu_role role = role_of(vm, vmcb01->cr0, vmcb01->cr4, vmcb01->efer);

	role.wp = role.smap = 0; /* SMEP: a fault tells of a fetch */
	role.tdp = 1;
	return role;
}

static u32 tag_of(const struct vcpu *vcpu, u32 asid)
{
	return (u32)((vcpu->id << TAG_ASID_BITS) | (asid & GENMASK(TAG_ASID_BITS - 1, 0)));
}

int svm_mmu_enter(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	const struct vmcb *l1 = n->l1;
	bool npt = l1->nested_ctl & NESTED_CTL_NP;
	struct l2_entry entry = {0}; /* L2's own paging: as it is when it is walked */

	if (npt) {
		entry.guest_role = nested_role(vcpu->vm, n->vmcb01);
		entry.guest_root = l1->nested_cr3 & PAGE_MASK;
		entry.tag = tag_of(vcpu, l1->asid);
		if (entry.guest_role.kind == WALK_PAE) {
			entry.guest_root = l1->nested_cr3 & GENMASK(31, 5);
		}
	}
	return mmu_enter_l2(&n->mmu, &entry);
}

/* "TLB Control". The tags are a vCPU's; "all" reaches further than it must. */
void svm_mmu_tlb_control(struct vcpu *vcpu)
{
	const struct vmcb *l1 = vcpu->arch.nested->l1;
	bool all = l1->tlb_control == TLB_CONTROL_ALL;
	struct shadow_scope scope = {
		.any_root = true, .any_tag = all, .tag = tag_of(vcpu, l1->asid)};

	if (all) {
		vcpu->arch.svm.asid.generation = 0;
	}
	vcpu->arch.svm.other_asid.generation = 0;
	shadow_invalidate(&vcpu->vm->arch.nested->shadow, &scope);
}

enum fault_result svm_tdp_fault(struct vcpu *vcpu, struct tdp_fault *fault)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	struct shadow_fault f = {
		.ia = fault->gpa.v,
		.access = fault->access,
		.flags = fault->on_walk ? WALK_ON_WALK : 0,
	};

	if (!n->mmu.guest.ctx) {
		return fault_handle(vcpu->vm, fault); /* C7 */
	}
	switch (mmu_fault(&n->mmu, &f)) {
	case SHADOW_FIXED:
		return FAULT_FIXED;
	case SHADOW_SPURIOUS:
	case SHADOW_RETRY:
		return FAULT_SPURIOUS;
	case SHADOW_MMIO:
		fault->gpa = f.walk.gpa;
		vcpu->arch.exit.tdp.gpa = f.walk.gpa;
		return FAULT_MMIO;
	case SHADOW_DENIED:
		return FAULT_DENIED;
	case SHADOW_TO_L1:
		svm_vmexit(vcpu, SVM_EXIT_NPF, f.walk.code, f.ia);
		return FAULT_TO_L1;
	case SHADOW_STUCK:
		vm_kill(vcpu->vm, "no progress: a nested page fault repeats at %016lx", f.ia);
		return FAULT_TO_L1;
	case SHADOW_NOMEM:
		break;
	}
	return FAULT_NOMEM;
}

void svm_audit(struct vm *vm)
{
	const struct vcpu_mmu *mmus[VM_MAX_VCPUS];
	struct audit audit = {.vcpu = mmus, .vcpu_count = vm->vcpu_count};

	for (u32 i = 0; i < vm->vcpu_count; i++) {
		mmus[i] = &vm->vcpu[i]->arch.nested->mmu;
	}
	if (!shadow_audit(&vm->arch.nested->shadow, &audit)) {
		log_error("vm %s: shadow tables: %s", vm->config->name, audit.text);
	}
}

/* How L2's address is to be translated, and of whom a fault is seen. */
struct l2_walk {
	struct gva_fault *fault;
	struct walk_reads *reads; /* NULL: nobody wants them */
	u8 access;
	bool peek;
};

/* L1's fault: in its table, for L2's own table or for what that led to. */
static int fault_to_l1(struct vcpu *vcpu, const struct l2_walk *l, bool seen, u64 code, u64 addr)
{
	l->fault->none = true;
	if (seen && !l->peek) {
		svm_vmexit(vcpu, SVM_EXIT_NPF, code, addr);
	}
	return -EFAULT;
}

/* From L2's physical address to L1's. */
static int translate_under(struct vcpu *vcpu, const struct l2_walk *l, gpa_t *out)
{
	struct vcpu_mmu *mmu = &vcpu->arch.nested->mmu;
	struct guest_walk w = {.ia = out->v, .access = l->access & PT_RWX, .reads = l->reads};
	enum walk_result result;

	if (!mmu->guest.ctx) {
		return 0;
	}
	w.flags = l->peek ? WALK_PEEK : 0;
	result = guest_walk(&mmu->guest.regime, &w);
	if (result == WALK_OK) {
		*out = w.gpa;
		return 0;
	}
	return fault_to_l1(vcpu, l, result != WALK_RETRY, w.code, w.ia);
}

/* L2 may have changed them since VMRUN. */
static struct walk_regime *regime_now(struct vcpu *vcpu)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	const struct vmcb *vmcb = n->vmcb02;
	struct walk_regime *regime = &n->mmu.nested.regime;

	regime->role = role_of(vcpu->vm, vmcb->cr0, vmcb->cr4, vmcb->efer);
	regime->root = vmcb->cr3;
	return regime;
}

static int translate(struct vcpu *vcpu, const struct l2_walk *l, gpa_t *out)
{
	const struct walk_regime *regime = regime_now(vcpu);
	struct guest_walk w = {.ia = l->fault->gva.v, .reads = l->reads};

	w.access = l->access | (x86_cpl(vcpu) == 3 ? PT_U : 0);
	w.flags = (u8)((l->peek ? WALK_PEEK : 0) | (vcpu->arch.rflags & RFLAGS_AC ? WALK_AC : 0));
	*out = gpa((u32)w.ia);
	if (regime->role.word) {
		switch (guest_walk(regime, &w)) {
		case WALK_OK:
			*out = w.gpa;
			break;
		case WALK_FAULT_UNDER:
			return fault_to_l1(vcpu, l, true, w.code, w.gpa.v);
		case WALK_RETRY:
			return fault_to_l1(vcpu, l, false, 0, 0);
		case WALK_FAULT:
		case WALK_MISCONFIG:
		case WALK_CANONICAL:
			l->fault->error = (u32)w.code;
			return -EFAULT;
		}
	}
	return translate_under(vcpu, l, out);
}

int svm_translate(struct vcpu *vcpu, struct gva_fault *fault, u8 access, gpa_t *out)
{
	return translate(vcpu, &(struct l2_walk){.fault = fault, .access = access}, out);
}

static const u8 *code_page_walk(struct vcpu *vcpu, u64 page, struct walk_reads *reads)
{
	struct gva_fault fault = {.gva = gva(page)};
	struct l2_walk l = {.fault = &fault, .reads = reads, .access = PT_X, .peek = true};
	gpa_t addr;

	return translate(vcpu, &l, &addr) ? NULL : guest_ptr(vcpu->vm, addr);
}

/* Two levels of tables are some 24 entries: comparing them takes a thirtieth of walking them. */
const u8 *svm_code_page(struct vcpu *vcpu, u64 page)
{
	struct nested_vcpu *n = vcpu->arch.nested;
	struct l2_code *k = &n->code[(page >> PAGE_SHIFT) % L2_CODE_PAGES];
	const struct walk_regime *nested = regime_now(vcpu), *guest = &n->mmu.guest.regime;
	u64 root = n->mmu.guest.ctx ? guest->root : 0; /* without a table its role is 0 */
	u64 key = (page & PAGE_MASK) | (x86_cpl(vcpu) == 3 ? 3 : 1);

	if (k->page == key && k->cr3 == nested->root && k->root == root &&
	    k->role == nested->role.word && k->guest_role == guest->role.word &&
	    walk_reads_are_current(&k->reads)) {
		return k->host;
	}
	k->reads.count = 0;
	k->host = code_page_walk(vcpu, page, &k->reads);
	k->page = k->host ? key : 0;
	k->cr3 = nested->root;
	k->root = root;
	k->role = nested->role.word;
	k->guest_role = guest->role.word;
	return k->host;
}
