// SPDX-License-Identifier: Apache-2.0
/* The guest's FP and SIMD registers: V0 to V31, FPSR, FPCR; FP_STATE_SIZE bytes. */
#pragma once

#include "mm/types.h"

void fp_load(const u8 *state);
void fp_save(u8 *state);
