// SPDX-License-Identifier: Apache-2.0
#include "mm/pt_format.h"

#include <errno.h>

u64 pt_encode_leaf(const struct pt_format *fmt, unsigned level, hpa_t oa, unsigned prot,
		   enum pt_mem mem)
{
	const struct pt_level *l = &fmt->level[level];
	u64 entry;

	if (!pt_level_has_leaf(fmt, level) || prot >= PT_PROT_COUNT || !fmt->prot[prot] ||
	    (unsigned)mem >= PT_MEM_COUNT) {
		return 0;
	}
	entry = (oa.v & l->oa_mask) | (oa.v >> fmt->oa_high_shift & l->oa_high_mask);
	if (pt_leaf_oa(fmt, level, entry).v != oa.v) {
		return 0;
	}
	return entry | fmt->prot[prot] | l->mem[mem] | l->leaf_bits;
}

u64 pt_encode_table(const struct pt_format *fmt, unsigned level, hpa_t oa)
{
	u64 bits = fmt->level[level].table_bits;

	return bits && !(oa.v & ~fmt->table_oa_mask) ? oa.v | bits : 0;
}

static unsigned decode_prot(const struct pt_format *fmt, u64 entry)
{
	unsigned prot = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(fmt->prot_is); i++) {
		prot |= pt_match(fmt->prot_is[i], entry) ? 1u << i : 0;
	}
	return prot;
}

static enum pt_mem decode_mem(const struct pt_level *l, u64 entry)
{
	for (unsigned i = 0; i < PT_MEM_COUNT; i++) {
		if ((entry & l->mem_mask) == l->mem[i]) {
			return (enum pt_mem)i;
		}
	}
	return PT_MEM_OTHER;
}

/* Where the entry that we write does not say "writable", tables have no permissions of their own
 * (stage 2, PAE's root). */
static unsigned decode_table_prot(const struct pt_format *fmt, unsigned level, u64 entry)
{
	bool has_prot = decode_prot(fmt, fmt->level[level].table_bits) & PT_W;

	return has_prot ? decode_prot(fmt, entry) : PT_RWX | PT_U;
}

struct pt_entry pt_decode(const struct pt_format *fmt, unsigned level, u64 entry)
{
	struct pt_entry e = {.kind = pt_classify(fmt, level, entry), .oa = HPA_NONE};

	if (e.kind == PT_TABLE) {
		e.oa = pt_table_oa(fmt, entry);
		e.prot = (u8)decode_table_prot(fmt, level, entry);
	} else if (e.kind == PT_LEAF) {
		e.oa = pt_leaf_oa(fmt, level, entry);
		e.prot = (u8)decode_prot(fmt, entry);
		e.mem = (u8)decode_mem(&fmt->level[level], entry);
		e.accessed = entry & fmt->accessed;
		e.dirty = entry & fmt->dirty;
	}
	return e;
}

/* The highest output address that a leaf of @level can carry. */
static u64 level_oa_max(const struct pt_format *fmt, unsigned level)
{
	const struct pt_level *l = &fmt->level[level];

	return l->oa_mask | l->oa_high_mask << fmt->oa_high_shift;
}

static bool check_leaf(const struct pt_format *fmt, unsigned level, unsigned prot, enum pt_mem mem)
{
	u64 oas[] = {0, pt_level_size(fmt, level), level_oa_max(fmt, level)};

	for (unsigned i = 0; i < ARRAY_SIZE(oas); i++) {
		u64 e = pt_encode_leaf(fmt, level, hpa(oas[i]), prot, mem);
		struct pt_entry d = pt_decode(fmt, level, e);

		if (!e || d.kind != PT_LEAF || d.oa.v != oas[i] || d.prot != prot || d.mem != mem ||
		    d.dirty || e & fmt->volatile_mask) {
			return false;
		}
	}
	return true;
}

static bool check_leaves(const struct pt_format *fmt, unsigned level)
{
	const struct pt_level *l = &fmt->level[level];
	u64 fields[] = {l->oa_mask,
			l->oa_high_mask,
			l->mem_mask,
			fmt->prot_mask & ~l->leaf_bits,
			l->leaf_bits & ~fmt->prot_mask,
			fmt->volatile_mask};
	u64 seen = 0;
	bool ok = true;

	for (unsigned i = 0; i < ARRAY_SIZE(fields); i++) {
		ok &= !(seen & fields[i]);
		seen |= fields[i];
	}
	for (unsigned prot = 0; prot < PT_PROT_COUNT; prot++) {
		for (unsigned mem = 0; fmt->prot[prot] && mem < PT_MEM_COUNT; mem++) {
			ok &= check_leaf(fmt, level, prot, (enum pt_mem)mem);
		}
	}
	return ok;
}

static bool check_table(const struct pt_format *fmt, unsigned level)
{
	u64 e = pt_encode_table(fmt, level, hpa(fmt->table_oa_mask));
	struct pt_entry d = pt_decode(fmt, level, e);

	return e && d.kind == PT_TABLE && d.oa.v == fmt->table_oa_mask &&
	       !(fmt->table_oa_mask & fmt->level[level].table_bits);
}

int pt_format_check(const struct pt_format *fmt)
{
	/* Leaf levels are 1 to n without a gap: the builder counts on it. */
	bool ok = is_power_of_2(((u64)fmt->leaf_levels >> 1) + 1) &&
		  fmt->max_level <= PT_MAX_LEVELS && fmt->min_root_level <= fmt->max_level &&
		  !(fmt->present_mask & PT_MARKER) && pt_level_has_leaf(fmt, 1);

	for (unsigned level = 1; ok && level <= fmt->max_level; level++) {
		ok &= pt_classify(fmt, level, 0) == PT_HOLE;
		ok &= pt_classify(fmt, level, PT_MARKER) == PT_DEVICE;
		ok &= level == 1 || check_table(fmt, level);
		ok &= !pt_level_has_leaf(fmt, level) || check_leaves(fmt, level);
	}
	return ok ? 0 : -EINVAL;
}
