// SPDX-License-Identifier: Apache-2.0
/*
 * Memory is mapped when first touched, at the largest size at which slot and host memory are
 * aligned alike (rule T13): the slot is looked up first, then the size is decided.
 */
#include "vmm/fault.h"

#include <errno.h>

#include "mm/bits.h"
#include "mm/tdp.h"
#include "vmm/vm.h"

/* The largest block around @addr that the slot holds whole and that is aligned on both sides. */
static u64 block_size(const struct memslot *slot, gpa_t addr)
{
	static const u64 sizes[] = {BIT(30), BIT(21)};

	for (unsigned i = 0; i < ARRAY_SIZE(sizes); i++) {
		u64 size = sizes[i], base = align_down(addr.v, size);

		if (base >= slot->base.v && base - slot->base.v + size <= slot->size &&
		    is_aligned(memslot_hpa(slot, gpa(base)).v, size)) {
			return size;
		}
	}
	return PAGE_SIZE;
}

static bool is_framebuffer(const struct vm *vm, gpa_t addr)
{
	return addr.v - vm->framebuffer.base.v < vm->framebuffer.size;
}

enum fault_result fault_handle(struct vm *vm, struct tdp_fault *fault)
{
	const struct memslot *slot = memslot_find(&vm->slots, fault->gpa);
	struct tlb_batch batch;
	struct tdp_attr attr;
	u64 size, base;
	bool screen = !slot && is_framebuffer(vm, fault->gpa);
	int err;

	slot = screen ? &vm->framebuffer : slot;
	fault->slot = slot;
	if (!slot) {
		vm->faults.mmio++;
		return FAULT_MMIO;
	}
	if ((slot->flags & MEMSLOT_RO) && (fault->access & PT_W) && !fault->on_walk) {
		return FAULT_DENIED;
	}
	if (screen && (fault->access & PT_X)) {
		return FAULT_DENIED;
	}
	size = block_size(slot, fault->gpa);
	base = align_down(fault->gpa.v, size);
	attr = (struct tdp_attr){
		.oa = memslot_hpa(slot, gpa(base)),
		.prot = (u8)(screen                     ? PT_R | PT_W
			     : slot->flags & MEMSLOT_RO ? PT_R | PT_X
							: PT_R | PT_W | PT_X),
		.mem = screen ? PT_MEM_WC : PT_MEM_WB,
	};
	tlb_batch_init(&batch, &vm->tdp);
	err = tdp_map(&vm->tdp, gpa(base), size, attr, &batch);
	tlb_batch_flush(&batch);
	if (err) {
		return FAULT_NOMEM;
	}
	if (!batch.changes) {
		vm->faults.spurious++;
		return FAULT_SPURIOUS;
	}
	vm->faults.fixed++;
	return FAULT_FIXED;
}
