// SPDX-License-Identifier: Apache-2.0
/*
 * The table builder: one for second-level tables of every format and for our own page tables.
 *
 * What hardware sees at every moment is a sound table: a table is filled before it is linked and
 * freed after the flush that makes it unreachable (T3); where the format has PT_BBM, anything but
 * a permission change breaks the range, flushes once, then makes it (T5); accessed and dirty bits
 * are carried over or reported (T4). Numbers: rules of ARCHITECTURE.md.
 *
 * Addresses and sizes are multiples of the format's page. Errors of map, unmap, protect and
 * set_device: -EINVAL (unaligned, out of range, not expressible in the format: nothing changed),
 * -ENOMEM (tables are sound, what the range translated to before it still translates to or is a
 * hole; try again), -EEXIST (T6, our bug: a present leaf has another output address; nothing
 * changed). An empty range is -EINVAL. Flush: the caller, by tlb_batch_flush(), also on error.
 * Locks: all take the tdp's lock; the ops are called with it held and must not call back.
 */
#pragma once

#include "mm/lock.h"
#include "mm/pt_format.h"
#include "mm/tlb_batch.h"
#include "mm/types.h"

struct tdp;

struct tdp_ops {
	/* 2^order pages of 4 KiB, aligned to their size, contents undefined; HPA_NONE: none left.
	 * Order is 0 but for 16K and 64K granules and concatenated roots. */
	hpa_t (*alloc)(struct tdp *tdp, unsigned order);
	void (*free)(struct tdp *tdp, hpa_t table, unsigned order);
	/* Completes the invalidation of every cached translation, partial walks included, of
	 * [start, start + size) on all CPUs before it returns. @size 0 means everything. Called
	 * with and without the lock: it must not wait for a CPU that waits for the lock. */
	void (*flush)(struct tdp *tdp, gpa_t start, u64 size);
	/* After each store to a live entry; may be NULL. @ptep is an entry of the format's width.
	 */
	void (*written)(struct tdp *tdp, void *ptep, u64 old, u64 new);
	/* A leaf that had accessed or dirty set by hardware was removed; may be NULL. */
	void (*harvest)(struct tdp *tdp, gpa_t ia, u64 size, struct pt_entry was);
	/* A leaf of @level at @ia is gone, not split; may be NULL. */
	void (*removed)(struct tdp *tdp, gpa_t ia, unsigned level);
};

struct tdp {
	const struct pt_format *fmt;
	const struct tdp_ops *ops;
	hpa_t root;
	u8 root_level, root_order, ia_bits;
	u8 max_leaf_level; /* no leaf above it is made; 1 to top_leaf_level, at any time */
	u8 top_leaf_level; /* what format and root allow */
	u16 tag;           /* the environment's: ASID, VMID, VPID */
	struct lock lock;
	u32 pending_batches;            /* batches that wait for their flush ... */
	u64 pending_start, pending_end; /* ... and the hull of their ranges */
	u64 table_count;                /* without the root, with what batches hold */
	u64 spurious;                   /* maps that found everything in place (T8) */
};

struct tdp_attr {
	hpa_t oa;
	u8 prot; /* enum pt_prot, not 0 */
	u8 mem;  /* enum pt_mem */
};

/* What an address translates to. @oa is that of the byte, HPA_NONE if none; @level is where the
 * walk ended: a hole or a marker covers pt_level_size(fmt, level). */
struct tdp_entry {
	enum pt_kind kind;
	u8 level, prot, mem;
	bool accessed, dirty;
	hpa_t oa;
};

/*
 * An empty table of @ia_bits of input address. The root has 2^root_order pages and is at level
 * root_level, the lowest that the format allows for so many bits (Arm: concatenated).
 * Errors: -EINVAL (the format has no such width), -ENOMEM.
 */
__must_check int tdp_init(struct tdp *tdp, const struct pt_format *fmt, const struct tdp_ops *ops,
			  unsigned ia_bits);

/* Unmaps all, flushes, frees every table. No batch may be pending. */
void tdp_destroy(struct tdp *tdp);

/*
 * Maps [ia, ia + size) to [attr.oa, + size): holes and device markers are filled with the largest
 * leaves that alignment and max_leaf_level allow (T13), present leaves of the same output address
 * get the new permissions and memory type, tables that the range could replace by one leaf are
 * replaced. Nothing to do is counted in tdp->spurious and leaves batch->changes as it was (T8).
 */
__must_check int tdp_map(struct tdp *tdp, gpa_t ia, u64 size, struct tdp_attr attr,
			 struct tlb_batch *batch);

/* Leaves a hole. -ENOMEM only when a leaf or marker reaches past an end of the range, and then
 * nothing has changed. */
__must_check int tdp_unmap(struct tdp *tdp, gpa_t ia, u64 size, struct tlb_batch *batch);

/* Sets the permissions of what is present in the range; the rest stays. -ENOMEM as tdp_unmap(). */
__must_check int tdp_protect(struct tdp *tdp, gpa_t ia, u64 size, unsigned prot,
			     struct tlb_batch *batch);

/* Clears the accessed bit, where hardware sets it, of the leaves that touch the range: all of the
 * leaf, no split. *@young: whether one was set. -EINVAL: the range. */
__must_check int tdp_age(struct tdp *tdp, gpa_t ia, u64 size, struct tlb_batch *batch, bool *young);

/* Device markers instead of whatever is there. -ENOMEM: nothing has changed. */
__must_check int tdp_set_device(struct tdp *tdp, gpa_t ia, u64 size, struct tlb_batch *batch);

/* An address that the table does not cover is a hole at level 0. */
struct tdp_entry tdp_lookup(struct tdp *tdp, gpa_t ia);
