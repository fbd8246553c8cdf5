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

struct image_facts {
	u64 memory; /* of the guest, that the kernel needs to start, without its initrd */
	u64 packed_offset, packed_size; /* where the file has it packed; size 0: the file is it */
	u64 unpacked_max;               /* bytes to unpack it into */
};

/* One unpacking at a time. */
struct image_unpacking {
	u8 *to;
	u64 capacity;
	u64 used; /* of the packed bytes */
	u64 size; /* of the unpacked bytes so far */
};

/*
 * Checks the file @image of @size bytes; of a packed kernel, the wrapping and the header inside.
 * Returns 0 with @facts filled; or -EINVAL with @error filled.
 */
int image_check(const void *image, size_t size, struct image_facts *facts,
		struct image_error *error) __must_check;

/* Prepares to unpack @image, of which image_check() found @facts, to @to: unpacked_max bytes. */
void image_unpack_start(struct image_unpacking *unpacking, const void *image,
			const struct image_facts *facts, void *to);

/* Unpacks a piece. Returns 1 when there is more, 0 when all is done, or -EINVAL with @error. */
int image_unpack(struct image_unpacking *unpacking, struct image_error *error) __must_check;
