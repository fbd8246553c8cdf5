// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/guest_mem.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "arch/x86/regs.h"
#include "arch/x86/x86.h"
#include "mm/page.h"
#include "mm/pt_format.h"
#include "vmm/nested_ops.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

#define FETCH_MAX INSN_LEN_MAX

/* How the guest's CPU translates now. */
struct paging {
	const struct pt_format *fmt; /* NULL: off */
	u64 cr3;
	u32 levels;
	bool write_protect, nx;
	bool smap; /* on, and not suspended by RFLAGS.AC */
};

static struct paging paging_mode(const struct vcpu *vcpu)
{
	u64 cr0 = x86_get_reg(vcpu, X86_REG_CR0), cr4, efer;
	struct paging p = {0};

	if (!(cr0 & CR0_PG)) {
		return p;
	}
	cr4 = x86_get_reg(vcpu, X86_REG_CR4);
	efer = x86_get_reg(vcpu, X86_REG_EFER);
	p.cr3 = x86_get_reg(vcpu, X86_REG_CR3);
	p.write_protect = cr0 & CR0_WP;
	p.nx = efer & EFER_NXE;
	p.smap = (cr4 & CR4_SMAP) && !(vcpu->arch.rflags & RFLAGS_AC);
	if (efer & EFER_LMA) {
		p.fmt = cr4 & CR4_LA57 ? &pt_x86_64_5level : &pt_x86_64;
		p.levels = cr4 & CR4_LA57 ? 5 : 4;
		p.cr3 &= GENMASK(51, 12);
	} else if (cr4 & CR4_PAE) {
		p.fmt = &pt_pae;
		p.levels = 3;
		p.cr3 &= GENMASK(31, 5);
	} else {
		p.fmt = &pt_x86_32;
		p.levels = 2;
		p.cr3 &= GENMASK(31, 12);
	}
	return p;
}

void *guest_ptr(const struct vm *vm, gpa_t addr)
{
	const struct memslot *slot = memslot_find(&vm->slots, addr);

	return slot ? phys_ptr(memslot_hpa(slot, addr)) : NULL;
}

static u64 entry_load(const struct pt_format *fmt, const void *entry)
{
	if (fmt->entry_shift == 2) {
		return atomic_load_explicit((const _Atomic(u32) *)entry, memory_order_relaxed);
	}
	return atomic_load_explicit((const _Atomic(u64) *)entry, memory_order_relaxed);
}

static void entry_set(const struct pt_format *fmt, void *entry, u64 bits)
{
	if (fmt->entry_shift == 2) {
		atomic_fetch_or_explicit((_Atomic(u32) *)entry, (u32)bits, memory_order_relaxed);
	} else {
		atomic_fetch_or_explicit((_Atomic(u64) *)entry, bits, memory_order_relaxed);
	}
}

/* The entries that a walk reads, from the root down. */
struct walk {
	u32 count;
	void *entry[WALK_LEVELS_MAX];
	u64 value[WALK_LEVELS_MAX];
	u8 prot; /* of all levels together; PT_U: user */
	gpa_t gpa;
};

/* Errors: -EFAULT: an entry is not present (or in no memory, which reads as not present). */
static int walk_tables(const struct vm *vm, const struct paging *p, u64 addr, struct walk *w)
{
	u64 table = p->cr3;

	w->count = 0;
	w->prot = PT_R | PT_W | PT_X | PT_U;
	for (u32 level = p->levels; level; level--) {
		unsigned shift = pt_level_shift(p->fmt, level);
		unsigned bits = p->fmt == &pt_pae && level == 3 ? 2 : p->fmt->index_bits;
		u64 index = (addr >> shift) & (BIT(bits) - 1);
		void *entry = guest_ptr(vm, gpa(table + (index << p->fmt->entry_shift)));
		struct pt_entry e;

		if (!entry) {
			return -EFAULT;
		}
		w->entry[w->count] = entry;
		w->value[w->count] = entry_load(p->fmt, entry);
		e = pt_decode(p->fmt, level, w->value[w->count++]);
		if (e.kind != PT_TABLE && e.kind != PT_LEAF) {
			return -EFAULT;
		}
		w->prot &= e.prot;
		if (e.kind == PT_LEAF) {
			w->gpa = gpa(e.oa.v + (addr & (BIT(shift) - 1)));
			return 0;
		}
		table = e.oa.v;
	}
	return -EFAULT;
}

void fetch_cache_clear(struct fetch_cache *cache)
{
	memset(cache, 0, sizeof(*cache));
}

/* Keeps a walk of 64-bit entries; others are rare enough to be walked each time. */
static void walk_keep(struct fetch_walk *k, u64 page, u64 cr3, const struct walk *w, const u8 *host)
{
	k->page = page | 1;
	k->cr3 = cr3;
	for (u32 i = 0; i < WALK_LEVELS_MAX; i++) {
		u32 from = i < w->count ? i : w->count - 1;

		k->entry[i] = w->entry[from];
		k->value[i] = w->value[from];
	}
	k->host = host;
}

/* The host's address of the code page at @page, NULL: not readable. */
static const u8 *code_page(struct vcpu *vcpu, u64 page, u64 cr3)
{
	struct fetch_cache *cache = &vcpu->arch.fetch;
	struct paging p;
	const u8 *host;
	struct walk w;

	if (vcpu->arch.l2) {
		return x86_ops->nested->code_page(vcpu, page);
	}
	host = fetch_cache_find(cache, page, cr3);
	if (host) {
		return host;
	}
	p = paging_mode(vcpu);
	if (!p.fmt) {
		return guest_ptr(vcpu->vm, gpa(page));
	}
	if (walk_tables(vcpu->vm, &p, page, &w)) {
		return NULL;
	}
	host = guest_ptr(vcpu->vm, w.gpa);
	if (host && p.fmt->entry_shift == 3) {
		walk_keep(&cache->walk[(page >> PAGE_SHIFT) % FETCH_CACHE_SIZE], page, cr3, &w,
			  host);
	}
	return host;
}

/* The instruction may go on in the next page. */
static __attribute__((noinline)) unsigned fetch_split(struct vcpu *vcpu, u64 rip, u64 cr3,
						      const u8 *host, u8 buf[16])
{
	unsigned first = (unsigned)(PAGE_SIZE - (rip & ~PAGE_MASK));

	memcpy(buf, host + (rip & ~PAGE_MASK), first);
	host = code_page(vcpu, (rip & PAGE_MASK) + PAGE_SIZE, cr3);
	if (!host) {
		return first < FETCH_MAX ? first : FETCH_MAX;
	}
	memcpy(buf + first, host, 16 - first);
	return FETCH_MAX;
}

unsigned guest_fetch(struct vcpu *vcpu, u64 rip, u64 cr3, u8 buf[16])
{
	u64 offset = rip & ~PAGE_MASK;
	const u8 *host = code_page(vcpu, rip & PAGE_MASK, cr3);

	if (!host) {
		return 0;
	}
	if (offset > PAGE_SIZE - 16) {
		return fetch_split(vcpu, rip, cr3, host, buf);
	}
	memcpy(buf, host + offset, 16);
	return FETCH_MAX;
}

static int fault_fill(struct gva_fault *fault, gva_t addr, u64 error)
{
	*fault = (struct gva_fault){.gva = addr, .error = (u32)error};
	return -EFAULT;
}

static bool access_allowed(const struct paging *p, u8 prot, enum gva_access access, bool user)
{
	if (user ? !(prot & PT_U) : p->smap && (prot & PT_U)) {
		return false;
	}
	switch (access) {
	case GVA_READ:
		return true;
	case GVA_WRITE:
		return (prot & PT_W) || (!user && !p->write_protect);
	case GVA_FETCH:
		return !p->nx || (prot & PT_X);
	}
	return false;
}

static const u8 gva_access_prot[] = {
	[GVA_READ] = PT_R,
	[GVA_WRITE] = PT_W,
	[GVA_FETCH] = PT_X,
};

int guest_translate(struct vcpu *vcpu, gva_t addr, enum gva_access access, gpa_t *out,
		    struct gva_fault *fault)
{
	bool user = x86_cpl(vcpu) == 3;
	u64 error = (access == GVA_WRITE ? PF_WRITE : 0) | (access == GVA_FETCH ? PF_FETCH : 0) |
		    (user ? PF_USER : 0);
	struct paging p;
	struct walk w;

	if (vcpu->arch.l2) {
		*fault = (struct gva_fault){.gva = addr};
		return x86_ops->nested->translate(vcpu, fault, gva_access_prot[access], out);
	}
	p = paging_mode(vcpu);
	if (!p.fmt) {
		*out = gpa(addr.v & 0xffffffff);
		return 0;
	}
	if (walk_tables(vcpu->vm, &p, addr.v, &w)) {
		return fault_fill(fault, addr, error);
	}
	if (!access_allowed(&p, w.prot, access, user)) {
		return fault_fill(fault, addr, error | PF_PRESENT);
	}
	for (u32 i = 0; i < w.count; i++) {
		bool leaf = i == w.count - 1;

		if (p.fmt == &pt_pae && i == 0) {
			continue; /* PDPTEs have no accessed bit */
		}
		entry_set(p.fmt, w.entry[i],
			  p.fmt->accessed | (leaf && access == GVA_WRITE ? p.fmt->dirty : 0));
	}
	*out = w.gpa;
	return 0;
}
