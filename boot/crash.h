// SPDX-License-Identifier: Apache-2.0
/*
 * The record of the last panic, which the core leaves in a UEFI variable (vmm/boot_info.h): it
 * outlives a reset and, unlike memory, a power-off. It is moved to the stick and shown once. UEFI
 * only.
 */
#pragma once

#include "boot/volume.h"

#define CRASH_PATH "\\socle\\crash.txt"

/* Takes the record, if there is one, tells of it and moves it to the stick. */
void crash_take(struct volume *volume);

/* The record that was taken, as the end of a report. Returns the length, 0 where there is none. */
size_t crash_text(char *out, size_t size);
