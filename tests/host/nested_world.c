// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "tests/host/nested_world.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "mm/page.h"
#include "mm/tdp_iter.h"
#include "tests/host/walk_ref.h"

#define HPA_BASE   0x200000000ULL
#define HPA_SIZE   0x100000000ULL /* L1's memory, and behind it the pool */
#define POOL_PAGES 4096
#define NODE_SIZE  0x10000ULL
#define NODE_BASE  0x400000ULL /* in L1's memory */
#define TLB_SIZE   512

struct nested_world nw;

/* What the hardware may have cached. */
static struct tlb_entry {
	struct shadow_ctx *ctx;
	u64 generation;
	u64 ia, size, oa;
	u8 prot;
	int target;
	unsigned probe;
} tlb[TLB_SIZE];
static unsigned tlb_count;

static u8 pool_order[POOL_PAGES]; /* order + 1 of what begins there, 0: free */
static bool pool_used[POOL_PAGES];

_Noreturn static void fail(const char *what, ...) __attribute__((format(printf, 1, 2)));

_Noreturn static void fail(const char *what, ...)
{
	va_list args;

	fprintf(stderr, "ERROR: nested world (%s): ", nw.shape->name);
	va_start(args, what);
	vfprintf(stderr, what, args);
	va_end(args);
	fprintf(stderr, "\n");
	abort();
}

#define CHECK(cond, ...)                   \
	do {                               \
		if (!(cond)) {             \
			fail(__VA_ARGS__); \
		}                          \
	} while (0)

static u32 held_ranks;

u32 *lock_held_ranks(void)
{
	return &held_ranks;
}

/* --- memory --- */

static u64 pool_hpa(unsigned i)
{
	return HPA_BASE + HPA_SIZE + i * PAGE_SIZE;
}

static hpa_t pool_alloc(struct shadow *sh, unsigned order)
{
	unsigned n = 1u << order, i, j;

	(void)sh;
	if (nw.fail_at >= 0 && nw.fail_at-- == 0) {
		return HPA_NONE;
	}
	for (i = 0; i + n <= POOL_PAGES; i += n) {
		for (j = 0; j < n && !pool_used[i + j]; j++) {
		}
		if (j == n) {
			memset(&pool_used[i], true, n);
			pool_order[i] = (u8)(order + 1);
			memset(phys_ptr(hpa(pool_hpa(i))), 0xa7, n * PAGE_SIZE);
			return hpa(pool_hpa(i));
		}
	}
	return HPA_NONE;
}

static void pool_free(struct shadow *sh, hpa_t page, unsigned order)
{
	u64 i = (page.v - pool_hpa(0)) / PAGE_SIZE;

	(void)sh;
	CHECK(i < POOL_PAGES && pool_order[i] == order + 1, "freed what was not allocated");
	pool_order[i] = 0;
	memset(&pool_used[i], false, 1u << order);
	memset(phys_ptr(page), 0x5b, PAGE_SIZE << order); /* present, to whoever looks */
}

static bool pool_is_table(struct shadow *sh, hpa_t page, unsigned order)
{
	u64 i = (page.v - pool_hpa(0)) / PAGE_SIZE;

	(void)sh;
	return page.v >= pool_hpa(0) && i < POOL_PAGES && pool_order[i] == order + 1 &&
	       is_aligned(page.v, PAGE_SIZE);
}

static void world_flush(struct shadow_ctx *ctx, gpa_t start, u64 size)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < tlb_count; i++) {
		struct tlb_entry *t = &tlb[i];
		bool hit = !size || (t->ia < start.v + size && start.v < t->ia + t->size);

		if (t->ctx != ctx || !hit) {
			tlb[kept++] = *t;
		}
	}
	tlb_count = kept;
}

static const struct shadow_ops world_ops = {
	.alloc = pool_alloc,
	.free = pool_free,
	.flush = world_flush,
	.is_table = pool_is_table,
};

static bool ref_read(u64 a, unsigned bytes, u64 *value)
{
	const struct memslot *slot = memslot_find(&nw.slots, gpa(a));

	*value = 0;
	if (slot) {
		memcpy(value, phys_ptr(hpa(slot->hpa.v + (a - slot->base.v))), bytes);
	}
	return slot != NULL;
}

static void add_slot(u64 base, u64 size, u64 at, u32 flags)
{
	struct memslot s = {
		.base = gpa(base), .size = size, .hpa = hpa(HPA_BASE + at), .flags = flags};

	CHECK(!memslot_add(&nw.slots, &s), "slot");
}

/* --- L1's tables --- */

static const struct pt_format *l1_format(void)
{
	return walk_format(nw.shape->role);
}

unsigned nw_levels(void)
{
	union cpu_role role = nw.shape->role;

	if (role.kind >= WALK_S2_4K) {
		return role.root_level;
	}
	return role.kind == WALK_EPT4 ? 4 : l1_format()->max_level;
}

unsigned nw_node_level(unsigned node)
{
	unsigned levels = nw_levels(), level = 1 + (node - 3) / 2;

	return node < 3 || level >= levels ? levels : level;
}

u64 nw_node(unsigned node)
{
	return NODE_BASE + node * NODE_SIZE;
}

static void *entry_ptr(unsigned node, unsigned index)
{
	const struct memslot *slot = memslot_find(&nw.slots, gpa(NODE_BASE));
	u64 at = nw_node(node) + ((u64)index << l1_format()->entry_shift);

	return phys_ptr(hpa(slot->hpa.v + at - slot->base.v));
}

u64 nw_entry(unsigned node, unsigned index)
{
	u64 e = 0;

	memcpy(&e, entry_ptr(node, index), 1u << l1_format()->entry_shift);
	return nw.shape->role.big_endian ? __builtin_bswap64(e) : e;
}

u64 nw_link(unsigned level, unsigned node)
{
	u64 e = pt_encode_table(l1_format(), level, hpa(nw_node(node)));

	CHECK(e, "a link at level %u", level);
	return e;
}

/* 0 where the format has no such leaf. */
u64 nw_leaf(unsigned level, u64 page, unsigned prot)
{
	const struct pt_format *fmt = l1_format();
	unsigned user = fmt->prot_is[3].mask ? PT_U : 0;
	u64 oa = align_down(page, pt_level_size(fmt, level));

	return pt_encode_leaf(fmt, level, hpa(oa), prot | user, PT_MEM_WB);
}

static void snapshot(void);

void nw_write(unsigned node, unsigned index, u64 entry)
{
	entry = nw.shape->role.big_endian ? __builtin_bswap64(entry) : entry;
	memcpy(entry_ptr(node, index), &entry, 1u << l1_format()->entry_shift);
	snapshot();
}

/* --- the model --- */

static void ref_at(struct ref_walk *ref, unsigned target, u64 ia, unsigned access, unsigned flags)
{
	memset(ref, 0, offsetof(struct ref_walk, update));
	ref->role = nw.target[target].role;
	ref->root = nw.target[target].root;
	ref->ia = ia;
	ref->access = access;
	ref->flags = flags;
	ref->read = ref_read;
	ref_walk(ref);
	if (ia >> nw.shape->host_bits && ref->result != WALK_FAULT) {
		ref->result = WALK_FAULT; /* no place for it in the host's table */
	}
}

/* Host address of L1's, by the memslots; ~0: none, or not for this access. */
static u64 host_of(u64 a, unsigned access)
{
	const struct memslot *slot = memslot_find(&nw.slots, gpa(a));

	if (!slot || (slot->flags & MEMSLOT_RO && access & PT_W)) {
		return ~0ULL;
	}
	return slot->hpa.v + (a - slot->base.v);
}

/* How @probe translates now, for any access: host page by kind of access, ~0 where it faults. */
static void translate(unsigned target, unsigned probe, u64 page[3])
{
	static struct ref_walk ref;

	ref_at(&ref, target, nw.probe[probe], 0, WALK_PEEK);
	for (unsigned kind = 0; kind < 3; kind++) {
		bool may = ref.result == WALK_OK && ref.prot >> kind & 1;

		may = may && (kind != 1 || ref.dirty);
		page[kind] = may ? host_of(ref.gpa, 1u << kind) : ~0ULL;
	}
}

u64 nw_now(unsigned target, unsigned probe, unsigned access)
{
	u64 page[3];

	translate(target, probe, page);
	return page[access >> 1];
}

static bool remembered(const struct nw_past *p, unsigned kind, u64 page)
{
	for (unsigned i = 0; i < p->count[kind]; i++) {
		if (p->page[kind][i] == page) {
			return true;
		}
	}
	return p->count[kind] == NW_PAST; /* more than is kept: anything */
}

static void remember(unsigned target, unsigned probe)
{
	struct nw_past *p = &nw.past[target][probe];
	u64 page[3];

	translate(target, probe, page);
	for (unsigned kind = 0; kind < 3; kind++) {
		if (page[kind] != ~0ULL && !remembered(p, kind, page[kind])) {
			p->page[kind][p->count[kind]++] = page[kind];
		}
	}
}

/* Remembers how every probe translates now. */
static void snapshot(void)
{
	for (unsigned t = 0; t < NW_TARGETS; t++) {
		for (unsigned i = 0; i < nw.probe_count; i++) {
			remember(t, i);
		}
	}
}

static void forget(unsigned target, unsigned probe)
{
	memset(&nw.past[target][probe], 0, sizeof(nw.past[0][0]));
}

static int target_of(const struct shadow_ctx *ctx)
{
	for (unsigned t = 0; t < NW_TARGETS; t++) {
		if (ctx->key.root == nw.target[t].root && ctx->key.tag == nw.target[t].tag &&
		    ctx->key.role.word == mmu_role_of(nw.target[t].role).word) {
			return (int)t;
		}
	}
	return -1;
}

static void check_translation(int target, unsigned probe, u64 oa, unsigned prot, const char *who)
{
	for (unsigned kind = 0; kind < 3; kind++) {
		CHECK(!(prot >> kind & 1) || remembered(&nw.past[target][probe], kind, oa),
		      "%s: address %llx of target %d to %llx (%x): never so since it was "
		      "invalidated; kind %u, now %llx",
		      who, (unsigned long long)nw.probe[probe], target, (unsigned long long)oa,
		      prot, kind, (unsigned long long)nw_now((unsigned)target, probe, 1u << kind));
	}
}

static void check_ctx(struct shadow_ctx *ctx)
{
	int target = target_of(ctx);

	CHECK(target >= 0, "a context that nobody asked for");
	for (unsigned i = 0; i < nw.probe_count; i++) {
		struct tdp_entry e = tdp_lookup(&ctx->tdp, gpa(nw.probe[i]));

		CHECK(e.kind == PT_HOLE || e.kind == PT_LEAF, "a marker");
		if (e.kind == PT_LEAF) {
			check_translation(target, i, e.oa.v, e.prot, "shadow");
		}
	}
}

void nw_audit(bool exact)
{
	const struct vcpu_mmu *const vcpus[NW_VCPUS] = {&nw.vcpu[0], &nw.vcpu[1], &nw.vcpu[2]};
	struct audit a = {.vcpu = vcpus, .vcpu_count = NW_VCPUS, .exact = exact};

	nw.audits++;
	CHECK(shadow_audit(&nw.shadow, &a), "audit: %s", a.text);
}

void nw_check(void)
{
	for (unsigned i = 0; i < nw.shadow.config.ctx_count; i++) {
		if (nw.shadow.ctx[i]->valid) {
			check_ctx(nw.shadow.ctx[i]);
		}
	}
	for (unsigned i = 0; i < tlb_count; i++) {
		CHECK(tlb[i].ctx->valid && tlb[i].generation == tlb[i].ctx->generation,
		      "the TLB has what another use of the context left");
		check_translation(tlb[i].target, tlb[i].probe,
				  tlb[i].oa + (nw.probe[tlb[i].probe] - tlb[i].ia), tlb[i].prot,
				  "TLB");
	}
	CHECK(nw.shadow.pages <= nw.shadow.config.page_limit, "more tables than allowed");
	CHECK(!held_ranks, "a lock is held");
	nw_audit(false);
}

/* --- invalidation --- */

static bool same_scope(unsigned a, unsigned b)
{
	return nw.shape->ops == &mmu_ept ? nw.target[a].root == nw.target[b].root
					 : nw.target[a].tag == nw.target[b].tag;
}

/* NPT: by ASID; EPT: INVEPT by root; stage 2: TLBI by VMID, of all or of one address. */
void nw_invalidate(unsigned target, bool by_address, unsigned probe)
{
	bool ept = nw.shape->ops == &mmu_ept;
	struct shadow_scope scope = {.any_root = !ept,
				     .any_tag = ept,
				     .root = nw.target[target].root,
				     .tag = nw.target[target].tag};

	by_address = by_address && nw.shape->ops == &mmu_s2;
	if (by_address) {
		shadow_scope_leaf(&scope, l1_format(), 0, nw.probe[probe]);
	}
	shadow_invalidate(&nw.shadow, &scope);
	for (unsigned t = 0; t < NW_TARGETS; t++) {
		for (unsigned i = 0; same_scope(t, target) && i < nw.probe_count; i++) {
			if (!by_address || i == probe) {
				forget(t, i);
			}
		}
	}
	snapshot();
}

void nw_invalidate_all(void)
{
	struct shadow_scope scope = {.any_root = true, .any_tag = true};

	shadow_invalidate(&nw.shadow, &scope);
	memset(nw.past, 0, sizeof(nw.past));
	snapshot();
}

/* --- vCPUs --- */

int nw_enter(unsigned vcpu, unsigned target)
{
	struct l2_entry e = {.guest_role = nw.target[target].role,
			     .guest_root = nw.target[target].root,
			     .tag = nw.target[target].tag,
			     .role = {.kind = WALK_LONG4, .oa_bits = 40, .nx = 1},
			     .root = 0x1000};
	int r;

	CHECK(nw.runs[vcpu] < 0, "enters twice");
	r = mmu_enter_l2(&nw.vcpu[vcpu], &e);
	if (!r) {
		nw.runs[vcpu] = (int)target;
	}
	return r;
}

void nw_leave(unsigned vcpu)
{
	if (nw.runs[vcpu] >= 0) {
		mmu_leave_l2(&nw.vcpu[vcpu]);
		nw.runs[vcpu] = -1;
	}
}

static void tlb_insert(unsigned vcpu, unsigned probe, struct tdp_entry e)
{
	struct shadow_ctx *ctx = nw.vcpu[vcpu].guest.ctx;
	u64 size = pt_level_size(ctx->tdp.fmt, e.level), ia = align_down(nw.probe[probe], size);

	tlb_count -= tlb_count == TLB_SIZE; /* it may forget */
	tlb[tlb_count++] = (struct tlb_entry){.ctx = ctx,
					      .generation = ctx->generation,
					      .ia = ia,
					      .size = size,
					      .oa = e.oa.v - (nw.probe[probe] - ia),
					      .prot = e.prot,
					      .target = nw.runs[vcpu],
					      .probe = probe};
}

/* The accessed and dirty bit of a leaf, as hardware sets them. */
static void hw_mark(struct tdp *tdp, u64 ia, unsigned access)
{
	u64 bits = tdp->fmt->accessed | (access & PT_W ? tdp->fmt->dirty : 0);
	struct tdp_iter it;

	tdp_iter_find(&it, tdp, ia);
	*(u64 *)it.ptep |= bits & tdp->fmt->volatile_mask;
}

/* The hardware's: by the TLB, else by the table. True if the access goes through. */
static bool hw_access(unsigned vcpu, unsigned probe, unsigned access)
{
	struct shadow_ctx *ctx = nw.vcpu[vcpu].guest.ctx;
	struct tdp_entry e;

	for (unsigned i = 0; i < tlb_count; i++) {
		if (tlb[i].ctx == ctx && tlb[i].probe == probe && !(access & ~tlb[i].prot)) {
			nw.tlb_hits++;
			return true;
		}
	}
	e = tdp_lookup(mmu_tdp(&nw.vcpu[vcpu]), gpa(nw.probe[probe]));
	if (e.kind != PT_LEAF || access & ~e.prot) {
		return false;
	}
	hw_mark(mmu_tdp(&nw.vcpu[vcpu]), nw.probe[probe], access);
	tlb_insert(vcpu, probe, e);
	return true;
}

/* What the fault must come to, if nobody interferes. */
static void check_result(const struct ref_walk *ref, const struct shadow_fault *f,
			 enum shadow_result result)
{
	const struct memslot *slot;

	if (ref->result != WALK_OK) {
		CHECK(result == SHADOW_TO_L1 && f->result == ref->result &&
			      (f->ia >> nw.shape->host_bits || f->walk.code == ref->code),
		      "address %llx: result %d %d code %llx, not %d %llx",
		      (unsigned long long)f->ia, result, f->result,
		      (unsigned long long)f->walk.code, ref->result, (unsigned long long)ref->code);
		return;
	}
	slot = memslot_find(&nw.slots, gpa(ref->gpa));
	if (result == SHADOW_NOMEM) {
		return; /* the caller's to judge */
	}
	if (!slot) {
		CHECK(result == SHADOW_MMIO, "no memory: result %d", result);
	} else if (slot->flags & MEMSLOT_RO && f->access & PT_W) {
		CHECK(result == SHADOW_DENIED, "read-only memory: result %d", result);
	} else {
		CHECK(result == SHADOW_FIXED || result == SHADOW_SPURIOUS, "result %d", result);
	}
	CHECK(f->walk.gpa.v == ref->gpa, "address %llx", (unsigned long long)f->walk.gpa.v);
}

static void count_result(enum shadow_result result)
{
	nw.to_l1 += result == SHADOW_TO_L1;
	nw.mmio += result == SHADOW_MMIO;
	nw.denied += result == SHADOW_DENIED;
	nw.retried += result == SHADOW_RETRY;
	nw.nomem += result == SHADOW_NOMEM;
}

enum shadow_result nw_spurious(unsigned vcpu, unsigned probe, unsigned access)
{
	static struct ref_walk ref;
	struct shadow_fault f = {.ia = nw.probe[probe], .access = (u8)access};
	enum shadow_result result;
	unsigned race = nw.race;

	ref_at(&ref, (unsigned)nw.runs[vcpu], f.ia, access, 0);
	/* A fault drops what the TLB has of its address. */
	for (unsigned i = 0; i < tlb_count; i++) {
		if (tlb[i].ctx == nw.vcpu[vcpu].guest.ctx && tlb[i].probe == probe) {
			tlb[i--] = tlb[--tlb_count];
		}
	}
	result = mmu_fault(&nw.vcpu[vcpu], &f);
	snapshot(); /* accessed and dirty bits */
	if (result != SHADOW_RETRY && race == nw.race) {
		check_result(&ref, &f, result);
	}
	if (result != SHADOW_FIXED && result != SHADOW_SPURIOUS && result != SHADOW_RETRY) {
		CHECK(f.ia >> nw.shape->host_bits || result == SHADOW_NOMEM ||
			      tdp_lookup(mmu_tdp(&nw.vcpu[vcpu]), gpa(f.ia)).kind == PT_HOLE,
		      "a fault leaves what it faulted on");
	}
	count_result(result);
	return result;
}

enum shadow_result nw_access(unsigned vcpu, unsigned probe, unsigned access)
{
	enum shadow_result result = SHADOW_FIXED;

	nw.accesses++;
	for (unsigned i = 0; i < 20; i++) {
		if (hw_access(vcpu, probe, access)) {
			nw.translated++;
			return SHADOW_FIXED;
		}
		CHECK(result != SHADOW_SPURIOUS, "spurious, and faults again");
		result = nw_spurious(vcpu, probe, access);
		CHECK(i || result != SHADOW_SPURIOUS, "spurious, but it faulted");
		if (result != SHADOW_FIXED && result != SHADOW_RETRY) {
			return result;
		}
	}
	fail("address %llx: no end of faults", (unsigned long long)nw.probe[probe]);
}

/* --- L0's --- */

/* What a leaf of the shadow was before L0 took something. */
static struct {
	struct shadow_ctx *ctx;
	unsigned probe;
	struct tdp_entry e;
} had[NW_PROBES * 16];

static unsigned note_leaves(void)
{
	unsigned count = 0;

	for (unsigned c = 0; c < nw.shadow.config.ctx_count; c++) {
		for (unsigned i = 0; nw.shadow.ctx[c]->valid && i < nw.probe_count; i++) {
			struct tdp_entry e = tdp_lookup(&nw.shadow.ctx[c]->tdp, gpa(nw.probe[i]));

			if (e.kind == PT_LEAF) {
				had[count].ctx = nw.shadow.ctx[c];
				had[count].probe = i;
				had[count++].e = e;
			}
		}
	}
	return count;
}

/* @how: 0 unmap, 1 write-protect, 2 age. */
void nw_take(u64 addr, u64 size, unsigned how)
{
	u64 page = host_of(addr, PT_R);
	unsigned count, gone, w = how == 1 ? PT_W : 0;

	if (page == ~0ULL) {
		return;
	}
	count = note_leaves();
	if (how == 0) {
		shadow_unmap(&nw.shadow, hpa(page), size);
	} else if (how == 1) {
		shadow_write_protect(&nw.shadow, hpa(page), size);
	} else {
		shadow_age(&nw.shadow, hpa(page), size);
	}
	for (unsigned i = 0; i < count; i++) {
		u64 leaf = pt_level_size(nw.shape->host, had[i].e.level);
		u64 oa = align_down(had[i].e.oa.v, leaf);
		bool hit = oa < page + size && page < oa + leaf;
		struct tdp_entry e = tdp_lookup(&had[i].ctx->tdp, gpa(nw.probe[had[i].probe]));

		gone = e.kind == PT_HOLE;
		if (!hit) {
			CHECK(e.kind == PT_LEAF && e.prot == had[i].e.prot &&
				      e.oa.v == had[i].e.oa.v && e.accessed == had[i].e.accessed,
			      "L0 touched another's leaf");
		} else if (how == 0) {
			CHECK(gone, "a mapping of a page that L0 took stays");
		} else if (how == 1) {
			CHECK(gone || !(e.prot & PT_W), "a mapping stays writable");
			CHECK(gone ? had[i].e.prot == PT_W : e.prot == (had[i].e.prot & ~w),
			      "protecting took more than it should");
		} else {
			CHECK(gone || !e.accessed || nw.shape->ops == &mmu_s2, "not aged");
		}
	}
	for (unsigned i = 0; i < tlb_count; i++) {
		bool hit = tlb[i].oa < page + size && page < tlb[i].oa + tlb[i].size;

		CHECK(!hit || how == 2 || (how == 1 && !(tlb[i].prot & PT_W)),
		      "the TLB has what L0 took");
	}
}

/* --- start, stop --- */

/* Addresses whose indices are few at each level, so that edits meet accesses. */
static void choose_probes(void)
{
	static const unsigned low[] = {0, 1, 5, 9};
	const struct pt_format *fmt = l1_format();
	unsigned levels = nw_levels(), upper = levels - 1;
	unsigned places = 1u << upper;

	nw.probe_count = 0;
	for (unsigned i = 0; i < places * ARRAY_SIZE(low) && nw.probe_count < NW_PROBES; i++) {
		u64 ia = (u64)low[i / places] << fmt->page_shift;

		for (unsigned l = 0; l < upper; l++) {
			ia |= (u64)(i >> l & 1) << pt_level_shift(fmt, l + 2);
		}
		nw.probe[nw.probe_count++] =
			ia + ((i & 1) * 0x1000 & (BIT(fmt->page_shift) - 1)) + 8 * i;
	}
}

static void choose_targets(void)
{
	for (unsigned t = 0; t < NW_TARGETS; t++) {
		bool ept = nw.shape->ops == &mmu_ept;

		nw.target[t].role = nw.shape->role;
		nw.target[t].root = nw_node(t == 3 ? 0 : t);
		nw.target[t].tag = ept ? 0 : 1 + t % 2;
	}
	/* The last: the first one's root and another role or tag. */
	if (nw.shape->ops == &mmu_npt) {
		nw.target[3].role.nx = 0;
		nw.target[3].tag = 1;
	} else if (nw.shape->ops == &mmu_ept) {
		nw.target[3].role.ad = !nw.shape->role.ad;
	}
}

/* To begin with: roots at nodes 0 to 2, then two tables of each level, crosswise, with leaves. */
static void build_tables(void)
{
	unsigned levels = nw_levels();

	for (unsigned node = 0; node < 3 + 2 * (levels - 1); node++) {
		unsigned level = nw_node_level(node), low = 3 + 2 * (level - 2);

		for (unsigned i = 0; i < 2; i++) {
			nw_write(node, i,
				 level > 1
					 ? nw_link(level, low + ((node + i) & 1))
					 : nw_leaf(1, 0x200000 + (2 * node + i) * 0x10000, PT_RWX));
		}
	}
}

void nw_start(const struct nw_shape *shape, u64 pages, u32 leaves)
{
	static void *memory;
	struct shadow_config config = {.ops = &world_ops,
				       .slots = &nw.slots,
				       .fmt = shape->host,
				       .ia_bits = shape->host_bits,
				       .vcpu_count = NW_VCPUS,
				       .ctx_count = NW_VCPUS + 2,
				       .page_limit = pages ? pages : POOL_PAGES,
				       .rmap_max = leaves ? leaves : 1024,
				       .seed = 12345};
	u64 size = HPA_SIZE + POOL_PAGES * PAGE_SIZE;

	if (!memory) {
		memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		phys_offset = (uintptr_t)memory - HPA_BASE;
	}
	memset(&nw, 0, sizeof(nw));
	nw.shape = shape;
	nw.fail_at = -1;
	tlb_count = 0;
	memset(pool_used, 0, sizeof(pool_used));
	memset(pool_order, 0, sizeof(pool_order));
	add_slot(0, 0x2000000, 0x3000, 0); /* aligned to 4 KiB only */
	add_slot(0x12000000, 0x10000, 0x12000000, MEMSLOT_RO);
	add_slot(0x40000000, 0x40000000, 0x40000000, 0);
	memset(entry_ptr(0, 0), 0, NW_NODES * NODE_SIZE);
	choose_targets();
	choose_probes();
	build_tables();
	CHECK(!shadow_init(&nw.shadow, &config), "no start");
	for (unsigned i = 0; i < NW_VCPUS; i++) {
		mmu_init(&nw.vcpu[i], &nw.shadow, &nw.tdp, shape->ops);
		nw.runs[i] = -1;
	}
}

/* Everything is accessed in every way, undisturbed: nothing is remembered but the present, so what
 * goes through must equal the composed walk, and what does not must be its fault. */
static void access_all(void)
{
	nw.fail_at = -1;
	nw.race = 0;
	nw_invalidate_all();
	for (unsigned i = 0; i < NW_VCPUS * nw.probe_count * 3; i++) {
		unsigned vcpu = i % NW_VCPUS, probe = i / NW_VCPUS % nw.probe_count;

		if (nw.runs[vcpu] >= 0) {
			(void)nw_access(vcpu, probe, 1u << i / (NW_VCPUS * nw.probe_count));
		}
	}
}

void nw_stop(void)
{
	access_all();
	nw_check();
	nw_audit(true);
	for (unsigned i = 0; i < NW_VCPUS; i++) {
		nw_leave(i);
	}
	shadow_destroy(&nw.shadow);
	CHECK(!tlb_count, "the TLB has what is gone");
	CHECK(!memchr(pool_used, true, sizeof(pool_used)), "pages are lost");
}
