// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration file \socle\socle.conf: `key value` lines in the manner of the Boot Loader
 * Specification, with a `vm NAME` header before the keys of each VM. Pure: bytes in, boot_info out.
 */
#pragma once

#include "vmm/boot_info.h"

#define CONFIG_FILE_MAX      (64 * 1024)
#define CONFIG_MESSAGE_MAX   192
#define CONFIG_VMS_RUNNABLE  1 /* of BOOT_MAX_VMS: what this version can run at once */
#define CONFIG_VCPUS_MAX     1
#define CONFIG_TIMEOUT_MAX_S 3600
#define CONFIG_MEMORY_UNIT   ((u64)2 << 20)
#define CONFIG_MEMORY_MIN    ((u64)32 << 20)
#define CONFIG_MEMORY_MAX    ((u64)1 << 40)
#define CONFIG_MEMORY_USUAL  ((u64)512 << 20) /* of a VM that does not say */

struct config_error {
	unsigned line; /* from 1; 0: the file as a whole */
	char field[BOOT_NAME_MAX];
	char message[CONFIG_MESSAGE_MAX]; /* what was expected and what was found */
};

/*
 * Reads the @size bytes at @text into @info's config and the paths of its modules (each file once,
 * however often it is named); their base and size, and the rest of @info, stay as they are.
 * Returns 0, or -EINVAL with @error filled and @info's config and modules unspecified.
 */
int config_parse(const char *text, size_t size, struct boot_info *info,
		 struct config_error *error) __must_check;
