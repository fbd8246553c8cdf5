// SPDX-License-Identifier: Apache-2.0
/* The policy of second-level faults: what a guest-physical access that missed gets. */
#pragma once

#include "mm/types.h"

struct vm;
struct memslot;

struct tdp_fault {
	/* in */
	gpa_t gpa;
	u8 access;    /* PT_R, PT_W, PT_X: what the guest wanted */
	bool on_walk; /* while the CPU walked the guest's own tables */
	/* out */
	const struct memslot *slot;
};

enum fault_result {
	FAULT_FIXED,    /* mapped: enter again */
	FAULT_SPURIOUS, /* it was mapped already: enter again, but count */
	FAULT_MMIO,     /* no memory there: emulate */
	FAULT_DENIED,   /* read-only memory written */
	FAULT_TO_L1,    /* nested: its guest's hypervisor has it */
	FAULT_NOMEM,    /* out of memory: the VM cannot go on */
};

/* Resolves @fault in vm->tdp. Lock: takes the tdp's. Flush: done before return. */
enum fault_result fault_handle(struct vm *vm, struct tdp_fault *fault) __must_check;
