// SPDX-License-Identifier: Apache-2.0
/* Emulation of instructions at guest-physical addresses that are devices. */
#pragma once

#include "arch/x86/guest_mem.h"
#include "arch/x86/insn_mmio.h"
#include "vmm/vcpu.h"

struct guest_insn {
	struct insn insn;
	struct insn_regs regs;
};

/* The instruction at RIP with the registers it uses; false: its bytes are not there any more. */
bool guest_insn_fetch(struct vcpu *vcpu, struct guest_insn *g) __must_check;

/*
 * Loads and stores at guest-linear addresses, memory or device, with the guest's rights. May
 * cross a page. Errors: -EFAULT, and #PF or #GP is injected; -EIO, and the VM is killed.
 */
int guest_load(struct vcpu *vcpu, u64 linear, unsigned size, u64 *val) __must_check;
int guest_store(struct vcpu *vcpu, u64 linear, unsigned size, u64 val) __must_check;

/* Whether such an access is allowed by the guest's tables. Errors: -EFAULT, #PF injected. */
int guest_access_check(struct vcpu *vcpu, gva_t addr, unsigned size,
		       enum gva_access access) __must_check;
