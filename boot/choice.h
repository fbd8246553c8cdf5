// SPDX-License-Identifier: Apache-2.0
/*
 * What is to be started: the VMs of \socle\socle.conf, or one of the Boot Loader Specification's
 * entries on the volume, as the user or the time decides.
 */
#pragma once

#include <efi.h>

#include "boot/bls.h"
#include "boot/volume.h"
#include "vmm/boot_info.h"

/*
 * Reads the configuration into @info, and the entries where there is a menu to be shown. Without
 * VMs or entries there is nothing to start: that, and what is wrong, is reported.
 */
EFI_STATUS choice_read(struct volume *volume, struct boot_info *info);

/*
 * Shows the menu, if there is to be one, and makes @info's configuration what was chosen; a VM of
 * an entry has memory 0 for now. EFI_ABORTED: the user wants back to the firmware.
 */
EFI_STATUS choice_make(struct volume *volume, struct boot_info *info);

/* The file that choice_read() took, or would have taken. */
const char *choice_config_path(void);

/* The paths of the files, one behind the other, that are module @index. Returns how many. */
size_t choice_module_files(const struct boot_info *info, u64 index,
			   const char *paths[BLS_INITRDS_MAX]);
