// SPDX-License-Identifier: Apache-2.0
/*
 * Linux' raw arm64 `Image` and where it, its initrd and its device tree go in guest memory. Pure.
 * Linux, "Booting AArch64 Linux", section "Call the kernel image".
 *
 *	RAM base           device tree, at most 2 MiB
 *	+ 2 MiB            Image, text_offset further up
 *	next 2 MiB bound   initrd
 */
#pragma once

#include "mm/types.h"

#define LINUX_DTB_SPACE 0x200000

/* What an Image's header says. */
struct linux_image {
	u64 text_offset; /* from a 2 MiB bound to the Image */
	u64 memory_size; /* from there on that it needs: image_size, and the file's if that is more
			  */
	u64 file_size;
};

/* Guest-physical addresses. */
struct linux_layout {
	u64 dtb, image, initrd; /* initrd 0: none */
	u64 end;                /* of the last of them */
};

/*
 * Reads the header of the @size bytes at @image. Returns NULL, or what was expected (of which
 * field).
 */
const char *linux_image_parse(const u8 *image, u64 size, struct linux_image *out) __must_check;

/*
 * Lays out memory from @ram_base (2 MiB aligned) up for @image and an initrd of @initrd_size bytes
 * (0: none). The caller compares @out->end with the memory that there is. Returns 0; -EOVERFLOW
 * when addresses run over.
 */
int linux_image_place(const struct linux_image *image, u64 ram_base, u64 initrd_size,
		      struct linux_layout *out) __must_check;
