// SPDX-License-Identifier: Apache-2.0
/* The three shapes of output on the console: prose, report, progress. */
#include "boot/console.h"

#include <string.h>

#include "boot/text.h"

#define TEXT_MAX    512
#define COLUMNS     78
#define LABEL_WIDTH 12 /* with two blanks before and behind */
#define NAME_WIDTH  36
#define BAR_WIDTH   20
#define NOT_SHOWN   101

void console_print(const char *format, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, format);
	text_vformat(text, sizeof(text), format, args);
	va_end(args);
	console_put(text);
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
		size_t length = text_wrap(at, COLUMNS - LABEL_WIDTH);

		console_print("  %-*s%.*s\n", LABEL_WIDTH - 2, at == text ? label : "", (int)length,
			      at);
		at += length;
		at += *at == ' ';
	} while (*at);
}

void console_page(const char *lines, bool paged)
{
	unsigned shown = 0, page = console_rows() - 2;

	while (*lines) {
		const char *end = strchr(lines, '\n');
		size_t length = end ? (size_t)(end - lines) : strlen(lines);

		if (paged && shown++ == page) {
			console_print("-- a key shows more --");
			while (console_read_key(1000) == CONSOLE_KEY_NONE) {
				/* no limit: somebody asked for this */
			}
			console_print("\r%-22s\r", "");
			shown = 1;
		}
		console_print("%.*s\n", (int)length, lines);
		lines += length + (end != NULL);
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
