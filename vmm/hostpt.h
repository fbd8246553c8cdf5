// SPDX-License-Identifier: Apache-2.0
/*
 * The core's own page tables, by the builder of mm/.
 *
 *   DIRECT_MAP_BASE + hpa   all memory that the firmware declares, writable, not executable
 *   core link address       text R-X, rodata R--, data RW-
 *
 * What the firmware does not declare as memory is mapped on demand, since a CPU may read ahead from
 * whatever is mapped as memory. The architecture has the entries' format, the TLB and the register
 * that tables are loaded into. On the one CPU that runs while Socle starts; no locks.
 */
#pragma once

#include "mm/tdp.h"
#include "mm/types.h"
#include "vmm/boot_info.h"

struct hostpt_arch {
	struct tdp_ops tdp;
	void (*load)(hpa_t root); /* into this CPU, with nothing left of other tables in its TLB */
};

/* Builds them; @of stays the caller's. Needs the page allocator. Panics when out of memory. */
void hostpt_make(const struct boot_info *bi, const struct pt_format *fmt,
		 const struct hostpt_arch *of);

/* Loads them into this CPU. */
void hostpt_load(void);

/* Loads the tables that have the firmware's runtime services, too; or ours again. On this CPU. */
void hostpt_runtime(bool on);

/* Device registers [@base, +@size) at their direct-map address, uncached. Never fails (panics). */
void *hostpt_map_device(hpa_t base, u64 size);

/* Memory [@base, +@size) that the loader's map does not call memory, but for what is mapped
 * already.
 */
void hostpt_map_memory(u64 base, u64 size);

/* Maps the page of the core's code that @page lies in one to one as well, or no more. */
void hostpt_identity(const u8 *page, bool on);

/* Physical address of an object of the core's own image (not of the direct map). */
hpa_t hostpt_core_phys(const void *p);
