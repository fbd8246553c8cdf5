// SPDX-License-Identifier: Apache-2.0
/* The header of an arm64 Image: 64 bytes, little-endian. */
#include "arch/arm64/linux_image.h"

#include <errno.h>
#include <string.h>

#include "mm/bits.h"

#define HEADER_SIZE     64
#define HDR_TEXT_OFFSET 8
#define HDR_IMAGE_SIZE  16
#define HDR_FLAGS       24
#define HDR_MAGIC       56

#define MAGIC            0x644d5241u /* "ARM\x64" */
#define FLAG_BIG_ENDIAN  BIT(0)
#define TEXT_OFFSET_MAX  BIT(30)
#define IMAGE_SIZE_LIMIT BIT(32)
#define IMAGE_ALIGN      0x200000

static u64 field(const u8 *image, u32 offset, u32 size)
{
	u64 v = 0;

	for (u32 i = 0; i < size; i++) {
		v |= (u64)image[offset + i] << (8 * i);
	}
	return v;
}

/* What else the file may be, for the message. */
static const char *expected_magic(const u8 *image)
{
	if (memcmp(image, "\x1f\x8b", 2) == 0) {
		return "an uncompressed arm64 Image (this is gzip's format)";
	}
	if (memcmp(image, "MZ\0\0zimg", 8) == 0) {
		return "an uncompressed arm64 Image (this is an EFI zboot image)";
	}
	return "an arm64 Image (magic \"ARM\\x64\" at 0x38)";
}

const char *linux_image_parse(const u8 *image, u64 size, struct linux_image *out)
{
	u64 image_size;

	if (size < HEADER_SIZE) {
		return "a file of at least the header's 64 bytes";
	}
	if (field(image, HDR_MAGIC, 4) != MAGIC) {
		return expected_magic(image);
	}
	if (size >= IMAGE_SIZE_LIMIT) {
		return "a file of less than 4 GiB";
	}
	image_size = field(image, HDR_IMAGE_SIZE, 8);
	if (image_size == 0) {
		return "a kernel of 3.17 or newer (image_size at 0x10 is 0)";
	}
	if (image_size >= IMAGE_SIZE_LIMIT) {
		return "image_size (at 0x10) below 4 GiB";
	}
	if (field(image, HDR_FLAGS, 8) & FLAG_BIG_ENDIAN) {
		return "a little-endian kernel (bit 0 of flags at 0x18 clear)";
	}
	out->text_offset = field(image, HDR_TEXT_OFFSET, 8);
	if (out->text_offset > TEXT_OFFSET_MAX || !is_aligned(out->text_offset, 4)) {
		return "text_offset (at 0x08) a multiple of 4, at most 1 GiB";
	}
	out->file_size = size;
	out->memory_size = max_u64(image_size, size);
	return NULL;
}

int linux_image_place(const struct linux_image *image, u64 ram_base, u64 initrd_size,
		      struct linux_layout *out)
{
	u64 fixed = LINUX_DTB_SPACE + image->text_offset;

	/* The parser's limits keep this sum far from 2^64. */
	if (ram_base >= BIT(52) || initrd_size >= BIT(52)) {
		return -EOVERFLOW;
	}
	*out = (struct linux_layout){.dtb = ram_base, .image = ram_base + fixed};
	out->end = out->image + image->memory_size;
	if (initrd_size) {
		out->initrd = align_up(out->end, IMAGE_ALIGN);
		out->end = out->initrd + initrd_size;
	}
	return 0;
}
