// SPDX-License-Identifier: Apache-2.0
/*
 * One address of a VM, explained: each entry of the guest's tables and of ours that a CPU would
 * read, what it says, and which of them denies what (pure).
 *
 *	vm debian, vCPU 0: address ffff800010000abc
 *	the guest's tables: EL1&0, 4K, root 41200000
 *	  level 2  at 41201400  0060000040200711  2 MiB at 40200000    kernel rwx  user ---
 *	  kernel: reads, writes, executes
 *	  user: no reads (level 2), no writes (level 2), no execution (level 2)
 *	guest-physical 40200abc
 *	Socle's tables: ...
 */
#pragma once

#include "mm/tdp.h"
#include "vmm/guest_walk.h"
#include "vmm/text.h"

/* How a vCPU translates, as it was at some moment. */
struct guest_paging {
	bool on;
	/* Of addresses below and above the middle; x86: twice the same. The word 0: no tables. */
	union cpu_role role[2];
	u64 root[2];
};

struct explain {
	const char *vm;
	const struct guest_paging *paging; /* NULL: the address is guest-physical */
	u32 vcpu;                          /* whose paging that is */
	const struct memslots *slots;
	struct tdp *tdp;
	u64 addr;
};

/* Locks: the table's, inside. @t should have room for EXPLAIN_TEXT_MAX bytes. */
#define EXPLAIN_TEXT_MAX 3072
void explain(const struct explain *e, struct text *t);
