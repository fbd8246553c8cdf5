// SPDX-License-Identifier: Apache-2.0
/* Why Socle cannot start, as far as several parts of the loader may have to say it. */
#pragma once

#include <efi.h>

#include "mm/types.h"

/* The name of a status as a user would read it. */
const char *report_status_text(EFI_STATUS status);

/* Both return @status. */
EFI_STATUS report_file(const char *path, EFI_STATUS status);
EFI_STATUS report_memory(const char *what, u64 size, EFI_STATUS status);
