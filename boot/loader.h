// SPDX-License-Identifier: Apache-2.0
/* From the files of a volume to the running core, whatever the firmware. */
#pragma once

#include <efi.h>

#include "mm/types.h"

/*
 * Loads and enters the core; @start_cycles is the cycle counter at the loader's entry. Returns only
 * when it cannot, with a report given, and all memory given back; EFI_ABORTED: the user wants it.
 */
EFI_STATUS loader_run(u64 start_cycles);
