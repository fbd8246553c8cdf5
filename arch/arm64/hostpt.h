// SPDX-License-Identifier: Apache-2.0
/* The core's own page tables. */
#pragma once

#include "mm/types.h"
#include "vmm/boot_info.h"

/* Builds them and leaves the loader's. Once, after page_init(). */
void hostpt_init(const struct boot_info *bi);

/* Device registers at their direct-map address, Device-nGnRE; panics without memory for tables. */
void *hostpt_map_device(hpa_t base, u64 size);
