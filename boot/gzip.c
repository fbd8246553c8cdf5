// SPDX-License-Identifier: Apache-2.0
/* zlib's inflate (zlib.h) with memory of our own, for a stream of any size. */
#include "boot/gzip.h"

#define ZLIB_CONST
#include <zlib.h>

#include "mm/bits.h"

/* Its state, below 8 KiB, and a window of 32 KiB. */
#define MEMORY_SIZE 49152
#define PIECE_MAX   ((u64)1 << 30) /* zlib counts in 32 bits */

/* inflateInit2()'s windowBits: the format's largest window, in a gzip wrapper. */
#define WINDOW_BITS  15
#define GZIP_WRAPPER 16

static struct {
	z_stream stream;
	const u8 *from;
	u64 size, fed; /* of the packed bytes: all, and those that zlib was given */
	bool started;
	u64 memory_used;
	_Alignas(16) u8 memory[MEMORY_SIZE];
} gzip;

static void *memory_take(void *opaque, unsigned count, unsigned size)
{
	u64 bytes = align_up((u64)count * size, 16);
	void *memory = gzip.memory + gzip.memory_used;

	(void)opaque;
	if (bytes > MEMORY_SIZE - gzip.memory_used) {
		return NULL;
	}
	gzip.memory_used += bytes;
	return memory;
}

/* All of it goes with the next gzip_start(). */
static void memory_leave(void *opaque, void *memory)
{
	(void)opaque;
	(void)memory;
}

void gzip_start(const void *from, u64 size)
{
	gzip.from = from;
	gzip.size = size;
	gzip.fed = 0;
	gzip.memory_used = 0;
	gzip.stream = (z_stream){.zalloc = memory_take, .zfree = memory_leave};
	gzip.started = inflateInit2(&gzip.stream, WINDOW_BITS + GZIP_WRAPPER) == Z_OK;
}

static void input_feed(void)
{
	u64 piece = min_u64(gzip.size - gzip.fed, PIECE_MAX);

	if (!gzip.stream.avail_in && piece) {
		gzip.stream.next_in = gzip.from + gzip.fed;
		gzip.stream.avail_in = (uInt)piece;
		gzip.fed += piece;
	}
}

/* Each call uses bytes, stores bytes, or ends the loop. */
enum gzip_result gzip_read(void *to, u64 size, u64 *got)
{
	u64 room = min_u64(size, PIECE_MAX);
	int status = gzip.started ? Z_OK : Z_MEM_ERROR;

	gzip.stream.next_out = to;
	gzip.stream.avail_out = (uInt)room;
	while (status == Z_OK && gzip.stream.avail_out) {
		input_feed();
		status = inflate(&gzip.stream, Z_NO_FLUSH);
	}
	*got = room - gzip.stream.avail_out;
	switch (status) {
	case Z_OK:
		return GZIP_MORE;
	case Z_STREAM_END:
		return GZIP_END;
	case Z_BUF_ERROR: /* there is room, so what lacks is input */
		return GZIP_CUT;
	default:
		return GZIP_CORRUPT;
	}
}

u64 gzip_used(void)
{
	return gzip.fed - gzip.stream.avail_in;
}

const char *gzip_problem(void)
{
	return gzip.stream.msg ? gzip.stream.msg : "unknown problem";
}
