// SPDX-License-Identifier: Apache-2.0
/*
 * Random tables in a small memory, walked by vmm/guest_walk.c and by the reference: result,
 * fault, translation and every bit that memory changes by must agree. Stops with a message.
 */
#pragma once

#include "mm/types.h"

struct walk_counts {
	u64 walks, ok, faults, misconfigs, updates, under, kept, levels[6];
};

extern struct walk_counts walk_counts;

/* One memory and some walks of it; @next gives the choices. */
void walk_world_run(u64 (*next)(void));
