// SPDX-License-Identifier: Apache-2.0
/* The core's own page tables on this architecture. */
#pragma once

#include "vmm/hostpt.h"

/* Builds them from @bi and loads them. Needs the page allocator. Panics when out of memory. */
void hostpt_init(const struct boot_info *bi);

/* Loads them on another CPU, which runs on these tables already. */
void hostpt_cpu_init(void);
