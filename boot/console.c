// SPDX-License-Identifier: Apache-2.0
/* The firmware's text console, and the three shapes of output on it: prose, report, progress. */
#include "boot/console.h"

#include <efi.h>
#include <efilib.h>

#include <string.h>

#include "boot/text.h"

#define TEXT_MAX     512
#define CHUNK_MAX    64
#define COLUMNS      78
#define LABEL_WIDTH  12 /* with two blanks before and behind */
#define NAME_WIDTH   36
#define BAR_WIDTH    20
#define SECOND_100NS ((u64)10000000)
#define NOT_SHOWN    101

static void console_put(const char *text)
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

void console_print(const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	text_vformat(text, sizeof(text), format, args);
	va_end(args);
	console_put(text);
}

/* How much of @text fits in @width: up to its last blank there, if it has one. */
static size_t wrap_length(const char *text, size_t width)
{
	size_t length = strlen(text);

	if (length <= width) {
		return length;
	}
	length = width;
	while (length && text[length] != ' ') {
		length--;
	}
	return length ? length : width;
}

void console_report(const char *label, const char *format, ...)
{
	char text[TEXT_MAX];
	const char *at = text;
	va_list args;

	va_start(args, format);
	text_vformat(text, sizeof(text), format, args);
	va_end(args);
	do {
		size_t length = wrap_length(at, COLUMNS - LABEL_WIDTH);

		console_print("  %-*s%.*s\n", LABEL_WIDTH - 2, at == text ? label : "", (int)length,
			      at);
		at += length;
		at += *at == ' ';
	} while (*at);
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

void console_wait_key(unsigned seconds)
{
	EFI_INPUT_KEY key;

	ST->ConIn->Reset(ST->ConIn, FALSE); /* keys from before the report do not count */
	console_print("\nPress a key to return to the firmware (or wait %u s).\n", seconds);
	if (key_wait(seconds * SECOND_100NS) &&
	    EFI_ERROR(ST->ConIn->ReadKeyStroke(ST->ConIn, &key))) {
		console_print("No key was pressed.\n");
	}
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

void progress_start(struct progress *progress, const char *name, u64 total)
{
	*progress = (struct progress){.name = name, .total = total, .shown = NOT_SHOWN};
	progress_update(progress, 0);
}

/* Of a name too long for its column the end says most. */
static const char *name_tail(const char *name)
{
	size_t length = strlen(name);

	return length > NAME_WIDTH ? name + length - NAME_WIDTH : name;
}

void progress_update(struct progress *progress, u64 done)
{
	static const char full[BAR_WIDTH + 1] = "####################";
	static const char empty[BAR_WIDTH + 1] = "....................";
	unsigned percent = (unsigned)(done * 100 / progress->total);
	unsigned bar = percent * BAR_WIDTH / 100;
	u64 tenths = progress->total * 10 >> 20;

	if (percent == progress->shown) {
		return;
	}
	progress->shown = percent;
	console_print("\r  %-36s [%s%s] %3u%% %5lu.%lu MiB%s", name_tail(progress->name),
		      full + BAR_WIDTH - bar, empty + bar, percent, tenths / 10, tenths % 10,
		      percent == 100 ? "\n" : "");
}
