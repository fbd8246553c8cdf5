// SPDX-License-Identifier: Apache-2.0
/* The boot diagram: what happens from the loader's hand-over to the machine's end. */
#include "vmm/main.h"

#include "mm/page.h"
#include "vmm/arch.h"
#include "vmm/log.h"
#include "vmm/vm.h"

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
