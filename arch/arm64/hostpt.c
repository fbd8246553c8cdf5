// SPDX-License-Identifier: Apache-2.0
/*
 * The core's own page tables, by the builder of mm/ with a row for EL2.
 *
 *   DIRECT_MAP_BASE + hpa   memory that the firmware declares, writable, not executable
 *   core link address       text R-X, rodata R--, data RW-
 *
 * What the firmware does not declare as memory is not mapped, since the CPU may read ahead from
 * whatever is mapped as Normal (Arm ARM, "Normal memory"). Devices are mapped on demand.
 */
#include "arch/arm64/hostpt.h"

#include "arch/cpu.h"
#include "mm/bits.h"
#include "mm/page.h"
#include "mm/pt_format.h"
#include "mm/tdp.h"
#include "vmm/panic.h"
#include "vmm/table_pages.h"

extern const u8 core_text_start[], core_text_end[], core_rodata_start[], core_rodata_end[],
	core_data_start[], core_data_end[], core_start[];

static struct tdp host_tdp;

/* The same and, by their own addresses, what the firmware's runtime services need. */
static struct tdp runtime_tdp;
static u64 core_phys_base;

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

static const struct tdp_ops host_tdp_ops = {
	.alloc = table_pages_alloc,
	.free = table_pages_free,
	.flush = tlb_flush,
	.written = entry_written,
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

	map(tdp, va, (u64)(end - start),
	    attr(core_phys_base + (u64)(start - core_start), prot, PT_MEM_WB));
}

static bool is_memory(const struct boot_range *r)
{
	return r->kind != BOOT_RANGE_MMIO && r->kind != BOOT_RANGE_RESERVED;
}

/* A page that is mapped already keeps its memory type. */
static void *map_pages(struct tdp *tdp, hpa_t base, u64 size, enum pt_mem mem)
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
	if (tdp_init(tdp, cpu_vhe ? &pt_el2_vhe : &pt_el2, &host_tdp_ops, 48)) {
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
		map_pages(tdp, hpa(bi->framebuffer.base), bi->framebuffer.size, PT_MEM_WC);
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

		if (r->base + r->size > DIRECT_MAP_BASE) {
			continue;
		}
		if (r->kind == BOOT_RANGE_RUNTIME) {
			map(&runtime_tdp, r->base, r->size,
			    attr(r->base, PT_R | PT_W | PT_X, PT_MEM_WB));
		} else if (r->kind == BOOT_RANGE_MMIO) {
			map(&runtime_tdp, r->base, r->size,
			    attr(r->base, PT_R | PT_W, PT_MEM_DEVICE));
		}
	}
}

static void tables_load(const struct tdp *tdp)
{
	write_sysreg(tdp->root.v, ttbr0_el2);
	isb();
	tlb_flush(NULL, gpa(0), 0);
}

void hostpt_runtime(bool on)
{
	if (host_tdp.root.v && (!on || runtime_tdp.root.v)) { /* else still on the loader's */
		tables_load(on ? &runtime_tdp : &host_tdp);
	}
}

void hostpt_init(const struct boot_info *bi)
{
	core_phys_base = bi->core_base;
	tables_make(&host_tdp, bi);
	if (bi->efi_reset_system) { /* a UEFI machine */
		runtime_make(bi);
	}
	/*
	 * Both tables map the core alike, by pages, so this may change under our feet; nothing
	 * else is touched until the old translations are gone (blocks of another size would be a
	 * "TLB conflict abort").
	 */
	tables_load(&host_tdp);
}

void *hostpt_map_device(hpa_t base, u64 size)
{
	return map_pages(&host_tdp, base, size, PT_MEM_DEVICE);
}

hpa_t hostpt_core_phys(const void *p)
{
	return hpa((u64)((const u8 *)p - core_start) + core_phys_base);
}

void hostpt_identity(const u8 *page, bool on)
{
	u64 phys = align_down(hostpt_core_phys(page).v, PAGE_SIZE);
	struct tlb_batch batch;

	if (on) {
		map(&host_tdp, phys, PAGE_SIZE, attr(phys, PT_R | PT_X, PT_MEM_WB));
		return;
	}
	tlb_batch_init(&batch, &host_tdp);
	(void)!tdp_unmap(&host_tdp, gpa(phys), PAGE_SIZE, &batch);
	tlb_batch_flush(&batch);
}
