// SPDX-License-Identifier: Apache-2.0
/* The pre-flight report: reads what there is, shows it, saves it to the stick. */
#pragma once

#include <efi.h>

#include "boot/memmap.h"
#include "boot/survey.h"
#include "boot/volume.h"

#define INVENTORY_PATH "\\socle\\report.txt"

/* The CPU's rows, for machine_check() to fill; the map is read again for each report. */
struct survey *inventory_start(struct memmap *map);

/* Prints the report; @paged: by screenfuls, waiting for a key after each. */
void inventory_show(bool paged);

/* Shows it and offers to save it. */
void inventory_dialog(struct volume *volume);

/* Saves it, and says so. */
void inventory_save(struct volume *volume);
