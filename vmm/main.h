// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "mm/range.h"
#include "vmm/boot_info.h"

/* From a CPU that is set up to the end of the machine. Called once, by the architecture's start. */
_Noreturn void hv_main(const struct boot_info *bi);

/*
 * For the architecture's start: the direct map, the page allocator, which is not given what lies in
 * @keep (size 0: nothing); the page-table rows checked.
 */
void hv_memory_init(const struct boot_info *bi, struct range keep);

/* For its end: draws what the screen lacks; waits until Enter is typed, says so before. */
void hv_screen_finish(void);
void hv_wait_for_enter(void);
