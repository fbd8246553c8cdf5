// SPDX-License-Identifier: Apache-2.0
/*
 * The core's own page tables, by the builder of mm/ with the x86-64 row.
 *
 *   DIRECT_MAP_BASE + hpa   all memory that the firmware declares, writable, not executable
 *   core link address       text R-X, rodata R--, data RW-
 *
 * Device registers are mapped on demand at their direct-map address. The tables only grow, on
 * the one CPU that runs then, so an entry is never changed while cached and no flush is owed.
 */
#include "arch/x86/hostpt.h"

#include "arch/cpu.h"
#include "vmm/table_pages.h"
#include "arch/x86/x86.h"
#include "mm/page.h"
#include "mm/pt_format.h"
#include "mm/tdp.h"
#include "vmm/panic.h"

extern const u8 core_text_start[], core_text_end[], core_rodata_start[], core_rodata_end[],
	core_data_start[], core_data_end[], core_start[];

static struct tdp host_tdp;

/* The same and, by their own addresses, what the firmware's runtime services need. */
static struct tdp runtime_tdp;
static u64 core_phys_base;

static void tlb_flush(struct tdp *tdp, gpa_t start, u64 size)
{
	(void)tdp;
	(void)start;
	(void)size;
	write_cr3(read_cr3()); /* no global pages in our tables */
}

static const struct tdp_ops host_tdp_ops = {
	.alloc = table_pages_alloc,
	.free = table_pages_free,
	.flush = tlb_flush,
};

static struct tdp_attr attr(u64 phys, unsigned prot, enum pt_mem mem)
{
	return (struct tdp_attr){.oa = hpa(phys), .prot = (u8)prot, .mem = (u8)mem};
}

static void map(struct tdp *tdp, u64 va, u64 size, struct tdp_attr to)
{
	struct tlb_batch batch;
	int err;

	tlb_batch_init(&batch, tdp);
	err = tdp_map(tdp, gpa(va), size, to, &batch);
	tlb_batch_flush(&batch);
	if (err) {
		panic("mapping %016lx, %lu KiB, in the core: error %d", va, size / 1024, err);
	}
}

static void map_core(struct tdp *tdp, const u8 *start, const u8 *end, unsigned prot)
{
	u64 va = (u64)(uintptr_t)start;

	map(tdp, va, (u64)(end - start), attr(hostpt_core_phys(start).v, prot, PT_MEM_WB));
}

hpa_t hostpt_core_phys(const void *p)
{
	return hpa((u64)((const u8 *)p - core_start) + core_phys_base);
}

static bool is_memory(const struct boot_range *r)
{
	return r->kind != BOOT_RANGE_MMIO && r->kind != BOOT_RANGE_RESERVED;
}

/* A page that is mapped already keeps its memory type. */
static void *map_device(struct tdp *tdp, hpa_t base, u64 size, enum pt_mem mem)
{
	u64 start = align_down(base.v, PAGE_SIZE);
	u64 end = align_up(base.v + size, PAGE_SIZE);

	for (u64 a = start; a < end; a += PAGE_SIZE) {
		struct tdp_entry e = tdp_lookup(tdp, gpa(DIRECT_MAP_BASE + a));

		if (e.kind != PT_LEAF) {
			map(tdp, DIRECT_MAP_BASE + a, PAGE_SIZE, attr(a, PT_R | PT_W, mem));
		}
	}
	return phys_ptr(base);
}

static void tables_make(struct tdp *tdp, const struct boot_info *bi)
{
	if (tdp_init(tdp, &pt_x86_64, &host_tdp_ops, 48)) {
		panic("no memory for the core's page tables");
	}
	for (u64 i = 0; i < bi->range_count; i++) {
		const struct boot_range *r = &bi->ranges[i];

		if (is_memory(r)) {
			map(tdp, DIRECT_MAP_BASE + r->base, r->size,
			    attr(r->base, PT_R | PT_W, PT_MEM_WB));
		}
	}
	map_core(tdp, core_text_start, core_text_end, PT_R | PT_X);
	map_core(tdp, core_rodata_start, core_rodata_end, PT_R);
	map_core(tdp, core_data_start, core_data_end, PT_R | PT_W);
	if (bi->framebuffer.width) {
		map_device(tdp, hpa(bi->framebuffer.base), bi->framebuffer.size, PT_MEM_WC);
	}
}

/*
 * UEFI 2.10, "Runtime Services": in identity-mapped mode their memory and devices lie at their own
 * addresses. The memory is writable and executable, so these tables are loaded for a call only.
 */
static void runtime_make(const struct boot_info *bi)
{
	tables_make(&runtime_tdp, bi);
	for (u64 i = 0; i < bi->range_count; i++) {
		const struct boot_range *r = &bi->ranges[i];

		if (r->kind == BOOT_RANGE_RUNTIME) {
			map(&runtime_tdp, r->base, r->size,
			    attr(r->base, PT_R | PT_W | PT_X, PT_MEM_WB));
		} else if (r->kind == BOOT_RANGE_MMIO && r->base + r->size <= BIT(47)) {
			map(&runtime_tdp, r->base, r->size, attr(r->base, PT_R | PT_W, PT_MEM_UC));
		}
	}
}

void hostpt_init(const struct boot_info *bi)
{
	core_phys_base = bi->core_base;
	wrmsr(MSR_PAT, PT_X86_PAT);
	tables_make(&host_tdp, bi);
	if (bi->efi_reset_system) { /* a UEFI machine */
		runtime_make(bi);
	}
	write_cr4(read_cr4() & ~CR4_PGE);
	write_cr3(host_tdp.root.v);
}

void hostpt_runtime(bool on)
{
	if (host_tdp.root.v && (!on || runtime_tdp.root.v)) { /* else still on the loader's */
		write_cr3(on ? runtime_tdp.root.v : host_tdp.root.v);
	}
}

void hostpt_cpu_init(void)
{
	wrmsr(MSR_PAT, PT_X86_PAT);
	write_cr4(read_cr4() & ~CR4_PGE);
	write_cr3(host_tdp.root.v);
}

void *hostpt_map_mmio(hpa_t base, u64 size)
{
	return map_device(&host_tdp, base, size, PT_MEM_UC);
}

void hostpt_map_memory(u64 base, u64 size)
{
	(void)map_device(&host_tdp, hpa(base), size, PT_MEM_WB);
}
