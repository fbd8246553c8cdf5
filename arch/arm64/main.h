// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vmm/boot_info.h"

/* Called by start.S on the core's own stack. */
_Noreturn void arm64_start(const struct boot_info *bi);
