// SPDX-License-Identifier: Apache-2.0
/* The core's own page tables: mm/'s row for EL2. */
#include "arch/arm64/hostpt.h"

#include "arch/cpu.h"
#include "mm/pt_format.h"
#include "vmm/table_pages.h"

/* "TLB maintenance instructions": a DSB before orders the table's stores, one after completes. */
static void tlb_flush(struct tdp *tdp, gpa_t start, u64 size)
{
	(void)tdp;
	(void)start;
	(void)size;
	dsb_ishst();
	__asm__ volatile("tlbi alle2is" : : : "memory");
	dsb_ish();
	isb();
}

/* A walk may miss an entry until its store is complete ("Ordering of translation table walks"). */
static void entry_written(struct tdp *tdp, void *ptep, u64 old, u64 new)
{
	(void)tdp;
	(void)ptep;
	(void)old;
	(void)new;
	dsb_ishst();
	isb();
}

static void tables_load(hpa_t root)
{
	write_sysreg(root.v, ttbr0_el2);
	isb();
	tlb_flush(NULL, gpa(0), 0);
}

static const struct hostpt_arch hostpt_arm64 = {
	.tdp =
		{
			.alloc = table_pages_alloc,
			.free = table_pages_free,
			.flush = tlb_flush,
			.written = entry_written,
		},
	.load = tables_load,
};

void hostpt_init(const struct boot_info *bi)
{
	hostpt_make(bi, cpu_vhe ? &pt_el2_vhe : &pt_el2, &hostpt_arm64);
	/*
	 * Both tables map the core alike, by pages, so this may change under our feet; nothing
	 * else is touched until the old translations are gone (blocks of another size would be a
	 * "TLB conflict abort").
	 */
	hostpt_load();
}
