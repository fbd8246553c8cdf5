// SPDX-License-Identifier: Apache-2.0
/* UEFI's runtime services, for the machine's end. */
#pragma once

#include "vmm/boot_info.h"

/* Notes where they are, for a panic. */
void firmware_init(const struct boot_info *bi);

/* Keeps a panic's report in the variable BOOT_CRASH_NAME. Returns whether that is done. */
bool firmware_record_keep(const char *text, size_t size);

/* Returns where the firmware cannot power the machine off. */
void firmware_power_off(const struct boot_info *bi);
