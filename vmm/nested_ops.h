// SPDX-License-Identifier: Apache-2.0
/*
 * What nested/ gives to the layers below it: guests that are hypervisors. A vendor of
 * virtualisation has one table of it, or none; without the folder nobody has one.
 *
 * L1 is the guest, L2 its guest. While L2 runs (vcpu->arch.l2) the vCPU's registers, its last exit
 * and its event are L2's. "To L1" means that L2 has been left: they are L1's again, who finds the
 * reason in its control structure. All are called for vCPUs of VMs with `nested on`, those with a
 * vCPU for the one that is loaded.
 */
#pragma once

#include "mm/types.h"
#include "vmm/fault.h"
#include "vmm/vcpu.h"

struct vm;
struct gva_fault;

struct nested_ops {
	int (*vm_init)(struct vm *vm);       /* errors: -ENOMEM */
	void (*vm_stopped)(struct vm *vm);   /* its memory goes, or is cleared */
	void (*vm_fini)(struct vm *vm);      /* also after vm_init's error, or without it */
	int (*vcpu_init)(struct vcpu *vcpu); /* errors: -ENOMEM */
	void (*vcpu_fini)(struct vcpu *vcpu);
	void (*vcpu_reset)(struct vcpu *vcpu);
	/* L2 exited: whether L1 asked for it. No lock may be taken: the vCPU counts as in the
	 * guest. */
	bool (*exit_is_l1s)(struct vcpu *vcpu);
	/* Hands that exit to L1. */
	enum exit_action (*exit_to_l1)(struct vcpu *vcpu);
	/* An instruction of the virtualisation's own, L1's or L2's. */
	enum exit_action (*instruction)(struct vcpu *vcpu);
	/* Second-level fault of L2. fault->gpa: L1's on return. */
	enum fault_result (*tdp_fault)(struct vcpu *vcpu, struct tdp_fault *fault);
	/* L0 raises an exception in L2. True: L1 wants it, and has it. @address: of a page fault.
	 */
	bool (*exception)(struct vcpu *vcpu, u8 vector, u32 error, u64 address);
	/* L0 is to write L2's CR0. True: L1 wants it, and has it. */
	bool (*cr0_write)(struct vcpu *vcpu, u64 val, bool lmsw);
	/* Something waits to be delivered. True: not now, or to L1. */
	bool (*hold)(struct vcpu *vcpu);
	/* Whether an interrupt for L1 would be taken now; of a halted vCPU. */
	bool (*wakes)(const struct vcpu *vcpu);
	/* Whether INIT waits: L2 has to be left first, or GIF to be set. */
	bool (*holds_init)(struct vcpu *vcpu);
	/*
	 * guest_translate() for L2, where L1 has a second-level table. Errors: -EFAULT and *fault,
	 * or with fault->none: L1 has it already, and that is no fault of L2's.
	 */
	int (*translate)(struct vcpu *vcpu, struct gva_fault *fault, u8 access, gpa_t *out);
	/* The host's address of L2's page of code at linear address @page; NULL: not readable. */
	const u8 *(*code_page)(struct vcpu *vcpu, u64 page);
	bool (*msr_read)(struct vcpu *vcpu, u32 msr, u64 *val);
	bool (*msr_write)(struct vcpu *vcpu, u32 msr, u64 val);
};
