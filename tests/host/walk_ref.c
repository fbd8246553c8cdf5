// SPDX-License-Identifier: Apache-2.0
#include "tests/host/walk_ref.h"

#include <string.h>

struct step {
	u64 at, entry;
	unsigned bytes;
};

static u64 bits(u64 v, unsigned hi, unsigned lo)
{
	return hi < lo ? 0 : v >> lo & (~0ull >> (63 - (hi - lo)));
}

static void note(struct ref_walk *w, struct step s, u64 set, bool swap)
{
	u64 value = s.entry | set;

	if (value != s.entry) {
		w->update[w->update_count++] = (struct ref_update){
			.gpa = s.at,
			.value = swap ? __builtin_bswap64(value) : value,
			.bytes = s.bytes,
		};
	}
}

/* --- x86 --- */

struct x86 {
	struct ref_walk *w;
	bool user, write, fetch, data;
	bool all_w, all_u, any_nx;
	struct step steps[6];
	unsigned n;
};

static void x86_fault(struct x86 *x, bool present, bool rsvd, bool pk)
{
	struct ref_walk *w = x->w;
	union cpu_role r = w->role;
	bool tell_fetch = (r.nx && r.kind != WALK_X86_32) || r.smep;

	w->result = WALK_FAULT;
	w->code = (present ? 1u : 0) | (x->write ? 2u : 0) | (x->user ? 4u : 0) | (rsvd ? 8u : 0) |
		  (x->fetch && tell_fetch ? 16u : 0) | (pk ? 32u : 0);
	if (r.tdp) {
		w->code |= 1ull << (w->flags & WALK_ON_WALK ? 33 : 32);
	}
}

static u64 x86_entry(struct x86 *x, u64 at, unsigned bytes)
{
	u64 v;

	if (!x->w->read(at, bytes, &v)) {
		v = bytes == 4 ? 0xffffffff : ~0ull;
	}
	x->steps[x->n++] = (struct step){at, v, bytes};
	return v;
}

/* Whether a present entry of eight bytes has a reserved bit set. */
static bool x86_bad(const struct x86 *x, unsigned level, u64 e, bool leaf)
{
	union cpu_role r = x->w->role;

	if (r.oa_bits < 52 && bits(e, 51, r.oa_bits)) {
		return true;
	}
	if (r.kind == WALK_PAE) {
		if (bits(e, 62, 52)) {
			return true;
		}
		if (level == 3) {
			return e >> 63 || bits(e, 8, r.tdp ? 5 : 6) || bits(e, 2, 1);
		}
	}
	if (e >> 63 && !r.nx) {
		return true;
	}
	if (level >= 4 && (e & 0x80 || (r.amd && e & 0x100))) {
		return true;
	}
	if (level == 3 && leaf && (!r.page1g || bits(e, 29, 13))) {
		return true;
	}
	return level == 2 && leaf && bits(e, 20, 13);
}

static void x86_finish(struct x86 *x, u64 leaf, u64 oa, u64 size)
{
	struct ref_walk *w = x->w;
	union cpu_role r = w->role;
	bool w_ok = x->all_w, x_ok = !x->any_nx, r_ok = true, pk = false;

	if (x->user) {
		r_ok = x->all_u;
		w_ok = w_ok && x->all_u;
		x_ok = x_ok && x->all_u;
	} else {
		if (!r.wp) {
			w_ok = true;
		}
		if (x->all_u && r.smap && !(w->flags & WALK_AC)) {
			r_ok = w_ok = false;
		}
		if (x->all_u && r.smep) {
			x_ok = false;
		}
	}
	if (r.pke && !r.tdp && (r.kind == WALK_LONG4 || r.kind == WALK_LONG5) && x->all_u &&
	    !x->fetch) {
		unsigned key = (unsigned)bits(leaf, 62, 59);

		pk = w->pkru >> (2 * key) & 1;
		if (w->pkru >> (2 * key + 1) & 1 && x->write && (x->user || r.wp)) {
			pk = true;
		}
	}
	if ((x->data && !r_ok) || (x->write && !w_ok) || (x->fetch && !x_ok) || pk) {
		x86_fault(x, true, false, pk);
		return;
	}
	w->result = WALK_OK;
	w->size = size;
	w->gpa = oa + w->ia % size;
	w->prot = PT_R | (x->all_w ? PT_W : 0) | (x->any_nx ? 0 : PT_X) | (x->all_u ? PT_U : 0);
	if (r.tdp && !x->all_u) {
		w->prot = 0;
	}
	w->dirty = leaf & 0x40 || (x->write && !(w->flags & WALK_PEEK));
	for (unsigned i = 0; i < x->n && !(w->flags & WALK_PEEK); i++) {
		bool last = i == x->n - 1;

		if (!(r.kind == WALK_PAE && i == 0)) {
			note(w, x->steps[i], 0x20 | (last && x->write ? 0x40 : 0), false);
		}
	}
}

static void x86_add(struct x86 *x, u64 e, bool no_prot)
{
	if (!no_prot) {
		x->all_w = x->all_w && e & 2;
		x->all_u = x->all_u && e & 4;
	}
}

static void x86_walk_32(struct x86 *x)
{
	struct ref_walk *w = x->w;
	u64 pde, pte;

	w->level = 2;
	pde = x86_entry(x, (w->root & 0xfffff000) + 4 * bits(w->ia, 31, 22), 4);
	if (!(pde & 1)) {
		x86_fault(x, false, false, false);
		return;
	}
	x86_add(x, pde, false);
	if (pde & 0x80 && w->role.pse) {
		unsigned more = w->role.oa_bits > 40 ? 8 : w->role.oa_bits - 32u;

		if (pde & 0x200000 || (more < 8 && bits(pde, 20, 13 + more))) {
			x86_fault(x, true, true, false);
			return;
		}
		x86_finish(x, pde, (pde & 0xffc00000) | bits(pde, 20, 13) << 32, 0x400000);
		return;
	}
	w->level = 1;
	pte = x86_entry(x, (pde & 0xfffff000) + 4 * bits(w->ia, 21, 12), 4);
	if (!(pte & 1)) {
		x86_fault(x, false, false, false);
		return;
	}
	x86_add(x, pte, false);
	x86_finish(x, pte, pte & 0xfffff000, 0x1000);
}

static void x86_walk_64(struct x86 *x, unsigned top)
{
	struct ref_walk *w = x->w;
	u64 table = top == 3 ? w->root & 0xffffffe0 : w->root & 0xffffffffff000;

	for (unsigned level = top; level; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		bool pdpte = top == 3 && level == 3, leaf;
		u64 e = x86_entry(x, table + 8 * bits(w->ia, shift + 8, shift), 8);

		w->level = level;
		if (!(e & 1)) {
			x86_fault(x, false, false, false);
			return;
		}
		leaf = level == 1 || (level < 4 && !pdpte && e & 0x80);
		if (x86_bad(x, level, e, leaf)) {
			x86_fault(x, true, true, false);
			return;
		}
		x86_add(x, e, pdpte);
		x->any_nx |= e >> 63;
		table = bits(e, 51, 12) << 12;
		if (leaf) {
			u64 size = 1ull << shift;

			x86_finish(x, e, table & ~(size - 1), size);
			return;
		}
	}
}

static void x86_walk(struct ref_walk *w)
{
	struct x86 x = {.w = w, .all_w = true, .all_u = true};
	unsigned width = w->role.kind == WALK_LONG5 ? 57 : w->role.kind == WALK_LONG4 ? 48 : 32;
	unsigned top = width == 57 ? 5 : width == 48 ? 4 : w->role.kind == WALK_PAE ? 3 : 2;

	x.user = w->access & PT_U || w->role.tdp;
	x.write = w->access & PT_W || (w->role.tdp && w->flags & WALK_ON_WALK);
	x.fetch = w->access & PT_X;
	x.data = w->access & PT_R;
	w->level = top;
	if (width > 32 && !w->role.tdp) {
		s64 sign = (s64)(w->ia << (64 - width)) >> (64 - width);

		if ((u64)sign != w->ia) {
			w->result = WALK_CANONICAL;
			return;
		}
	} else if (w->ia >> width) {
		x86_fault(&x, false, false, false);
		return;
	}
	if (top == 2) {
		x86_walk_32(&x);
	} else {
		x86_walk_64(&x, top);
	}
}

/* --- EPT --- */

static void ept_violation(struct ref_walk *w, unsigned access, unsigned all)
{
	w->result = WALK_FAULT;
	w->code = (access & 7) | all << 3 | 0x80 | (w->flags & WALK_ON_WALK ? 0 : 0x100);
}

static bool ept_bad(const struct ref_walk *w, unsigned level, u64 e, bool leaf)
{
	unsigned rwx = e & 7, type = (unsigned)bits(e, 5, 3);

	if (rwx == 2 || rwx == 6 || (rwx == 4 && !w->role.xonly)) {
		return true;
	}
	if (w->role.oa_bits < 52 && bits(e, 51, w->role.oa_bits)) {
		return true;
	}
	if (!leaf) {
		return level >= 4 ? bits(e, 7, 3) : bits(e, 6, 3);
	}
	if ((level == 3 && (bits(e, 29, 12) || !w->role.page1g)) ||
	    (level == 2 && bits(e, 20, 12))) {
		return true;
	}
	return type == 2 || type == 3 || type == 7;
}

static void ept_walk(struct ref_walk *w)
{
	unsigned top = w->role.kind == WALK_EPT5 ? 5 : 4, all = 7, access = w->access & 7;
	u64 table = bits(w->root, 51, 12) << 12;
	struct step steps[5];

	if (w->role.ad && w->flags & WALK_ON_WALK) {
		access |= PT_W;
	}
	w->level = top;
	if (w->ia >> (top == 5 ? 57 : 48)) {
		ept_violation(w, access, 0);
		return;
	}
	for (unsigned level = top, n = 0; level; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		u64 at = table + 8 * bits(w->ia, shift + 8, shift), e;
		bool leaf;

		if (!w->read(at, 8, &e)) {
			e = ~0ull;
		}
		w->level = level;
		leaf = level == 1 || (level < 4 && e & 0x80);
		if (!(e & 7)) {
			ept_violation(w, access, 0);
			return;
		}
		if (ept_bad(w, level, e, leaf)) {
			w->result = WALK_MISCONFIG;
			return;
		}
		steps[n++] = (struct step){at, e, 8};
		all &= (unsigned)e;
		table = bits(e, 51, 12) << 12;
		if (!leaf) {
			continue;
		}
		if (access & ~all) {
			ept_violation(w, access, all);
			return;
		}
		w->result = WALK_OK;
		w->prot = all & 7;
		w->size = 1ull << shift;
		w->gpa = table + w->ia % w->size;
		w->dirty = !w->role.ad || e & 0x200 || (access & PT_W && !(w->flags & WALK_PEEK));
		for (unsigned i = 0; i < n && w->role.ad && !(w->flags & WALK_PEEK); i++) {
			bool d = i == n - 1 && access & PT_W;

			note(w, steps[i], 0x100 | (d ? 0x200 : 0), false);
		}
		return;
	}
}

/* --- stage 2 --- */

static void s2_fault(struct ref_walk *w, unsigned fsc)
{
	w->result = WALK_FAULT;
	w->code = fsc | (4 - w->level);
}

static void s2_leaf(struct ref_walk *w, struct step s, unsigned shift, u64 oa)
{
	u64 d = s.entry, set = 0;
	bool may_write = d >> 7 & 1;
	unsigned prot;

	if (!(d >> 10 & 1)) {
		if (!w->role.ad) {
			s2_fault(w, 8);
			return;
		}
		set |= 1 << 10;
	}
	if (w->role.hd && d >> 51 & 1) {
		may_write = true;
	}
	prot = (d >> 6 & 1 ? PT_R : 0) | (may_write ? PT_W : 0) | (d >> 54 & 1 ? 0 : PT_X);
	if (w->access & 7 & ~prot) {
		s2_fault(w, 12);
		return;
	}
	if (w->access & PT_W && w->role.hd && d >> 51 & 1) {
		set |= 0x80;
	}
	w->result = WALK_OK;
	w->prot = prot;
	w->size = 1ull << shift;
	w->gpa = oa + w->ia % w->size;
	w->dirty = d >> 7 & 1 || (w->access & PT_W && !(w->flags & WALK_PEEK));
	if (!(w->flags & WALK_PEEK)) {
		note(w, s, set, w->role.big_endian);
	}
}

static void s2_walk(struct ref_walk *w)
{
	unsigned page = w->role.kind == WALK_S2_4K ? 12 : w->role.kind == WALK_S2_16K ? 14 : 16;
	unsigned level = w->role.root_level;
	u64 table = bits(w->root, 47, 5) << 5;

	w->level = 4;
	if (w->role.oa_bits < 48 && bits(w->root, 47, w->role.oa_bits)) {
		s2_fault(w, 0);
		return;
	}
	if (w->ia >> w->role.ia_bits) {
		s2_fault(w, 4);
		return;
	}
	table &= ~0ull << (w->role.ia_bits - (page + (page - 3) * (level - 1)) + 3);
	for (;; level--) {
		unsigned shift = page + (page - 3) * (level - 1);
		unsigned top = level == w->role.root_level ? 63 : shift + page - 4;
		struct step s = {.at = table + 8 * bits(w->ia, top, shift), .bytes = 8};
		bool block, blocks = level == 2 || (level == 3 && page == 12);

		w->level = level;
		if (!w->read(s.at, 8, &s.entry)) {
			s2_fault(w, 0x14);
			return;
		}
		if (w->role.big_endian) {
			s.entry = __builtin_bswap64(s.entry);
		}
		block = level > 1 && bits(s.entry, 1, 0) == 1;
		if (!(s.entry & 1) || (block && !blocks) ||
		    (level == 1 && bits(s.entry, 1, 0) != 3)) {
			s2_fault(w, 4);
			return;
		}
		table = bits(s.entry, 47, block ? shift : page) << (block ? shift : page);
		if (w->role.oa_bits < 48 && bits(table, 47, w->role.oa_bits)) {
			s2_fault(w, 0);
			return;
		}
		if (block || level == 1) {
			s2_leaf(w, s, shift, table);
			return;
		}
	}
}

/* --- stage 1 of Arm --- */

struct s1 {
	bool ro, no_el0, pxn, uxn; /* by some table */
};

static void s1_leaf(struct ref_walk *w, const struct s1 *above, struct step s, u64 block)
{
	u64 d = s.entry, set = d, size = block;
	bool el0 = d >> 6 & 1 && !above->no_el0, user = w->access & PT_U;
	bool dbm = w->role.hd && d >> 51 & 1;
	bool writable = (!(d >> 7 & 1) || dbm) && !above->ro;
	bool xn = user ? d >> 54 & 1 || above->uxn : d >> 53 & 1 || above->pxn;
	bool may_r = !user || el0, may_w = writable && may_r, may_x = !xn;

	if (!(d >> 10 & 1)) {
		if (!w->role.ad) {
			s2_fault(w, 8);
			return;
		}
		set |= 1 << 10;
	}
	w->prot = (may_r ? PT_R : 0) | (may_w ? PT_W : 0) | (may_x ? PT_X : 0) | (el0 ? PT_U : 0);
	if (may_w && w->role.wxn) {
		may_x = false;
	}
	if (!user && el0 && writable) {
		may_x = false;
	}
	if (!user && el0 && w->role.smap) {
		may_r = may_w = false;
	}
	if ((w->access & PT_R && !may_r) || (w->access & PT_W && !may_w) ||
	    (w->access & PT_X && !may_x)) {
		s2_fault(w, 12);
		return;
	}
	if (w->access & PT_W && dbm) {
		set &= ~0x80ull;
	}
	w->result = WALK_OK;
	w->size = size;
	w->gpa = (bits(d, 47, 12) << 12 & ~(size - 1)) + (w->ia & (size - 1));
	w->dirty = !(d >> 7 & 1) || (w->access & PT_W && !(w->flags & WALK_PEEK));
	if (!(w->flags & WALK_PEEK) && set != d) {
		w->update[w->update_count++] = (struct ref_update){
			s.at, w->role.big_endian ? __builtin_bswap64(set) : set, 8};
	}
}

static void s1_walk(struct ref_walk *w)
{
	unsigned page = w->role.kind == WALK_S1_4K ? 12 : w->role.kind == WALK_S1_16K ? 14 : 16;
	unsigned level = w->role.root_level, last = w->role.tbi ? 55 : 63;
	u64 table = bits(w->root, 47, 5) << 5, top = bits(w->ia, last, w->role.ia_bits);
	struct s1 above = {0};

	w->level = 4;
	if (w->role.oa_bits < 48 && bits(w->root, 47, w->role.oa_bits)) {
		s2_fault(w, 0);
		return;
	}
	/* What the top byte leaves is all alike, with bit 55. */
	if (top != 0 && top != bits(~0ull, last, w->role.ia_bits)) {
		s2_fault(w, 4);
		return;
	}
	table &= ~0ull << (w->role.ia_bits - (page + (page - 3) * (level - 1)) + 3);
	for (;; level--) {
		unsigned shift = page + (page - 3) * (level - 1);
		unsigned end =
			level == w->role.root_level ? w->role.ia_bits - 1u : shift + page - 4;
		struct step s = {.at = table + 8 * bits(w->ia, end, shift), .bytes = 8};
		bool block, blocks = level == 2 || (level == 3 && page == 12);

		w->level = level;
		if (!w->read(s.at, 8, &s.entry)) {
			s2_fault(w, 0x14);
			return;
		}
		if (w->role.big_endian) {
			s.entry = __builtin_bswap64(s.entry);
		}
		block = level > 1 && bits(s.entry, 1, 0) == 1;
		if (!(s.entry & 1) || (block && !blocks) ||
		    (level == 1 && bits(s.entry, 1, 0) != 3)) {
			s2_fault(w, 4);
			return;
		}
		table = bits(s.entry, 47, block ? shift : page) << (block ? shift : page);
		if (w->role.oa_bits < 48 && bits(table, 47, w->role.oa_bits)) {
			s2_fault(w, 0);
			return;
		}
		if (block || level == 1) {
			s1_leaf(w, &above, s, 1ull << shift);
			return;
		}
		if (!w->role.hpd) {
			above.pxn |= s.entry >> 59 & 1;
			above.uxn |= s.entry >> 60 & 1;
			above.no_el0 |= s.entry >> 61 & 1;
			above.ro |= s.entry >> 62 & 1;
		}
	}
}

void ref_walk(struct ref_walk *w)
{
	w->update_count = 0;
	w->code = w->prot = 0;
	if (w->role.kind <= WALK_LONG5) {
		x86_walk(w);
	} else if (w->role.kind <= WALK_EPT5) {
		ept_walk(w);
	} else if (w->role.kind <= WALK_S2_64K) {
		s2_walk(w);
	} else {
		s1_walk(w);
	}
}
