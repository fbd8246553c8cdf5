// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's side asks the walker itself, once for each kind of access, so that what is said here
 * is what a CPU of that role does.
 */
#include "vmm/explain.h"

#include "mm/bits.h"
#include "mm/page.h"
#include "mm/tdp_iter.h"

#define HALF_BIT 55

static void add_size(struct text *t, u64 size)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	unsigned i = 0;

	for (size >>= 10; size >= 1024 && i + 1 < ARRAY_SIZE(units); size >>= 10) {
		i++;
	}
	text_add(t, "%lu %s", size, units[i]);
}

static void add_entry(struct text *t, const struct pt_format *fmt, unsigned level, u64 at, u64 raw)
{
	struct pt_entry e = pt_decode(fmt, level, raw);

	text_add(t, "  level %u  at %-9lx  %016lx  ", level, at, raw);
	switch (e.kind) {
	case PT_TABLE:
		text_add(t, "table %lx", e.oa.v);
		break;
	case PT_LEAF:
		add_size(t, pt_level_size(fmt, level));
		text_add(t, " at %lx", e.oa.v);
		break;
	case PT_DEVICE:
		text_add(t, "emulated device");
		break;
	case PT_HOLE:
		text_add(t, raw & fmt->present_mask ? "reserved" : "not present");
		break;
	}
}

static void add_prot(struct text *t, const char *who, unsigned prot)
{
	text_add(t, "  %s%c%c%c", who, prot & PT_R ? 'r' : '-', prot & PT_W ? 'w' : '-',
		 prot & PT_X ? 'x' : '-');
}

/* --- the guest's tables --- */

static bool is_x86(union cpu_role role)
{
	return role.kind <= WALK_LONG5;
}

/* What an entry of a trace allows at this privilege. */
static unsigned step_prot(union cpu_role role, unsigned prot, unsigned user)
{
	return user && is_x86(role) && !(prot & PT_U) ? 0 : prot;
}

static enum walk_result walk(const struct walk_regime *r, u64 addr, unsigned access,
			     struct walk_trace *trace, struct guest_walk *w)
{
	*trace = (struct walk_trace){0};
	*w = (struct guest_walk){
		.ia = addr, .trace = trace, .access = (u8)access, .flags = WALK_PEEK};
	return guest_walk(r, w);
}

/* What denies an access that every entry allows. */
static const char *mode_rule(union cpu_role role, unsigned right)
{
	if (right == PT_X) {
		return is_x86(role) ? "SMEP" : role.wxn ? "WXN" : "EL0 may write it";
	}
	return is_x86(role) ? "SMAP" : "PAN";
}

static void add_verdict(struct text *t, const struct walk_regime *r, u64 addr, unsigned access,
			struct walk_trace *trace)
{
	static const char *const words[] = {
		[PT_R] = "reads", [PT_W] = "writes", [PT_X] = "execution"};
	unsigned right = access & PT_RWX;
	struct guest_walk w;
	u32 i = 0;

	if (walk(r, addr, access, trace, &w) == WALK_OK) {
		text_add(t, " %s", words[right]);
		return;
	}
	while (i < trace->count && step_prot(r->role, trace->step[i].prot, access & PT_U) & right) {
		i++;
	}
	if (i < trace->count) {
		text_add(t, " no %s (level %u)", words[right], trace->step[i].level);
	} else {
		text_add(t, " no %s (%s)", words[right], mode_rule(r->role, right));
	}
}

static void add_verdicts(struct text *t, const struct walk_regime *r, u64 addr,
			 struct walk_trace *scratch)
{
	for (unsigned user = 0; user <= PT_U; user += PT_U) {
		text_add(t, user ? "  user:  " : "  kernel:");
		for (unsigned right = PT_R; right <= PT_X; right <<= 1) {
			add_verdict(t, r, addr, right | user, scratch);
			text_add(t, right == PT_X ? "\n" : ",");
		}
	}
}

static void add_steps(struct text *t, const struct walk_regime *r, u64 addr,
		      const struct walk_trace *trace)
{
	struct walk_trace of_user;
	struct guest_walk w;

	(void)!walk(r, addr, PT_R | PT_U, &of_user, &w);
	for (u32 i = 0; i < trace->count; i++) {
		const struct pt_format *fmt = walk_format(r->role);
		unsigned prot = trace->step[i].prot;

		add_entry(t, fmt, trace->step[i].level, trace->step[i].at, trace->step[i].entry);
		if (trace->step[i].entry & fmt->present_mask && i < of_user.count) {
			add_prot(t, "kernel ", prot);
			add_prot(t, "user ", step_prot(r->role, of_user.step[i].prot, PT_U));
		}
		text_add(t, "\n");
	}
}

/* Why a walk came to no leaf. */
static void add_failure(struct text *t, const struct walk_regime *r, enum walk_result result,
			const struct walk_trace *trace, const struct guest_walk *w)
{
	u32 last = trace->count - 1;

	if (!cpu_role_is_valid(r->role)) {
		text_add(t, "  no tables: the guest has switched this half off\n");
	} else if (result == WALK_CANONICAL) {
		text_add(t, "  not canonical: no address at all\n");
	} else if (!trace->count) {
		text_add(t, "  outside of what these tables can map\n");
	} else if (trace->step[last].level != w->level) {
		text_add(t, "  the table of level %u is in no memory of the VM\n", w->level);
	} else if (!(trace->step[last].entry & walk_format(r->role)->present_mask)) {
		text_add(t, "  not mapped: level %u is not present\n", w->level);
	} else if ((w->code & ~(u64)3) == FSC_ACCESS_FLAG && !is_x86(r->role)) {
		text_add(t, "  denied: the access flag of level %u is clear\n", w->level);
	} else {
		text_add(t, "  denied: level %u has reserved bits set, or too large an address\n",
			 w->level);
	}
}

/* Returns whether there is a guest-physical address: *addr. */
static bool explain_guest(const struct explain *e, struct text *t, u64 *addr)
{
	unsigned half = *addr >> HALF_BIT & 1;
	struct walk_regime r = {
		.role = e->paging->role[half], .root = e->paging->root[half], .slots = e->slots};
	struct walk_regime lenient = r; /* the entries, whatever the mode forbids */
	const struct pt_format *fmt = walk_format(r.role);
	struct walk_trace trace;
	struct guest_walk w;
	enum walk_result result;

	if (!e->paging->on) {
		text_add(t, "paging is off: addresses are guest-physical\n");
		return true;
	}
	text_add(t, "the guest's tables: %s, root %lx\n", fmt ? fmt->name : "none", r.root);
	lenient.role.smap = 0;
	result = walk(&lenient, *addr, PT_R, &trace, &w);
	add_steps(t, &r, *addr, &trace);
	if (result != WALK_OK) {
		add_failure(t, &r, result, &trace, &w);
		return false;
	}
	add_verdicts(t, &r, *addr, &trace);
	*addr = w.gpa.v;
	return true;
}

/* --- ours --- */

static void explain_host(const struct explain *e, struct text *t, u64 addr)
{
	static const char *const mems[] = {"write-back", "write-through", "write-combining",
					   "uncached", "another type"};
	const struct memslot *slot = memslot_find(e->slots, gpa(addr));
	struct tdp *tdp = e->tdp;
	struct pt_entry found;
	struct tdp_iter it;

	text_add(t, "guest-physical %lx: %s\n", addr,
		 slot ? "memory of the VM" : "no memory of the VM: a device, or nothing");
	text_add(t, "Socle's tables: %s, root %lx\n", tdp->fmt->name, tdp->root.v);
	if (addr >> tdp->ia_bits) {
		text_add(t, "  outside of what these tables can map\n");
		return;
	}
	lock_take(&tdp->lock);
	tdp_iter_start(&it, tdp, addr, addr);
	for (bool more = true; more; tdp_iter_next(&it)) {
		found = pt_decode(tdp->fmt, it.level, it.entry);
		add_entry(t, tdp->fmt, it.level, ptr_phys(it.ptep).v, it.entry);
		more = found.kind == PT_TABLE;
		if (found.kind == PT_LEAF) {
			add_prot(t, "", found.prot);
		}
		text_add(t, "\n");
	}
	lock_drop(&tdp->lock);
	if (found.kind == PT_LEAF) {
		u64 offset = addr & (pt_level_size(tdp->fmt, it.level) - 1);

		text_add(t, "host-physical %lx, %s\n", found.oa.v + offset, mems[found.mem]);
	} else if (slot) {
		text_add(t, "  not mapped yet: the first access will\n");
	}
}

void explain(const struct explain *e, struct text *t)
{
	u64 addr = e->addr;

	if (e->paging) {
		text_add(t, "vm %s, vCPU %u: address %lx\n", e->vm, e->vcpu, addr);
	} else {
		text_add(t, "vm %s: ", e->vm);
	}
	if (!e->paging || explain_guest(e, t, &addr)) {
		explain_host(e, t, addr);
	}
}
