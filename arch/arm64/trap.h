// SPDX-License-Identifier: Apache-2.0
/* Exceptions at EL2: bugs of ours, or a broken machine. */
#pragma once

#include "arch/arm64/offsets.h"
#include "mm/types.h"

struct trap_frame {
	u64 x[31];
	u64 sp, pc, pstate, esr, far;
};
static_assert(sizeof(struct trap_frame) == TRAP_FRAME_SIZE, "vectors.S fills it");

/* @event: as enum arm64_event. Called by vectors.S. */
_Noreturn void trap_handle(struct trap_frame *f, u64 event);
