// SPDX-License-Identifier: Apache-2.0
/*
 * The three translation contexts of a vCPU whose guest may be a hypervisor (ARCHITECTURE.md, C1):
 *
 *	root    L1's own: runs on the VM's table; L1's paging is walked
 *	guest   L1's second-level table: L2 runs on its shadow
 *	nested  L2's own paging: only walked, behind guest
 *
 * What runs and what software walks are two separate choices. What is constant of a context is a
 * const table of its kind, set when the vCPU is made. Roles are computed anew at each transition.
 * A vCPU's contexts are its own: no lock here.
 */
#pragma once

#include "nested/shadow.h"

struct mmu_ops {
	const char *name;
	u32 kinds; /* BIT(enum walk_kind) that its tables may have */
};

extern const struct mmu_ops mmu_npt, mmu_ept, mmu_s2; /* of guest */

struct mmu {
	const struct mmu_ops *ops; /* NULL: of root and nested, any kind of paging */
	struct walk_regime regime;
	u32 tag;                /* guest: L1's */
	struct shadow_ctx *ctx; /* guest: while L2 runs */
};

struct vcpu_mmu {
	struct shadow *shadow;
	struct tdp *tdp; /* the VM's */
	struct mmu root, guest, nested;
	bool l2;
	/* Faults in a row that changed nothing, at one address (T8). */
	u64 row_ia;
	u32 row;
};

#define MMU_ROW_MAX 1000

/* What L1 asks to run. */
struct l2_entry {
	union cpu_role guest_role; /* of L1's second-level table; word 0: it uses none (C7) */
	u64 guest_root;
	u32 tag;             /* L1's ASID or VMID; 0 for EPT */
	union cpu_role role; /* of L2's own paging; word 0: it is off */
	u64 root;
	const u64 *pdptr;
	u32 pkru;
};

/* @ops: of the guest context. */
void mmu_init(struct vcpu_mmu *v, struct shadow *sh, struct tdp *tdp, const struct mmu_ops *ops);

/* L1 loaded CR0, CR3, CR4 or EFER (TTBR, TCR, SCTLR). True if anything is to be reconfigured. */
bool mmu_set_root(struct vcpu_mmu *v, union cpu_role role, u64 root);

/*
 * To L2, from L1. Errors: -EINVAL (a kind of table that the guest context is not for), -ENOMEM;
 * then the vCPU is L1's again, roles included (R5).
 */
__must_check int mmu_enter_l2(struct vcpu_mmu *v, const struct l2_entry *e);

/* Back to L1. */
void mmu_leave_l2(struct vcpu_mmu *v);

/* What the hardware runs on. */
static inline struct tdp *mmu_tdp(struct vcpu_mmu *v)
{
	return v->l2 && v->guest.ctx ? &v->guest.ctx->tdp : v->tdp;
}

/* What software walks to read memory as the guest that runs does. */
static inline const struct walk_regime *mmu_walks(const struct vcpu_mmu *v)
{
	return v->l2 ? &v->nested.regime : &v->root.regime;
}

/* shadow_fault() for L2 on its shadow; SHADOW_STUCK after MMU_ROW_MAX in a row in vain. */
enum shadow_result mmu_fault(struct vcpu_mmu *v, struct shadow_fault *f) __must_check;

/*
 * The reuse key of a role: what L1's control registers say and a second-level table depends on.
 * WP, SMEP, SMAP and PKE are not in it: a nested walk is a user's and ignores them (R3).
 *
 * Census (R6). Within one VM what L1 is offered is constant: oa_bits on x86, page1g, amd, xonly. So
 * over one root table and tag there can be NPT 4 kinds x NX = 8 roles; EPT 2 kinds x A/D = 4;
 * stage 2: 3 granules, 3 root levels, 48 widths, 6 output sizes, HA, HD, EE.  No table is shared
 * between contexts (C5), so there is no counter of a page that roles could overflow; those of a
 * context are asserted in mmu.c.
 */
union mmu_role mmu_role_of(union cpu_role role);
#define MMU_ROLES_NPT 8
#define MMU_ROLES_EPT 4
#define MMU_ROLES_S2  (3 * 3 * 48 * 6 * 2 * 2 * 2)
