// SPDX-License-Identifier: Apache-2.0
/*
 * TLB maintenance of second-level tables follows the Arm ARM, "TLB maintenance instructions" and
 * "General TLB maintenance requirements":
 *
 *   - a store to a table is complete before the TLBI: DSB ISHST;
 *   - TLBI IPAS2E1IS and VMALLS12E1IS act on the VMID in VTTBR_EL2, on all CPUs of the inner
 *     shareable domain, and are complete after DSB ISH;
 *   - translations of stage 1 and 2 combined may be held under the guest's virtual address only,
 *     where no IPA reaches them: after TLBI by IPA and its DSB comes TLBI VMALLE1IS;
 *   - ISB, so that this CPU's next instructions do not use what it fetched before.
 *
 * A new entry needs no TLBI, since an invalid one is never cached, but a DSB before the guest is
 * entered, or its walk may still see the hole ("Ordering of translation table walks").
 */
#include "arch/arm64/stage2.h"

#include <errno.h>

#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/arm64/virt.h"
#include "arch/arm64/vmid.h"
#include "mm/bits.h"
#include "mm/pt_format.h"
#include "vmm/log.h"
#include "vmm/table_pages.h"
#include "vmm/vm.h"

#define MMFR0_TGRAN4 GENMASK(31, 28)
#define TGRAN4_NONE  15
#define VTTBR_VMID   GENMASK(63, 48)

/* A range of more pages than this is flushed as a whole. */
#define FLUSH_PAGES_MAX 32

static struct lock vmids_lock = {.rank = LOCK_RANK_TDP};
static struct vmid_pool vmids;
static u8 ipa_bits;

int stage2_init(void)
{
	u64 mmfr0 = idreg(&cpu_idregs, ID_AA64MMFR0);
	unsigned vmid_bits = cpu_controls.vtcr & VTCR_VS ? 16 : 8;

	if (FIELD_GET(MMFR0_TGRAN4, mmfr0) == TGRAN4_NONE) {
		log_error("this CPU has no 4 KiB pages");
		return -ENODEV;
	}
	ipa_bits = (u8)min_u64(parange_bits(FIELD_GET(MMFR0_PARANGE, mmfr0)), STAGE2_IPA_BITS);
	vmid_pool_init(&vmids, vmid_bits, SCHED_MAX_CPUS);
	log_info("stage 2: %u bits of guest-physical address, VMIDs of %u bits", ipa_bits,
		 vmid_bits);
	return 0;
}

unsigned stage2_ipa_bits(void)
{
	return ipa_bits;
}

u64 stage2_vtcr(void)
{
	/* "SL0": with 4K pages the walk begins at Arm's level 2 - SL0. */
	u64 sl0 = ipa_bits > 43 ? 2 : ipa_bits > 34 ? 1 : 0;

	return cpu_controls.vtcr | FIELD_PREP(VTCR_SL0, sl0) |
	       FIELD_PREP(VTCR_T0SZ, 64u - ipa_bits);
}

static u64 vttbr_of(const struct vm *vm)
{
	return vm->tdp.root.v | FIELD_PREP(VTTBR_VMID, vm->arch.vmid.nr);
}

static void flush_pages(u64 start, u64 size)
{
	for (u64 a = start; a < start + size; a += PAGE_SIZE) {
		__asm__ volatile("tlbi ipas2e1is, %0" : : "r"(a >> PAGE_SHIFT) : "memory");
	}
	dsb_ish();
	__asm__ volatile("tlbi vmalle1is" : : : "memory");
}

static void guest_tlb_flush(struct tdp *tdp, gpa_t start, u64 size)
{
	struct vm *vm = container_of(tdp, struct vm, tdp);
	u64 old = read_sysreg(vttbr_el2);

	if (!vm->arch.vmid.generation) {
		return; /* has never run: nothing is cached */
	}
	dsb_ishst();
	if (old != vttbr_of(vm)) {
		write_sysreg(vttbr_of(vm), vttbr_el2);
		isb();
	}
	if (size && size <= FLUSH_PAGES_MAX * PAGE_SIZE) {
		flush_pages(start.v, size);
	} else {
		__asm__ volatile("tlbi vmalls12e1is" : : : "memory");
	}
	dsb_ish();
	if (old != vttbr_of(vm)) {
		write_sysreg(old, vttbr_el2);
	}
	isb();
}

static void guest_entry_written(struct tdp *tdp, void *ptep, u64 old, u64 new)
{
	(void)tdp;
	(void)ptep;
	(void)old;
	(void)new;
	dsb_ishst();
}

static const struct tdp_ops guest_tdp_ops = {
	.alloc = table_pages_alloc,
	.free = table_pages_free,
	.flush = guest_tlb_flush,
	.written = guest_entry_written,
};

void stage2_flush(struct vm *vm)
{
	guest_tlb_flush(&vm->tdp, gpa(0), 0);
}

int stage2_vm_init(struct vm *vm)
{
	return tdp_init(&vm->tdp, &pt_s2_4k, &guest_tdp_ops, ipa_bits);
}

void stage2_load(struct vm *vm)
{
	/* Nobody enters with a new generation's number before the flush is complete. */
	lock_take(&vmids_lock);
	if (vmid_get(&vmids, &vm->arch.vmid, this_cpu()->id)) {
		__asm__ volatile("tlbi alle1is" : : : "memory");
		dsb_ish();
	}
	lock_drop(&vmids_lock);
	write_sysreg(vttbr_of(vm), vttbr_el2);
	isb();
}

void stage2_put(void)
{
	/* Its tables may go: nothing is to walk them ahead of time. */
	write_sysreg(0, vttbr_el2);
	isb();
	lock_take(&vmids_lock);
	vmid_put(&vmids, this_cpu()->id);
	lock_drop(&vmids_lock);
}
