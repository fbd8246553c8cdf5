// SPDX-License-Identifier: Apache-2.0
/* The core's own page tables on this architecture. */
#pragma once

#include "vmm/hostpt.h"

/* Builds them and leaves the loader's. Once, after page_init(). */
void hostpt_init(const struct boot_info *bi);
