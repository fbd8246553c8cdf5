// SPDX-License-Identifier: Apache-2.0
#include "vmm/guest_walk.h"

#include <stdatomic.h>

#include "mm/page.h"

#define X86_PS      BIT(7)
#define X86_NX      BIT(63)
#define X86_PKEY    GENMASK(62, 59)
#define EPT_MEMTYPE GENMASK(5, 3)
#define S2_W        BIT(7)
#define S2_DBM      BIT(51)
#define S1_EL0      BIT(6)
#define S1_RO       BIT(7)
#define S1_PXN      BIT(53)
#define S1_UXN      BIT(54)
#define S1_PXN_TBL  BIT(59)
#define S1_UXN_TBL  BIT(60)
#define S1_NO_EL0   BIT(61)
#define S1_RO_TBL   BIT(62)
#define S1_TAG_BIT  55 /* with the top byte ignored it tells the half */
#define CR3_PAE     GENMASK(31, 5)

enum fault_kind {
	FAULT_ADDRESS_SIZE,
	FAULT_ABSENT,
	FAULT_RESERVED,
	FAULT_ACCESS_FLAG,
	FAULT_PERMISSION,
	FAULT_ABORT,
};

struct walk_step {
	void *ptr; /* NULL: a register, or memory that cannot be written */
	u64 raw;   /* as read */
};

/* A walk under way. */
struct walk_state {
	const struct walk_regime *r;
	struct guest_walk *w;
	const struct pt_format *fmt;
	unsigned access; /* what is asked for, with what the regime adds */
	u64 entry, at;   /* at hand, and where it lies */
	unsigned root_level;
	struct walk_step step[PT_MAX_LEVELS + 1];
};

static bool is_ept(union cpu_role role)
{
	return role.kind == WALK_EPT4 || role.kind == WALK_EPT5;
}

static bool is_s1(union cpu_role role)
{
	return role.kind >= WALK_S1_4K;
}

static bool is_arm(union cpu_role role)
{
	return role.kind >= WALK_S2_4K;
}

static bool is_s2(union cpu_role role)
{
	return is_arm(role) && !is_s1(role);
}

static bool is_x86(union cpu_role role)
{
	return role.kind <= WALK_LONG5;
}

const struct pt_format *walk_format(union cpu_role role)
{
	static const struct pt_format *const formats[16] = {
		[WALK_X86_32] = &pt_x86_32,  [WALK_PAE] = &pt_pae,
		[WALK_LONG4] = &pt_x86_64,   [WALK_LONG5] = &pt_x86_64_5level,
		[WALK_EPT4] = &pt_ept_xonly, [WALK_EPT5] = &pt_ept_xonly,
		[WALK_S2_4K] = &pt_s2_4k,    [WALK_S2_16K] = &pt_s2_16k,
		[WALK_S2_64K] = &pt_s2_64k,  [WALK_S1_4K] = &pt_el1_4k,
		[WALK_S1_16K] = &pt_el1_16k, [WALK_S1_64K] = &pt_el1_64k,
	};

	return formats[role.kind];
}

static unsigned role_root_level(union cpu_role role)
{
	if (is_arm(role)) {
		return role.root_level;
	}
	return role.kind == WALK_EPT4 ? 4 : walk_format(role)->max_level;
}

static unsigned role_ia_bits(union cpu_role role)
{
	static const u8 bits[16] = {
		[WALK_X86_32] = 32, [WALK_PAE] = 32,  [WALK_LONG4] = 48,
		[WALK_LONG5] = 57,  [WALK_EPT4] = 48, [WALK_EPT5] = 57,
	};

	return is_arm(role) ? role.ia_bits : bits[role.kind];
}

bool cpu_role_is_valid(union cpu_role role)
{
	const struct pt_format *fmt = walk_format(role);
	unsigned shift;

	if (!fmt || role.oa_bits < 32 || role.oa_bits > (is_arm(role) ? 48 : 52)) {
		return false;
	}
	if (!is_arm(role)) {
		return true;
	}
	if (!role.root_level || role.root_level > fmt->max_level) {
		return false;
	}
	/* Arm ARM, "Concatenated translation tables": up to 16 of them at the root. */
	shift = pt_level_shift(fmt, role.root_level);
	return role.ia_bits > shift && role.ia_bits <= fmt->ia_bits_max &&
	       role.ia_bits <= shift + fmt->index_bits + fmt->concat_bits;
}

/* --- faults --- */

static u64 pf_code(const struct walk_state *st, enum fault_kind kind)
{
	union cpu_role role = st->r->role;
	bool fetch_told = role.kind == WALK_X86_32 ? false : role.nx;
	u64 code = 0;

	fetch_told |= role.smep;
	code |= kind != FAULT_ABSENT ? PF_PRESENT : 0;
	code |= kind == FAULT_RESERVED ? PF_RSVD : 0;
	code |= st->access & PT_W ? PF_WRITE : 0;
	code |= st->access & PT_U ? PF_USER : 0;
	code |= st->access & PT_X && fetch_told ? PF_FETCH : 0;
	if (role.tdp) {
		code |= st->w->flags & WALK_ON_WALK ? NPF_WALK : NPF_FINAL;
	}
	return code;
}

static u64 ept_code(const struct walk_state *st)
{
	u64 code = EPT_VIOLATION_LINEAR | FIELD_PREP(EPT_VIOLATION_PROT, st->w->prot);

	static_assert(PT_R == EPT_VIOLATION_READ && PT_W == EPT_VIOLATION_WRITE &&
			      PT_X == EPT_VIOLATION_FETCH,
		      "the access, as the qualification has it");
	code |= st->access & PT_RWX;
	code |= st->w->flags & WALK_ON_WALK ? 0 : EPT_VIOLATION_FINAL;
	return code;
}

static enum walk_result fault(struct walk_state *st, enum fault_kind kind)
{
	static const u8 fsc[] = {
		[FAULT_ADDRESS_SIZE] = FSC_ADDRESS_SIZE, [FAULT_ABSENT] = FSC_TRANSLATION,
		[FAULT_RESERVED] = FSC_TRANSLATION,      [FAULT_ACCESS_FLAG] = FSC_ACCESS_FLAG,
		[FAULT_PERMISSION] = FSC_PERMISSION,     [FAULT_ABORT] = FSC_WALK_ABORT,
	};

	if (is_arm(st->r->role)) {
		st->w->code = fsc[kind] | (4u - st->w->level);
	} else if (!is_ept(st->r->role)) {
		st->w->code |= pf_code(st, kind);
	} else if (kind == FAULT_RESERVED) {
		return WALK_MISCONFIG;
	} else {
		st->w->code = ept_code(st);
	}
	return WALK_FAULT;
}

/* --- reading entries --- */

static void reads_add(const struct walk_state *st, const void *ptr, u64 raw)
{
	struct walk_reads *reads = st->w->reads;

	if (!reads) {
		return;
	}
	if (st->fmt->entry_shift != 3 || reads->count >= WALK_READS_MAX) {
		reads->count = WALK_READS_MAX + 1;
		return;
	}
	reads->read[reads->count].at = ptr;
	reads->read[reads->count++].raw = raw;
}

bool walk_reads_are_current(const struct walk_reads *reads)
{
	u64 changed = 0;

	if (reads->count > WALK_READS_MAX) {
		return false;
	}
	for (u32 i = 0; i < reads->count; i++) {
		changed |=
			__atomic_load_n(reads->read[i].at, __ATOMIC_RELAXED) ^ reads->read[i].raw;
	}
	return !changed;
}

/* The entry at @addr in this regime's physical space. */
static enum walk_result entry_find(struct walk_state *st, gpa_t addr, struct walk_step *step)
{
	const struct walk_regime *r = st->r;
	const struct memslot *slot;
	struct guest_walk under = {.ia = addr.v, .access = PT_R, .reads = st->w->reads};
	enum walk_result result;

	if (r->under) {
		assert(!r->under->under); /* two levels at most: so deep is the recursion */
		under.flags = (u8)(WALK_ON_WALK | (st->w->flags & WALK_PEEK));
		result = guest_walk(r->under, &under);
		if (result != WALK_OK) {
			under.ia = st->w->ia;
			under.access = st->w->access;
			under.flags = st->w->flags;
			under.trace = st->w->trace;
			under.gpa = addr;
			*st->w = under;
			return result == WALK_RETRY ? WALK_RETRY : WALK_FAULT_UNDER;
		}
		addr = under.gpa;
	}
	slot = memslot_find(r->slots, addr);
	step->ptr = NULL;
	step->raw = ~(u64)0; /* what a read of no memory gives */
	if (slot) {
		void *ptr = phys_ptr(memslot_hpa(slot, addr));

		step->raw =
			st->fmt->entry_shift == 2
				? atomic_load_explicit((_Atomic u32 *)ptr, memory_order_acquire)
				: atomic_load_explicit((_Atomic u64 *)ptr, memory_order_acquire);
		/* Acquire: what the guest wrote before it linked a table is read after. */
		step->ptr = slot->flags & MEMSLOT_RO ? NULL : ptr;
		reads_add(st, ptr, step->raw);
	} else if (is_arm(r->role)) {
		return fault(st, FAULT_ABORT);
	}
	return WALK_OK;
}

static u64 root_address(const struct walk_state *st)
{
	union cpu_role role = st->r->role;
	unsigned bits = PAGE_SHIFT, shift;

	if (role.kind == WALK_PAE && !is_s2(role)) {
		return st->r->root & CR3_PAE;
	}
	if (is_arm(role)) {
		shift = pt_level_shift(st->fmt, role.root_level);
		bits = role.ia_bits - shift + st->fmt->entry_shift;
		return st->r->root & GENMASK(47, 5) & ~(BIT(bits) - 1);
	}
	return st->r->root & (role.kind == WALK_X86_32 ? GENMASK(31, bits) : GENMASK(51, bits));
}

/* Reads the entry of w->level that the address leads to, in the table @table. */
static enum walk_result entry_read(struct walk_state *st, u64 table)
{
	const struct pt_format *fmt = st->fmt;
	unsigned level = st->w->level;
	struct walk_step *step = &st->step[level];
	u64 index = st->w->ia >> pt_level_shift(fmt, level);
	enum walk_result result = WALK_OK;

	if (level != st->root_level || !is_s2(st->r->role)) {
		index &= BIT(fmt->index_bits) - 1; /* a root of stage 2 may be wider */
	}
	if (level == st->root_level && is_s1(st->r->role)) {
		index &= BIT(st->r->role.ia_bits - pt_level_shift(fmt, level)) - 1;
	}
	st->at = table + (index << fmt->entry_shift);
	if (level == 3 && st->r->role.kind == WALK_PAE && st->r->pdptr) {
		*step = (struct walk_step){.raw = st->r->pdptr[index & 3]};
	} else {
		result = entry_find(st, gpa(st->at), step);
	}
	st->entry = st->r->role.big_endian ? __builtin_bswap64(step->raw) : step->raw;
	st->entry &= fmt->entry_shift == 2 ? GENMASK(31, 0) : ~(u64)0;
	if (st->r->role.kind == WALK_X86_32 && level == 2 && !st->r->role.pse) {
		st->entry &= ~X86_PS;
	}
	return result;
}

/* --- what an entry must not have --- */

/* Address bits that a CPU of @oa_bits does not have. */
static u64 oa_reserved(unsigned oa_bits, unsigned top)
{
	return oa_bits > top ? 0 : GENMASK(top, oa_bits);
}

static u64 x86_32_reserved(union cpu_role role, enum pt_kind kind, unsigned level)
{
	u64 reserved = BIT(21);

	if (level != 2 || kind != PT_LEAF) {
		return 0;
	}
	if (role.oa_bits < 40) {
		reserved |= GENMASK(20, 13 + (role.oa_bits - 32)); /* bits 39:32 of the address */
	}
	return reserved;
}

static u64 x86_reserved(union cpu_role role, enum pt_kind kind, unsigned level)
{
	const struct pt_format *fmt = walk_format(role);
	u64 reserved = oa_reserved(role.oa_bits, 51) | (role.nx ? 0 : X86_NX);

	if (role.kind == WALK_X86_32) {
		return x86_32_reserved(role, kind, level);
	}
	if (role.kind == WALK_PAE) {
		reserved |= GENMASK(62, 52);
		if (level == 3) {
			/* The CPU has judged its own; QEMU then sets an accessed bit in them. */
			return reserved | X86_NX | GENMASK(8, role.tdp ? 5 : 6) | GENMASK(2, 1);
		}
	}
	if (level >= 4) {
		reserved |= X86_PS | (role.amd ? BIT(8) : 0);
	}
	if (kind == PT_LEAF && level > 1) {
		reserved |= GENMASK(pt_level_shift(fmt, level) - 1, 13);
		reserved |= level == 3 && !role.page1g ? X86_PS : 0;
	}
	return reserved;
}

static bool is_ept_misconfig(union cpu_role role, enum pt_kind kind, unsigned level, u64 entry)
{
	u64 reserved = oa_reserved(role.oa_bits, 51), type = FIELD_GET(EPT_MEMTYPE, entry);
	unsigned prot = entry & PT_RWX;

	if ((prot & PT_RW) == PT_W || (prot == PT_X && !role.xonly)) {
		return true;
	}
	if (kind != PT_LEAF) {
		return entry & (reserved | GENMASK(level >= 4 ? 7 : 6, 3));
	}
	if (level > 1) {
		reserved |= GENMASK(pt_level_shift(&pt_ept, level) - 1, PAGE_SHIFT);
		reserved |= level == 3 && !role.page1g ? X86_PS : 0;
	}
	return entry & reserved || type == 2 || type == 3 || type == 7;
}

/* Judges the entry at hand, which is present. */
static enum walk_result entry_check(struct walk_state *st, const struct pt_entry *e)
{
	union cpu_role role = st->r->role;
	unsigned level = st->w->level;

	if (is_arm(role)) {
		if (e->kind == PT_HOLE) {
			return fault(st, FAULT_ABSENT);
		}
		return e->oa.v >> role.oa_bits ? fault(st, FAULT_ADDRESS_SIZE) : WALK_OK;
	}
	if (is_ept(role)) {
		return is_ept_misconfig(role, e->kind, level, st->entry) ? fault(st, FAULT_RESERVED)
									 : WALK_OK;
	}
	if (e->kind == PT_HOLE || st->entry & x86_reserved(role, e->kind, level)) {
		return fault(st, FAULT_RESERVED);
	}
	return WALK_OK;
}

/* --- permissions --- */

/* What the entry at hand allows to whom is asked for: EL1, or EL0. */
static unsigned s1_prot(const struct walk_state *st, enum pt_kind kind)
{
	union cpu_role role = st->r->role;
	bool user = st->access & PT_U;
	u64 e = st->entry;
	unsigned prot = PT_RWX | PT_U;

	if (kind == PT_TABLE) {
		if (role.hpd) {
			return prot;
		}
		prot &= e & S1_RO_TBL ? ~(unsigned)PT_W : ~0u;
		prot &= e & S1_NO_EL0 ? ~(unsigned)(user ? PT_RW | PT_U : PT_U) : ~0u;
		return prot & (e & (user ? S1_UXN_TBL : S1_PXN_TBL) ? ~(unsigned)PT_X : ~0u);
	}
	prot &= e & S1_RO && !(role.hd && e & S2_DBM) ? ~(unsigned)PT_W : ~0u;
	prot &= e & S1_EL0 ? ~0u : ~(unsigned)(user ? PT_RW | PT_U : PT_U);
	return prot & (e & (user ? S1_UXN : S1_PXN) ? ~(unsigned)PT_X : ~0u);
}

static unsigned entry_prot(const struct walk_state *st, const struct pt_entry *e)
{
	if (is_s1(st->r->role)) {
		return s1_prot(st, e->kind);
	}
	return is_ept(st->r->role) ? st->entry & PT_RWX : e->prot;
}

static void trace_add(const struct walk_state *st, unsigned prot)
{
	struct walk_trace *t = st->w->trace;

	if (t && t->count < PT_MAX_LEVELS) {
		t->step[t->count].at = st->at;
		t->step[t->count].entry = st->entry;
		t->step[t->count].level = st->w->level;
		t->step[t->count++].prot = (u8)prot;
	}
}

/* EL1 does not execute what EL0 may write; with PAN it leaves EL0's data alone. */
static unsigned s1_access(const struct walk_state *st, unsigned prot)
{
	union cpu_role role = st->r->role;
	bool user = st->access & PT_U, el0 = prot & PT_U;

	if (prot & PT_W && (role.wxn || (!user && el0))) {
		prot &= ~(unsigned)PT_X;
	}
	return !user && el0 && role.smap ? prot & ~(unsigned)PT_RW : prot;
}

/* --- the leaf --- */

/* Whether the protection key in the leaf denies the access (data, pages of users). */
static bool pkey_denies(const struct walk_state *st)
{
	union cpu_role role = st->r->role;
	unsigned shift = 2 * (unsigned)FIELD_GET(X86_PKEY, st->entry);
	bool user = st->access & PT_U;

	if (!role.pke || role.tdp || role.kind < WALK_LONG4 || !(st->w->prot & PT_U) ||
	    st->access & PT_X) {
		return false;
	}
	return st->r->pkru >> shift & 1 ||
	       (st->r->pkru >> shift & 2 && st->access & PT_W && (user || role.wp));
}

/* What of @prot a supervisor may do on a page: AMD APM, "Page-Protection Checks". */
static unsigned supervisor_prot(const struct walk_state *st, unsigned prot)
{
	union cpu_role role = st->r->role;

	prot |= role.wp ? 0 : PT_W;
	if (prot & PT_U) {
		prot &= role.smep ? ~(unsigned)PT_X : ~0u;
		prot &= role.smap && !(st->w->flags & WALK_AC) ? ~(unsigned)PT_RW : ~0u;
	}
	return prot;
}

static enum walk_result leaf_check(struct walk_state *st)
{
	union cpu_role role = st->r->role;
	unsigned prot = st->w->prot;
	bool denied;

	if (is_x86(role) && !(st->access & PT_U)) {
		prot = supervisor_prot(st, prot);
	} else if (is_x86(role) && !(prot & PT_U)) {
		prot = 0;
	} else if (is_s1(role)) {
		prot = s1_access(st, prot);
	}
	denied = st->access & PT_RWX & ~prot;
	if (is_x86(role) && pkey_denies(st)) {
		st->w->code |= PF_PK;
		denied = true;
	}
	return denied ? fault(st, FAULT_PERMISSION) : WALK_OK;
}

/* The bits that the CPU sets in an entry of @level for this access. */
static u64 update_bits(const struct walk_state *st, unsigned level)
{
	union cpu_role role = st->r->role;
	bool leaf = level == st->w->level, write = st->access & PT_W;
	u64 bits;

	if (is_arm(role)) {
		bits = leaf && role.ad ? st->fmt->accessed : 0;
		write &= leaf && role.hd && st->entry & S2_DBM && is_s2(role);
		return bits | (write ? S2_W : 0);
	}
	if ((is_ept(role) && !role.ad) || (role.kind == WALK_PAE && level == 3)) {
		return 0;
	}
	return st->fmt->accessed | (leaf && write ? st->fmt->dirty : 0);
}

/* Of stage 1 dirty is "not read-only". */
static u64 dirty_clear(const struct walk_state *st, unsigned level)
{
	union cpu_role role = st->r->role;

	return is_s1(role) && role.hd && level == st->w->level && st->access & PT_W &&
			       st->entry & S2_DBM
		       ? S1_RO
		       : 0;
}

static bool entry_update(const struct walk_state *st, unsigned level)
{
	const struct walk_step *step = &st->step[level];
	u64 set = update_bits(st, level), clear = dirty_clear(st, level), old = step->raw, new;
	u32 old32 = (u32)old;

	if (st->r->role.big_endian) {
		set = __builtin_bswap64(set);
		clear = __builtin_bswap64(clear);
	}
	new = (old | set) & ~clear;
	if (new == old || !step->ptr) {
		return true; /* to read-only memory, the write goes nowhere */
	}
	WALK_RACE_POINT(step->ptr);
	/* Relaxed: no other memory is published by an accessed or dirty bit. */
	if (st->fmt->entry_shift == 2) {
		return atomic_compare_exchange_strong_explicit((_Atomic u32 *)step->ptr, &old32,
							       (u32) new, memory_order_relaxed,
							       memory_order_relaxed);
	}
	return atomic_compare_exchange_strong_explicit((_Atomic u64 *)step->ptr, &old, new,
						       memory_order_relaxed, memory_order_relaxed);
}

/* Whether writes may go on without another walk. */
static bool is_dirty(const struct walk_state *st)
{
	union cpu_role role = st->r->role;
	bool write = st->access & PT_W && !(st->w->flags & WALK_PEEK);

	if (is_s1(role)) {
		return write || !(st->entry & S1_RO);
	}
	if (is_s2(role)) {
		return write || st->entry & S2_W;
	}
	return write || (is_ept(role) && !role.ad) || st->entry & st->fmt->dirty;
}

/* The leaf is at hand: permissions, then accessed and dirty, then the result. */
static enum walk_result leaf_finish(struct walk_state *st, const struct pt_entry *e)
{
	struct guest_walk *w = st->w;
	union cpu_role role = st->r->role;
	enum walk_result result;

	if (is_arm(role) && !role.ad && !e->accessed) {
		return fault(st, FAULT_ACCESS_FLAG);
	}
	if (is_s2(role) && role.hd && st->entry & S2_DBM) {
		w->prot |= PT_W;
	}
	result = leaf_check(st);
	if (result != WALK_OK) {
		return result;
	}
	for (unsigned level = st->root_level; level >= w->level && !(w->flags & WALK_PEEK);
	     level--) {
		if (!entry_update(st, level)) {
			return WALK_RETRY;
		}
	}
	w->size = pt_level_size(st->fmt, w->level);
	w->gpa = gpa(e->oa.v + (w->ia & (w->size - 1)));
	w->mem = e->mem;
	w->dirty = is_dirty(st);
	if (role.tdp && is_x86(role) && !(w->prot & PT_U)) {
		w->prot = 0;
	}
	return WALK_OK;
}

/* Stage 1: bits above the width are all 0 (TTBR0) or all 1 (TTBR1). */
static bool is_s1_address(const struct walk_state *st)
{
	union cpu_role role = st->r->role;
	unsigned ignored = role.tbi ? 63 - S1_TAG_BIT : 0;
	s64 high = (s64)(st->w->ia << ignored) >> (ignored + role.ia_bits);

	return high == 0 || high == -1;
}

/* Whether the address is one of the regime's; else *result is the fault. */
static bool is_in_range(struct walk_state *st, enum walk_result *result)
{
	union cpu_role role = st->r->role;
	unsigned bits = role_ia_bits(role);
	u64 high = st->w->ia >> (bits - 1);

	if (is_arm(role) && st->r->root & GENMASK(47, 0) & oa_reserved(role.oa_bits, 47)) {
		st->w->level = 4; /* Arm's level 0 */
		*result = fault(st, FAULT_ADDRESS_SIZE);
		return false;
	}
	if (st->fmt->flags & PT_CANONICAL && !role.tdp) {
		*result = WALK_CANONICAL;
		return !high || high == ~(u64)0 >> (bits - 1);
	}
	if (is_s1(role) ? !is_s1_address(st)
			: high >> 1 || (st->r->ia_limit && st->w->ia >> st->r->ia_limit)) {
		st->w->level = is_arm(role) ? 4 : st->w->level;
		*result = fault(st, FAULT_ABSENT);
		return false;
	}
	return true;
}

static enum walk_result walk_once(struct walk_state *st)
{
	struct guest_walk *w = st->w;
	enum walk_result result = WALK_OK;
	struct pt_entry e;
	u64 table;

	w->code = 0;
	w->prot = 0;
	w->level = (u8)st->root_level;
	if (!is_in_range(st, &result)) {
		return result;
	}
	table = root_address(st);
	w->prot = PT_RWX | PT_U;
	if (w->trace) {
		w->trace->count = 0;
	}
	for (;; w->level--) {
		unsigned prot;

		result = entry_read(st, table);
		if (result != WALK_OK) {
			return result;
		}
		e = pt_decode(st->fmt, w->level, st->entry);
		prot = entry_prot(st, &e);
		trace_add(st, prot);
		if (!(st->entry & st->fmt->present_mask)) {
			w->prot = 0;
			return fault(st, FAULT_ABSENT);
		}
		w->prot &= (u8)prot;
		result = entry_check(st, &e);
		if (result != WALK_OK) {
			return result;
		}
		if (e.kind == PT_LEAF) {
			return leaf_finish(st, &e);
		}
		table = e.oa.v;
	}
}

enum walk_result guest_walk(const struct walk_regime *regime, struct guest_walk *w)
{
	union cpu_role role = regime->role;
	enum walk_result result = WALK_RETRY;
	struct walk_state st;

	if (!cpu_role_is_valid(role)) {
		w->level = 4;
		w->code = is_arm(role) ? FSC_TRANSLATION : 0;
		return WALK_FAULT;
	}
	st.r = regime;
	st.w = w;
	st.fmt = walk_format(role);
	st.root_level = role_root_level(role);
	st.access = w->access;
	if (role.tdp && is_x86(role)) {
		/* AMD APM, "Nested Paging": a user's; to the guest's tables, writes. */
		st.access |= PT_U | (w->flags & WALK_ON_WALK ? PT_W : 0);
	} else if (is_ept(role) && role.ad && w->flags & WALK_ON_WALK) {
		st.access |= PT_W; /* SDM, "Accessed and Dirty Flags for EPT" */
	}
	for (unsigned i = 0; i < WALK_TRIES && result == WALK_RETRY; i++) {
		w->need = (u8)st.access;
		result = walk_once(&st);
	}
	return result;
}
