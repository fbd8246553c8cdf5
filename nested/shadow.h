// SPDX-License-Identifier: Apache-2.0
/*
 * The shadow engine: second-level tables of L2, each the composition of a table of L1's and of the
 * VM's memslots.
 *
 *	L2 address --guest_walk: L1's table--> L1 address --memslot--> host address
 *
 * A context is a struct tdp, in the host's format and depth, and a key; it is filled by address, so
 * L1's format and depth never have to match (L1). What was filled stays until L1 invalidates it,
 * until L0 takes the page away (D5), or until room is needed. L1's tables are not watched: what the
 * architecture lets a TLB keep, a context may keep. Every page of a context's tables is reached
 * through its one parent and dies with it; nothing is shared between contexts (C5).
 *
 * Format-neutral and pure: what differs is the row of the host's format, and struct shadow_ops.
 * Locks: sh->lock, taken inside, outermost of this layer; walks of L1's tables are made without it
 * and thrown away if anything was invalidated meanwhile. Flush: done before return, by ops->flush,
 * which must not wait for a CPU that waits for a lock.
 */
#pragma once

#include <stdatomic.h>

#include "mm/tdp.h"
#include "vmm/guest_walk.h"
#include "nested/rmap.h"

struct shadow;

/* What makes a context reusable (C4). */
struct shadow_key {
	u64 root; /* L1's root table: the address alone, of nCR3, EPTP or VTTBR_EL2 */
	u32 tag;  /* L1's ASID or VMID; 0 for EPT */
	union mmu_role role;
};

struct shadow_ctx {
	struct tdp tdp;
	struct shadow *shadow;
	struct shadow_key key;
	union cpu_role role; /* for the auditor: of the vCPU that opened it */
	u64 generation;      /* of this use of the context: never the same twice, never 0 (C8) */
	u64 table_sum; /* of the addresses of its tables, for the auditor: each is its own (C5) */
	u32 leaves;
	u16 index;
	u16 users; /* vCPUs that may run on it */
	bool valid;
};

struct shadow_ops {
	/* 2^order pages, contents undefined; HPA_NONE: none left. */
	hpa_t (*alloc)(struct shadow *sh, unsigned order);
	void (*free)(struct shadow *sh, hpa_t pages, unsigned order);
	/* As tdp_ops.flush, for each CPU that may have run on the context. */
	void (*flush)(struct shadow_ctx *ctx, gpa_t start, u64 size);
	/* As tdp_ops.written; may be NULL. */
	void (*written)(struct tdp *tdp, void *ptep, u64 old, u64 new);
	/* For the auditor: whether alloc gave this, and free did not take it yet. */
	bool (*is_table)(struct shadow *sh, hpa_t page, unsigned order);
};

struct shadow_config {
	const struct shadow_ops *ops;
	const struct memslots *slots; /* L1's memory */
	const struct pt_format *fmt;  /* the host's */
	unsigned ia_bits;
	unsigned vcpu_count, ctx_count; /* more contexts than vCPUs (C6) */
	u64 page_limit;                 /* of all tables together */
	u32 rmap_max;                   /* of all leaves together */
	u64 seed;                       /* of the hashes: not to be known to a guest */
};

#define SHADOW_CTX_MAX 128

struct shadow_stats {
	u64 fixed, spurious, mmio, denied, to_l1, retries;
	u64 hits, misses, recycled, evicted, invalidations;
};

struct shadow {
	struct lock lock;
	struct shadow_config config;
	struct shadow_ctx **ctx; /* config.ctx_count of them, for the VM's life */
	unsigned next_victim;
	u32 users; /* sum of the contexts' */
	u64 pages; /* tables of all contexts */
	u64 last_generation;
	_Atomic u64 sequence; /* of invalidations: what was walked before one is thrown away */
	struct rmap rmap;
	hpa_t ctx_pages, rmap_pages;
	struct shadow_stats stats;
};

enum shadow_result {
	SHADOW_FIXED,    /* mapped: run L2 again */
	SHADOW_SPURIOUS, /* it was mapped already: run again, but count (T8) */
	SHADOW_RETRY,    /* something changed meanwhile: run again, but count */
	SHADOW_MMIO,     /* no memory of L1's at walk.gpa: emulate */
	SHADOW_DENIED,   /* read-only memory of L1's written at walk.gpa */
	SHADOW_TO_L1,    /* L1's own fault: result, walk.level and walk.code tell L1 */
	SHADOW_STUCK,    /* the same fault again and again in vain: mmu_fault() only */
	SHADOW_NOMEM,    /* not one leaf could be mapped, with all else evicted */
};

struct shadow_fault {
	/* in */
	u64 ia;
	u8 access; /* PT_R, PT_W, PT_X */
	u8 flags;  /* WALK_ON_WALK */
	/* out */
	enum walk_result result;
	struct guest_walk walk;
};

/* Errors: -ENOMEM, -EINVAL (a configuration that breaks a rule above). */
__must_check int shadow_init(struct shadow *sh, const struct shadow_config *config);

/* No vCPU may hold a context. */
void shadow_destroy(struct shadow *sh);

/*
 * The context of @key for a vCPU, which must hold none: an old one, or one emptied and opened anew
 * (A2). NULL when there is no memory for its root.
 */
struct shadow_ctx *shadow_get(struct shadow *sh, const struct shadow_key *key, union cpu_role role);
void shadow_put(struct shadow_ctx *ctx);

/*
 * Resolves a second-level fault of L2. @regime is L1's table as the faulting vCPU sees it, the one
 * that @ctx was got for, with the shadow's slots and, as ia_limit, its width. On a result that maps
 * nothing, nothing of @fault->ia stays mapped: a fault drops what the TLB has of its address.
 */
enum shadow_result shadow_fault(struct shadow_ctx *ctx, const struct walk_regime *regime,
				struct shadow_fault *fault) __must_check;

/* What an invalidation of L1's names. */
struct shadow_scope {
	bool any_root, any_tag; /* else: */
	u64 root;
	u32 tag;
	u64 start, size; /* addresses of L2; size 0: all of them */
};
void shadow_invalidate(struct shadow *sh, const struct shadow_scope *scope);

/*
 * The range that an invalidation of one address @ia must reach: the leaf of @level in L1's format,
 * the largest that there is when @level is 0 (A3).
 */
void shadow_scope_leaf(struct shadow_scope *scope, const struct pt_format *fmt, unsigned level,
		       u64 ia);

/* L0's: every mapping by L2 of [page, page + size), and no other (D5). Before the memslots change,
 * and again after. */
void shadow_unmap(struct shadow *sh, hpa_t page, u64 size);
void shadow_write_protect(struct shadow *sh, hpa_t page, u64 size);

#define SHADOW_YOUNG 1u
#define SHADOW_DIRTY 2u /* a permission to write was taken away with the age (D4) */
/* Clears the age of all mappings, and says what it was: SHADOW_YOUNG, SHADOW_DIRTY. */
unsigned shadow_age(struct shadow *sh, hpa_t page, u64 size);

/* For the auditor, too. The level of the largest leaf of the host's that lies inside of L1's leaf
 * and of the slot; and what such a leaf of @size maps, and what L2 may do without another fault. */
unsigned shadow_leaf_level(const struct shadow_ctx *ctx, const struct guest_walk *walk,
			   const struct memslot *slot);
struct tdp_attr shadow_leaf_attr(const struct shadow_ctx *ctx, const struct guest_walk *walk,
				 const struct memslot *slot, u64 size);
