// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes as an arm64 kernel file: what is accepted unpacks within its memory, and an error says
 * something. The first two bytes choose a wrapping, so that what is inside is reached, and damage.
 */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "boot/image.h"

#define FILE_MAX     65536
#define ZBOOT_HEADER 64
#define UNPACK_MAX   ((u64)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

static void check_error(const struct image_error *error)
{
	require(error->field[0] && memchr(error->field, '\0', sizeof(error->field)));
	require(error->message[0] && memchr(error->message, '\0', sizeof(error->message)));
}

static size_t pack(u8 *to, size_t room, const uint8_t *data, size_t size)
{
	z_stream z = {0};

	require(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
	z.next_in = (Bytef *)(uintptr_t)data;
	z.avail_in = (uInt)size;
	z.next_out = to;
	z.avail_out = (uInt)room;
	require(deflate(&z, Z_FINISH) == Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static size_t wrap(u8 *to, unsigned kind, const uint8_t *data, size_t size)
{
	size_t packed;

	switch (kind) {
	case 1:
		return pack(to, FILE_MAX, data, size);
	case 2:
		packed = pack(to + ZBOOT_HEADER, FILE_MAX - ZBOOT_HEADER, data, size);
		memset(to, 0, ZBOOT_HEADER);
		memcpy(to, "MZ\0\0zimg\x40", 9);
		to[12] = (u8)packed;
		to[13] = (u8)(packed >> 8);
		memcpy(to + 24, "gzip", 4);
		return ZBOOT_HEADER + packed;
	default:
		memcpy(to, data, size);
		return size;
	}
}

static void check_unpack(const u8 *file, struct image_facts *facts)
{
	struct image_unpacking unpacking;
	struct image_error error;
	u64 before = 0;
	int status;
	u8 *to;

	if (facts->unpacked_max > UNPACK_MAX) {
		facts->unpacked_max = UNPACK_MAX;
	}
	to = malloc(facts->unpacked_max);
	require(to != NULL);
	image_unpack_start(&unpacking, file, facts, to);
	for (;;) {
		status = image_unpack(&unpacking, &error);
		require(unpacking.size <= facts->unpacked_max);
		require(unpacking.used <= facts->packed_size);
		if (status <= 0) {
			break;
		}
		require(unpacking.size > before);
		before = unpacking.size;
	}
	if (status) {
		check_error(&error);
	}
	free(to);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_error error;
	struct image_facts facts;
	u8 *file;

	if (size < 2 || size > FILE_MAX / 2) {
		return 0;
	}
	file = malloc(FILE_MAX);
	require(file != NULL);
	size = wrap(file, data[0] % 3, data + 2, size - 2);
	if (data[0] & 0x80 && size) {
		file[data[1] % size] ^= data[0];
	}
	file = realloc(file, size ? size : 1);
	require(file != NULL);
	if (image_check(file, size, &facts, &error)) {
		check_error(&error);
	} else if (facts.packed_size) {
		require(facts.packed_offset <= size);
		require(facts.packed_size <= size - facts.packed_offset);
		require(facts.unpacked_max && facts.unpacked_max <= (u64)1 << 40);
		check_unpack(file, &facts);
	} else {
		require(facts.memory >= size);
	}
	free(file);
	return 0;
}
