// SPDX-License-Identifier: Apache-2.0
/* The shapes of the nested world, random operations on it, and the vCPU that interferes. */
#include <string.h>

#include "tests/host/nested_world.h"

#define NPT_ROLE .oa_bits = 40, .tdp = 1, .nx = 1, .page1g = 1, .amd = 1, .pse = 1
#define EPT_ROLE .oa_bits = 40, .tdp = 1, .page1g = 1, .xonly = 1
#define S2_ROLE  .oa_bits = 40, .tdp = 1

const struct nw_shape nw_shapes[] = {
	{"NPT 32-bit on 4 levels", {.kind = WALK_X86_32, NPT_ROLE}, &mmu_npt, &pt_npt, 48},
	{"NPT 32-bit on 5 levels", {.kind = WALK_X86_32, NPT_ROLE}, &mmu_npt, &pt_npt, 57},
	{"NPT PAE on 4 levels", {.kind = WALK_PAE, NPT_ROLE}, &mmu_npt, &pt_npt, 48},
	{"NPT PAE on 5 levels", {.kind = WALK_PAE, NPT_ROLE}, &mmu_npt, &pt_npt, 57},
	{"NPT 4-level on 4 levels", {.kind = WALK_LONG4, NPT_ROLE}, &mmu_npt, &pt_npt, 48},
	{"NPT 4-level on 5 levels", {.kind = WALK_LONG4, NPT_ROLE}, &mmu_npt, &pt_npt, 57},
	{"NPT 5-level on 4 levels", {.kind = WALK_LONG5, NPT_ROLE}, &mmu_npt, &pt_npt, 48},
	{"NPT 5-level on 5 levels", {.kind = WALK_LONG5, NPT_ROLE}, &mmu_npt, &pt_npt, 57},
	{"EPT 4-level on 4 levels", {.kind = WALK_EPT4, EPT_ROLE}, &mmu_ept, &pt_ept_xonly, 48},
	{"EPT 4-level on 5 levels", {.kind = WALK_EPT4, EPT_ROLE}, &mmu_ept, &pt_ept_xonly, 57},
	{"EPT 5-level on 4 levels", {.kind = WALK_EPT5, EPT_ROLE}, &mmu_ept, &pt_ept_xonly, 48},
	{"EPT 5-level on 5 levels", {.kind = WALK_EPT5, EPT_ROLE}, &mmu_ept, &pt_ept_xonly, 57},
	{"EPT with A/D", {.kind = WALK_EPT4, .ad = 1, EPT_ROLE}, &mmu_ept, &pt_ept_xonly, 48},
	{"stage 2, 4K",
	 {.kind = WALK_S2_4K, .root_level = 4, .ia_bits = 44, S2_ROLE},
	 &mmu_s2,
	 &pt_s2_4k,
	 44},
	{"stage 2, 4K, concatenated root",
	 {.kind = WALK_S2_4K, .root_level = 3, .ia_bits = 40, .ad = 1, .hd = 1, S2_ROLE},
	 &mmu_s2,
	 &pt_s2_4k,
	 48},
	{"stage 2, 16K",
	 {.kind = WALK_S2_16K, .root_level = 3, .ia_bits = 42, S2_ROLE},
	 &mmu_s2,
	 &pt_s2_4k,
	 48},
	{"stage 2, 64K, big-endian",
	 {.kind = WALK_S2_64K, .root_level = 3, .ia_bits = 44, .big_endian = 1, S2_ROLE},
	 &mmu_s2,
	 &pt_s2_4k,
	 44},
};
const unsigned nw_shape_count = ARRAY_SIZE(nw_shapes);

/* What L1's leaves point at: memory of every alignment, read-only memory, no memory. */
static const u64 spots[] = {
	0x200000,   0x201000,   0x40000000, 0x40200000, 0x40201000, 0x40400000,
	0x12000000, 0xfe000000, 0x400000,   0x7fe00000, 0x300000,   0x40600000,
};

static bool in_race;

static unsigned pick(u64 bits, unsigned shift, unsigned count)
{
	return (unsigned)((bits >> shift) % count);
}

void walk_race_point(void *ptr);

/* Another vCPU of L1's, while the walker is between look and update. */
void walk_race_point(void *ptr)
{
	u64 bits = nw.race_bits;

	(void)ptr;
	if (!nw.race || in_race) {
		return;
	}
	in_race = true;
	nw.race--;
	nw.race_bits = bits * 6364136223846793005ULL + 1442695040888963407ULL;
	if (nw.race_takes) {
		nw_take(0x200000, 0x200000, 0);
	} else {
		nw_write(pick(bits, 33, NW_NODES), bits >> 40 & 1, 0);
		nw_invalidate(pick(bits, 45, NW_TARGETS), false, 0);
	}
	in_race = false;
}

/* Mostly a link that keeps the levels in order. */
static u64 random_link(u64 bits, unsigned level)
{
	unsigned low = 3 + 2 * (level - 2);

	return nw_link(level, bits >> 48 & 7 ? low + (bits >> 51 & 1) : pick(bits, 52, NW_NODES));
}

/* A new entry: hole, link, leaf or nonsense. */
static void random_write(u64 bits)
{
	static const u8 prots[] = {PT_RWX, PT_RW, PT_R, PT_RX, PT_RWX, PT_X, PT_W, PT_RWX};
	static const unsigned indices[] = {0, 1, 5, 9};
	const struct pt_format *fmt = walk_format(nw.shape->role);
	unsigned node = pick(bits, 10, NW_NODES), what = bits >> 16 & 15;
	unsigned level = bits >> 5 & 7 ? nw_node_level(node) : 1 + pick(bits, 6, nw_levels());
	unsigned index = indices[bits >> 30 & (level == 1 ? 3 : 1)];
	u64 entry = 0, spot = spots[pick(bits, 20, ARRAY_SIZE(spots))];

	if (what == 2) {
		entry = bits * 0x9e3779b97f4a7c15ULL;
	} else if (what == 3) {
		entry = nw_entry(node, index) ^ BIT(bits >> 34 & 63);
	} else if (what > 3 && level > 1 && (what < 12 || !pt_level_has_leaf(fmt, level))) {
		entry = random_link(bits, level);
	} else if (what > 3) {
		entry = nw_leaf(level, spot, prots[bits >> 24 & 7]);
		entry |= entry && bits >> 46 & 1 ? fmt->accessed | fmt->dirty : 0;
	}
	nw_write(node, index, entry);
}

static void random_access(u64 bits)
{
	unsigned vcpu = pick(bits, 8, NW_VCPUS), probe = pick(bits, 16, nw.probe_count);
	unsigned access = 1u << pick(bits, 24, 3);

	if (nw.runs[vcpu] < 0 && nw_enter(vcpu, pick(bits, 32, NW_TARGETS))) {
		return; /* no memory for a root */
	}
	nw.race = bits >> 40 & 15 ? 0 : 1;
	nw.race_bits = bits;
	if (bits >> 44 & 7) {
		(void)nw_access(vcpu, probe, access);
	} else {
		(void)nw_spurious(vcpu, probe, access);
	}
	nw.race = 0;
}

void nw_random_op(u64 bits)
{
	unsigned op = bits & 31;

	if (op < 3) {
		nw_invalidate(pick(bits, 8, NW_TARGETS), bits >> 12 & 1,
			      pick(bits, 16, nw.probe_count));
	} else if (op < 5) {
		nw_leave(pick(bits, 8, NW_VCPUS));
	} else if (op == 5) {
		nw_take(spots[pick(bits, 8, ARRAY_SIZE(spots))],
			bits >> 16 & 3 ? PAGE_SIZE : 0x400000, pick(bits, 18, 3));
	} else if (op == 6) {
		nw.fail_at = bits >> 8 & 3 ? -1 : (long)(bits >> 10 & 7);
	} else if (op < 13) {
		random_write(bits);
	} else {
		random_access(bits);
	}
	nw_check();
}
