// SPDX-License-Identifier: Apache-2.0
/*
 * Here leaves are never split: whole leaves are mapped and whole leaves removed, so that each has
 * exactly one entry in the reverse map from its making to its end, and removing needs no memory.
 */
#include "nested/shadow.h"

#include <errno.h>
#include <string.h>

#include "mm/page.h"

static struct shadow_ctx *ctx_of(struct tdp *tdp)
{
	return container_of(tdp, struct shadow_ctx, tdp);
}

/* --- what mm/ asks of the environment --- */

static hpa_t table_alloc(struct tdp *tdp, unsigned order)
{
	struct shadow *sh = ctx_of(tdp)->shadow;
	hpa_t table;

	if (sh->pages + BIT(order) > sh->config.page_limit) {
		return HPA_NONE;
	}
	table = sh->config.ops->alloc(sh, order);
	if (!hpa_is_none(table)) {
		sh->pages += BIT(order);
		ctx_of(tdp)->table_sum += table.v;
	}
	return table;
}

static void table_free(struct tdp *tdp, hpa_t table, unsigned order)
{
	struct shadow *sh = ctx_of(tdp)->shadow;

	sh->pages -= BIT(order);
	ctx_of(tdp)->table_sum -= table.v;
	sh->config.ops->free(sh, table, order);
}

static void table_flush(struct tdp *tdp, gpa_t start, u64 size)
{
	struct shadow_ctx *ctx = ctx_of(tdp);

	ctx->shadow->config.ops->flush(ctx, start, size);
}

static void table_written(struct tdp *tdp, void *ptep, u64 old, u64 new)
{
	const struct shadow_ops *ops = ctx_of(tdp)->shadow->config.ops;

	if (ops->written) {
		ops->written(tdp, ptep, old, new);
	}
}

static void leaf_removed(struct tdp *tdp, gpa_t ia, unsigned level)
{
	struct shadow_ctx *ctx = ctx_of(tdp);

	rmap_remove(&ctx->shadow->rmap, ctx->index, ia.v, level);
	ctx->leaves--;
}

static const struct tdp_ops table_ops = {
	.alloc = table_alloc,
	.free = table_free,
	.flush = table_flush,
	.written = table_written,
	.removed = leaf_removed,
};

/* --- contexts; all with the lock held --- */

/* Removes the leaves that touch the range, whole. */
static void ctx_zap(struct shadow_ctx *ctx, u64 start, u64 last)
{
	struct tlb_batch batch = TLB_BATCH_INIT(&ctx->tdp);
	struct tdp_entry e = tdp_lookup(&ctx->tdp, gpa(start));
	u64 size;
	int r;

	size = pt_level_size(ctx->tdp.fmt, e.level);
	if (e.kind == PT_HOLE && align_down(start, size) == align_down(last, size)) {
		return;
	}
	if (e.kind == PT_LEAF) {
		start = align_down(start, size);
	}
	e = tdp_lookup(&ctx->tdp, gpa(last));
	size = e.kind == PT_LEAF ? pt_level_size(ctx->tdp.fmt, e.level) : PAGE_SIZE;
	last |= size - 1;
	start = align_down(start, PAGE_SIZE);
	r = tdp_unmap(&ctx->tdp, gpa(start), last - start + 1, &batch);
	tlb_batch_flush(&batch);
	assert(!r); /* nothing is split, so nothing is allocated */
	(void)r;
}

static u64 ctx_last(const struct shadow_ctx *ctx)
{
	return BIT(ctx->tdp.ia_bits) - 1;
}

static void ctx_close(struct shadow_ctx *ctx)
{
	assert(ctx->valid && !ctx->users);
	tdp_destroy(&ctx->tdp);
	assert(!ctx->leaves);
	ctx->valid = false;
}

/* Whether something of @ctx could be given up for another's sake. */
static bool ctx_is_fat(const struct shadow_ctx *ctx)
{
	return ctx->valid && (!ctx->users || ctx->leaves || ctx->tdp.table_count);
}

static void ctx_evict(struct shadow_ctx *ctx)
{
	ctx->shadow->stats.evicted++;
	if (ctx->users) {
		ctx_zap(ctx, 0, ctx_last(ctx)); /* its vCPUs refill it */
	} else {
		ctx_close(ctx);
	}
}

/*
 * Gives up one context's tables: an idle one's, else one in use, else @keep's own. Round robin.
 * False when there is nothing left.
 */
static bool make_room(struct shadow *sh, struct shadow_ctx *keep)
{
	for (unsigned busy = 0; busy < 2; busy++) {
		for (unsigned i = 0; i < sh->config.ctx_count; i++) {
			struct shadow_ctx *ctx = sh->ctx[sh->next_victim];

			sh->next_victim = (sh->next_victim + 1) % sh->config.ctx_count;
			if (ctx != keep && ctx_is_fat(ctx) && (busy || !ctx->users)) {
				ctx_evict(ctx);
				return true;
			}
		}
	}
	if (keep->valid && (keep->leaves || keep->tdp.table_count)) {
		sh->stats.evicted++;
		ctx_zap(keep, 0, ctx_last(keep));
		return true;
	}
	return false;
}

static bool key_is_equal(const struct shadow_key *a, const struct shadow_key *b)
{
	return a->root == b->root && a->tag == b->tag && a->role.word == b->role.word;
}

static struct shadow_ctx *ctx_find(struct shadow *sh, const struct shadow_key *key)
{
	for (unsigned i = 0; i < sh->config.ctx_count; i++) {
		if (sh->ctx[i]->valid && key_is_equal(&sh->ctx[i]->key, key)) {
			return sh->ctx[i];
		}
	}
	return NULL;
}

/*
 * An unused context, else the next idle one, emptied. There is one: each vCPU holds at most one
 * context, the vCPU that asks holds none, and there are more contexts than vCPUs (C6).
 */
static struct shadow_ctx *ctx_take(struct shadow *sh)
{
	struct shadow_ctx *ctx;

	assert(sh->users < sh->config.vcpu_count);
	for (unsigned i = 0; i < sh->config.ctx_count; i++) {
		if (!sh->ctx[i]->valid) {
			return sh->ctx[i];
		}
	}
	do {
		ctx = sh->ctx[sh->next_victim];
		sh->next_victim = (sh->next_victim + 1) % sh->config.ctx_count;
	} while (ctx->users);
	ctx_close(ctx);
	sh->stats.recycled++;
	return ctx;
}

static struct shadow_ctx *ctx_open(struct shadow *sh, const struct shadow_key *key,
				   union cpu_role role)
{
	struct shadow_ctx *ctx = ctx_take(sh);
	int r;

	do {
		r = tdp_init(&ctx->tdp, sh->config.fmt, &table_ops, sh->config.ia_bits);
	} while (r == -ENOMEM && make_room(sh, ctx));
	if (r) {
		return NULL;
	}
	ctx->valid = true;
	ctx->key = *key;
	ctx->role = role;
	ctx->generation = ++sh->last_generation;
	return ctx;
}

struct shadow_ctx *shadow_get(struct shadow *sh, const struct shadow_key *key, union cpu_role role)
{
	struct shadow_ctx *ctx;

	assert(key->role.word && role.word); /* R4: no role is no key */
	lock_take(&sh->lock);
	ctx = ctx_find(sh, key);
	if (ctx) {
		sh->stats.hits++;
	} else {
		sh->stats.misses++;
		ctx = ctx_open(sh, key, role);
	}
	if (ctx) {
		ctx->users++;
		sh->users++;
		assert(sh->users <= sh->config.vcpu_count);
	}
	lock_drop(&sh->lock);
	return ctx;
}

void shadow_put(struct shadow_ctx *ctx)
{
	struct shadow *sh = ctx->shadow;

	lock_take(&sh->lock);
	assert(ctx->valid && ctx->users && sh->users);
	ctx->users--;
	sh->users--;
	lock_drop(&sh->lock);
}

/* --- faults --- */

unsigned shadow_leaf_level(const struct shadow_ctx *ctx, const struct guest_walk *walk,
			   const struct memslot *slot)
{
	unsigned level;

	for (level = ctx->tdp.max_leaf_level; level > 1; level--) {
		u64 size = pt_level_size(ctx->tdp.fmt, level);
		u64 base = align_down(walk->gpa.v, size);

		if (size <= walk->size && base >= slot->base.v &&
		    base - slot->base.v + size <= slot->size &&
		    is_aligned(memslot_hpa(slot, gpa(base)).v, size)) {
			break;
		}
	}
	return level;
}

struct tdp_attr shadow_leaf_attr(const struct shadow_ctx *ctx, const struct guest_walk *walk,
				 const struct memslot *slot, u64 size)
{
	u64 base = align_down(walk->gpa.v, size);
	bool told = walk->mem != PT_MEM_OTHER && ctx->key.role.kind > WALK_LONG5;
	struct tdp_attr attr = {
		.oa = memslot_hpa(slot, gpa(base)),
		.prot = walk->prot & PT_RWX,
		.mem = walk->mem,
	};

	if (!told && walk->mem != PT_MEM_WB) {
		attr.mem =
			PT_MEM_UC; /* NPT: an index into L1's PAT, not ours. The strictest, then */
	}
	/* Two tests, neither an else of the other (T11): the first write is L1's dirty bit's. */
	if (!walk->dirty) {
		attr.prot &= (u8)~PT_W;
	}
	if (slot->flags & MEMSLOT_RO) {
		attr.prot &= (u8)~PT_W;
	}
	assert(ctx->tdp.fmt->prot[attr.prot]); /* L1 is offered what the host's format has */
	return attr;
}

/* Maps one leaf. Returns 0, 1 (it was there) or -ENOMEM (nothing of the range is mapped). */
static int fill(struct shadow_ctx *ctx, const struct shadow_fault *f, const struct memslot *slot)
{
	struct tdp *tdp = &ctx->tdp;
	unsigned level = shadow_leaf_level(ctx, &f->walk, slot);
	u64 size = pt_level_size(tdp->fmt, level), ia = align_down(f->ia, size);
	struct tdp_attr attr = shadow_leaf_attr(ctx, &f->walk, slot, size);
	struct tdp_entry e = tdp_lookup(tdp, gpa(ia));
	struct tlb_batch batch = TLB_BATCH_INIT(tdp);
	struct rmap_entry leaf = {.oa = attr.oa.v,
				  .ia = ia,
				  .ctx = ctx->index,
				  .level = (u8)level,
				  .attr = rmap_attr(attr.prot, attr.mem)};
	bool same =
		e.kind == PT_LEAF && e.level == level && e.oa.v == attr.oa.v && e.mem == attr.mem;
	int r;

	if (!same) {
		ctx_zap(ctx, ia, ia + (size - 1)); /* T6: what L1 changed without saying yet */
		if (rmap_is_full(&ctx->shadow->rmap)) {
			return -ENOMEM;
		}
	}
	r = tdp_map(tdp, gpa(ia), size, attr, &batch);
	tlb_batch_flush(&batch);
	if (!r && same) {
		rmap_set_attr(&ctx->shadow->rmap, &leaf);
	} else if (!r) {
		rmap_add(&ctx->shadow->rmap, &leaf);
		ctx->leaves++;
	}
	assert(!r || r == -ENOMEM);
	return r ? r : same && !batch.changes;
}

static enum shadow_result fault_fill(struct shadow_ctx *ctx, const struct shadow_fault *f,
				     const struct memslot *slot)
{
	struct shadow *sh = ctx->shadow;
	int r = fill(ctx, f, slot);

	/* Each context gives way once, its own last; what fails after that failed on empty tables.
	 */
	for (unsigned i = 0; r == -ENOMEM && i < sh->config.ctx_count && make_room(sh, ctx); i++) {
		r = fill(ctx, f, slot);
	}
	if (r < 0) {
		return SHADOW_NOMEM;
	}
	sh->stats.fixed += r == 0;
	sh->stats.spurious += r == 1;
	return r ? SHADOW_SPURIOUS : SHADOW_FIXED;
}

/* With the lock held, after a walk that is still good. */
static enum shadow_result fault_locked(struct shadow_ctx *ctx, struct shadow_fault *f)
{
	struct shadow *sh = ctx->shadow;
	const struct memslot *slot = NULL;
	enum shadow_result result;

	if (f->result != WALK_OK) {
		sh->stats.to_l1++;
		result = SHADOW_TO_L1;
	} else {
		/* The slot first, then the size (T13). */
		slot = memslot_find(sh->config.slots, f->walk.gpa);
		if (slot && !(slot->flags & MEMSLOT_RO && f->walk.need & PT_W)) {
			return fault_fill(ctx, f, slot);
		}
		sh->stats.denied += slot != NULL;
		sh->stats.mmio += slot == NULL;
		result = slot ? SHADOW_DENIED : SHADOW_MMIO;
	}
	if (!(f->ia >> ctx->tdp.ia_bits)) {
		ctx_zap(ctx, f->ia, f->ia);
	}
	return result;
}

enum shadow_result shadow_fault(struct shadow_ctx *ctx, const struct walk_regime *regime,
				struct shadow_fault *f)
{
	struct shadow *sh = ctx->shadow;
	enum shadow_result result = SHADOW_RETRY;
	/* Acquire: pairs with the increment in an invalidation; L1's entries are read after. */
	u64 sequence = atomic_load_explicit(&sh->sequence, memory_order_acquire);

	assert(regime->slots == sh->config.slots && regime->ia_limit == sh->config.ia_bits);
	f->walk = (struct guest_walk){.ia = f->ia, .access = f->access, .flags = f->flags};
	f->result = guest_walk(regime, &f->walk);
	lock_take(&sh->lock);
	assert(ctx->valid && ctx->users);
	if (f->result == WALK_RETRY ||
	    atomic_load_explicit(&sh->sequence, memory_order_relaxed) != sequence) {
		sh->stats.retries++;
	} else {
		result = fault_locked(ctx, f);
	}
	lock_drop(&sh->lock);
	return result;
}

/* --- invalidation --- */

/* With the lock held: what is being walked now will not be mapped. */
static void sequence_advance(struct shadow *sh)
{
	sh->stats.invalidations++;
	atomic_fetch_add_explicit(&sh->sequence, 1, memory_order_acq_rel);
}

void shadow_invalidate(struct shadow *sh, const struct shadow_scope *scope)
{
	lock_take(&sh->lock);
	sequence_advance(sh);
	for (unsigned i = 0; i < sh->config.ctx_count; i++) {
		struct shadow_ctx *ctx = sh->ctx[i];
		u64 last = scope->size ? scope->start + (scope->size - 1) : ~(u64)0;

		if (ctx->valid && (scope->any_root || ctx->key.root == scope->root) &&
		    (scope->any_tag || ctx->key.tag == scope->tag) &&
		    scope->start <= ctx_last(ctx)) {
			ctx_zap(ctx, scope->start, min_u64(last, ctx_last(ctx)));
		}
	}
	lock_drop(&sh->lock);
}

void shadow_scope_leaf(struct shadow_scope *scope, const struct pt_format *fmt, unsigned level,
		       u64 ia)
{
	if (!level || !pt_level_has_leaf(fmt, level)) {
		for (level = fmt->max_level; !pt_level_has_leaf(fmt, level); level--) {
		}
	}
	scope->size = pt_level_size(fmt, level);
	scope->start = align_down(ia, scope->size);
}

/* --- L0's pages: the reverse map --- */

typedef unsigned leaf_visit_fn(struct shadow_ctx *ctx, struct rmap_entry *leaf, u64 size);

static unsigned leaf_unmap(struct shadow_ctx *ctx, struct rmap_entry *leaf, u64 size)
{
	ctx_zap(ctx, leaf->ia, leaf->ia + (size - 1));
	return 0;
}

static unsigned leaf_protect(struct shadow_ctx *ctx, struct rmap_entry *leaf, u64 size)
{
	struct tlb_batch batch = TLB_BATCH_INIT(&ctx->tdp);
	unsigned prot = leaf->attr & PT_RWX & ~(unsigned)PT_W;
	int r;

	if (!ctx->tdp.fmt->prot[prot]) {
		return leaf_unmap(ctx, leaf, size); /* stage 2 has write-only pages */
	}
	r = tdp_protect(&ctx->tdp, gpa(leaf->ia), size, prot, &batch);
	tlb_batch_flush(&batch);
	assert(!r);
	(void)r;
	leaf->attr &= (u8)~PT_W;
	return 0;
}

/* Without an accessed bit of the hardware's, the leaf goes: whoever is alive faults. */
static unsigned leaf_age(struct shadow_ctx *ctx, struct rmap_entry *leaf, u64 size)
{
	struct tlb_batch batch = TLB_BATCH_INIT(&ctx->tdp);
	unsigned dirty = leaf->attr & PT_W ? SHADOW_DIRTY : 0;
	bool young;
	int r;

	if (!ctx->tdp.fmt->volatile_mask) {
		leaf_unmap(ctx, leaf, size);
		return SHADOW_YOUNG | dirty;
	}
	r = tdp_age(&ctx->tdp, gpa(leaf->ia), size, &batch, &young);
	tlb_batch_flush(&batch);
	assert(!r);
	(void)r;
	return young ? SHADOW_YOUNG : 0;
}

/* The leaves of one size that map something of [page, page + size). */
static unsigned leaves_visit(struct shadow *sh, u64 page, u64 size, unsigned level,
			     leaf_visit_fn *visit)
{
	u64 step = pt_level_size(sh->config.fmt, level), at = align_down(page, step);
	unsigned seen = 0;

	for (; at < page + size; at += step) {
		u32 next, i = rmap_first(&sh->rmap, at, level);

		for (; i != RMAP_NONE; i = next) {
			struct rmap_entry *e = &sh->rmap.entry[i];

			next = rmap_next(&sh->rmap, i); /* the visit may remove this one only */
			seen |= visit(sh->ctx[e->ctx], e, step);
		}
	}
	return seen;
}

static unsigned pages_visit(struct shadow *sh, hpa_t page, u64 size, leaf_visit_fn *visit)
{
	unsigned seen = 0;

	lock_take(&sh->lock);
	sequence_advance(sh);
	for (unsigned level = 1; level <= sh->config.fmt->max_level; level++) {
		if (pt_level_has_leaf(sh->config.fmt, level)) {
			seen |= leaves_visit(sh, page.v, size, level, visit);
		}
	}
	lock_drop(&sh->lock);
	return seen;
}

void shadow_unmap(struct shadow *sh, hpa_t page, u64 size)
{
	(void)pages_visit(sh, page, size, leaf_unmap);
}

void shadow_write_protect(struct shadow *sh, hpa_t page, u64 size)
{
	(void)pages_visit(sh, page, size, leaf_protect);
}

unsigned shadow_age(struct shadow *sh, hpa_t page, u64 size)
{
	return pages_visit(sh, page, size, leaf_age);
}

/* --- the whole --- */

static u64 ctx_bytes(const struct shadow_config *config)
{
	return config->ctx_count * (sizeof(struct shadow_ctx *) + sizeof(struct shadow_ctx));
}

/* The array of pointers, and the contexts behind it. */
static void ctx_lay_out(struct shadow *sh)
{
	unsigned count = sh->config.ctx_count;
	struct shadow_ctx *ctx;

	sh->ctx = phys_ptr(sh->ctx_pages);
	ctx = (struct shadow_ctx *)(void *)(sh->ctx + count);
	memset(ctx, 0, count * sizeof(*ctx));
	for (unsigned i = 0; i < count; i++) {
		sh->ctx[i] = &ctx[i];
		ctx[i].shadow = sh;
		ctx[i].index = (u16)i;
	}
}

int shadow_init(struct shadow *sh, const struct shadow_config *config)
{
	if (!config->vcpu_count || config->ctx_count <= config->vcpu_count ||
	    config->ctx_count > SHADOW_CTX_MAX || !config->rmap_max ||
	    page_order(rmap_bytes(config->rmap_max)) > PAGE_MAX_ORDER) {
		return -EINVAL;
	}
	*sh = (struct shadow){.config = *config};
	lock_init(&sh->lock, LOCK_RANK_SHADOW);
	sh->ctx_pages = config->ops->alloc(sh, page_order(ctx_bytes(config)));
	if (hpa_is_none(sh->ctx_pages)) {
		return -ENOMEM;
	}
	sh->rmap_pages = config->ops->alloc(sh, page_order(rmap_bytes(config->rmap_max)));
	if (hpa_is_none(sh->rmap_pages)) {
		config->ops->free(sh, sh->ctx_pages, page_order(ctx_bytes(config)));
		return -ENOMEM;
	}
	ctx_lay_out(sh);
	rmap_init(&sh->rmap, phys_ptr(sh->rmap_pages), config->rmap_max, config->seed);
	return 0;
}

void shadow_destroy(struct shadow *sh)
{
	const struct shadow_config *config = &sh->config;

	assert(!sh->users);
	lock_take(&sh->lock);
	for (unsigned i = 0; i < config->ctx_count; i++) {
		if (sh->ctx[i]->valid) {
			ctx_close(sh->ctx[i]);
		}
	}
	lock_drop(&sh->lock);
	assert(!sh->pages && !sh->rmap.used);
	config->ops->free(sh, sh->ctx_pages, page_order(ctx_bytes(config)));
	config->ops->free(sh, sh->rmap_pages, page_order(rmap_bytes(config->rmap_max)));
}
