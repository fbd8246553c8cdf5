// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as two entry files, their names and loader.conf: terminated texts, and an order that is
 * one. The parts are divided by bytes of 0xff.
 */
#include <stdlib.h>
#include <string.h>

#include "boot/bls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

/* Takes what is before the next 0xff off, into a block of its own size. */
static char *part_take(const uint8_t **data, size_t *size, size_t *length)
{
	const uint8_t *end = *size ? memchr(*data, 0xff, *size) : NULL;
	char *part;

	*length = end ? (size_t)(end - *data) : *size;
	part = malloc(*length + 1);
	memcpy(part, *data, *length);
	*data += *length + (end != NULL);
	*size -= *length + (end != NULL);
	return part;
}

static bool entry_read(const uint8_t **data, size_t *size, struct bls_entry *entry)
{
	size_t name_length, length;
	char *name = part_take(data, size, &name_length), file[BLS_NAME_MAX];
	char *text = part_take(data, size, &length);
	const char *why;

	name[name_length] = '\0';
	name_length = strlen(name) < sizeof(file) - 6 ? strlen(name) : sizeof(file) - 6;
	memcpy(file, name, name_length);
	memcpy(file + name_length, ".conf", 6);
	free(name);
	require(!name_length || bls_name_is_entry(file));
	why = bls_parse(file, text, length, "x64", entry);
	free(text);
	require(memchr(entry->id, '\0', sizeof(entry->id)));
	require(memchr(entry->title, '\0', sizeof(entry->title)));
	require(memchr(entry->options, '\0', sizeof(entry->options)));
	require(entry->initrd_count <= BLS_INITRDS_MAX);
	require(why ? why[0] : entry->kernel[0]);
	return !why;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bls_entry entries[2], sorted[2];
	static struct boot_info info;
	struct bls_settings settings;
	size_t length;
	char *text;

	if (!entry_read(&data, &size, &entries[0]) || !entry_read(&data, &size, &entries[1])) {
		return 0;
	}
	text = part_take(&data, &size, &length);
	bls_settings_parse(text, length, &settings);
	free(text);
	require(memchr(settings.pattern, '\0', sizeof(settings.pattern)));
	require((bls_version_compare(entries[0].id, entries[1].id) < 0) ==
		(bls_version_compare(entries[1].id, entries[0].id) > 0));
	memcpy(sorted, entries, sizeof(sorted));
	bls_sort(sorted, 2);
	memcpy(entries, sorted, sizeof(sorted));
	bls_sort(sorted, 2);
	require(!memcmp(entries, sorted, sizeof(sorted)));
	require(bls_default(sorted, 2, settings.pattern) < 2);
	bls_apply(&sorted[0], 0, "console=ttyS0", &info);
	require(info.config.vms[0].name[0]);
	require(memchr(info.config.vms[0].name, '\0', BOOT_NAME_MAX));
	require(memchr(info.config.vms[0].options, '\0', BOOT_OPTIONS_MAX));
	return 0;
}
