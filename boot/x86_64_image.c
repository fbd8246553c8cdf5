// SPDX-License-Identifier: Apache-2.0
/*
 * The bzImage header, as far as it decides whether the file can be entered in 64-bit mode. See
 * "The Linux/x86 Boot Protocol", sections "The Real-Mode Kernel Header" and "Details of Header
 * Fields".
 */
#include "boot/image.h"

#include <errno.h>
#include <string.h>

#include "boot/text.h"

#define SECTOR           512
#define PARAGRAPH        16
#define SETUP_SECTS_MAX  64 /* the field's kernels have at most some 40 */
#define SETUP_SECTS_ZERO 4  /* what a setup_sects of 0 means */
#define BOOT_FLAG        0xaa55
#define HEADER_MAGIC     0x53726448 /* "HdrS" */
#define VERSION_MIN      0x20c      /* the first with xloadflags */
#define XLF_KERNEL_64    1
#define LOAD_ADDRESS_MIN ((u64)1 << 20)

/* Offsets in the file. */
enum header_field {
	HEADER_SETUP_SECTS = 0x1f1,
	HEADER_SYSSIZE = 0x1f4,
	HEADER_BOOT_FLAG = 0x1fe,
	HEADER_MAGIC_AT = 0x202,
	HEADER_VERSION = 0x206,
	HEADER_XLOADFLAGS = 0x236,
	HEADER_INIT_SIZE = 0x260,
	HEADER_END = 0x268,
};

static u32 field_read(const u8 *image, enum header_field offset, unsigned bytes)
{
	u32 value = 0;

	while (bytes--) {
		value = value << 8 | image[offset + bytes];
	}
	return value;
}

static int __printf(3, 4)
	image_fail(struct image_error *error, const char *field, const char *format, ...)
{
	va_list args;

	text_format(error->field, sizeof(error->field), "%s", field);
	va_start(args, format);
	text_vformat(error->message, sizeof(error->message), format, args);
	va_end(args);
	return -EINVAL;
}

static int header_check(const u8 *image, struct image_error *error)
{
	u32 flag = field_read(image, HEADER_BOOT_FLAG, 2);
	u32 magic = field_read(image, HEADER_MAGIC_AT, 4);
	u32 version = field_read(image, HEADER_VERSION, 2);
	u32 loads = field_read(image, HEADER_XLOADFLAGS, 2);
	u32 sectors = field_read(image, HEADER_SETUP_SECTS, 1);

	if (flag != BOOT_FLAG) {
		return image_fail(error, "boot_flag",
				  "expected 0xaa55 as in every bzImage, "
				  "found 0x%04x",
				  flag);
	}
	if (magic != HEADER_MAGIC) {
		return image_fail(error, "header",
				  "expected 0x%08x (\"HdrS\") as in every bzImage,"
				  " found 0x%08x",
				  HEADER_MAGIC, magic);
	}
	if (version < VERSION_MIN) {
		return image_fail(error, "version",
				  "expected boot protocol 2.12 or later (Linux "
				  "3.8), found %u.%02u",
				  version >> 8, version & 0xff);
	}
	if (!(loads & XLF_KERNEL_64)) {
		return image_fail(error, "xloadflags",
				  "expected XLF_KERNEL_64 (bit 0), a 64-bit "
				  "kernel, found 0x%04x",
				  loads);
	}
	if (sectors > SETUP_SECTS_MAX) {
		return image_fail(error, "setup_sects", "expected at most %u sectors, found %u",
				  SETUP_SECTS_MAX, sectors);
	}
	return 0;
}

int image_check(const void *file, size_t size, struct image_facts *facts, struct image_error *error)
{
	const u8 *image = file;
	u32 sectors;
	u64 whole;

	if (size < HEADER_END) {
		return image_fail(error, "size",
				  "expected a bzImage of at least %u bytes, "
				  "found %zu",
				  (unsigned)HEADER_END, size);
	}
	if (header_check(image, error)) {
		return -EINVAL;
	}
	sectors = field_read(image, HEADER_SETUP_SECTS, 1);
	sectors = sectors ? sectors : SETUP_SECTS_ZERO;
	whole = (u64)(sectors + 1) * SECTOR + (u64)field_read(image, HEADER_SYSSIZE, 4) * PARAGRAPH;
	if (size < whole) {
		return image_fail(error, "syssize",
				  "expected %lu bytes, found %zu: the file is "
				  "cut off",
				  whole, size);
	}
	*facts = (struct image_facts){
		.memory = LOAD_ADDRESS_MIN + field_read(image, HEADER_INIT_SIZE, 4),
	};
	return 0;
}

/* A bzImage unpacks itself: image_check() never says that there is something to do. */

void image_unpack_start(struct image_unpacking *unpacking, const void *image,
			const struct image_facts *facts, void *to)
{
	(void)image;
	*unpacking = (struct image_unpacking){.to = to, .capacity = facts->unpacked_max};
}

int image_unpack(struct image_unpacking *unpacking, struct image_error *error)
{
	(void)unpacking;
	return image_fail(error, "size", "expected a bzImage, which is not packed");
}
