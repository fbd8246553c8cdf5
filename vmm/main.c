// SPDX-License-Identifier: Apache-2.0
/* The boot diagram: what happens from the loader's hand-over to the machine's end. */
#include "vmm/main.h"

#include "mm/page.h"
#include "mm/pt_format.h"
#include "vmm/arch.h"
#include "vmm/console.h"
#include "vmm/log.h"
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

void hv_memory_init(const struct boot_info *bi)
{
	static struct range free[FREE_RANGES_MAX];
	size_t count = 0;

	phys_offset = DIRECT_MAP_BASE;
	for (u64 i = 0; i < bi->range_count && count < FREE_RANGES_MAX; i++) {
		if (bi->ranges[i].kind == BOOT_RANGE_FREE) {
			free[count++] = (struct range){bi->ranges[i].base, bi->ranges[i].size};
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
	log_info("press Enter to power the machine off");
	hv_screen_finish();
	while (console_getc() != '\r') {
		/* Nothing else is left to do. */
	}
}

/* Runs @vm until it is off or dead; a reset by the guest starts it again. */
static bool vm_run(struct vm *vm)
{
	for (;;) {
		if (vm_load(vm)) {
			return false;
		}
		log_info("vm %s: starting, %lu MiB, %u vCPU", vm->config->name,
			 vm->memory_pages >> (20 - PAGE_SHIFT), vm->vcpu_count);
		vcpu_run(vm->vcpu[0]);
		switch (vm->state) {
		case VM_RESET:
			log_info("vm %s: reset by the guest", vm->config->name);
			continue;
		case VM_POWERED_OFF:
			log_info("vm %s: powered off by the guest after %lu exits",
				 vm->config->name, vm->vcpu[0]->exits);
			return true;
		case VM_RUNNING:
		case VM_DEAD:
			return false;
		}
	}
}

void hv_main(const struct boot_info *bi)
{
	const struct boot_vm *config = &bi->config.vms[0];
	struct page_stats stats;
	bool success = false;
	struct vm *vm;

	page_stats(&stats);
	log_info("memory: %lu MiB; the core: image %lu KiB at %lx, tables and data %lu KiB",
		 stats.total_pages >> (20 - PAGE_SHIFT), bi->core_size >> 10, bi->core_base,
		 (stats.total_pages - stats.free_pages) << (PAGE_SHIFT - 10));
	vm = vm_create(bi, config, 0);
	if (vm) {
		success = vm_run(vm);
	}
	log_info("no guest is left: %s", success ? "powering off" : "a guest failed");
	arch_machine_end(bi, success);
}
