// SPDX-License-Identifier: Apache-2.0
/* UEFI's text console: screen, keyboard, serial line, whatever of them the firmware has. */
#include "boot/console.h"

#include <efi.h>
#include <efilib.h>

#include "boot/firmware.h"

#define CHUNK_MAX    64
#define HOLD_SECONDS 30
#define ROWS_MIN     24
#define SECOND_100NS ((u64)10000000)

void console_put(const char *text)
{
	CHAR16 chunk[CHUNK_MAX + 3];
	size_t used = 0;

	for (; *text; text++) {
		if (*text == '\n') {
			chunk[used++] = '\r';
		}
		chunk[used++] = (CHAR16)((unsigned char)*text < 0x7f ? *text : '?');
		if (used >= CHUNK_MAX || !text[1]) {
			chunk[used] = 0;
			ST->ConOut->OutputString(ST->ConOut, chunk);
			used = 0;
		}
	}
}

void console_clear(void)
{
	ST->ConOut->ClearScreen(ST->ConOut);
}

/* Waits until a key is there or so many 100 ns have passed. Returns false where it cannot wait. */
static bool key_wait(u64 units)
{
	enum { KEY, TIMER, EVENTS };
	EFI_EVENT events[EVENTS] = {[KEY] = ST->ConIn->WaitForKey};
	EFI_STATUS status;
	UINTN which;

	if (EFI_ERROR(BS->CreateEvent(EVT_TIMER, 0, NULL, NULL, &events[TIMER]))) {
		return false;
	}
	status = BS->SetTimer(events[TIMER], TimerRelative, units);
	if (!EFI_ERROR(status)) {
		status = BS->WaitForEvent(EVENTS, events, &which);
	}
	BS->CloseEvent(events[TIMER]);
	return !EFI_ERROR(status);
}

unsigned console_read_key(unsigned milliseconds)
{
	EFI_INPUT_KEY key;

	if (!key_wait(milliseconds * SECOND_100NS / 1000)) {
		BS->Stall(milliseconds * 1000);
	}
	if (EFI_ERROR(ST->ConIn->ReadKeyStroke(ST->ConIn, &key))) {
		return CONSOLE_KEY_NONE;
	}
	switch (key.ScanCode) {
	case SCAN_NULL:
		return key.UnicodeChar == CHAR_LINEFEED            ? '\r'
		       : key.UnicodeChar && key.UnicodeChar < 0x7f ? key.UnicodeChar
								   : CONSOLE_KEY_OTHER;
	case SCAN_UP:
		return CONSOLE_KEY_UP;
	case SCAN_DOWN:
		return CONSOLE_KEY_DOWN;
	case SCAN_ESC:
		return CONSOLE_KEY_ESC;
	default:
		return CONSOLE_KEY_OTHER;
	}
}

unsigned console_hold(void)
{
	unsigned key;

	if (!firmware_has_screen()) {
		return CONSOLE_KEY_NONE;
	}
	ST->ConIn->Reset(ST->ConIn, FALSE); /* keys from before the report do not count */
	console_print(
		"\nPress a key to return to the firmware (or wait %u s); S first saves a report "
		"of this\nmachine to the stick.\n",
		HOLD_SECONDS);
	key = console_read_key(HOLD_SECONDS * 1000);
	if (key == CONSOLE_KEY_NONE) {
		console_print("No key was pressed.\n");
	}
	return key;
}

unsigned console_rows(void)
{
	UINTN columns = 0, rows = 0;

	if (EFI_ERROR(ST->ConOut->QueryMode(ST->ConOut, (UINTN)ST->ConOut->Mode->Mode, &columns,
					    &rows)) ||
	    rows < ROWS_MIN) {
		return ROWS_MIN;
	}
	return (unsigned)rows;
}
