// SPDX-License-Identifier: Apache-2.0
/* Files: of the volume that UEFI started the loader from, or the modules of a Multiboot loader. */
#pragma once

#include <efi.h>

#include "mm/types.h"

#define VOLUME_NAME_MAX 96

struct volume {
	EFI_FILE_HANDLE root;
};

extern const char *const volume_place; /* where files are looked for, in words */
extern const bool volume_has_folders;

/* Opens the volume that the loader came from. */
EFI_STATUS volume_open(struct volume *volume);
void volume_close(struct volume *volume);

/*
 * The size of the file at @path: ASCII, '/' and '\' alike, from the root with or without a leading
 * separator. Errors: also EFI_UNSUPPORTED for a directory, EFI_BAD_BUFFER_SIZE for an empty file.
 */
EFI_STATUS volume_file_size(struct volume *volume, const char *path, u64 *size);

/* Reads the first @size bytes of the file; shows the progress under @shown where not NULL. */
EFI_STATUS volume_file_read(struct volume *volume, const char *path, void *to, u64 size,
			    const char *shown);

/*
 * Names of the files in @folder, ASCII only, that @wanted says yes to: at most @max of them, in the
 * order of the folder. Returns how many; 0 also where there is no such folder.
 */
size_t volume_names(struct volume *volume, const char *folder, bool (*wanted)(const char *name),
		    char (*names)[VOLUME_NAME_MAX], size_t max);

/* Makes the file at @path, in a folder that exists, hold just the @size bytes at @from. */
EFI_STATUS volume_file_write(struct volume *volume, const char *path, const void *from, u64 size);
