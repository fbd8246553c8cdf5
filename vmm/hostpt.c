// SPDX-License-Identifier: Apache-2.0
#include "vmm/hostpt.h"

#include "mm/bits.h"
#include "mm/page.h"
#include "mm/pt_format.h"
#include "vmm/panic.h"

extern const u8 core_text_start[], core_text_end[], core_rodata_start[], core_rodata_end[],
	core_data_start[], core_data_end[], core_start[];

static struct tdp host_tdp;

/* The same and, by their own addresses, what the firmware's runtime services need. */
static struct tdp runtime_tdp;
static const struct hostpt_arch *arch;
static u64 core_phys_base;

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

static bool is_memory(const struct boot_range *r)
{
	return r->kind != BOOT_RANGE_MMIO && r->kind != BOOT_RANGE_RESERVED;
}

static void tables_make(struct tdp *tdp, const struct boot_info *bi, const struct pt_format *fmt)
{
	if (tdp_init(tdp, fmt, &arch->tdp, fmt->ia_bits_max)) {
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
static void runtime_make(const struct boot_info *bi, const struct pt_format *fmt)
{
	tables_make(&runtime_tdp, bi, fmt);
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

void hostpt_make(const struct boot_info *bi, const struct pt_format *fmt,
		 const struct hostpt_arch *of)
{
	arch = of;
	core_phys_base = bi->core_base;
	tables_make(&host_tdp, bi, fmt);
	if (bi->efi_reset_system) { /* a UEFI machine */
		runtime_make(bi, fmt);
	}
}

void hostpt_load(void)
{
	arch->load(host_tdp.root);
}

void hostpt_runtime(bool on)
{
	if (host_tdp.root.v && (!on || runtime_tdp.root.v)) { /* else still on the loader's */
		arch->load(on ? runtime_tdp.root : host_tdp.root);
	}
}

void *hostpt_map_device(hpa_t base, u64 size)
{
	return map_pages(&host_tdp, base, size, PT_MEM_DEVICE);
}

void hostpt_map_memory(u64 base, u64 size)
{
	(void)map_pages(&host_tdp, hpa(base), size, PT_MEM_WB);
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

hpa_t hostpt_core_phys(const void *p)
{
	return hpa((u64)((const u8 *)p - core_start) + core_phys_base);
}
