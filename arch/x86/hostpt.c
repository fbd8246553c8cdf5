// SPDX-License-Identifier: Apache-2.0
/*
 * The core's own page tables: mm/'s row for x86-64. They only grow, on the one CPU that runs then,
 * so an entry is never changed while cached and no flush is owed.
 */
#include "arch/x86/hostpt.h"

#include "arch/cpu.h"
#include "arch/x86/x86.h"
#include "mm/pt_format.h"
#include "vmm/table_pages.h"

static void tlb_flush(struct tdp *tdp, gpa_t start, u64 size)
{
	(void)tdp;
	(void)start;
	(void)size;
	write_cr3(read_cr3()); /* no global pages in our tables */
}

static void tables_load(hpa_t root)
{
	write_cr3(root.v);
}

static const struct hostpt_arch hostpt_x86 = {
	.tdp =
		{
			.alloc = table_pages_alloc,
			.free = table_pages_free,
			.flush = tlb_flush,
		},
	.load = tables_load,
};

void hostpt_init(const struct boot_info *bi)
{
	/* Four levels or five, as the firmware left it. */
	hostpt_make(bi, read_cr4() & CR4_LA57 ? &pt_x86_64_5level : &pt_x86_64, &hostpt_x86);
	hostpt_cpu_init();
}

void hostpt_cpu_init(void)
{
	wrmsr(MSR_PAT, PT_X86_PAT);
	write_cr4(read_cr4() & ~CR4_PGE);
	hostpt_load();
}
