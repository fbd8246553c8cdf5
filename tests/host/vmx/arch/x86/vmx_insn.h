// SPDX-License-Identifier: Apache-2.0
/* In the place of the instruction, for tests: whoever includes it says what the VMCS holds. */
#pragma once

#include "arch/x86/vmcs.h"
#include "mm/types.h"

u64 vmread(enum vmcs_field field);
