// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "vmm/boot_info.h"

/* From a CPU that is set up to the end of the machine. Called once, by the architecture's start. */
_Noreturn void hv_main(const struct boot_info *bi);
