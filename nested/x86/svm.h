// SPDX-License-Identifier: Apache-2.0
/*
 * Nested SVM: a guest of AMD SVM that is a hypervisor of AMD SVM. APM volume 2, "Secure Virtual
 * Machine".
 *
 *	vmcb01	hardware's for L1			vmcb12	L1's for L2, in L1's memory
 *	vmcb02	hardware's for L2, made of both		n->l1	the copy of vmcb12 that it is made
 *of
 *
 * vcpu->arch.svm.vmcb is the one of the two that runs. VMRUN copies vmcb12 once and judges the copy
 * (svm_checks.h); what L1 is offered is a table (svm_contract.h); merging is svm_merge.h's. What
 *the host save area holds on real hardware stays in vmcb01, which is as good a place.
 */
#pragma once

#include "arch/x86/svm.h"
#include "arch/x86/vmcb.h"
#include "nested/mmu.h"
#include "nested/x86/svm_contract.h"
#include "nested/x86/svm_merge.h"
#include "vmm/nested_ops.h"
#include "vmm/vm.h"

struct nested_vm {
	struct vm *vm;
	struct shadow shadow;
	struct svm_contract contract;
	struct svm_open msrs; /* words of the MSR map that are L1's, too */
	bool vgif;            /* the CPU keeps L1's GIF, in vmcb01 */
	bool page1g;
	const char *told; /* why a VMRUN was refused the last time */
	unsigned refusals;
};

/* What a page of L2's code was found by, and where; as struct fetch_walk. */
struct l2_code {
	u64 page; /* linear address, | 1, | 2 for a user's; 0: unused */
	u64 cr3, root;
	u64 role, guest_role;
	const u8 *host;
	struct walk_reads reads;
};
#define L2_CODE_PAGES 4

struct nested_vcpu {
	struct vcpu_mmu mmu;
	struct l2_code code[L2_CODE_PAGES];
	struct vmcb *vmcb01, *vmcb02, *l1;
	hpa_t pa01, pa02;
	const struct memslot *slot; /* where the last VMCB was; NULL: not known */
	gpa_t l1_gpa;               /* of vmcb12 */
	u64 *msrpm;                 /* vmcb02's */
	u64 vm_cr, hsave_pa;
	u64 efer_lme01;
	bool window01;  /* vmcb01 asks for a window */
	bool gif;       /* without vGIF */
	u32 exits;      /* #VMEXITs since the last audit */
	u32 asid;       /* what the TLB's tag of L2 was given for: L1's ASID ... */
	u64 generation; /* ... and the use of a context, 0: the VM's own table */
};

/* --- svm.c --- */

bool svm_gif(const struct vcpu *vcpu);

static inline void svm_gif_set(struct vcpu *vcpu, bool gif)
{
	struct nested_vcpu *n = vcpu->arch.nested;

	n->gif = gif;
	n->vmcb01->vintr = (n->vmcb01->vintr & ~VINTR_GIF) | (gif ? VINTR_GIF : 0);
}

/* Has L1 exit when it sets GIF. */
void svm_gif_watch(struct vcpu *vcpu);

/* L1's memory at a page that holds a VMCB; NULL: none that can be written. */
struct vmcb *svm_l1_page(struct vcpu *vcpu, u64 addr);

/* For struct svm_mem: reads of L1's permission maps. */
struct svm_map_reader {
	struct vcpu *vcpu;
	u64 page; /* the last one */
	const u8 *at;
};
bool svm_map_read(void *reader, u64 pa, void *buf, u32 size);

/* --- svm_run.c --- */

enum exit_action svm_vmrun(struct vcpu *vcpu, u64 addr);

/* --- svm_exit.c --- */

/* #VMEXIT: L2 is left for L1, with GIF 0. */
void svm_vmexit(struct vcpu *vcpu, u64 code, u64 info1, u64 info2);

/* The other level's VMCB, tag and kept walks become the CPU's. */
void svm_level_switch(struct vcpu *vcpu, bool l2);

/* L2 exited: no lock may be taken, since the vCPU counts as in the guest. */
bool svm_exit_is_l1s(struct vcpu *vcpu);
enum exit_action svm_exit_to_l1(struct vcpu *vcpu);
bool svm_exception(struct vcpu *vcpu, u8 vector, u32 error, u64 address);
bool svm_cr0_write(struct vcpu *vcpu, u64 val, bool lmsw);
bool svm_hold(struct vcpu *vcpu);
bool svm_wakes(const struct vcpu *vcpu);
bool svm_holds_init(struct vcpu *vcpu);

/* --- svm_mmu.c --- */

int svm_mmu_vm_init(struct vm *vm);

/* L2 as its VMCB says; errors: -ENOMEM. */
int svm_mmu_enter(struct vcpu *vcpu);

/* VMRUN's TLB_CONTROL. */
void svm_mmu_tlb_control(struct vcpu *vcpu);

/* Derives all of the shadow tables again: no vCPU may be on its way in or out. */
void svm_audit(struct vm *vm);

/* How many #VMEXITs lie between two audits of a VM with one vCPU, in debug builds; 0: no audits. */
#ifdef LOCK_DEBUG
#define AUDIT_PERIOD 10000
#else
#define AUDIT_PERIOD 0
#endif

enum fault_result svm_tdp_fault(struct vcpu *vcpu, struct tdp_fault *fault);
int svm_translate(struct vcpu *vcpu, struct gva_fault *fault, u8 access, gpa_t *out);
const u8 *svm_code_page(struct vcpu *vcpu, u64 page);
