// SPDX-License-Identifier: Apache-2.0
/* The EL1&0 regime as roles of the walker (pure). Arm ARM, "TCR_EL1", "SCTLR_EL1". */
#pragma once

#include "vmm/explain.h"

struct paging_regs {
	u64 sctlr, tcr, ttbr[2];
	bool pan;
};

void paging_of(const struct paging_regs *regs, struct guest_paging *p);
