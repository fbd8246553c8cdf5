// SPDX-License-Identifier: Apache-2.0
/* The console of boot/console.h, without keys, on a PC without a firmware. */
#pragma once

#include "mm/types.h"

/* Before anything is printed; @has_text: the screen, if there is one, is in its text mode. */
void multiboot_console_init(bool has_text);
