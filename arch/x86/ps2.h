// SPDX-License-Identifier: Apache-2.0
/* The host's PS/2 keyboard, beyond what vmm/console.h asks of every architecture. */
#pragma once

#include "mm/types.h"

#define PS2_ISA_IRQ 1

/*
 * Finds the controller and switches the keyboard's port and interrupt on. Returns false where there
 * is none. Locks: none, before other CPUs run.
 */
bool ps2_init(void);
