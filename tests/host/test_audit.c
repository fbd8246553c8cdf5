// SPDX-License-Identifier: Apache-2.0
/*
 * The auditor: silent on a sound shadow, and one wrong thing at a time is found, wherever it is:
 * every bit of every entry that is there, of the reverse map, of references, keys and counters.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page.h"
#include "mm/tdp_iter.h"
#include "tests/host/nested_world.h"

static char text[AUDIT_TEXT_MAX];
static u64 stale;

static bool audit(bool exact)
{
	const struct vcpu_mmu *const vcpus[NW_VCPUS] = {&nw.vcpu[0], &nw.vcpu[1], &nw.vcpu[2]};
	struct audit a = {.vcpu = vcpus, .vcpu_count = NW_VCPUS, .exact = exact};
	bool good = shadow_audit(&nw.shadow, &a);

	memcpy(text, a.text, sizeof(text));
	stale = a.stale;
	assert_int_equal(good, !text[0]);
	return good;
}

/* Two vCPUs on two contexts, a third context idle; leaves of two sizes. */
static void start(const struct nw_shape *shape)
{
	unsigned top;

	nw_start(shape, 0, 0);
	top = nw_levels();
	if (top > 2 && pt_level_has_leaf(walk_format(shape->role), 2)) {
		nw_write(5, 1, nw_leaf(2, 0x40000000, PT_RWX));
	}
	for (unsigned v = 0; v < 3; v++) {
		assert_int_equal(nw_enter(v, v), 0);
		for (unsigned i = 0; i < nw.probe_count; i++) {
			(void)nw_access(v, i, i & 1 ? PT_W : PT_R);
		}
	}
	nw_leave(2);
	nw_invalidate(2, false, 0);
	for (unsigned i = 0; i < nw.probe_count; i++) {
		(void)nw_access(0, i, PT_R);
	}
	nw_check();
	assert_true(audit(true));
	assert_true(nw.shadow.rmap.used > 4);
}

static void must_find(const char *what, u64 where, unsigned bit)
{
	if (audit(true)) {
		print_error("%s: %s %llx bit %u is not found\n", nw.shape->name, what,
			    (unsigned long long)where, bit);
	}
	assert_true(text[0]);
}

/* Every bit of the entry at hand but what hardware sets by itself. */
static void flip_entry(struct tdp_iter *it)
{
	u64 *entry = it->ptep, was = *entry;

	for (unsigned bit = 0; bit < 64; bit++) {
		if (it->tdp->fmt->volatile_mask & BIT(bit) && it->kind != PT_HOLE) {
			continue;
		}
		*entry = was ^ BIT(bit);
		must_find("entry", it->ia, bit);
		*entry = was;
	}
}

/* All that is there, and some of the holes. Returns how many entries that were. */
static unsigned flip_context_entries(struct shadow_ctx *ctx)
{
	unsigned flipped = 0, holes = 0;
	struct tdp_iter it;

	tdp_iter_start(&it, &ctx->tdp, 0, BIT(ctx->tdp.ia_bits) - 1);
	for (; it.valid; tdp_iter_next(&it)) {
		if (it.entry || holes++ % 300 == 0) {
			flip_entry(&it);
			flipped++;
		}
	}
	return flipped;
}

static void test_entries(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nw_shape_count; i++) {
		unsigned flipped = 0;

		start(&nw_shapes[i]);
		for (unsigned c = 0; c < nw.shadow.config.ctx_count; c++) {
			if (nw.shadow.ctx[c]->valid) {
				flipped += flip_context_entries(nw.shadow.ctx[c]);
			}
		}
		assert_true(flipped > 10);
		assert_true(audit(true));
		nw_stop();
	}
}

/* A whole entry taken from elsewhere, lost, or there twice. */
static void test_moved_entries(void **state)
{
	struct tdp_iter a, b;
	u64 was;

	(void)state;
	for (unsigned i = 0; i < nw_shape_count; i++) {
		start(&nw_shapes[i]);
		tdp_iter_find(&a, mmu_tdp(&nw.vcpu[0]), nw.probe[0]);
		tdp_iter_find(&b, mmu_tdp(&nw.vcpu[0]), nw.probe[1]);
		assert_true(a.kind == PT_LEAF && b.kind == PT_LEAF && a.ptep != b.ptep);
		was = *(u64 *)a.ptep;
		*(u64 *)a.ptep = *(u64 *)b.ptep;
		must_find("copied leaf", a.ia, 0);
		*(u64 *)a.ptep = 0;
		must_find("lost leaf", a.ia, 0);
		*(u64 *)a.ptep = was;
		/* Another context's table in the place of ours. */
		tdp_iter_start(&a, mmu_tdp(&nw.vcpu[0]), 0, 0);
		tdp_iter_start(&b, mmu_tdp(&nw.vcpu[1]), 0, 0);
		was = *(u64 *)a.ptep;
		*(u64 *)a.ptep = *(u64 *)b.ptep;
		must_find("another context's table", 0, 0);
		*(u64 *)a.ptep = 0;
		must_find("lost table", 0, 0);
		*(u64 *)a.ptep = was;
		assert_true(audit(true));
		nw_stop();
	}
}

/* A leaf of the hypervisor's own memory, with a reverse map that agrees. */
static void test_foreign_memory(void **state)
{
	struct tdp_iter it;
	u32 at;

	(void)state;
	start(&nw_shapes[4]);
	tdp_iter_find(&it, mmu_tdp(&nw.vcpu[0]), nw.probe[0]);
	at = rmap_find(&nw.shadow.rmap, nw.vcpu[0].guest.ctx->index, it.ia, it.level);
	*(u64 *)it.ptep = (it.entry & ~GENMASK(51, 12)) | nw.shadow.ctx_pages.v;
	nw.shadow.rmap.entry[at].oa = nw.shadow.ctx_pages.v;
	assert_false(audit(false));
	nw.shadow.rmap.entry[at].oa = 0;
	/* Even as a record in the right chain. */
	*(u64 *)it.ptep = it.entry;
	nw.shadow.rmap.entry[at].oa = pt_leaf_oa(&pt_npt, it.level, it.entry).v;
	rmap_remove(&nw.shadow.rmap, nw.vcpu[0].guest.ctx->index, it.ia, it.level);
	rmap_add(&nw.shadow.rmap,
		 &(struct rmap_entry){.oa = nw.shadow.ctx_pages.v,
				      .ia = it.ia,
				      .ctx = nw.vcpu[0].guest.ctx->index,
				      .level = it.level,
				      .attr = rmap_attr(pt_decode(&pt_npt, 1, it.entry).prot, 0)});
	*(u64 *)it.ptep = (it.entry & ~GENMASK(51, 12)) | nw.shadow.ctx_pages.v;
	assert_false(audit(false));
	assert_non_null(strstr(text, "memory that is not the VM's"));
}

static void flip_bytes(const char *what, void *p, size_t size)
{
	u8 *byte = p;

	for (unsigned bit = 0; bit < size * 8; bit++) {
		byte[bit / 8] ^= (u8)(1u << bit % 8);
		must_find(what, bit / 8, bit % 8);
		byte[bit / 8] ^= (u8)(1u << bit % 8);
	}
}

#define FLIP(x) flip_bytes(#x, &(x), sizeof(x))

static void test_reverse_map(void **state)
{
	struct rmap *m = &nw.shadow.rmap;

	(void)state;
	for (unsigned i = 0; i < nw_shape_count; i += 4) {
		start(&nw_shapes[i]);
		for (u32 at = 0; at < m->max; at++) {
			struct rmap_entry *e = &m->entry[at];

			if (!e->level) {
				continue;
			}
			FLIP(e->oa);
			FLIP(e->ia);
			FLIP(e->ctx);
			FLIP(e->level);
			FLIP(e->attr);
			FLIP(e->oa_next);
			FLIP(e->oa_prev);
			FLIP(e->ia_next);
		}
		FLIP(m->used);
		FLIP(m->free_head);
		FLIP(m->entry[m->free_head].level);
		FLIP(m->entry[m->free_head].oa_next);
		for (u32 b = 0; b < BIT(m->hash_bits); b += 37) {
			FLIP(m->oa_head[b]);
			FLIP(m->ia_head[b]);
		}
		assert_true(audit(true));
		nw_stop();
	}
}

static void flip_context(struct shadow_ctx *ctx)
{
	FLIP(ctx->users);
	FLIP(ctx->leaves);
	FLIP(ctx->index);
	FLIP(ctx->key.root);
	FLIP(ctx->key.tag);
	FLIP(ctx->key.role);
	FLIP(ctx->tdp.root);
	FLIP(ctx->tdp.table_count);
	FLIP(ctx->tdp.pending_batches);
}

static void test_counters_and_keys(void **state)
{
	struct shadow_ctx *a, *b;
	u64 was;

	(void)state;
	for (unsigned i = 0; i < nw_shape_count; i += 3) {
		start(&nw_shapes[i]);
		a = nw.vcpu[0].guest.ctx;
		b = nw.vcpu[1].guest.ctx;
		flip_context(a);
		FLIP(nw.shadow.users);
		FLIP(nw.shadow.pages);
		FLIP(nw.vcpu[0].guest.regime.root);
		FLIP(nw.vcpu[0].guest.tag);
		was = a->generation;
		a->generation = b->generation;
		must_find("generation of another", 0, 0);
		a->generation = 0;
		must_find("no generation", 0, 0);
		a->generation = nw.shadow.last_generation + 1;
		must_find("a generation to come", 0, 0);
		a->generation = was;
		nw.vcpu[0].guest.ctx = b;
		must_find("another's context", 0, 0);
		nw.vcpu[0].guest.ctx = NULL;
		must_find("lost reference", 0, 0);
		nw.vcpu[0].guest.ctx = a;
		assert_true(audit(true));
		nw_stop();
	}
}

/* Two contexts of one key; an unused one that is not empty. */
static void test_twins(void **state)
{
	struct shadow_ctx *a;
	struct shadow_key was;

	(void)state;
	start(&nw_shapes[4]);
	nw_leave(0);
	nw_leave(1);
	a = nw.shadow.ctx[1];
	was = a->key;
	a->key = nw.shadow.ctx[0]->key;
	must_find("key of two", 0, 0);
	a->key = was;
	a = nw.shadow.ctx[nw.shadow.config.ctx_count - 1];
	assert_false(a->valid);
	a->leaves = 1;
	must_find("leaves of an unused context", 0, 0);
	a->leaves = 0;
	nw_stop();
}

/* L1's part: what it changed and has not said is stale, and wrong where it must have said it. */
static void test_stale(void **state)
{
	(void)state;
	for (unsigned i = 0; i < nw_shape_count; i++) {
		unsigned node = 0;

		start(&nw_shapes[i]);
		for (unsigned level = nw_levels(); level > 1; level--) {
			node = 3 + 2 * (level - 2) + (node & 1);
		}
		nw_write(node, 0, nw_leaf(1, 0x40600000, PT_RWX));
		assert_true(audit(false));
		assert_true(stale > 0);
		assert_false(audit(true));
		assert_non_null(strstr(text, "L1's tables say"));
		nw_invalidate_all();
		assert_true(audit(true));
		assert_true(stale == 0);
		nw_stop();
	}
}

/* To look is not to touch: L1's accessed and dirty bits stay as L1 left them. */
static void test_no_trace(void **state)
{
	u64 bits = pt_npt.accessed | pt_npt.dirty, entry;

	(void)state;
	start(&nw_shapes[4]);
	assert_int_equal(nw_access(0, 0, PT_W), SHADOW_FIXED);
	entry = nw_entry(3, 0) & ~bits;
	nw_write(3, 0, entry);
	assert_true(audit(false));
	assert_true(nw_entry(3, 0) == entry && stale > 0);
	nw_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entries),        cmocka_unit_test(test_moved_entries),
		cmocka_unit_test(test_reverse_map),    cmocka_unit_test(test_counters_and_keys),
		cmocka_unit_test(test_twins),          cmocka_unit_test(test_stale),
		cmocka_unit_test(test_foreign_memory), cmocka_unit_test(test_no_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
