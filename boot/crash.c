// SPDX-License-Identifier: Apache-2.0
#include "boot/crash.h"

#include <efilib.h>

#include "boot/console.h"
#include "boot/report.h"
#include "boot/text.h"
#include "vmm/boot_info.h"

#define SHOWN_LINES 14 /* message, registers and the first of the backtrace */

static char record[BOOT_CRASH_MAX + 1];

static CHAR16 name[] = BOOT_CRASH_NAME;
static EFI_GUID guid = BOOT_CRASH_GUID;

/* A variable is anybody's to write: what is no text is not printed. */
static bool record_read(void)
{
	UINTN size = BOOT_CRASH_MAX;

	if (EFI_ERROR(RT->GetVariable(name, &guid, NULL, &size, record)) || !size) {
		record[0] = '\0';
		return false;
	}
	for (UINTN i = 0; i < size; i++) {
		if ((record[i] < ' ' && record[i] != '\n') || record[i] == 0x7f) {
			record[i] = '?';
		}
	}
	record[size] = '\0';
	return true;
}

static void record_show(void)
{
	const char *end = record;

	for (unsigned lines = 0; *end && lines < SHOWN_LINES; end++) {
		lines += *end == '\n';
	}
	console_print("\nSocle panicked when it last ran:\n");
	for (const char *at = record; at < end;) {
		const char *line = at;

		while (at < end && *at != '\n') {
			at++;
		}
		console_print("  %.*s\n", (int)(at - line), line);
		at += at < end;
	}
}

void crash_take(struct volume *volume)
{
	EFI_STATUS status;
	size_t size = 0;

	if (!record_read()) {
		return;
	}
	record_show();
	while (record[size]) {
		size++;
	}
	status = volume_file_write(volume, CRASH_PATH, record, size);
	if (EFI_ERROR(status)) {
		console_report("kept", "in the firmware's memory: %s could not be written, %s",
			       CRASH_PATH, report_status_text(status));
		return;
	}
	RT->SetVariable(name, &guid, 0, 0, NULL); /* deletes it */
	console_report("moved to", "%s", CRASH_PATH);
}

size_t crash_text(char *out, size_t size)
{
	return record[0] ? text_format(out, size, "\nSocle panicked when it last ran:\n%s", record)
			 : 0;
}
