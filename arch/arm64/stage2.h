// SPDX-License-Identifier: Apache-2.0
/* The guest's second-level tables on this CPU: VTTBR_EL2, VMIDs, TLB maintenance. */
#pragma once

#include "mm/types.h"

struct vm;

#define STAGE2_IPA_BITS 40 /* guest-physical addresses: 1 TiB, as KVM's default */

/* Checks the CPU (granule, output size) and notes the width of its VMIDs. Errors: -ENODEV. */
int stage2_init(void) __must_check;

/* An empty table for @vm. Errors: -ENOMEM. */
int stage2_vm_init(struct vm *vm) __must_check;

/* Makes the VM's table this CPU's, with a VMID that is valid now. */
void stage2_load(struct vm *vm);
void stage2_put(void);

/* Drops all that TLBs hold of the VM, on all CPUs. */
void stage2_flush(struct vm *vm);

/* Bits of guest-physical address, at most STAGE2_IPA_BITS. */
unsigned stage2_ipa_bits(void);

/* VTCR_EL2 for these tables. */
u64 stage2_vtcr(void);
