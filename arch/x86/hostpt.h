// SPDX-License-Identifier: Apache-2.0
/* The core's own page tables: W^X, direct map of memory, device registers uncached. */
#pragma once

#include "vmm/boot_info.h"

/* Builds them from @bi and loads CR3. Needs the page allocator. Panics when out of memory. */
void hostpt_init(const struct boot_info *bi);

/* The same on another CPU, which runs on these tables already. */
void hostpt_cpu_init(void);

/* Device registers [@base, +@size), uncached. Never fails (panics). */
void *hostpt_map_mmio(hpa_t base, u64 size);

/* Memory [@base, +@size) that the loader's map does not call memory, but for what is mapped
 * already.
 */
void hostpt_map_memory(u64 base, u64 size);

/* Physical address of an object of the core's own image (not of the direct map). */
hpa_t hostpt_core_phys(const void *p);

/* Loads the tables that have the firmware's runtime services, too; or ours again. */
void hostpt_runtime(bool on);
