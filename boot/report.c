// SPDX-License-Identifier: Apache-2.0
#include "boot/report.h"

#include "boot/console.h"
#include "boot/firmware.h"
#include "mm/bits.h"

EFI_STATUS report_file(const char *path, EFI_STATUS status)
{
	console_print("\nSocle cannot start: a file could not be read.\n");
	console_report("needs", "%s, on the volume that holds this loader", path);
	console_report("found", "%s",
		       status == EFI_UNSUPPORTED ? "a folder" : firmware_status_text(status));
	return status;
}

EFI_STATUS report_memory(const char *what, u64 size, EFI_STATUS status)
{
	console_print("\nSocle cannot start: the firmware has no memory for %s.\n", what);
	console_report("needs", "%lu MiB in one piece", align_up(size, (u64)1 << 20) >> 20);
	return status;
}
