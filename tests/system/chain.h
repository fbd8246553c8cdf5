// SPDX-License-Identifier: Apache-2.0
/* Of the tests' UEFI applications that stand before the loader. */
#pragma once

#include <efi.h>
#include <efilib.h>

/* Starts \EFI\BOOT\SOCLE.EFI from the volume that @image came from. */
static inline EFI_STATUS socle_start(EFI_HANDLE image)
{
	static CHAR16 name[] = L"\\EFI\\BOOT\\SOCLE.EFI";
	EFI_GUID guid = LOADED_IMAGE_PROTOCOL;
	EFI_LOADED_IMAGE *self;
	EFI_HANDLE socle;
	EFI_STATUS status = BS->HandleProtocol(image, &guid, (void **)&self);

	if (EFI_ERROR(status)) {
		return status;
	}
	status = BS->LoadImage(FALSE, image, FileDevicePath(self->DeviceHandle, name), NULL, 0,
			       &socle);
	return EFI_ERROR(status) ? status : BS->StartImage(socle, NULL, NULL);
}
