// SPDX-License-Identifier: Apache-2.0
/* Any bytes as an arm64 Image: refused with a reason, or a layout in order. */
#include <stdlib.h>
#include <string.h>

#include "arch/arm64/linux_image.h"

#define RAM 0x40000000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct linux_image image;
	struct linux_layout l;
	u64 initrd = 0;
	const char *expected;
	u8 *exact = malloc(size ? size : 1);

	memcpy(exact, data, size);
	expected = linux_image_parse(exact, size, &image);
	free(exact);
	if (expected) {
		require(expected[0] != '\0');
		return 0;
	}
	if (size >= 72) {
		memcpy(&initrd, data + 64, 8);
	}
	if (linux_image_place(&image, RAM, initrd, &l)) {
		return 0;
	}
	require(l.image >= l.dtb + LINUX_DTB_SPACE);
	require(image.file_size == size && image.memory_size >= size);
	require(l.end >= l.image + image.memory_size);
	require(!initrd || l.initrd >= l.image + image.memory_size);
	require(!initrd || l.end == l.initrd + initrd);
	return 0;
}
