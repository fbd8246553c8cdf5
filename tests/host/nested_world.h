// SPDX-License-Identifier: Apache-2.0
/*
 * A VM whose guest L1 is a hypervisor, for tests and fuzzing of nested/: L1's memory, its tables,
 * some vCPUs, and the TLB of the hardware below.
 *
 * The model is what the architecture promises. After every change of memory the reference walker
 * translates every probe address under every table that L1 uses; what it says is remembered until
 * an invalidation covers it. A TLB may keep any of that, and so may a shadow: whatever the shadow
 * or the hardware's TLB translates must be remembered. Where nothing is remembered but the present,
 * the shadow equals the composed walk. Stops with a message when it does not.
 * There is one world at a time.
 */
#pragma once

#include "nested/audit.h"

#define NW_NODES   16 /* L1's tables */
#define NW_PROBES  24
#define NW_TARGETS 4 /* what L1 runs L2 on */
#define NW_VCPUS   3
#define NW_PAST    24 /* translations that are remembered */

struct nw_shape {
	const char *name;
	union cpu_role role; /* L1's */
	const struct mmu_ops *ops;
	const struct pt_format *host;
	unsigned host_bits;
};

extern const struct nw_shape nw_shapes[];
extern const unsigned nw_shape_count;

/* One translation: host page and what it allows. */
struct nw_past {
	u64 page[3][NW_PAST]; /* for reads, writes, fetches */
	u8 count[3];
};

struct nw_target {
	union cpu_role role;
	u64 root;
	u32 tag;
};

struct nested_world {
	const struct nw_shape *shape;
	struct shadow shadow;
	struct tdp tdp; /* the VM's own: never looked into */
	struct memslots slots;
	struct vcpu_mmu vcpu[NW_VCPUS];
	int runs[NW_VCPUS]; /* target, or -1 */
	struct nw_target target[NW_TARGETS];
	u64 probe[NW_PROBES];
	unsigned probe_count;
	struct nw_past past[NW_TARGETS][NW_PROBES];
	long fail_at;  /* this allocation fails, counted down; negative: none */
	unsigned race; /* so many updates of L1's entries are raced with */
	u64 race_bits;
	bool race_takes; /* ... by L0, which takes L1's memory; else by L1 */
	u64 accesses, translated, to_l1, mmio, denied, retried, nomem, tlb_hits, audits;
};

extern struct nested_world nw;

/* @pages, @leaves: the limits; 0: plenty. */
void nw_start(const struct nw_shape *shape, u64 pages, u32 leaves);
void nw_stop(void);

/* L1 writes entry @index of table @node: the low bits of @choice say what. */
void nw_write(unsigned node, unsigned index, u64 entry);
u64 nw_entry(unsigned node, unsigned index);
u64 nw_node(unsigned node);            /* address of a table */
unsigned nw_node_level(unsigned node); /* where it usually is */
u64 nw_link(unsigned level, unsigned node);
u64 nw_leaf(unsigned level, u64 page, unsigned prot);
unsigned nw_levels(void);

/* L1's invalidation by root and tag, of everything or (stage 2) of one address. */
void nw_invalidate(unsigned target, bool by_address, unsigned probe);
void nw_invalidate_all(void);

int nw_enter(unsigned vcpu, unsigned target);
void nw_leave(unsigned vcpu);

/* L2 on @vcpu accesses a probe; returns the last result, SHADOW_FIXED if it went through. */
enum shadow_result nw_access(unsigned vcpu, unsigned probe, unsigned access);

/* A fault that the hardware need not have raised. */
enum shadow_result nw_spurious(unsigned vcpu, unsigned probe, unsigned access);

/* L0 takes memory of L1's away, protects or ages it: exactly its mappings are touched. */
void nw_take(u64 gpa, u64 size, unsigned how);

/* Every promise. */
void nw_check(void);

/* The audit; @exact as there. Stops on a divergence. */
void nw_audit(bool exact);

/* Host address of what @probe translates to by the model now; ~0: it faults. */
u64 nw_now(unsigned target, unsigned probe, unsigned access);

/* One operation out of @bits. */
void nw_random_op(u64 bits);
