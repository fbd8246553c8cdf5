// SPDX-License-Identifier: Apache-2.0
/* The boot diagram: what happens from the loader's hand-over to the machine's end. */
#include "vmm/main.h"

#include "mm/page.h"
#include "mm/pt_format.h"
#include "vmm/arch.h"
#include "vmm/console.h"
#include "vmm/cpu.h"
#include "vmm/log.h"
#include "vmm/monitor.h"
#include "vmm/panic.h"
#include "vmm/vm.h"

#define FREE_RANGES_MAX 512

static void formats_check(void)
{
	for (const struct pt_format *const *f = pt_formats; *f; f++) {
		if (pt_format_check(*f)) {
			panic("page-table format %s is inconsistent", (*f)->name);
		}
	}
}

/* @r without @keep: up to two ranges at @out. Returns how many. */
static size_t range_without(struct range r, struct range keep, struct range *out)
{
	u64 end = r.base + r.size, keep_end = keep.base + keep.size;
	size_t count = 0;

	if (keep.base >= end || keep_end <= r.base || !keep.size) {
		out[0] = r;
		return 1;
	}
	if (keep.base > r.base) {
		out[count++] = (struct range){r.base, keep.base - r.base};
	}
	if (keep_end < end) {
		out[count++] = (struct range){keep_end, end - keep_end};
	}
	return count;
}

void hv_memory_init(const struct boot_info *bi, struct range keep)
{
	static struct range free[FREE_RANGES_MAX];
	size_t count = 0;

	phys_offset = DIRECT_MAP_BASE;
	for (u64 i = 0; i < bi->range_count && count < FREE_RANGES_MAX - 1; i++) {
		if (bi->ranges[i].kind == BOOT_RANGE_FREE) {
			struct range r = {bi->ranges[i].base, bi->ranges[i].size};

			count += range_without(r, keep, &free[count]);
		}
	}
	if (page_init(free, count)) {
		panic("no memory (%lu free ranges)", count);
	}
	formats_check();
}

void hv_screen_finish(void)
{
	while (console_poll()) {
		/* No guest's exits draw the screen any more. */
	}
}

void hv_wait_for_enter(void)
{
	console_screen_take();
	log_info("press Enter to power the machine off");
	hv_screen_finish();
	while (console_getc() != '\r') {
		/* Nothing else is left to do. */
	}
}

/* Not to be started before the operator says so. */
static bool waits(const struct vm *vm)
{
	return vm->config->flags & BOOT_VM_WAITING;
}

/* What one VM's end says of the whole. One that could not be created counts as failed. */
static bool all_went_well(const struct boot_config *config)
{
	for (u32 i = 0; i < config->vm_count; i++) {
		const struct vm *vm = vm_get(i);

		if (!vm || vm->end == VM_WISH_KILL || (vm->end == VM_WISH_NONE && !waits(vm))) {
			return false;
		}
	}
	return true;
}

/* What the VMs take now, of what there was @before; their second-level tables come with use. */
static void vms_measure(const struct page_stats *before)
{
	struct page_stats stats;
	u64 guest;

	page_stats(&stats);
	guest = stats.used_pages[PAGE_OWNER_GUEST];
	log_info("memory of VMs: %lu MiB, and %lu KiB for their state", guest >> (20 - PAGE_SHIFT),
		 (before->free_pages - stats.free_pages - guest) << (PAGE_SHIFT - 10));
}

static void vms_start(const struct boot_info *bi)
{
	struct vm *front;

	for (u16 i = 0; i < bi->config.vm_count; i++) {
		(void)vm_create(bi, &bi->config.vms[i], i);
	}
	for (u32 i = 0; i < vm_count(); i++) {
		if (vm_get(i) && !waits(vm_get(i)) && vm_start(vm_get(i))) {
			vm_destroy(vm_get(i));
		}
	}
	front = vm_get(bi->config.front_vm);
	for (u32 i = 0; !front && i < vm_count(); i++) {
		front = vm_get(i);
	}
	if (front) {
		vconsole_switch(front);
	}
	monitor_greet();
}

/* Guests come and go: what they have had is there again. */
static void vms_end(const struct page_stats *before)
{
	struct page_stats stats;

	for (u32 i = 0; i < vm_count(); i++) {
		if (vm_get(i)) {
			vm_destroy(vm_get(i));
		}
	}
	page_stats(&stats);
	if (stats.free_pages != before->free_pages) {
		log_error("memory: %lu pages have not come back",
			  before->free_pages - stats.free_pages);
	}
}

void hv_main(const struct boot_info *bi)
{
	struct page_stats stats;
	bool success;

	page_stats(&stats);
	log_info("memory: %lu MiB; the core: image %lu KiB at %lx, tables and data %lu KiB",
		 stats.total_pages >> (20 - PAGE_SHIFT), bi->core_size >> 10, bi->core_base,
		 (stats.total_pages - stats.free_pages) << (PAGE_SHIFT - 10));
	sched_init(arch_cpus_start(bi));
	cpus_release();
	page_stats(&stats);
	vms_start(bi);
	vms_measure(&stats);
	cpu_run();
	success = all_went_well(&bi->config);
	vms_end(&stats);
	log_info("no guest is left: %s", success ? "powering off" : "a guest failed");
	arch_machine_end(bi, success);
}
