// SPDX-License-Identifier: Apache-2.0
/* Guest tables out of the input, walked by the walker and by the reference (walk_world.h). */
#include <string.h>

#include "tests/host/walk_world.h"

static const u8 *bytes;
static size_t left;
static u64 seed;

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

/* The input's words; then, so that every input is a whole run, what a seed makes of them. */
static u64 next_word(void)
{
	u64 v;

	if (left >= sizeof(v)) {
		memcpy(&v, bytes, sizeof(v));
		bytes += sizeof(v);
		left -= sizeof(v);
		seed ^= v;
		return v;
	}
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return seed ^ seed >> 29;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	bytes = data;
	left = size;
	seed = size;
	walk_world_run(next_word);
	return 0;
}
