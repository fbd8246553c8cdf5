// SPDX-License-Identifier: Apache-2.0
/*
 * Is this file a kernel that the machine's guests can boot? Asked while the firmware can still
 * show the answer. One implementation per architecture; pure; any bytes are allowed.
 */
#pragma once

#include "mm/types.h"

struct image_error {
	char field[32];
	char message[160]; /* what was expected and what was found */
};

/*
 * Checks the whole file @image of @size bytes. Returns 0 with *@memory set to the guest memory
 * that the kernel needs to start, without its initrd; or -EINVAL with @error filled.
 */
int image_check(const void *image, size_t size, u64 *memory,
		struct image_error *error) __must_check;
