// SPDX-License-Identifier: Apache-2.0
/*
 * Guest tables walked a second time, as plainly as the manuals say it: the reference for
 * vmm/guest_walk.c. It shares no code and no table with it, and changes no memory: what the CPU
 * would set is listed.
 */
#pragma once

#include "vmm/guest_walk.h"

struct ref_update {
	u64 gpa, value; /* the whole entry */
	unsigned bytes;
};

struct ref_walk {
	/* in */
	union cpu_role role;
	u64 root, ia;
	u32 pkru;
	unsigned access, flags;
	/* False: no memory there. */
	bool (*read)(u64 gpa, unsigned bytes, u64 *value);
	/* out */
	enum walk_result result;
	unsigned level, prot;
	u64 code, gpa, size;
	bool dirty;
	struct ref_update update[8];
	unsigned update_count;
};

void ref_walk(struct ref_walk *w);
