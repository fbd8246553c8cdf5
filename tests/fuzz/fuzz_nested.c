// SPDX-License-Identifier: Apache-2.0
/*
 * Operation streams on the shadow engine in the nested world: one byte picks L1's format and the
 * host's, one the room, then eight bytes are one operation (nested_ops.c). A broken promise aborts.
 */
#include <string.h>

#include "tests/host/nested_world.h"

#define OPS_MAX 50

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (size < 2 + sizeof(u64)) {
		return 0;
	}
	nw_start(&nw_shapes[data[0] % nw_shape_count], data[1] & 1 ? 16u + (data[1] >> 2) : 0,
		 data[1] & 2 ? 1u + (data[1] >> 2) : 0);
	data += 2;
	size -= 2;
	for (unsigned i = 0; i < OPS_MAX && size >= sizeof(u64); i++) {
		u64 bits;

		memcpy(&bits, data, sizeof(bits));
		data += sizeof(bits);
		size -= sizeof(bits);
		nw_random_op(bits);
	}
	nw_stop();
	return 0;
}
