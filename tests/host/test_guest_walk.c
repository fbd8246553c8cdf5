// SPDX-License-Identifier: Apache-2.0
/*
 * The walker against the builder, against the reference on random tables, and against fault codes
 * worked out by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/page.h"
#include "mm/tdp.h"
#include "vmm/guest_walk.h"
#include "tests/host/walk_world.h"

static u32 held_ranks;

u32 *lock_held_ranks(void)
{
	return &held_ranks;
}

static u64 rng;

static u64 next_random(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng * 0x2545f4914f6cdd1dULL;
}

static void test_reference(void **state)
{
	(void)state;
	rng = 0x5eed;
	walk_counts = (struct walk_counts){0};
	for (unsigned i = 0; i < 3000; i++) {
		walk_world_run(next_random);
	}
	/* ... so it was about something */
	assert_true(walk_counts.ok > 5000 && walk_counts.faults > 20000);
	assert_true(walk_counts.misconfigs > 300 && walk_counts.updates > 1000);
	assert_true(walk_counts.under > 1000 && walk_counts.kept > 10000);
	for (unsigned level = 1; level <= 5; level++) {
		assert_true(walk_counts.levels[level] > 200);
	}
}

/* --- the builder's tables --- */

#define POOL_PAGES 2048
#define POOL_HPA   0x40000000ULL

static _Alignas(65536) u8 pool[POOL_PAGES * PAGE_SIZE];
static u64 pool_used;
static struct memslots slots;

static hpa_t pool_alloc(struct tdp *tdp, unsigned order)
{
	u64 size = PAGE_SIZE << order, at = align_up(pool_used, size);

	(void)tdp;
	if (at + size > sizeof(pool)) {
		return HPA_NONE;
	}
	pool_used = at + size;
	memset(pool + at, 0xff, size);
	return hpa(POOL_HPA + at);
}

static void pool_free(struct tdp *tdp, hpa_t table, unsigned order)
{
	(void)tdp;
	(void)table;
	(void)order;
}

static void pool_flush(struct tdp *tdp, gpa_t start, u64 size)
{
	(void)tdp;
	(void)start;
	(void)size;
}

static const struct tdp_ops pool_ops = {
	.alloc = pool_alloc, .free = pool_free, .flush = pool_flush};

static void pool_start(void)
{
	struct memslot s = {.base = gpa(POOL_HPA), .size = sizeof(pool), .hpa = hpa(POOL_HPA)};

	phys_offset = (uintptr_t)pool - POOL_HPA;
	pool_used = 0;
	slots.count = 0;
	assert_int_equal(memslot_add(&slots, &s), 0);
}

static const struct {
	const struct pt_format *fmt;
	unsigned ia_bits;
	union cpu_role role;
} built[] = {
	{&pt_x86_32, 32, {.kind = WALK_X86_32, .oa_bits = 40, .pse = 1}},
	{&pt_pae, 32, {.kind = WALK_PAE, .oa_bits = 52, .nx = 1}},
	{&pt_x86_64, 48, {.kind = WALK_LONG4, .oa_bits = 52, .nx = 1, .page1g = 1}},
	{&pt_x86_64_5level, 57, {.kind = WALK_LONG5, .oa_bits = 52, .nx = 1, .page1g = 1}},
	{&pt_npt,
	 48,
	 {.kind = WALK_LONG4, .oa_bits = 52, .tdp = 1, .nx = 1, .page1g = 1, .amd = 1}},
	{&pt_npt,
	 57,
	 {.kind = WALK_LONG5, .oa_bits = 52, .tdp = 1, .nx = 1, .page1g = 1, .amd = 1}},
	{&pt_ept, 48, {.kind = WALK_EPT4, .oa_bits = 52, .tdp = 1, .page1g = 1}},
	{&pt_ept_xonly, 57, {.kind = WALK_EPT5, .oa_bits = 52, .tdp = 1, .page1g = 1, .xonly = 1}},
	{&pt_s2_4k,
	 48,
	 {.kind = WALK_S2_4K, .tdp = 1, .root_level = 4, .ia_bits = 48, .oa_bits = 48}},
	{&pt_s2_4k,
	 40,
	 {.kind = WALK_S2_4K, .tdp = 1, .root_level = 3, .ia_bits = 40, .oa_bits = 48}},
	{&pt_s2_16k,
	 40,
	 {.kind = WALK_S2_16K, .tdp = 1, .root_level = 2, .ia_bits = 40, .oa_bits = 48}},
	{&pt_s2_64k,
	 42,
	 {.kind = WALK_S2_64K, .tdp = 1, .root_level = 2, .ia_bits = 42, .oa_bits = 48}},
	{&pt_el1_4k, 48, {.kind = WALK_S1_4K, .root_level = 4, .ia_bits = 48, .oa_bits = 48}},
	{&pt_el1_4k, 39, {.kind = WALK_S1_4K, .root_level = 3, .ia_bits = 39, .oa_bits = 48}},
	{&pt_el1_16k, 48, {.kind = WALK_S1_16K, .root_level = 4, .ia_bits = 48, .oa_bits = 48}},
	{&pt_el1_16k, 47, {.kind = WALK_S1_16K, .root_level = 3, .ia_bits = 47, .oa_bits = 48}},
	{&pt_el1_64k, 42, {.kind = WALK_S1_64K, .root_level = 2, .ia_bits = 42, .oa_bits = 48}},
	{&pt_el1_64k, 48, {.kind = WALK_S1_64K, .root_level = 3, .ia_bits = 48, .oa_bits = 48}},
};

/* A place near a few others, so that tables get many entries. */
static u64 random_place(unsigned ia_bits)
{
	static const u64 spots[] = {0, 0x3fe00000, 0x7fffe0000000, 0x80000000};
	u64 r = next_random(), spot = spots[r & 3] & (BIT(ia_bits) - 1);

	spot = (spot + (r >> 8) % 0x800000) & (BIT(ia_bits - 1) - 1);
	return align_down(spot, 0x10000);
}

static void check_against_lookup(struct tdp *tdp, unsigned row, u64 ia)
{
	struct walk_regime regime = {.role = built[row].role, .root = tdp->root.v, .slots = &slots};
	struct tdp_entry e = tdp_lookup(tdp, gpa(ia));

	for (unsigned access = PT_R; access <= PT_X; access <<= 1) {
		struct guest_walk w = {.ia = ia, .access = (u8)access};
		bool user = e.prot & PT_U, may, el1 = regime.role.kind >= WALK_S1_4K;

		w.access |= user && !el1 ? PT_U : 0; /* EL0 executes nothing of ours */
		may = e.kind == PT_LEAF && e.prot & access;
		if (el1 && access == PT_X && user && e.prot & PT_W) {
			may = false; /* EL0's to write */
		}
		if (e.kind == PT_LEAF && !user && access == PT_W && !regime.role.tdp && !el1) {
			may = true; /* CR0.WP = 0 */
		}
		assert_int_equal(guest_walk(&regime, &w) == WALK_OK, may);
		assert_int_equal(w.level, e.level);
		if (may) {
			assert_true(w.gpa.v == e.oa.v);
			assert_int_equal(w.mem, e.mem);
			assert_int_equal(w.prot & PT_RWX, e.prot & PT_RWX);
			assert_true(w.size == pt_level_size(built[row].fmt, e.level));
		}
	}
}

static void test_builder(void **state)
{
	(void)state;
	rng = 77;
	for (unsigned row = 0; row < ARRAY_SIZE(built); row++) {
		const struct pt_format *fmt = built[row].fmt;
		struct tlb_batch batch;
		struct tdp tdp;
		unsigned mapped = 0;

		pool_start();
		assert_int_equal(tdp_init(&tdp, fmt, &pool_ops, built[row].ia_bits), 0);
		if (fmt == &pt_s2_4k || fmt == &pt_s2_16k || fmt == &pt_s2_64k) {
			assert_int_equal(tdp.root_level, built[row].role.root_level);
		}
		tlb_batch_init(&batch, &tdp);
		for (unsigned i = 0; i < 300; i++) {
			u64 ia = random_place(built[row].ia_bits), r = next_random();
			u64 size = BIT(16 + r % 8);
			struct tdp_attr attr = {.oa = hpa(align_down(r >> 8 & 0x7fffffff, 0x10000)),
						.prot = r >> 40 & 15,
						.mem = r >> 44 & 3};

			attr.oa.v = r >> 46 & 1 ? ia & 0xfff0000 : attr.oa.v;
			mapped += !tdp_map(&tdp, gpa(ia), size, attr, &batch);
			tlb_batch_flush(&batch);
			for (unsigned j = 0; j < 20; j++) {
				check_against_lookup(&tdp, row,
						     random_place(built[row].ia_bits) +
							     (next_random() & 0xffff));
			}
		}
		assert_true(mapped > 10);
		tdp_destroy(&tdp);
	}
}

/* --- by hand --- */

/* Tables at pages 1 (root), 2, 3, 4, 5 of the pool: [i] links to the next for address 0. */
static u64 *table(unsigned page)
{
	return (u64 *)(void *)(pool + page * PAGE_SIZE);
}

static u64 at(unsigned page)
{
	return POOL_HPA + page * PAGE_SIZE;
}

static void chain(unsigned levels, u64 link, u64 leaf)
{
	memset(pool, 0, 8 * PAGE_SIZE);
	for (unsigned i = 1; i < levels; i++) {
		table(i)[0] = at(i + 1) | link;
	}
	table(levels)[0] = leaf;
}

struct golden {
	const char *what;
	union cpu_role role;
	unsigned levels;
	u64 link, leaf;
	u8 access, flags;
	enum walk_result result;
	u8 level;
	u64 code;
};

#define NPT4 .kind = WALK_LONG4, .oa_bits = 40, .tdp = 1, .nx = 1, .page1g = 1, .amd = 1
#define LNG4 .kind = WALK_LONG4, .oa_bits = 40, .nx = 1, .wp = 1
#define EPT4 .kind = WALK_EPT4, .oa_bits = 40, .tdp = 1, .page1g = 1
#define S2_4 .kind = WALK_S2_4K, .tdp = 1, .root_level = 4, .ia_bits = 48, .oa_bits = 40

static const struct golden goldens[] = {
	{"NPT: hole", {NPT4}, 4, 7, 0, PT_R, 0, WALK_FAULT, 1, 0x100000004},
	{"NPT: write of a read-only page",
	 {NPT4},
	 4,
	 7,
	 0x5005,
	 PT_W,
	 0,
	 WALK_FAULT,
	 1,
	 0x100000007},
	{"NPT: fetch of a page with NX",
	 {NPT4},
	 4,
	 7,
	 BIT(63) | 0x5007,
	 PT_X,
	 0,
	 WALK_FAULT,
	 1,
	 0x100000015},
	{"NPT: a supervisor's page", {NPT4}, 4, 7, 0x5003, PT_R, 0, WALK_FAULT, 1, 0x100000005},
	{"NPT: guest's table in a read-only page",
	 {NPT4},
	 4,
	 7,
	 0x5005,
	 PT_R,
	 WALK_ON_WALK,
	 WALK_FAULT,
	 1,
	 0x200000007},
	{"NPT: address beyond MAXPHYADDR",
	 {NPT4},
	 4,
	 7,
	 BIT(40) | 0x5007,
	 PT_R,
	 0,
	 WALK_FAULT,
	 1,
	 0x10000000d},
	{"NPT: bit 8 of level 4", {NPT4}, 4, 0x107, 0x5007, PT_R, 0, WALK_FAULT, 4, 0x10000000d},
	{"#PF: supervisor writes read-only", {LNG4}, 4, 7, 0x5005, PT_W, 0, WALK_FAULT, 1, 3},
	{"#PF: user reads a supervisor's page",
	 {LNG4},
	 4,
	 7,
	 0x5003,
	 PT_R | PT_U,
	 0,
	 WALK_FAULT,
	 1,
	 5},
	{"#PF: SMEP", {LNG4, .smep = 1}, 4, 7, 0x5007, PT_X, 0, WALK_FAULT, 1, 0x11},
	{"#PF: SMAP", {LNG4, .smap = 1}, 4, 7, 0x5007, PT_R, 0, WALK_FAULT, 1, 1},
	{"SMAP, with AC", {LNG4, .smap = 1}, 4, 7, 0x5007, PT_R, WALK_AC, WALK_OK, 1, 0},
	{"#PF: key 1",
	 {LNG4, .pke = 1},
	 4,
	 7,
	 BIT(59) | 0x5007,
	 PT_R | PT_U,
	 0,
	 WALK_FAULT,
	 1,
	 0x25},
	{"#PF: page of 1 GiB where there are none", {LNG4}, 2, 7, 0x87, PT_R, 0, WALK_FAULT, 3, 9},
	{"#PF: hole at the root", {LNG4}, 1, 7, 0, PT_X, 0, WALK_FAULT, 4, 0x10},
	{"EPT: hole", {EPT4}, 4, 7, 0, PT_R, 0, WALK_FAULT, 1, 0x181},
	{"EPT: write", {EPT4}, 4, 7, 0x5035, PT_W, 0, WALK_FAULT, 1, 0x1aa},
	{"EPT: a table takes it away", {EPT4}, 4, 3, 0x5037, PT_X, 0, WALK_FAULT, 1, 0x19c},
	{"EPT: guest's table", {EPT4}, 4, 7, 0x5031, PT_W, WALK_ON_WALK, WALK_FAULT, 1, 0x8a},
	{"EPT: guest's table, with A/D: a write",
	 {EPT4, .ad = 1},
	 4,
	 7,
	 0x5031,
	 PT_R,
	 WALK_ON_WALK,
	 WALK_FAULT,
	 1,
	 0x8b},
	{"EPT: write-only", {EPT4}, 4, 7, 0x5032, PT_W, 0, WALK_MISCONFIG, 1, 0},
	{"EPT: execute-only", {EPT4}, 4, 7, 0x5034, PT_X, 0, WALK_MISCONFIG, 1, 0},
	{"EPT: execute-only, offered", {EPT4, .xonly = 1}, 4, 7, 0x5034, PT_X, 0, WALK_OK, 1, 0},
	{"EPT: memory type 2", {EPT4}, 4, 7, 0x5017, PT_R, 0, WALK_MISCONFIG, 1, 0},
	{"stage 2: hole", {S2_4}, 4, 3, 0, PT_R, 0, WALK_FAULT, 1, 0x07},
	{"stage 2: no table at level 1", {S2_4}, 2, 3, 0, PT_R, 0, WALK_FAULT, 3, 0x05},
	{"stage 2: block at level 0", {S2_4}, 1, 3, 0x7c1, PT_R, 0, WALK_FAULT, 4, 0x04},
	{"stage 2: permission", {S2_4}, 4, 3, 0x5743, PT_W, 0, WALK_FAULT, 1, 0x0f},
	{"stage 2: access flag", {S2_4}, 4, 3, 0x53c3, PT_R, 0, WALK_FAULT, 1, 0x0b},
	{"stage 2: address size", {S2_4}, 4, 3, BIT(40) | 0x57c3, PT_R, 0, WALK_FAULT, 1, 0x03},
	{"stage 2: table where no memory is", {S2_4}, 2, 3, 0x3, PT_R, 0, WALK_FAULT, 2, 0x16},
	{"stage 2: no DBM without HD",
	 {S2_4},
	 4,
	 3,
	 BIT(51) | 0x5743,
	 PT_W,
	 0,
	 WALK_FAULT,
	 1,
	 0x0f},
	{"stage 2: DBM", {S2_4, .hd = 1}, 4, 3, BIT(51) | 0x5743, PT_W, 0, WALK_OK, 1, 0},
};

static void test_golden(void **state)
{
	(void)state;
	pool_start();
	for (unsigned i = 0; i < ARRAY_SIZE(goldens); i++) {
		const struct golden *g = &goldens[i];
		struct walk_regime regime = {
			.role = g->role, .root = at(1), .slots = &slots, .pkru = 4};
		struct guest_walk w = {.access = g->access, .flags = g->flags};
		enum walk_result result;

		chain(g->levels, g->link, g->leaf);
		result = guest_walk(&regime, &w);
		if (result != g->result || w.level != g->level || w.code != g->code) {
			print_error("%s: %d level %u code %llx\n", g->what, result, w.level,
				    (unsigned long long)w.code);
		}
		assert_int_equal(result, g->result);
		assert_int_equal(w.level, g->level);
		assert_true(w.code == g->code);
	}
}

/* An address that the regime does not have. */
static void test_range(void **state)
{
	struct walk_regime r = {.role = {LNG4}, .root = at(1), .slots = &slots};
	struct guest_walk w = {.ia = BIT(47), .access = PT_R};

	(void)state;
	pool_start();
	chain(4, 7, 0x5007);
	assert_int_equal(guest_walk(&r, &w), WALK_CANONICAL);
	r.role = (union cpu_role){NPT4};
	w.ia = BIT(48);
	assert_int_equal(guest_walk(&r, &w), WALK_FAULT);
	assert_true(w.code == 0x100000004 && w.level == 4);
	r.role = (union cpu_role){EPT4};
	assert_int_equal(guest_walk(&r, &w), WALK_FAULT);
	assert_true(w.code == 0x181);
	r.role = (union cpu_role){S2_4};
	assert_int_equal(guest_walk(&r, &w), WALK_FAULT);
	assert_true(w.code == FSC_TRANSLATION);
	w.ia = 0;
	r.root |= BIT(44);
	assert_int_equal(guest_walk(&r, &w), WALK_FAULT);
	assert_true(w.code == FSC_ADDRESS_SIZE);
	/* Levels that do not fit the width: Arm ARM, a translation fault at level 0. */
	r.root = at(1);
	r.role.root_level = 2;
	assert_false(cpu_role_is_valid(r.role));
	assert_int_equal(guest_walk(&r, &w), WALK_FAULT);
	assert_true(w.code == FSC_TRANSLATION);
	r.role.root_level = 5;
	assert_false(cpu_role_is_valid(r.role));
	r.role = (union cpu_role){NPT4};
	r.role.oa_bits = 53;
	assert_false(cpu_role_is_valid(r.role));
	r.role.word = 0; /* R4: nothing */
	assert_false(cpu_role_is_valid(r.role));
	assert_int_equal(guest_walk(&r, &w), WALK_FAULT);
}

/* PDPTEs in registers: memory is not asked, and nothing is set in them. */
static void test_pdptr(void **state)
{
	u64 pdptr[4] = {0, at(2) | 1, 0, 0};
	struct walk_regime r = {.role = {.kind = WALK_PAE, .oa_bits = 40, .nx = 1},
				.root = at(1),
				.pdptr = pdptr,
				.slots = &slots};
	struct guest_walk w = {.ia = BIT(30), .access = PT_R};

	(void)state;
	pool_start();
	chain(3, 7, 0x9007);
	assert_int_equal(guest_walk(&r, &w), WALK_OK);
	assert_true(w.gpa.v == 0x9000 && pdptr[1] == (at(2) | 1));
	assert_true(table(2)[0] == (at(3) | 0x27) && table(3)[0] == 0x9027);
	w = (struct guest_walk){.access = PT_R};
	assert_int_equal(guest_walk(&r, &w), WALK_FAULT);
	assert_int_equal(w.level, 3);
}

/* --- another vCPU, between the look and the update --- */

static unsigned races, race_limit;

void walk_race_point(void *ptr);

void walk_race_point(void *ptr)
{
	if (race_limit && races++ < race_limit) {
		*(u64 *)ptr ^= BIT(9); /* a bit that is software's */
	}
}

static void test_race(void **state)
{
	struct walk_regime r = {.role = {NPT4}, .root = at(1), .slots = &slots};
	struct guest_walk w = {.access = PT_W};

	(void)state;
	pool_start();
	chain(4, 7, 0x5007);
	races = 0;
	race_limit = 3;
	assert_int_equal(guest_walk(&r, &w), WALK_OK);
	assert_true(table(4)[0] == 0x5067); /* accessed and dirty */
	assert_true((table(1)[0] & 0xdff) == 0x027);
	chain(4, 7, 0x5007);
	races = 0;
	race_limit = ~0u;
	assert_int_equal(guest_walk(&r, &w), WALK_RETRY);
	assert_int_equal(races, WALK_TRIES);
	race_limit = 0;
}

/* L2's tables behind L1's: the fault is L1's, with what L2 was after kept apart. */
static void test_under(void **state)
{
	struct walk_regime l1 = {.role = {NPT4}, .root = at(1), .slots = &slots};
	struct walk_regime l2 = {.role = {LNG4}, .root = 0x1000, .slots = &slots, .under = &l1};
	struct guest_walk w = {.ia = 0x123, .access = PT_R};

	(void)state;
	pool_start();
	chain(4, 7, 0);
	table(4)[1] = at(10) | 7; /* L2's page 1: its root */
	table(4)[2] = at(11) | 5; /* page 2, read-only: walks write */
	table(4)[3] = at(12) | 7;
	memset(table(10), 0, 3 * PAGE_SIZE);
	table(10)[0] = 0x3007;
	table(12)[0] = 0x2007;
	assert_int_equal(guest_walk(&l2, &w), WALK_FAULT_UNDER);
	assert_true(w.gpa.v == 0x2000 && w.code == 0x200000007 && w.ia == 0x123);
	table(4)[2] = at(11) | 7;
	table(11)[0] = 0x3007;
	table(12)[0] = 0x2007;
	assert_int_equal(guest_walk(&l2, &w), WALK_OK);
	assert_true(w.gpa.v == 0x2123);              /* of L2 */
	assert_true(table(4)[1] == (at(10) | 0x67)); /* a walk's access: dirty */
}

/* All entries of both levels, and which of them changed; 32-bit tables are not kept. */
static void test_reads(void **state)
{
	struct walk_regime l1 = {.role = {NPT4}, .root = at(1), .slots = &slots};
	struct walk_regime l2 = {.role = {LNG4}, .root = 0x1000, .slots = &slots, .under = &l1};
	struct walk_regime old = {.role = {.kind = WALK_X86_32, .oa_bits = 40}, .root = at(1)};
	static struct walk_reads reads;
	struct guest_walk w = {.ia = 0x123, .access = PT_R, .flags = WALK_PEEK, .reads = &reads};

	(void)state;
	pool_start();
	chain(4, 7, 0);
	memset(table(10), 0, 4 * PAGE_SIZE);
	for (unsigned i = 1; i <= 4; i++) {
		table(4)[i] = at(9 + i) | 7;
		table(9 + i)[0] = (i + 1) << PAGE_SHIFT | 7;
	}
	assert_int_equal(guest_walk(&l2, &w), WALK_OK);
	assert_int_equal(reads.count, 4 * 5);
	assert_true(walk_reads_are_current(&reads));
	for (u32 i = 0; i < reads.count; i++) {
		u64 *word = (u64 *)(uintptr_t)reads.read[i].at;

		*word ^= BIT(5);
		assert_false(walk_reads_are_current(&reads));
		*word ^= BIT(5);
	}
	table(4)[0] ^= BIT(5); /* of no table of L2's */
	assert_true(walk_reads_are_current(&reads));
	reads.count = 0;
	old.slots = &slots;
	table(1)[0] = 0x2007;
	(void)!guest_walk(&old, &w);
	assert_false(walk_reads_are_current(&reads));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),    cmocka_unit_test(test_range),
		cmocka_unit_test(test_pdptr),     cmocka_unit_test(test_race),
		cmocka_unit_test(test_under),     cmocka_unit_test(test_builder),
		cmocka_unit_test(test_reference), cmocka_unit_test(test_reads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
