// SPDX-License-Identifier: Apache-2.0
/* The core's own page tables. */
#pragma once

#include "mm/types.h"
#include "vmm/boot_info.h"

/* Builds them and leaves the loader's. Once, after page_init(). */
void hostpt_init(const struct boot_info *bi);

/* Physical address of an object of the core's own image. */
hpa_t hostpt_core_phys(const void *p);

/* Maps the page of the core's code that @page lies in one to one as well, or no more. */
void hostpt_identity(const u8 *page, bool on);

/* Device registers at their direct-map address, Device-nGnRE; panics without memory for tables. */
void *hostpt_map_device(hpa_t base, u64 size);

/* Loads the tables that have the firmware's runtime services, too; or ours again. On this CPU. */
void hostpt_runtime(bool on);
