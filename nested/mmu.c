// SPDX-License-Identifier: Apache-2.0
#include "nested/mmu.h"

#include <errno.h>

#include "mm/bits.h"

const struct mmu_ops mmu_npt = {
	.name = "nested NPT",
	.kinds = BIT(WALK_X86_32) | BIT(WALK_PAE) | BIT(WALK_LONG4) | BIT(WALK_LONG5),
};

const struct mmu_ops mmu_ept = {
	.name = "nested EPT",
	.kinds = BIT(WALK_EPT4) | BIT(WALK_EPT5),
};

const struct mmu_ops mmu_s2 = {
	.name = "shadow stage 2",
	.kinds = BIT(WALK_S2_4K) | BIT(WALK_S2_16K) | BIT(WALK_S2_64K),
};

/* The counters of a context, against all that may count in them (R6): vCPUs, of which there are
 * fewer than contexts, and leaves, of which there are no more than entries of the reverse map. */
static_assert(SHADOW_CTX_MAX <= (u16)~0u, "ctx->users, ctx->index");
static_assert(sizeof(((struct shadow_ctx *)0)->leaves) >=
		      sizeof(((struct shadow_config *)0)->rmap_max),
	      "ctx->leaves");
static_assert(MMU_ROLES_NPT + MMU_ROLES_EPT + MMU_ROLES_S2 < 1 << 24, "spare bits of the role");

union mmu_role mmu_role_of(union cpu_role role)
{
	union mmu_role m = {.word = 0};

	m.kind = role.kind;
	m.oa_bits = role.oa_bits;
	m.page1g = role.page1g;
	m.guest_mode = 1;
	if (BIT(role.kind) & mmu_npt.kinds) {
		m.nx = role.nx;
		m.amd = role.amd;
	} else if (BIT(role.kind) & mmu_ept.kinds) {
		m.ad_off = !role.ad;
		m.xonly = role.xonly;
	} else {
		m.root_level = role.root_level;
		m.ia_bits = role.ia_bits;
		m.ad_off = !role.ad;
		m.hd = role.hd;
		m.big_endian = role.big_endian;
	}
	return m;
}

void mmu_init(struct vcpu_mmu *v, struct shadow *sh, struct tdp *tdp, const struct mmu_ops *ops)
{
	const struct memslots *slots = sh->config.slots;

	*v = (struct vcpu_mmu){.shadow = sh, .tdp = tdp};
	v->guest.ops = ops;
	v->root.regime.slots = slots;
	v->guest.regime.slots = slots;
	v->guest.regime.ia_limit = (u8)sh->config.ia_bits;
	v->nested.regime.slots = slots;
}

bool mmu_set_root(struct vcpu_mmu *v, union cpu_role role, u64 root)
{
	bool changed = v->root.regime.role.word != role.word || v->root.regime.root != root;

	v->root.regime.role = role;
	v->root.regime.root = root;
	return changed;
}

/* The order is R5's: guest mode and CR3, then role, then root. */
int mmu_enter_l2(struct vcpu_mmu *v, const struct l2_entry *e)
{
	struct shadow_key key = {.root = e->guest_root, .tag = e->tag};
	struct mmu *guest = &v->guest, *nested = &v->nested;
	bool tdp = e->guest_role.word;

	assert(!v->l2 && !guest->ctx);
	if (tdp && !(guest->ops->kinds & BIT(e->guest_role.kind))) {
		return -EINVAL;
	}
	v->l2 = true;
	v->row = 0;
	nested->regime.root = e->root;
	nested->regime.pdptr = e->pdptr;
	nested->regime.pkru = e->pkru;
	guest->regime.root = e->guest_root;
	guest->tag = e->tag;
	nested->regime.role = e->role;
	nested->regime.under = tdp ? &guest->regime : NULL;
	guest->regime.role = e->guest_role;
	if (tdp) {
		key.role = mmu_role_of(e->guest_role);
		guest->ctx = shadow_get(v->shadow, &key, e->guest_role);
		if (!guest->ctx) {
			mmu_leave_l2(v);
			return -ENOMEM;
		}
	}
	return 0;
}

void mmu_leave_l2(struct vcpu_mmu *v)
{
	assert(v->l2);
	v->l2 = false;
	v->guest.regime.role.word = 0;
	v->nested.regime.role.word = 0;
	v->nested.regime.pdptr = NULL; /* the caller's */
	if (v->guest.ctx) {
		shadow_put(v->guest.ctx);
		v->guest.ctx = NULL;
	}
}

enum shadow_result mmu_fault(struct vcpu_mmu *v, struct shadow_fault *f)
{
	enum shadow_result result;

	assert(v->l2 && v->guest.ctx);
	result = shadow_fault(v->guest.ctx, &v->guest.regime, f);
	if (result != SHADOW_SPURIOUS && result != SHADOW_RETRY) {
		v->row = 0;
	} else if (f->ia != v->row_ia) {
		v->row = 1;
	} else if (++v->row >= MMU_ROW_MAX) {
		v->row = 0;
		result = SHADOW_STUCK;
	}
	v->row_ia = f->ia;
	return result;
}
