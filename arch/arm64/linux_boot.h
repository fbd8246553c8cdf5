// SPDX-License-Identifier: Apache-2.0
/*
 * Linux by its boot protocol (Linux, "Booting AArch64 Linux"): what is in memory at entry. ELF and
 * raw kernels are entered in the same state.
 */
#pragma once

#include "vmm/vm.h"

/* The boot vCPU's registers at entry. x1 to x3 are 0; MMU and caches of EL1 are off. */
struct linux_entry {
	u64 pc;
	u64 x0;     /* guest-physical address of the device tree */
	u64 pstate; /* SPSR_EL2's layout */
};

/*
 * Puts kernel, initrd and device tree of @vm's configuration into guest memory, by the host's
 * cacheable alias: the guest starts with its caches off, so the caller cleans them to the point of
 * coherency. Errors: -ENOEXEC no such image, -ENOMEM does not fit; the reason is logged.
 */
int linux_boot_load(struct vm *vm, struct linux_entry *out) __must_check;
