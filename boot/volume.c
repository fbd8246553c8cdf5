// SPDX-License-Identifier: Apache-2.0
/* UEFI Specification 2.10, "Simple File System Protocol" and "File Protocol". */
#include "boot/volume.h"

#include <efilib.h>

#include <stddef.h>

#include "boot/console.h"
#include "boot/firmware.h"
#include "mm/bits.h"
#include "vmm/boot_info.h"

#define CHUNK       ((u64)1 << 20)
#define AT_FILE_END (~(u64)0)

const char *const volume_place = "on the volume that holds this loader";
const bool volume_has_folders = true;

EFI_STATUS volume_open(struct volume *volume)
{
	EFI_GUID loaded_guid = LOADED_IMAGE_PROTOCOL, files_guid = SIMPLE_FILE_SYSTEM_PROTOCOL;
	EFI_LOADED_IMAGE *loaded;
	EFI_FILE_IO_INTERFACE *files;
	EFI_STATUS status;

	volume->root = NULL;
	status = BS->HandleProtocol(firmware_image, &loaded_guid, (void **)&loaded);
	if (EFI_ERROR(status)) {
		return status;
	}
	if (!loaded->DeviceHandle) {
		return EFI_UNSUPPORTED;
	}
	status = BS->HandleProtocol(loaded->DeviceHandle, &files_guid, (void **)&files);
	if (EFI_ERROR(status)) {
		return status;
	}
	return files->OpenVolume(files, &volume->root);
}

void volume_close(struct volume *volume)
{
	if (volume->root) {
		volume->root->Close(volume->root);
		volume->root = NULL;
	}
}

static EFI_STATUS file_open(struct volume *volume, const char *path, u64 mode,
			    EFI_FILE_HANDLE *file)
{
	CHAR16 name[BOOT_PATH_MAX + 1];
	size_t length = 0;

	if (!volume->root) {
		return EFI_NO_MEDIA;
	}
	name[length++] = '\\';
	path += *path == '\\' || *path == '/';
	for (; *path; path++) {
		if (length == BOOT_PATH_MAX) {
			return EFI_INVALID_PARAMETER;
		}
		name[length++] = (CHAR16)(*path == '/' ? '\\' : *path);
	}
	name[length] = 0;
	return volume->root->Open(volume->root, file, name, mode, 0);
}

/* A position at the end tells the size; a directory refuses it with EFI_UNSUPPORTED. */
EFI_STATUS volume_file_size(struct volume *volume, const char *path, u64 *size)
{
	EFI_FILE_HANDLE file;
	EFI_STATUS status = file_open(volume, path, EFI_FILE_MODE_READ, &file);

	if (EFI_ERROR(status)) {
		return status;
	}
	status = file->SetPosition(file, AT_FILE_END);
	if (!EFI_ERROR(status)) {
		status = file->GetPosition(file, size);
	}
	if (!EFI_ERROR(status) && !*size) {
		status = EFI_BAD_BUFFER_SIZE;
	}
	file->Close(file);
	return status;
}

static EFI_STATUS file_read(EFI_FILE_HANDLE file, u8 *to, u64 size, struct progress *progress)
{
	u64 done = 0;

	while (done < size) {
		UINTN chunk = min_u64(size - done, CHUNK);
		EFI_STATUS status = file->Read(file, &chunk, to + done);

		if (EFI_ERROR(status)) {
			return status;
		}
		if (!chunk) {
			return EFI_END_OF_FILE;
		}
		done += chunk;
		if (progress) {
			progress_update(progress, done);
		}
	}
	return EFI_SUCCESS;
}

EFI_STATUS volume_file_read(struct volume *volume, const char *path, void *to, u64 size,
			    const char *shown)
{
	struct progress progress;
	EFI_FILE_HANDLE file;
	EFI_STATUS status = file_open(volume, path, EFI_FILE_MODE_READ, &file);

	if (EFI_ERROR(status)) {
		return status;
	}
	if (shown) {
		progress_start(&progress, shown, size);
	}
	status = file_read(file, to, size, shown ? &progress : NULL);
	file->Close(file);
	if (shown && EFI_ERROR(status)) {
		console_print("\n");
	}
	return status;
}

/* Returns false where the name is too long or not ASCII. */
static bool name_copy(const CHAR16 *from, const CHAR16 *end, char *to)
{
	for (size_t i = 0; i < VOLUME_NAME_MAX && from + i < end; i++) {
		if (from[i] > '~' || (from[i] && from[i] < ' ')) {
			return false;
		}
		to[i] = (char)from[i];
		if (!from[i]) {
			return i > 0;
		}
	}
	return false;
}

size_t volume_names(struct volume *volume, const char *folder, bool (*wanted)(const char *name),
		    char (*names)[VOLUME_NAME_MAX], size_t max)
{
	/* The structure, and a name of 255 characters behind it. */
	static u64 buffer[(sizeof(EFI_FILE_INFO) + 255 * sizeof(CHAR16)) / sizeof(u64) + 1];
	const EFI_FILE_INFO *info = (const void *)buffer;
	EFI_FILE_HANDLE handle;
	size_t count = 0;

	if (EFI_ERROR(file_open(volume, folder, EFI_FILE_MODE_READ, &handle))) {
		return 0;
	}
	while (count < max) {
		UINTN size = sizeof(buffer);

		if (EFI_ERROR(handle->Read(handle, &size, buffer)) ||
		    size <= offsetof(EFI_FILE_INFO, FileName)) {
			break; /* the end, or a file */
		}
		if (!(info->Attribute & EFI_FILE_DIRECTORY) &&
		    name_copy(info->FileName, (const CHAR16 *)((const u8 *)buffer + size),
			      names[count]) &&
		    wanted(names[count])) {
			count++;
		}
	}
	handle->Close(handle);
	return count;
}

/* A file that is there is deleted first, so that nothing of a longer one stays behind. */
EFI_STATUS volume_file_write(struct volume *volume, const char *path, const void *from, u64 size)
{
	EFI_FILE_HANDLE file;
	UINTN left = size;
	EFI_STATUS status =
		file_open(volume, path, EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE, &file);

	if (!EFI_ERROR(status)) {
		file->Delete(file); /* closes it, too */
	}
	status = file_open(volume, path,
			   EFI_FILE_MODE_READ | EFI_FILE_MODE_WRITE | EFI_FILE_MODE_CREATE, &file);
	if (EFI_ERROR(status)) {
		return status;
	}
	/* Write's buffer is not const in the header, yet is only read. */
	status = file->Write(file, &left, (void *)(uintptr_t)from);
	if (!EFI_ERROR(status)) {
		status = file->Flush(file);
	}
	file->Close(file);
	return status;
}
