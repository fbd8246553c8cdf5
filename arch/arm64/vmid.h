// SPDX-License-Identifier: Apache-2.0
/*
 * VMIDs: TLB tags of 8 or 16 bits, given out in rising order (pure).
 *
 * A VM keeps its VMID as long as its generation is the current one. When none is left the
 * generation goes up, every VM has to ask anew, and the caller flushes the guests' translations
 * of all CPUs. A CPU that is in a guest at that moment goes on and fills its TLB under the old
 * number: such a number is reserved for the whole new generation, and only its VM may take it over
 * (Arm ARM, "VMID size", "Use of ASIDs and VMIDs to reduce TLB maintenance requirements").
 * VMID 0 is nobody's: VTTBR_EL2 holds it when no guest is loaded.
 */
#pragma once

#include "mm/types.h"

#define VMID_CPUS_MAX 128 /* less than the VMIDs of 8 bits */

struct vmid {
	u64 generation; /* 0: none yet */
	u16 nr;
};

struct vmid_pool {
	u64 generation; /* from 1 */
	u32 next, count;
	u16 running[VMID_CPUS_MAX];  /* what each CPU runs with; 0: nothing */
	u16 reserved[VMID_CPUS_MAX]; /* what it ran with when the generation began */
	u32 cpu_count;
};

/* @bits: 8 or 16. @cpu_count up to VMID_CPUS_MAX. */
void vmid_pool_init(struct vmid_pool *p, unsigned bits, u32 cpu_count);

/*
 * Makes @id valid for @cpu to run with. Returns true when the caller has to flush all guests'
 * translations on all CPUs before anybody enters with the new generation. Lock: the caller's.
 */
bool vmid_get(struct vmid_pool *p, struct vmid *id, u32 cpu) __must_check;

/* @cpu runs nothing any more. */
void vmid_put(struct vmid_pool *p, u32 cpu);
