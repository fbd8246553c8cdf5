// SPDX-License-Identifier: Apache-2.0
/*
 * Kernels by Multiboot 1 and by PVH: entered in 32-bit protected mode with paging off, EBX at a
 * structure that tells of memory, modules and command line.
 */
#pragma once

#include "vmm/vm.h"

/* Puts kernel, modules and tables into guest memory, sets the boot vCPU's registers. */
int multiboot_boot(struct vm *vm) __must_check;
int pvh_boot(struct vm *vm) __must_check;
