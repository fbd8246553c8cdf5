// SPDX-License-Identifier: Apache-2.0
#include "boot/report.h"

#include "boot/console.h"
#include "boot/text.h"
#include "boot/volume.h"
#include "mm/bits.h"

const char *report_status_text(EFI_STATUS status)
{
	static char number[40];

	switch (status) {
	case EFI_NOT_FOUND:
		return "not found";
	case EFI_NO_MEDIA:
	case EFI_MEDIA_CHANGED:
		return "the medium was removed";
	case EFI_DEVICE_ERROR:
		return "the device reports an error";
	case EFI_VOLUME_CORRUPTED:
		return "the file system is damaged";
	case EFI_WRITE_PROTECTED:
		return "write-protected";
	case EFI_VOLUME_FULL:
		return "the volume is full";
	case EFI_ACCESS_DENIED:
		return "access denied";
	case EFI_OUT_OF_RESOURCES:
		return "out of memory";
	case EFI_INVALID_PARAMETER:
		return "invalid name or parameter";
	case EFI_UNSUPPORTED:
		return "not supported";
	case EFI_END_OF_FILE:
		return "the file ends early";
	case EFI_BAD_BUFFER_SIZE:
		return "empty";
	case EFI_TIMEOUT:
	case EFI_NO_RESPONSE:
		return "the device does not answer any more";
	default:
		text_format(number, sizeof(number), "failed, EFI status %lu",
			    status & ~EFI_ERROR_MASK);
		return number;
	}
}

EFI_STATUS report_file(const char *path, EFI_STATUS status)
{
	console_print("\nSocle cannot start: a file could not be read.\n");
	console_report("needs", "%s, %s", path, volume_place);
	console_report("found", "%s",
		       status == EFI_UNSUPPORTED ? "a folder" : report_status_text(status));
	return status;
}

EFI_STATUS report_memory(const char *what, u64 size, EFI_STATUS status)
{
	console_print("\nSocle cannot start: the firmware has no memory for %s.\n", what);
	console_report("needs", "%lu MiB in one piece", align_up(size, (u64)1 << 20) >> 20);
	return status;
}
