// SPDX-License-Identifier: Apache-2.0
#include "boot/choice.h"

#include <string.h>

#include "boot/config.h"
#include "boot/console.h"
#include "boot/firmware.h"
#include "boot/inventory.h"
#include "boot/machine.h"
#include "boot/menu.h"
#include "boot/report.h"
#include "boot/text.h"

#define TIMEOUT_USUAL_S 5
#define NOTHING_BUT     "expected a line `vm NAME` and below it `linux PATH`, or entries in " BLS_FOLDER

static_assert(BLS_ENTRIES_MAX + 2 <= MENU_ITEMS_MAX, "and the configuration's own, and the report");
static_assert(BLS_NAME_MAX == VOLUME_NAME_MAX, "a file's name is an entry's");

static struct bls_entry *entries; /* BLS_ENTRIES_MAX; NULL: not looked for */
static size_t entry_count;
static struct bls_settings settings;
static char config_path[BOOT_PATH_MAX];
static const struct bls_entry *chosen; /* NULL: the VMs of the configuration */

const char *choice_config_path(void)
{
	return config_path;
}

static EFI_STATUS config_fail(const struct config_error *error)
{
	console_print("\nSocle cannot start: the configuration is wrong.\n");
	console_report("file", "%s", config_path);
	if (error->line) {
		console_report("line", "%u", error->line);
	}
	if (error->field[0]) {
		console_report("field", "%s", error->field);
	}
	console_report("problem", "%s", error->message);
	return EFI_INVALID_PARAMETER;
}

/* The whole of a small file, NULL where that fails, in pages that are to be given back. */
static char *file_get(struct volume *volume, const char *path, u64 max, u64 *size)
{
	char *text;

	if (EFI_ERROR(volume_file_size(volume, path, size)) || *size > max) {
		return NULL;
	}
	text = firmware_pages_alloc(*size);
	if (text && EFI_ERROR(volume_file_read(volume, path, text, *size, NULL))) {
		firmware_pages_free(text);
		return NULL;
	}
	return text;
}

static void entry_read(struct volume *volume, const char *name)
{
	struct bls_entry *entry = &entries[entry_count];
	const char *why = "it cannot be read, or is longer than 16 KiB";
	char path[sizeof(BLS_FOLDER) + VOLUME_NAME_MAX];
	char *text;
	u64 size;

	text_format(path, sizeof(path), BLS_FOLDER "\\%s", name);
	text = file_get(volume, path, BLS_FILE_MAX, &size);
	if (text) {
		why = bls_parse(name, text, size, machine_architecture, entry);
		firmware_pages_free(text);
	}
	if (!why) {
		entry_count++;
	} else if (!text || !entry->is_foreign) {
		console_report("left out", "%s: %s", name, why);
	}
}

static void entries_read(struct volume *volume)
{
	static char names[BLS_ENTRIES_MAX][VOLUME_NAME_MAX];
	size_t count = volume_names(volume, BLS_FOLDER, bls_name_is_entry, names, BLS_ENTRIES_MAX);
	char *text;
	u64 size;

	entries = firmware_pages_alloc(BLS_ENTRIES_MAX * sizeof(*entries));
	if (!entries) {
		return;
	}
	for (size_t i = 0; i < count; i++) {
		entry_read(volume, names[i]);
	}
	bls_sort(entries, entry_count);
	settings.timeout_s = BLS_NO_TIMEOUT;
	text = file_get(volume, BLS_LOADER_CONF, BLS_FILE_MAX, &size);
	if (text) {
		bls_settings_parse(text, size, &settings);
		firmware_pages_free(text);
	}
}

static void config_show(const struct boot_config *config)
{
	for (u32 i = 0; i < config->vm_count; i++) {
		const struct boot_vm *vm = &config->vms[i];

		console_report("vm", "%s: %lu MiB, %u vCPU%s", vm->name, vm->memory >> 20,
			       vm->vcpus, vm->vcpus == 1 ? "" : "s");
	}
}

static EFI_STATUS config_read(struct volume *volume, struct boot_info *info)
{
	struct config_error error;
	char *text = NULL;
	u64 size;
	EFI_STATUS status;

	text_format(config_path, sizeof(config_path), CONFIG_PATH_OF, machine_architecture);
	status = volume_file_size(volume, config_path, &size);
	if (status == EFI_NOT_FOUND) {
		text_format(config_path, sizeof(config_path), "%s", CONFIG_PATH);
		status = volume_file_size(volume, config_path, &size);
	}

	if (EFI_ERROR(status)) {
		info->config.timeout_s = CONFIG_NO_TIMEOUT;
		return status;
	}
	if (size <= CONFIG_FILE_MAX) { /* else the parser refuses the size, unread */
		text = firmware_pages_alloc(size);
		if (!text) {
			return report_memory("the configuration", size, EFI_OUT_OF_RESOURCES);
		}
		status = volume_file_read(volume, config_path, text, size, NULL);
		if (EFI_ERROR(status)) {
			return report_file(config_path, status);
		}
	}
	return config_parse(text, size, machine_limits, info, &error) ? config_fail(&error)
								      : EFI_SUCCESS;
}

static bool timeout_is_set(const struct boot_config *config)
{
	return config->timeout_s && config->timeout_s != CONFIG_NO_TIMEOUT;
}

EFI_STATUS choice_read(struct volume *volume, struct boot_info *info)
{
	struct boot_config *config = &info->config;
	EFI_STATUS status = config_read(volume, info);

	if (EFI_ERROR(status) && status != EFI_NOT_FOUND) {
		return status == EFI_UNSUPPORTED || status == EFI_BAD_BUFFER_SIZE
			       ? report_file(config_path, status)
			       : status;
	}
	if (!config->vm_count || timeout_is_set(config)) {
		entries_read(volume);
	}
	config_show(config);
	if (config->vm_count || entry_count) {
		return EFI_SUCCESS;
	}
	if (status == EFI_NOT_FOUND) {
		report_file(config_path, status);
		if (volume_has_folders) {
			console_report("or",
				       "entries of the Boot Loader Specification in " BLS_FOLDER);
		}
		return status;
	}
	return config_fail(&(struct config_error){.field = "vm", .message = NOTHING_BUT});
}

/* "debian, test": the names of the VMs that are started together. */
static void vms_name(const struct boot_config *config, char *out, size_t size)
{
	size_t used = 0;

	for (u32 i = 0; i < config->vm_count; i++) {
		used += text_format(out + used, size - used, "%s%s", used ? ", " : "",
				    config->vms[i].name);
	}
}

/* The configuration's VMs, where it has any, the entries, the report. Returns how many. */
static size_t items_make(const struct boot_config *config, struct menu_item *items)
{
	static char vms[BOOT_MAX_VMS * (BOOT_NAME_MAX + 2)];
	size_t count = 0;

	if (config->vm_count) {
		vms_name(config, vms, sizeof(vms));
		items[count++] = (struct menu_item){vms, config_path, 0};
	}
	for (size_t i = 0; i < entry_count; i++) {
		items[count++] = (struct menu_item){entries[i].title, entries[i].version, 0};
	}
	items[count++] = (struct menu_item){"What this machine offers", "R", 'r'};
	return count;
}

/* Socle's own setting first, then loader.conf's. */
static u32 timeout_get(const struct boot_config *config)
{
	if (config->timeout_s != CONFIG_NO_TIMEOUT) {
		return config->timeout_s;
	}
	return settings.timeout_s != BLS_NO_TIMEOUT ? settings.timeout_s : TIMEOUT_USUAL_S;
}

EFI_STATUS choice_make(struct volume *volume, struct boot_info *info)
{
	static struct menu_item items[MENU_ITEMS_MAX];
	struct boot_config *config = &info->config;
	size_t own = config->vm_count > 0, count = items_make(config, items);
	size_t first = own ? 0 : bls_default(entries, entry_count, settings.pattern);
	int index = (int)first;

	if (own && !timeout_is_set(config)) {
		return EFI_SUCCESS;
	}
	if (timeout_get(config)) {
		index = menu_choose(items, count, first, timeout_get(config));
	}
	while (index == (int)count - 1) {
		inventory_dialog(volume);
		index = menu_choose(items, count, first, 0);
	}
	if (index == MENU_LEAVE) {
		return EFI_ABORTED;
	}
	if ((size_t)index < own) {
		return EFI_SUCCESS;
	}
	chosen = &entries[(size_t)index - own];
	bls_apply(chosen, 0, machine_console, info);
	console_report("options", "%s", config->vms[0].options);
	return EFI_SUCCESS;
}

size_t choice_module_files(const struct boot_info *info, u64 index,
			   const char *paths[BLS_INITRDS_MAX])
{
	size_t count = 1;

	paths[0] = info->modules[index].path;
	if (chosen && index == info->config.vms[0].initrd_module) {
		for (count = 0; count < chosen->initrd_count; count++) {
			paths[count] = chosen->initrd[count];
		}
	}
	return count;
}
