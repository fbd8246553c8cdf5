// SPDX-License-Identifier: Apache-2.0
/*
 * The arm64 kernel Image and its wrappings. See Linux's "Booting AArch64 Linux", section "Call the
 * kernel image", and "PE Format" for the sections; an EFI zboot file has its header in the place
 * of a DOS one: "MZ", "zimg", where the payload is, and the name of its compression.
 */
#include "boot/image.h"

#include <errno.h>
#include <string.h>

#include "boot/gzip.h"
#include "boot/text.h"
#include "mm/bits.h"

#define STEP             ((u64)1 << 20)
#define TEXT_OFFSET_END  ((u64)2 << 20)
#define IMAGE_SIZE_MAX   ((u64)1 << 40)
#define FLAGS_BIG_ENDIAN 1
#define GZIP             "gzip"
#define GZIP_MAGIC       "\x1f\x8b\x08" /* and the only method there is */

/* Offsets in an Image. */
enum header_field {
	HEADER_TEXT_OFFSET = 8,
	HEADER_IMAGE_SIZE = 16,
	HEADER_FLAGS = 24,
	HEADER_MAGIC_AT = 56,
	HEADER_PE_AT = 60,
	HEADER_END = 64,
};

/* Offsets in a zboot file. */
enum zboot_field {
	ZBOOT_MAGIC_AT = 4,
	ZBOOT_PAYLOAD_OFFSET = 8,
	ZBOOT_PAYLOAD_SIZE = 12,
	ZBOOT_COMPRESSION = 24,
	ZBOOT_COMPRESSION_END = 56,
	ZBOOT_END = 64,
};

/* Offsets from the PE signature, and in a section header. */
enum pe_field {
	PE_SECTION_COUNT = 6,
	PE_OPTIONAL_SIZE = 20,
	PE_OPTIONAL = 24,
	SECTION_RAW_SIZE = 16,
	SECTION_RAW_AT = 20,
	SECTION_END = 40,
};

static u64 field_read(const u8 *image, u64 offset, unsigned bytes)
{
	u64 value = 0;

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

static bool bytes_are(const u8 *image, size_t size, size_t offset, const char *expected)
{
	size_t length = strlen(expected);

	return offset <= size && length <= size - offset &&
	       !memcmp(image + offset, expected, length);
}

/* What the user may have taken for a kernel. */
static const char *file_kind(const u8 *image, size_t size)
{
	static const struct {
		size_t offset;
		const char *magic, *kind;
	} kinds[] = {
		{0x202, "HdrS", "an x86 bzImage"},
		{0,
		 "\x7f"
		 "ELF",
		 "an ELF file; vmlinux is not what boots"},
		{0, "\x27\x05\x19\x56", "a U-Boot uImage"},
		{0, "\xd0\x0d\xfe\xed", "a device tree or FIT image"},
		{0, "\x28\xb5\x2f\xfd", "zstd data"},
		{0,
		 "\xfd"
		 "7zXZ",
		 "xz data"},
		{0, "\x02\x21\x4c\x18", "lz4 data"},
		{0, "BZh", "bzip2 data"},
		{0, "070701", "a cpio archive"},
		{0, "MZ", "some other EFI application"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (bytes_are(image, size, kinds[i].offset, kinds[i].magic)) {
			return kinds[i].kind;
		}
	}
	return "something else";
}

static int zboot_check(const u8 *image, size_t size, struct image_facts *facts,
		       struct image_error *error)
{
	char name[ZBOOT_COMPRESSION_END - ZBOOT_COMPRESSION + 1] = {0};
	u64 offset, payload;

	if (size < ZBOOT_END) {
		return image_fail(error, "size",
				  "expected an EFI zboot file of at least %u bytes, "
				  "found %zu",
				  (unsigned)ZBOOT_END, size);
	}
	memcpy(name, image + ZBOOT_COMPRESSION, sizeof(name) - 1);
	for (size_t i = 0; name[i]; i++) {
		name[i] = name[i] < ' ' || name[i] > '~' ? '?' : name[i];
	}
	if (strlen(name) != strlen(GZIP) || memcmp(name, GZIP, strlen(GZIP))) {
		return image_fail(error, "compression",
				  "expected gzip, found \"%s\" in this EFI zboot file; a kernel's "
				  "plain Image does as well",
				  name);
	}
	offset = field_read(image, ZBOOT_PAYLOAD_OFFSET, 4);
	payload = field_read(image, ZBOOT_PAYLOAD_SIZE, 4);
	if (offset < ZBOOT_END || !payload) {
		return image_fail(error, "payload",
				  "expected an offset of 64 or more and a size, found "
				  "%lu and %lu",
				  offset, payload);
	}
	if (offset > size || payload > size - offset) {
		return image_fail(error, "payload",
				  "expected %lu bytes, found %zu: the file is cut off",
				  offset + payload, size);
	}
	facts->packed_offset = offset;
	facts->packed_size = payload;
	return 0;
}

static int payload_find(const u8 *image, size_t size, struct image_facts *facts,
			struct image_error *error)
{
	if (bytes_are(image, size, 0, GZIP_MAGIC)) {
		facts->packed_size = size;
		return 0;
	}
	if (bytes_are(image, size, 0, "MZ") && bytes_are(image, size, ZBOOT_MAGIC_AT, "zimg")) {
		return zboot_check(image, size, facts, error);
	}
	return 0;
}

static int header_check(const u8 *header, struct image_error *error)
{
	u64 offset = field_read(header, HEADER_TEXT_OFFSET, 8);
	u64 size = field_read(header, HEADER_IMAGE_SIZE, 8);
	u64 flags = field_read(header, HEADER_FLAGS, 8);

	if (!size || size > IMAGE_SIZE_MAX) {
		return image_fail(error, "image_size",
				  "expected a size as since Linux 3.17, found 0x%lx", size);
	}
	if (flags & FLAGS_BIG_ENDIAN) {
		return image_fail(error, "flags", "expected a little-endian kernel, found 0x%lx",
				  flags);
	}
	if (offset >= TEXT_OFFSET_END) {
		return image_fail(error, "text_offset", "expected less than 2 MiB, found 0x%lx",
				  offset);
	}
	return 0;
}

static int gzip_fail(enum gzip_result result, u64 unpacked, struct image_error *error)
{
	if (result == GZIP_CUT) {
		return image_fail(error, GZIP,
				  "the file is cut off: it ends after %lu unpacked bytes",
				  unpacked);
	}
	return image_fail(error, GZIP, "the file is corrupt: %s after %lu unpacked bytes",
			  gzip_problem(), unpacked);
}

/* Unpacks no more than the header. */
static int header_unpack(const u8 *image, const struct image_facts *facts, u8 header[HEADER_END],
			 struct image_error *error)
{
	enum gzip_result result;
	u64 got;

	gzip_start(image + facts->packed_offset, facts->packed_size);
	result = gzip_read(header, HEADER_END, &got);
	if (got == HEADER_END) {
		return 0;
	}
	if (result == GZIP_END) {
		return image_fail(error, "size",
				  "expected an arm64 Image of at least %u bytes in it, found %lu",
				  (unsigned)HEADER_END, got);
	}
	return gzip_fail(result, got, error);
}

/*
 * Where the file has to end for all PE sections to be there: image_size counts memory behind the
 * file's end, too. 0 where the kernel is no PE file.
 */
static u64 sections_end(const u8 *image, size_t size)
{
	u64 pe = field_read(image, HEADER_PE_AT, 4);
	u64 table, end = 0;

	if (!bytes_are(image, size, 0, "MZ")) {
		return 0;
	}
	if (pe + PE_OPTIONAL > size) {
		return pe + PE_OPTIONAL;
	}
	table = pe + PE_OPTIONAL + field_read(image, pe + PE_OPTIONAL_SIZE, 2);
	for (u64 i = 0; i < field_read(image, pe + PE_SECTION_COUNT, 2); i++) {
		u64 at = table + i * SECTION_END;

		if (at + SECTION_END > size) {
			return at + SECTION_END;
		}
		end = max_u64(end, field_read(image, at + SECTION_RAW_AT, 4) +
					   field_read(image, at + SECTION_RAW_SIZE, 4));
	}
	return end;
}

static int raw_check(const u8 *image, size_t size, struct image_error *error)
{
	u64 whole;

	if (size < HEADER_END) {
		return image_fail(error, "size",
				  "expected an arm64 Image of at least %u bytes, found "
				  "%zu",
				  (unsigned)HEADER_END, size);
	}
	whole = sections_end(image, size);
	if (bytes_are(image, size, HEADER_MAGIC_AT, "ARM\x64") && size < whole) {
		return image_fail(error, "size",
				  "expected %lu bytes, found %zu: the file is cut off", whole,
				  size);
	}
	return 0;
}

int image_check(const void *file, size_t size, struct image_facts *facts, struct image_error *error)
{
	const u8 *image = file, *header = file;
	u8 unpacked[HEADER_END];
	u64 image_size;

	*facts = (struct image_facts){0};
	if (payload_find(image, size, facts, error)) {
		return -EINVAL;
	}
	if (facts->packed_size) {
		if (header_unpack(image, facts, unpacked, error)) {
			return -EINVAL;
		}
		header = unpacked;
	} else if (raw_check(image, size, error)) {
		return -EINVAL;
	}
	if (!bytes_are(header, HEADER_END, HEADER_MAGIC_AT, "ARM\x64")) {
		return image_fail(
			error, "magic",
			"expected an arm64 Image, plain, gzip'ed or as EFI zboot, found %s%s",
			file_kind(header, facts->packed_size ? HEADER_END : size),
			facts->packed_size ? " inside" : "");
	}
	if (header_check(header, error)) {
		return -EINVAL;
	}
	image_size = field_read(header, HEADER_IMAGE_SIZE, 8);
	facts->unpacked_max = facts->packed_size ? image_size : 0;
	facts->memory = field_read(header, HEADER_TEXT_OFFSET, 8) +
			(facts->packed_size ? image_size : max_u64(image_size, size));
	return 0;
}

void image_unpack_start(struct image_unpacking *unpacking, const void *image,
			const struct image_facts *facts, void *to)
{
	*unpacking = (struct image_unpacking){.to = to, .capacity = facts->unpacked_max};
	gzip_start((const u8 *)image + facts->packed_offset, facts->packed_size);
}

/* All there is room for is there: the stream has to end here. */
static int end_check(const struct image_unpacking *unpacking, struct image_error *error)
{
	enum gzip_result result;
	u64 got;
	u8 more;

	result = gzip_read(&more, 1, &got);
	if (got) {
		return image_fail(
			error, "image_size",
			"expected at most the %lu bytes of the header's image_size, found "
			"more when unpacked",
			unpacking->capacity);
	}
	if (result != GZIP_END) {
		return gzip_fail(result, unpacking->size, error);
	}
	return raw_check(unpacking->to, unpacking->size, error);
}

int image_unpack(struct image_unpacking *unpacking, struct image_error *error)
{
	u64 room = unpacking->capacity - unpacking->size;
	enum gzip_result result;
	u64 got;

	if (!room) {
		return end_check(unpacking, error);
	}
	result = gzip_read(unpacking->to + unpacking->size, min_u64(room, STEP), &got);
	unpacking->size += got;
	unpacking->used = gzip_used();
	if (result == GZIP_MORE) {
		return 1;
	}
	if (result != GZIP_END) {
		return gzip_fail(result, unpacking->size, error);
	}
	return raw_check(unpacking->to, unpacking->size, error);
}
