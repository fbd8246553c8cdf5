// SPDX-License-Identifier: Apache-2.0
/*
 * The configuration file \socle\socle.conf: `key value` lines in the manner of the Boot Loader
 * Specification, with a `vm NAME` header before the keys of each VM. Pure: bytes in, boot_info out.
 */
#pragma once

#include "vmm/boot_info.h"

#define CONFIG_NAME          "socle.conf"
#define CONFIG_PATH          "\\socle\\" CONFIG_NAME
#define CONFIG_PATH_OF       "\\socle\\socle-%s.conf" /* the architecture's, as UEFI calls it */
#define CONFIG_FILE_MAX      (64 * 1024)
#define CONFIG_MESSAGE_MAX   192
#define CONFIG_CPUS_MAX      64 /* host CPUs that `cpus` can name, and vCPUs of a VM */
#define CONFIG_TIMEOUT_MAX_S 3600
#define CONFIG_NO_TIMEOUT    0xffffffffu /* the file does not say */
#define CONFIG_MEMORY_UNIT   ((u64)2 << 20)
#define CONFIG_MEMORY_MIN    ((u64)32 << 20)
#define CONFIG_MEMORY_MAX    ((u64)1 << 40)
#define CONFIG_MEMORY_USUAL  ((u64)512 << 20) /* of a VM that does not say */

/*
 * What this version runs: whatever else the file asks for is refused, since nothing may be
 * accepted and have no effect. Of the VMs' fields, these are the ones that a version may lack.
 */
struct config_limits {
	u32 vms, vcpus; /* at once; of a VM */
	u32 kinds;      /* bit per enum boot_image_kind */
	bool cpus, nested, waiting, front, debug_port, framebuffer;
};

extern const struct config_limits config_limits_x86_64, config_limits_arm64;

struct config_error {
	unsigned line; /* from 1; 0: the file as a whole */
	char field[BOOT_NAME_MAX];
	char message[CONFIG_MESSAGE_MAX]; /* what was expected and what was found */
};

/*
 * Reads the @size bytes at @text into @info's config and the paths of its modules (each file once,
 * however often it is named); their base and size, and the rest of @info, stay as they are.
 * There may be no VM in it. Returns 0, or -EINVAL with @error filled and @info's config and modules
 * unspecified.
 */
int config_parse(const char *text, size_t size, const struct config_limits *limits,
		 struct boot_info *info, struct config_error *error) __must_check;

/* FAT compares names without case; a leading separator and the kind of separator do not matter. */
bool config_path_is_same(const char *a, const char *b);
