// SPDX-License-Identifier: Apache-2.0
#include "nested/audit.h"

#include <stdio.h>

#include "mm/page.h"
#include "mm/tdp_iter.h"

/* One context's, while it is gone through. */
struct audit_ctx {
	struct audit *a;
	const struct shadow *sh;
	const struct shadow_ctx *ctx;
	u64 leaves, tables, table_sum;
};

/* Notes the first divergence. Always false. */
static bool wrong(struct audit *a, const char *what, u64 x, u64 y)
{
	if (!a->text[0]) {
		snprintf(a->text, sizeof(a->text), "%s: %llx, not %llx", what,
			 (unsigned long long)x, (unsigned long long)y);
	}
	return false;
}

/* The same, of an entry. */
static bool wrong_entry(const struct audit_ctx *c, const struct tdp_iter *it, const char *what,
			u64 expected)
{
	struct audit *a = c->a;

	if (!a->text[0]) {
		snprintf(a->text, sizeof(a->text),
			 "context %u (root %llx tag %x) address %llx level %u: %s: %llx, not %llx",
			 (unsigned)c->ctx->index, (unsigned long long)c->ctx->key.root,
			 (unsigned)c->ctx->key.tag, (unsigned long long)it->ia, (unsigned)it->level,
			 what, (unsigned long long)it->entry, (unsigned long long)expected);
	}
	return false;
}

static bool check_table(struct audit_ctx *c, const struct tdp_iter *it)
{
	const struct pt_format *fmt = it->tdp->fmt;
	hpa_t table = pt_table_oa(fmt, it->entry);
	u64 expected = pt_encode_table(fmt, it->level, table);

	c->tables++;
	c->table_sum += table.v;
	if ((it->entry & ~fmt->volatile_mask) != expected) {
		return wrong_entry(c, it, "table entry", expected);
	}
	if (!c->sh->config.ops->is_table(c->ctx->shadow, table, 0)) {
		return wrong_entry(c, it, "no table of ours", 0);
	}
	return true;
}

/* The slot that holds all of [oa, oa + size). */
static const struct memslot *slot_of(const struct memslots *slots, u64 oa, u64 size)
{
	for (u32 i = 0; i < slots->count; i++) {
		const struct memslot *s = &slots->slot[i];

		if (oa >= s->hpa.v && oa - s->hpa.v < s->size &&
		    size <= s->size - (oa - s->hpa.v)) {
			return s;
		}
	}
	return NULL;
}

/* What L1's tables say now. */
static bool check_walk(struct audit_ctx *c, const struct tdp_iter *it, const struct pt_entry *e)
{
	const struct shadow_config *config = &c->sh->config;
	struct walk_regime regime = {.role = c->ctx->role,
				     .root = c->ctx->key.root,
				     .slots = config->slots,
				     .ia_limit = (u8)config->ia_bits};
	struct guest_walk walk = {.ia = it->ia, .access = e->prot & PT_RWX, .flags = WALK_PEEK};
	const struct memslot *slot = NULL;
	struct tdp_attr attr = {.oa = HPA_NONE};
	bool good = guest_walk(&regime, &walk) == WALK_OK;

	if (good) {
		slot = memslot_find(config->slots, walk.gpa);
	}
	if (slot) {
		attr = shadow_leaf_attr(c->ctx, &walk, slot, tdp_iter_size(it));
		/* Smaller leaves and fewer permissions are legal: L1 need not tell of more. */
		good = attr.oa.v == e->oa.v && attr.mem == e->mem && !(e->prot & ~attr.prot) &&
		       it->level <= shadow_leaf_level(c->ctx, &walk, slot);
	}
	if (good && slot) {
		return true;
	}
	c->a->stale++;
	return !c->a->exact || wrong_entry(c, it, "L1's tables say", attr.oa.v | attr.prot);
}

static bool check_leaf(struct audit_ctx *c, const struct tdp_iter *it)
{
	const struct pt_format *fmt = it->tdp->fmt;
	const struct rmap *m = &c->sh->rmap;
	struct pt_entry e = pt_decode(fmt, it->level, it->entry);
	u64 expected = pt_encode_leaf(fmt, it->level, e.oa, e.prot, (enum pt_mem)e.mem);
	u32 at = rmap_find(m, c->ctx->index, it->ia, it->level);

	c->leaves++;
	if ((it->entry & ~fmt->volatile_mask) != expected) {
		return wrong_entry(c, it, "leaf", expected);
	}
	if (at == RMAP_NONE) {
		return wrong_entry(c, it, "not in the reverse map", 0);
	}
	if (m->entry[at].oa != e.oa.v || m->entry[at].attr != rmap_attr(e.prot, e.mem)) {
		return wrong_entry(c, it, "the reverse map says",
				   m->entry[at].oa | m->entry[at].attr);
	}
	if (!slot_of(c->sh->config.slots, e.oa.v, tdp_iter_size(it))) {
		return wrong_entry(c, it, "memory that is not the VM's", 0);
	}
	return check_walk(c, it, &e);
}

static bool check_entry(struct audit_ctx *c, const struct tdp_iter *it)
{
	if (it->kind == PT_TABLE) {
		return check_table(c, it);
	}
	if (it->kind == PT_LEAF) {
		return check_leaf(c, it);
	}
	return !it->entry || wrong_entry(c, it, "neither table nor leaf", 0);
}

static bool check_entries(struct audit_ctx *c)
{
	struct tdp_iter it;

	tdp_iter_start(&it, &c->ctx->tdp, 0, BIT(c->ctx->tdp.ia_bits) - 1);
	while (it.valid) {
		if (!check_entry(c, &it)) {
			return false; /* not a step further: it may lead anywhere */
		}
		tdp_iter_next(&it);
	}
	return true;
}

/* Each vCPU's reference, and that it is one to what the vCPU runs. */
static bool check_users(struct audit *a, const struct shadow_ctx *ctx)
{
	unsigned users = 0;

	for (unsigned i = 0; i < a->vcpu_count; i++) {
		const struct mmu *guest = &a->vcpu[i]->guest;

		if (guest->ctx != ctx) {
			continue;
		}
		users++;
		if (!ctx->valid || guest->regime.root != ctx->key.root ||
		    guest->tag != ctx->key.tag ||
		    mmu_role_of(guest->regime.role).word != ctx->key.role.word) {
			return wrong(a, "a vCPU runs on another's context", ctx->index, i);
		}
	}
	return users == ctx->users || wrong(a, "references to a context", ctx->users, users);
}

static bool check_key(struct audit *a, const struct shadow *sh, const struct shadow_ctx *ctx)
{
	if (mmu_role_of(ctx->role).word != ctx->key.role.word) {
		return wrong(a, "role of a context", ctx->key.role.word,
			     mmu_role_of(ctx->role).word);
	}
	if (!ctx->generation || ctx->generation > sh->last_generation) {
		return wrong(a, "generation", ctx->generation, sh->last_generation);
	}
	for (unsigned i = 0; i < ctx->index; i++) {
		const struct shadow_ctx *b = sh->ctx[i];

		if (b->valid && b->generation == ctx->generation) {
			return wrong(a, "generation of two contexts", ctx->generation, i);
		}
		if (b->valid && b->key.root == ctx->key.root && b->key.tag == ctx->key.tag &&
		    b->key.role.word == ctx->key.role.word) {
			return wrong(a, "key of two contexts", ctx->index, i);
		}
	}
	return true;
}

static bool check_ctx(struct audit *a, const struct shadow *sh, const struct shadow_ctx *ctx)
{
	struct audit_ctx c = {.a = a, .sh = sh, .ctx = ctx, .table_sum = ctx->tdp.root.v};

	if (!check_users(a, ctx)) {
		return false;
	}
	if (!ctx->valid) {
		return !ctx->leaves || wrong(a, "leaves of an unused context", ctx->leaves, 0);
	}
	if (!sh->config.ops->is_table(ctx->shadow, ctx->tdp.root, ctx->tdp.root_order)) {
		return wrong(a, "no table of ours as root", ctx->tdp.root.v, ctx->index);
	}
	if (!check_key(a, sh, ctx) || !check_entries(&c)) {
		return false;
	}
	a->leaves += c.leaves;
	a->tables += c.tables + BIT(ctx->tdp.root_order);
	if (c.leaves != ctx->leaves) {
		return wrong(a, "count of leaves", ctx->leaves, c.leaves);
	}
	if (c.tables != ctx->tdp.table_count) {
		return wrong(a, "count of tables", ctx->tdp.table_count, c.tables);
	}
	if (c.table_sum != ctx->table_sum) {
		return wrong(a, "another context's table in context", ctx->index, 0);
	}
	return !ctx->tdp.pending_batches ||
	       wrong(a, "flushes pending", ctx->tdp.pending_batches, 0);
}

static bool check_all(struct audit *a, const struct shadow *sh)
{
	u64 users = 0;

	if (!rmap_check(&sh->rmap)) {
		return wrong(a, "chains of the reverse map", sh->rmap.used, sh->rmap.max);
	}
	for (unsigned i = 0; i < sh->config.ctx_count; i++) {
		users += sh->ctx[i]->users;
		if (sh->ctx[i]->index != i || !check_ctx(a, sh, sh->ctx[i])) {
			return wrong(a, "index of a context", sh->ctx[i]->index, i);
		}
	}
	if (users != sh->users) {
		return wrong(a, "sum of references", sh->users, users);
	}
	if (a->leaves != sh->rmap.used) {
		return wrong(a, "leaves in the reverse map", sh->rmap.used, a->leaves);
	}
	return a->tables == sh->pages || wrong(a, "count of pages", sh->pages, a->tables);
}

bool shadow_audit(struct shadow *sh, struct audit *a)
{
	bool good;

	a->leaves = a->tables = a->stale = 0;
	a->text[0] = 0;
	lock_take(&sh->lock);
	good = check_all(a, sh);
	lock_drop(&sh->lock);
	return good;
}
