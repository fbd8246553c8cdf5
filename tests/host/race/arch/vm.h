// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mm/types.h"

struct vm_arch {
	u64 typed; /* bytes that reached the guest: under vm->lock */
};
