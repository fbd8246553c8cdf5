// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mm/types.h"

enum { EXIT_OTHER, EXIT_TICK, VCPU_EXIT_REASONS };

struct vcpu_arch {
	u64 exit_count[VCPU_EXIT_REASONS];
	u32 on; /* its CPU's number + 1 while it is loaded: whose CPU owns it, plain on purpose */
	u64 turns;
};
