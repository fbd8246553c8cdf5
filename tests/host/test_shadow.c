// SPDX-License-Identifier: Apache-2.0
/*
 * The shadow engine in the nested world: the sequences that go wrong elsewhere, by hand; then
 * random ones, for every format of L1's over every host.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/nested_world.h"

static u64 rng;

static u64 next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dULL;
}

static const struct nw_shape *shape_named(const char *name)
{
	for (unsigned i = 0; i < nw_shape_count; i++) {
		if (!strcmp(nw_shapes[i].name, name)) {
			return &nw_shapes[i];
		}
	}
	abort();
}

/*
 * C5, test number one: table T is linked under roots R1 and R2. L1 unlinks T from both, invalidates
 * R1 only (R2 is idle), fills T anew and links it under R1 again: all legal. R1 must see the new T.
 */
static void one_table_two_roots(const struct nw_shape *shape)
{
	unsigned top, t;
	u64 old, new;

	nw_start(shape, 0, 0);
	top = nw_levels();
	if (top < 3) {
		nw_stop();
		return;
	}
	t = 3 + 2 * (top - 2); /* below the roots, with all below it */
	nw_write(0, 0, nw_link(top, t));
	nw_write(1, 0, nw_link(top, t));
	nw_invalidate_all();
	assert_int_equal(nw_enter(0, 0), 0);
	assert_int_equal(nw_enter(1, 1), 0);
	assert_int_equal(nw_access(0, 0, PT_R), SHADOW_FIXED);
	assert_int_equal(nw_access(1, 0, PT_R), SHADOW_FIXED);
	old = nw_now(0, 0, PT_R);
	nw_leave(1);
	nw_write(0, 0, 0);
	nw_write(1, 0, 0);
	nw_invalidate(0, false, 0);
	nw_check();
	/* T's contents: the other table of each level below */
	nw_write(t, 0, nw_link(top - 1, 3 + 2 * (top - 3) + (t & 1 ? 1 : 0)));
	nw_write(t, 1, 0);
	for (unsigned n = 3; n < 5; n++) {
		nw_write(n, 0, nw_leaf(1, 0x40400000 + n * 0x10000, PT_RWX));
	}
	nw_write(0, 0, nw_link(top, t));
	assert_int_equal(nw_access(0, 0, PT_R), SHADOW_FIXED);
	nw_check();
	new = nw_now(0, 0, PT_R);
	assert_true(old != ~0ULL && new != ~0ULL && old != new);
	assert_true(tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(nw.probe[0])).oa.v == new);
	/* R2 still may have the old one, until it is invalidated, too. */
	nw_write(1, 0, nw_link(top, t));
	nw_invalidate(1, false, 0);
	assert_int_equal(nw_enter(1, 1), 0);
	assert_int_equal(nw_access(1, 0, PT_R), SHADOW_FIXED);
	assert_true(tdp_lookup(mmu_tdp(&nw.vcpu[1]), gpa(nw.probe[0])).oa.v == new);
	nw_stop();
}

static void test_one_table_two_roots(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nw_shape_count; i++) {
		one_table_two_roots(&nw_shapes[i]);
	}
}

/* The level-1 table that address 0 of target 0 begins with. */
static unsigned first_leaf_node(void)
{
	unsigned node = 0;

	for (unsigned level = nw_levels(); level > 1; level--) {
		node = 3 + 2 * (level - 2) + (node & 1);
	}
	return node;
}

/* --- keys and contexts --- */

/* C4, and "role or gfn mismatch of an existing child": each part of the key counts. */
static void test_keys(void **state)
{
	struct shadow_key key = {.root = 0x1000, .tag = 1};
	struct shadow_ctx *a, *b;
	union cpu_role role;
	u64 generation;

	(void)state;
	nw_start(shape_named("NPT 4-level on 4 levels"), 0, 0);
	role = nw.shape->role;
	key.role = mmu_role_of(role);
	a = shadow_get(&nw.shadow, &key, role);
	generation = a->generation;
	key.tag = 2;
	b = shadow_get(&nw.shadow, &key, role);
	assert_ptr_not_equal(a, b);
	shadow_put(b);
	key.tag = 1;
	key.root = 0x2000;
	b = shadow_get(&nw.shadow, &key, role);
	assert_ptr_not_equal(a, b);
	shadow_put(b);
	key.root = 0x1000;
	role.nx = 0;
	key.role = mmu_role_of(role);
	b = shadow_get(&nw.shadow, &key, role);
	assert_ptr_not_equal(a, b);
	shadow_put(b);
	/* WP and the like make no other table (R3). */
	role = nw.shape->role;
	role.wp = role.smep = role.smap = role.pke = 1;
	key.role = mmu_role_of(role);
	b = shadow_get(&nw.shadow, &key, role);
	assert_ptr_equal(a, b);
	assert_true(b->generation == generation && nw.shadow.stats.hits == 1);
	assert_int_equal(a->users, 2);
	shadow_put(a);
	shadow_put(b);
	shadow_destroy(&nw.shadow);
}

/* C6, A2, C8: more keys than contexts: round robin, emptied, with a generation of their own. */
static void test_recycling(void **state)
{
	struct shadow_key key = {.tag = 1};
	struct shadow_ctx *ctx, *held;
	u64 last = 0;

	(void)state;
	nw_start(shape_named("NPT 4-level on 4 levels"), 0, 0);
	key.role = mmu_role_of(nw.shape->role);
	assert_int_equal(nw_enter(0, 0), 0);
	held = nw.vcpu[0].guest.ctx;
	assert_int_equal(nw_access(0, 0, PT_R), SHADOW_FIXED);
	assert_int_equal(nw_enter(1, 1), 0);
	assert_int_equal(nw_access(1, 0, PT_R), SHADOW_FIXED);
	nw_leave(1);
	for (unsigned i = 0; i < 20; i++) {
		key.root = 0x100000 + i * 0x1000;
		ctx = shadow_get(&nw.shadow, &key, nw.shape->role);
		assert_ptr_not_equal(ctx, held);
		assert_true(ctx->generation > last && !ctx->leaves);
		last = ctx->generation;
		shadow_put(ctx);
	}
	assert_int_equal(held->leaves, 1);
	assert_int_equal(nw.shadow.stats.recycled, 20 - 3);
	assert_int_equal(nw.shadow.rmap.used, 1);
	nw_leave(0);
	shadow_destroy(&nw.shadow);
}

/* R6: the census, by trying every role that a vCPU can have. */
static void test_census(void **state)
{
	static u32 seen[64];
	unsigned count[2] = {0, 0};

	(void)state;
	for (u64 bits = 0; bits < 1 << 9; bits++) {
		for (unsigned kind = WALK_X86_32; kind <= WALK_EPT5; kind++) {
			bool ept = kind >= WALK_EPT4;
			union cpu_role r = {.kind = kind & 15,
					    .oa_bits = 40,
					    .tdp = 1,
					    .amd = !ept,
					    .xonly = ept,
					    .page1g = 1,
					    .nx = bits & 1,
					    .wp = bits >> 1 & 1,
					    .smep = bits >> 2 & 1,
					    .smap = bits >> 3 & 1,
					    .pke = bits >> 4 & 1,
					    .pse = bits >> 5 & 1,
					    .ad = bits >> 6 & 1,
					    .hd = bits >> 7 & 1,
					    .big_endian = bits >> 8 & 1};
			union mmu_role m = mmu_role_of(r);
			unsigned i = 0;

			assert_true(m.word != 0);
			while (i < count[0] + count[1] && seen[i] != m.word) {
				i++;
			}
			if (i == count[0] + count[1]) {
				seen[i] = m.word;
				count[ept]++;
			}
		}
	}
	assert_int_equal(count[0], MMU_ROLES_NPT);
	assert_int_equal(count[1], MMU_ROLES_EPT);
}

/* R4, R5, C1, C7: what runs and what is walked at each transition, and after a failed one. */
static void test_transitions(void **state)
{
	struct vcpu_mmu *v = &nw.vcpu[0];
	struct l2_entry e = {.role = {.kind = WALK_PAE, .oa_bits = 40}, .root = 0x5000};
	union cpu_role l1 = {.kind = WALK_LONG4, .oa_bits = 40, .nx = 1, .wp = 1};
	u64 pdptr[4] = {0};

	(void)state;
	nw_start(shape_named("NPT PAE on 4 levels"), 3, 0);
	assert_true(mmu_set_root(v, l1, 0x1000));
	assert_false(mmu_set_root(v, l1, 0x1000));
	assert_true(mmu_set_root(v, l1, 0x2000));
	assert_ptr_equal(mmu_tdp(v), &nw.tdp);
	assert_ptr_equal(mmu_walks(v), &v->root.regime);
	/* Without second-level paging of L1's. */
	e.pdptr = pdptr;
	assert_int_equal(mmu_enter_l2(v, &e), 0);
	assert_ptr_equal(mmu_tdp(v), &nw.tdp);
	assert_ptr_equal(mmu_walks(v), &v->nested.regime);
	assert_null(mmu_walks(v)->under);
	mmu_leave_l2(v);
	assert_null(v->nested.regime.pdptr);
	/* With it. */
	e.guest_role = nw.shape->role;
	e.guest_root = nw_node(0);
	e.tag = nw.target[0].tag;
	assert_int_equal(mmu_enter_l2(v, &e), 0);
	assert_ptr_equal(mmu_tdp(v), &v->guest.ctx->tdp);
	assert_ptr_equal(mmu_walks(v)->under, &v->guest.regime);
	assert_true(mmu_walks(v)->root == 0x5000);
	mmu_leave_l2(v);
	assert_ptr_equal(mmu_tdp(v), &nw.tdp);
	assert_true(mmu_walks(v)->role.word == l1.word && mmu_walks(v)->root == 0x2000);
	/* A kind of table that this vCPU has no context for. */
	e.guest_role.kind = WALK_EPT4;
	assert_int_equal(mmu_enter_l2(v, &e), -EINVAL);
	assert_false(v->l2);
	nw_stop();
}

/* "L1's pages leaked on a failed entry", "invalid role inherited", R5: no memory for the root. */
static void test_failed_entry(void **state)
{
	(void)state;
	nw_start(shape_named("EPT 4-level on 4 levels"), 0, 0);
	nw.fail_at = 0;
	assert_int_equal(nw_enter(0, 0), -ENOMEM);
	assert_false(nw.vcpu[0].l2);
	assert_null(nw.vcpu[0].guest.ctx);
	assert_true(nw.vcpu[0].guest.regime.role.word == 0 &&
		    nw.vcpu[0].nested.regime.role.word == 0);
	assert_ptr_equal(mmu_tdp(&nw.vcpu[0]), &nw.tdp);
	assert_int_equal(nw.shadow.users, 0);
	nw_audit(true);
	assert_int_equal(nw_enter(0, 0), 0);
	nw_stop();
}

/* "Root checked before room was made for it": room comes from others, never from the one asked
 * for, and what is found is found. */
static void test_room_for_a_root(void **state)
{
	struct shadow_ctx *ctx;

	(void)state;
	nw_start(shape_named("NPT 4-level on 4 levels"), 5,
		 0); /* one context's worth, and one page */
	assert_int_equal(nw_enter(0, 0), 0);
	assert_int_equal(nw_access(0, 0, PT_R), SHADOW_FIXED);
	ctx = nw.vcpu[0].guest.ctx;
	assert_int_equal(nw.shadow.pages, 4);
	nw_leave(0);
	assert_int_equal(nw_enter(1, 1), 0);
	assert_int_equal(nw.shadow.pages, 5);
	assert_int_equal(nw_enter(2, 2), 0); /* the idle one gives way */
	assert_false(ctx->valid);
	nw_check();
	assert_int_equal(nw_access(1, 0, PT_R), SHADOW_FIXED);
	assert_int_equal(nw_access(2, 0, PT_R),
			 SHADOW_FIXED); /* 1's tables give way, not its root */
	assert_true(nw.vcpu[1].guest.ctx->valid && !nw.vcpu[1].guest.ctx->leaves);
	nw_check();
	assert_int_equal(nw_enter(0, 0), 0);
	nw_check();
	nw_stop();
	/* Room for one leaf's tables: the context gives up its own for the next. */
	nw_start(shape_named("NPT 4-level on 4 levels"), 4, 0);
	assert_int_equal(nw_enter(0, 0), 0);
	assert_int_equal(nw_access(0, 0, PT_R), SHADOW_FIXED);
	assert_int_equal(nw_access(0, 1, PT_R), SHADOW_FIXED);
	assert_int_equal(nw.vcpu[0].guest.ctx->leaves, 1);
	nw_check();
	nw_stop();
	/* Not even one leaf: said, not looped on. */
	nw_start(shape_named("NPT 4-level on 4 levels"), 3, 0);
	assert_int_equal(nw_enter(0, 0), 0);
	assert_int_equal(nw_access(0, 0, PT_R), SHADOW_NOMEM);
	nw_check();
	nw_stop();
}

/* A configuration that breaks the argument of C6, or that there is no memory for. */
static void test_init_fails(void **state)
{
	struct shadow_config config;
	struct shadow sh;

	(void)state;
	nw_start(shape_named("NPT 4-level on 4 levels"), 0, 0);
	config = nw.shadow.config;
	config.ctx_count = config.vcpu_count;
	assert_int_equal(shadow_init(&sh, &config), -EINVAL);
	config.ctx_count = SHADOW_CTX_MAX + 1;
	assert_int_equal(shadow_init(&sh, &config), -EINVAL);
	config = nw.shadow.config;
	config.rmap_max = 0;
	assert_int_equal(shadow_init(&sh, &config), -EINVAL);
	config = nw.shadow.config;
	for (nw.fail_at = 0; nw.fail_at < 2;) {
		long at = nw.fail_at;

		assert_int_equal(shadow_init(&sh, &config), -ENOMEM);
		nw.fail_at = at + 1;
	}
	nw_stop();
}

/* --- faults --- */

/* "Device marker over a present entry", T11, T12: what was memory is none, or read-only. */
static void test_memory_becomes_device(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nw_shape_count; i++) {
		unsigned leaf;

		nw_start(&nw_shapes[i], 0, 0);
		leaf = first_leaf_node();
		assert_int_equal(nw_enter(0, 0), 0);
		assert_int_equal(nw_access(0, 0, PT_R), SHADOW_FIXED);
		nw_write(leaf, 0, nw_leaf(1, 0xfe000000, PT_RWX));
		assert_int_equal(nw_spurious(0, 0, PT_R), SHADOW_MMIO);
		nw_write(leaf, 0, nw_leaf(1, 0x12000000, PT_RWX));
		assert_int_equal(nw_access(0, 0, PT_R), SHADOW_FIXED);
		assert_int_equal(nw_access(0, 0, PT_W), SHADOW_DENIED);
		/* Read-only memory and the dirty bit: both take the write away. */
		assert_int_equal(nw_access(0, 0, PT_R), SHADOW_FIXED);
		assert_false(tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(nw.probe[0])).prot & PT_W);
		nw_check();
		nw_stop();
	}
}

/* "Huge size decided before the slot check", T13: a leaf of L1's that reaches past a slot. */
static void test_huge_leaf_and_slots(void **state)
{
	struct tdp_entry e;

	(void)state;
	nw_start(shape_named("EPT 4-level on 4 levels"), 0, 0);
	assert_int_equal(nw_enter(0, 0), 0);
	/* 1 GiB at 0: the slot is smaller, and not aligned as its memory is. */
	nw_write(7, 0, nw_leaf(3, 0, PT_RWX));
	nw_write(8, 0, nw_leaf(3, 0x40000000, PT_RWX));
	nw_invalidate_all();
	assert_int_equal(nw_access(0, 0, PT_W), SHADOW_FIXED);
	e = tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(nw.probe[0]));
	assert_int_equal(e.level, 1);
	/* 1 GiB that is all memory, aligned alike. */
	nw_write(0, 0, nw_link(4, 8));
	nw_invalidate_all();
	assert_int_equal(nw_access(0, 0, PT_W), SHADOW_FIXED);
	e = tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(nw.probe[0]));
	assert_int_equal(e.level, 3);
	nw_check();
	nw_audit(true);
	nw_stop();
}

/* A leaf of 1 GiB in place of small ones and back, without a word of L1's: no conflict. */
static void test_sizes_change(void **state)
{
	(void)state;
	nw_start(shape_named("NPT 4-level on 5 levels"), 0, 0);
	assert_int_equal(nw_enter(0, 0), 0);
	for (unsigned i = 0; i < nw.probe_count; i++) {
		(void)nw_access(0, i, PT_R);
	}
	for (unsigned round = 0; round < 3; round++) {
		u64 was = nw_entry(7, 0);

		nw_write(7, 0, nw_leaf(3, 0x40000000, PT_RWX));
		assert_int_equal(nw_spurious(0, 0, PT_W), SHADOW_FIXED);
		nw_check();
		nw_write(7, 0, was);
		assert_int_equal(nw_spurious(0, 0, PT_W), SHADOW_FIXED);
		nw_check();
	}
	nw_stop();
}

/* The same where the address that faults has nothing yet, and its neighbours have small leaves. */
static void test_sizes_change_around_a_hole(void **state)
{
	(void)state;
	nw_start(shape_named("NPT 4-level on 5 levels"), 0, 0);
	assert_int_equal(nw_enter(0, 0), 0);
	for (unsigned i = 1; i < nw.probe_count; i++) {
		(void)nw_access(0, i, PT_R);
	}
	nw_write(7, 0, nw_leaf(3, 0x40000000, PT_RWX));
	assert_int_equal(nw_access(0, 0, PT_W), SHADOW_FIXED);
	nw_check();
	nw_audit(true);
	nw_stop();
}

/* T8: a fault in vain is told from one that helped, counted, and not looped on. */
static void test_spurious(void **state)
{
	struct shadow_fault f = {.access = PT_R};

	(void)state;
	nw_start(shape_named("stage 2, 4K"), 0, 0);
	assert_int_equal(nw_enter(0, 0), 0);
	f.ia = nw.probe[0];
	assert_int_equal(mmu_fault(&nw.vcpu[0], &f), SHADOW_FIXED);
	for (unsigned i = 1; i < MMU_ROW_MAX; i++) {
		assert_int_equal(mmu_fault(&nw.vcpu[0], &f), SHADOW_SPURIOUS);
	}
	assert_int_equal(mmu_fault(&nw.vcpu[0], &f), SHADOW_STUCK);
	assert_int_equal(nw.shadow.stats.spurious, MMU_ROW_MAX);
	assert_int_equal(mmu_fault(&nw.vcpu[0], &f), SHADOW_SPURIOUS);
	f.ia = nw.probe[1];
	assert_int_equal(mmu_fault(&nw.vcpu[0], &f), SHADOW_FIXED);
	assert_int_equal(nw.vcpu[0].row, 0);
	nw_stop();
}

/* L1's dirty bit: read first, and the write is still seen; by every dirty bit that there is. */
static void test_dirty(void **state)
{
	static const char *const names[] = {"NPT 4-level on 4 levels", "EPT with A/D",
					    "NPT 32-bit on 4 levels", "NPT PAE on 5 levels"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		unsigned leaf;
		u64 dirty;

		nw_start(shape_named(names[i]), 0, 0);
		dirty = walk_format(nw.shape->role)->dirty;
		leaf = first_leaf_node();
		assert_int_equal(nw_enter(0, 0), 0);
		assert_int_equal(nw_access(0, 0, PT_R), SHADOW_FIXED);
		assert_false(tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(nw.probe[0])).prot & PT_W);
		assert_false(nw_entry(leaf, 0) & dirty);
		assert_int_equal(nw_access(0, 0, PT_W), SHADOW_FIXED);
		assert_true(nw_entry(leaf, 0) & dirty);
		/* L1 clears it and says so: the next write is seen again. */
		nw_write(leaf, 0, nw_entry(leaf, 0) & ~dirty);
		nw_invalidate(0, false, 0);
		assert_int_equal(nw_access(0, 0, PT_W), SHADOW_FIXED);
		assert_true(nw_entry(leaf, 0) & dirty);
		nw_stop();
	}
}

/* A type that L1's table tells is kept; an index into L1's PAT tells nothing but write-back. */
static void test_memory_type(void **state)
{
	static const struct {
		const char *name;
		u64 bits;
		enum pt_mem mem;
	} types[] = {
		{"NPT 4-level on 4 levels", 0, PT_MEM_WB},
		{"NPT 4-level on 4 levels", BIT(3), PT_MEM_UC},
		{"NPT PAE on 4 levels", BIT(4), PT_MEM_UC},
		{"EPT 4-level on 4 levels", 0x30 ^ 0x08, PT_MEM_WC},
		{"EPT 4-level on 4 levels", 0x30 ^ 0x28, PT_MEM_UC}, /* WP */
		{"stage 2, 4K", 0x3c ^ 0x14, PT_MEM_WC},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(types); i++) {
		u64 entry;

		nw_start(shape_named(types[i].name), 0, 0);
		entry = nw_leaf(1, 0x40000000, PT_RWX);
		nw_write(first_leaf_node(), 0, entry ^ types[i].bits);
		assert_int_equal(nw_enter(0, 0), 0);
		assert_int_equal(nw_access(0, 0, PT_R), SHADOW_FIXED);
		assert_int_equal(tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(nw.probe[0])).mem,
				 types[i].mem);
		/* Another type, and nothing else: the leaf is made anew. */
		nw_write(first_leaf_node(), 0, entry);
		nw_invalidate(1, false, 0);
		assert_int_equal(nw_spurious(0, 0, PT_W), SHADOW_FIXED);
		assert_int_equal(tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(nw.probe[0])).mem, PT_MEM_WB);
		nw_stop();
	}
}

/* Fewer permissions, and a fault before L1 has said so: what the TLB has goes with it. */
static void test_less(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nw_shape_count; i++) {
		unsigned leaf, less;

		nw_start(&nw_shapes[i], 0, 0);
		leaf = first_leaf_node();
		less = nw.shape->role.kind == WALK_X86_32 ? PT_RX : PT_R;
		nw_write(leaf, 0, nw_leaf(1, 0x200000, PT_RWX));
		assert_int_equal(nw_enter(0, 0), 0);
		assert_int_equal(nw_access(0, 0, PT_W), SHADOW_FIXED);
		nw_write(leaf, 0, nw_leaf(1, 0x200000, less));
		assert_int_equal(nw_spurious(0, 0, PT_R), SHADOW_FIXED);
		nw_check();
		assert_int_equal(nw_access(0, 0, PT_W), SHADOW_TO_L1);
		nw_stop();
	}
}

/* An invalidation between walk and mapping: what was walked is not mapped. */
static void test_race(void **state)
{
	struct shadow_fault f = {.access = PT_W};

	(void)state;
	nw_start(shape_named("NPT 4-level on 4 levels"), 0, 0);
	assert_int_equal(nw_enter(0, 0), 0);
	f.ia = nw.probe[0];
	nw.race = 1;
	assert_int_equal(mmu_fault(&nw.vcpu[0], &f), SHADOW_RETRY);
	assert_int_equal(tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(f.ia)).kind, PT_HOLE);
	assert_int_equal(nw.shadow.stats.retries, 1);
	nw_check();
	nw_stop();
	/* The same, of L0, which takes the page. */
	nw_start(shape_named("NPT 4-level on 4 levels"), 0, 0);
	assert_int_equal(nw_enter(0, 0), 0);
	nw.race = 1;
	nw.race_takes = true;
	assert_int_equal(mmu_fault(&nw.vcpu[0], &f), SHADOW_RETRY);
	assert_int_equal(nw.vcpu[0].guest.ctx->leaves, 0);
	nw_stop();
}

/* --- L0's pages --- */

/* "Write tracking in one address space only", D5: a page at two addresses of two contexts, and an
 * alias of it in another memslot. */
static void test_all_mappings(void **state)
{
	struct memslot alias = {.base = gpa(0x30000000), .size = 0x1000};

	(void)state;
	for (unsigned i = 0; i < nw_shape_count; i++) {
		unsigned age, leaf;

		nw_start(&nw_shapes[i], 0, 0);
		leaf = first_leaf_node();
		alias.size = 0x10000;
		alias.hpa = hpa(nw.slots.slot[0].hpa.v + 0x300000);
		assert_int_equal(memslot_add(&nw.slots, &alias), 0);
		nw_write(leaf, 0, nw_leaf(1, 0x300000, PT_RWX));
		nw_write(leaf, 1, nw_leaf(1, 0x30000000, PT_RWX));
		nw_write(7 - leaf, 0, nw_leaf(1, 0x310000, PT_RWX)); /* another page */
		nw_invalidate_all();
		assert_int_equal(nw_enter(0, 0), 0);
		assert_int_equal(nw_enter(1, 1), 0);
		for (unsigned p = 0; p < nw.probe_count; p++) {
			(void)nw_access(0, p, PT_W);
			(void)nw_access(1, p, PT_W);
		}
		nw_check();
		nw_take(0x300000, PAGE_SIZE, 1);
		nw_take(0x300000, PAGE_SIZE, 2);
		nw_check();
		for (unsigned p = 0; p < nw.probe_count; p++) {
			(void)nw_access(0, p, PT_W);
		}
		age = shadow_age(&nw.shadow, alias.hpa, PAGE_SIZE);
		assert_true(age & SHADOW_YOUNG);
		assert_int_equal(!!(age & SHADOW_DIRTY), nw.shape->ops == &mmu_s2);
		assert_int_equal(shadow_age(&nw.shadow, alias.hpa, PAGE_SIZE), 0);
		nw_take(0x300000, PAGE_SIZE, 0);
		nw_take(0x310000, PAGE_SIZE, 0);
		nw_check();
		nw_stop();
	}
}

/* A3, "inverted mask in a TLBI range": exactly what the address' leaf can cover. */
static void test_scope(void **state)
{
	struct shadow_scope scope = {.size = 0};

	(void)state;
	shadow_scope_leaf(&scope, &pt_s2_4k, 1, 0x12345678);
	assert_true(scope.start == 0x12345000 && scope.size == 0x1000);
	shadow_scope_leaf(&scope, &pt_s2_4k, 2, 0x12345678);
	assert_true(scope.start == 0x12200000 && scope.size == 0x200000);
	shadow_scope_leaf(&scope, &pt_s2_4k, 0, 0x52345678);
	assert_true(scope.start == 0x40000000 && scope.size == 0x40000000);
	shadow_scope_leaf(&scope, &pt_s2_16k, 0, 0x12345678);
	assert_true(scope.start == 0x12000000 && scope.size == 0x2000000);
	shadow_scope_leaf(&scope, &pt_s2_64k, 3, 0x52345678);
	assert_true(scope.start == 0x40000000 && scope.size == 0x20000000);
}

/* An invalidation reaches the contexts and the range that it names, and no other. */
static void test_invalidation_is_exact(void **state)
{
	struct shadow_scope scope = {.any_root = true, .tag = 1, .size = PAGE_SIZE};

	(void)state;
	nw_start(shape_named("stage 2, 4K"), 0, 0);
	assert_int_equal(nw_enter(0, 0), 0);
	assert_int_equal(nw_enter(1, 1), 0);
	for (unsigned v = 0; v < 2; v++) {
		assert_int_equal(nw_access(v, 0, PT_R), SHADOW_FIXED);
		assert_int_equal(nw_access(v, 1, PT_R), SHADOW_FIXED);
	}
	scope.start = align_down(nw.probe[0], PAGE_SIZE);
	shadow_invalidate(&nw.shadow, &scope);
	assert_int_equal(tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(nw.probe[0])).kind, PT_HOLE);
	assert_int_equal(tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(nw.probe[1])).kind, PT_LEAF);
	assert_int_equal(tdp_lookup(mmu_tdp(&nw.vcpu[1]), gpa(nw.probe[0])).kind, PT_LEAF);
	scope.start = BIT(50); /* nothing is there */
	shadow_invalidate(&nw.shadow, &scope);
	scope = (struct shadow_scope){.any_tag = true, .root = nw.target[1].root};
	shadow_invalidate(&nw.shadow, &scope);
	assert_int_equal(tdp_lookup(mmu_tdp(&nw.vcpu[0]), gpa(nw.probe[1])).kind, PT_LEAF);
	assert_int_equal(nw.vcpu[1].guest.ctx->leaves, 0);
	nw_check();
	nw_stop();
}

/* Two vCPUs fault while memory runs out at allocation @at; L1 changes what they fault on. */
static void oom_run(const struct nw_shape *shape, long at)
{
	nw_start(shape, 0, 0);
	nw.fail_at = at;
	for (unsigned step = 0; step < 16; step++) {
		unsigned vcpu = step & 1;

		if (nw.runs[vcpu] < 0 && nw_enter(vcpu, vcpu)) {
			continue;
		}
		(void)nw_access(vcpu, step % nw.probe_count, PT_W);
		nw_write(first_leaf_node(), 0, nw_leaf(1, 0x40000000 + step * 0x10000, PT_RWX));
		(void)nw_spurious(vcpu, 0, PT_R);
		nw_check();
	}
	nw_stop();
}

/* T17, "pending flush lost when an entry fails": memory out at every allocation of a sequence. */
static void test_oom(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nw_shape_count; i++) {
		for (long at = 0; at < 12; at++) {
			oom_run(&nw_shapes[i], at);
		}
	}
}

/* Random operations, with room, with little room for tables, with few leaves. */
static void random_run(const struct nw_shape *shape, unsigned ops, u64 pages, u32 leaves)
{
	nw_start(shape, pages, leaves);
	for (unsigned i = 0; i < ops; i++) {
		nw_random_op(next_random());
	}
	nw_stop();
}

static void test_random(void **state)
{
	u64 translated = 0, to_l1 = 0, mmio = 0, denied = 0, retried = 0, evicted = 0, hits = 0;

	(void)state;
	rng = 20261;
	for (unsigned i = 0; i < nw_shape_count * 3; i++) {
		const struct nw_shape *shape = &nw_shapes[i % nw_shape_count];
		unsigned room = i / nw_shape_count;

		random_run(shape, 400, room == 1 ? 24 : 0, room == 2 ? 7 : 0);
		translated += nw.translated;
		to_l1 += nw.to_l1;
		mmio += nw.mmio;
		denied += nw.denied;
		retried += nw.retried;
		evicted += nw.shadow.stats.evicted;
		hits += nw.tlb_hits;
	}
	print_message("translated %llu to_l1 %llu mmio %llu denied %llu retried %llu evicted %llu "
		      "tlb %llu\n",
		      (unsigned long long)translated, (unsigned long long)to_l1,
		      (unsigned long long)mmio, (unsigned long long)denied,
		      (unsigned long long)retried, (unsigned long long)evicted,
		      (unsigned long long)hits);
	assert_true(translated > 2000 && to_l1 > 1000 && mmio > 50 && denied > 20);
	assert_true(retried > 20 && evicted > 100 && hits > 100);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_table_two_roots),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_recycling),
		cmocka_unit_test(test_census),
		cmocka_unit_test(test_transitions),
		cmocka_unit_test(test_failed_entry),
		cmocka_unit_test(test_room_for_a_root),
		cmocka_unit_test(test_init_fails),
		cmocka_unit_test(test_memory_becomes_device),
		cmocka_unit_test(test_huge_leaf_and_slots),
		cmocka_unit_test(test_sizes_change),
		cmocka_unit_test(test_sizes_change_around_a_hole),
		cmocka_unit_test(test_spurious),
		cmocka_unit_test(test_dirty),
		cmocka_unit_test(test_less),
		cmocka_unit_test(test_race),
		cmocka_unit_test(test_memory_type),
		cmocka_unit_test(test_all_mappings),
		cmocka_unit_test(test_scope),
		cmocka_unit_test(test_invalidation_is_exact),
		cmocka_unit_test(test_oom),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
