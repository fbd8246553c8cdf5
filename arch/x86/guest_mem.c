// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/guest_mem.h"

#include <errno.h>
#include <string.h>

#include "arch/x86/regs.h"
#include "mm/page.h"
#include "vmm/arch.h"
#include "vmm/explain.h"
#include "vmm/guest_walk.h"
#include "vmm/nested_ops.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

#define FETCH_MAX INSN_LEN_MAX

void *guest_ptr(const struct vm *vm, gpa_t addr)
{
	const struct memslot *slot = memslot_find(&vm->slots, addr);

	return slot ? phys_ptr(memslot_hpa(slot, addr)) : NULL;
}

void fetch_cache_clear(struct fetch_cache *cache)
{
	memset(cache, 0, sizeof(*cache));
}

/* Keeps a walk of 64-bit entries; others are rare enough to be walked each time. */
static void walk_keep(struct fetch_walk *k, u64 page, u64 cr3, const struct walk_reads *reads,
		      const u8 *host)
{
	if (!reads->count || reads->count > WALK_LEVELS_MAX) {
		return;
	}
	k->page = page | 1;
	k->cr3 = cr3;
	for (u32 i = 0; i < WALK_LEVELS_MAX; i++) {
		u32 from = i < reads->count ? i : reads->count - 1;

		k->entry[i] = reads->read[from].at;
		k->value[i] = reads->read[from].raw;
	}
	k->host = host;
}

/* For an access at the guest's present CPL. Without paging *w is as after a walk. */
static enum walk_result walk(const struct vcpu *vcpu, struct guest_walk *w)
{
	struct guest_paging paging;
	struct walk_regime regime;

	arch_vcpu_paging(vcpu, &paging);
	if (!paging.on) {
		w->gpa = gpa((u32)w->ia);
		return WALK_OK;
	}
	regime = (struct walk_regime){
		.role = paging.role[0], .root = paging.root[0], .slots = &vcpu->vm->slots};
	w->access |= x86_cpl(vcpu) == 3 ? PT_U : 0;
	return guest_walk(&regime, w);
}

static __attribute__((noinline)) const u8 *code_page_walk(struct vcpu *vcpu, u64 page, u64 cr3)
{
	struct fetch_walk *kept = &vcpu->arch.fetch.walk[(page >> PAGE_SHIFT) % FETCH_CACHE_SIZE];
	struct walk_reads reads = {.count = 0};
	struct guest_walk w = {.ia = page, .access = PT_X, .flags = WALK_PEEK, .reads = &reads};
	const u8 *host = NULL;

	if (walk(vcpu, &w) == WALK_OK) {
		host = guest_ptr(vcpu->vm, w.gpa);
	}
	if (host) {
		walk_keep(kept, page, cr3, &reads, host);
	}
	return host;
}

/* The host's address of the code page at @page, NULL: not readable. */
static const u8 *code_page(struct vcpu *vcpu, u64 page, u64 cr3)
{
	const u8 *host;

	if (vcpu->arch.l2) {
		return x86_ops->nested->code_page(vcpu, page);
	}
	host = fetch_cache_find(&vcpu->arch.fetch, page, cr3);
	return host ? host : code_page_walk(vcpu, page, cr3);
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

static const u8 gva_access_prot[] = {
	[GVA_READ] = PT_R,
	[GVA_WRITE] = PT_W,
	[GVA_FETCH] = PT_X,
};

int guest_translate(struct vcpu *vcpu, gva_t addr, enum gva_access access, gpa_t *out,
		    struct gva_fault *fault)
{
	struct guest_walk w = {.ia = addr.v, .access = gva_access_prot[access]};
	enum walk_result result;

	*fault = (struct gva_fault){.gva = addr};
	if (vcpu->arch.l2) {
		return x86_ops->nested->translate(vcpu, fault, w.access, out);
	}
	result = walk(vcpu, &w);
	*out = w.gpa;
	fault->error = (u32)w.code;
	fault->none = result == WALK_RETRY;
	return result == WALK_OK ? 0 : -EFAULT;
}
