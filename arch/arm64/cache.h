// SPDX-License-Identifier: Apache-2.0
/*
 * Cache maintenance by address (Arm ARM, "A64 Cache maintenance instructions", "Data and unified
 * cache maintenance"). Lines are of the smallest size that CTR_EL0 tells.
 */
#pragma once

#include "mm/types.h"

/*
 * Writes [@start, @start + @size) of the direct map back to the point of coherency and drops it
 * from the caches: what a guest whose caches are off reads is what we wrote, and no clean line of
 * ours hides what it writes. Completed (DSB) on return.
 */
void dcache_clean_inval_poc(const void *start, u64 size);

/* Forgets all instructions that any CPU has fetched: memory got new contents. */
void icache_inval_all(void);
