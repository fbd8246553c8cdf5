// SPDX-License-Identifier: Apache-2.0
/*
 * Operation streams on a tdp in the simulated machine: one byte picks the shape, then eight bytes
 * are one operation (tdp_world.c), of which some let an allocation fail. A broken rule aborts.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/host/tdp_world.h"

#define OPS_MAX 40

static const struct {
	const struct pt_format *fmt;
	u8 ia_bits;
} shapes[] = {
	{&pt_ept, 48},    {&pt_ept_xonly, 57}, {&pt_npt, 48},    {&pt_npt, 57},
	{&pt_s2_4k, 40},  {&pt_s2_4k, 48},     {&pt_s2_16k, 40}, {&pt_s2_64k, 42},
	{&pt_x86_64, 48}, {&pt_pae, 32},       {&pt_x86_32, 32}, {&pt_x86_64_5level, 57},
};

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	unsigned shape;

	if (size < 1 + sizeof(u64)) {
		return 0;
	}
	shape = (data[0] & 63) % ARRAY_SIZE(shapes);
	world_start(shapes[shape].fmt, shapes[shape].ia_bits, data[0]);
	w.race = data[0] & 64;
	w.auto_flush = !(data[0] & 128);
	data++;
	size--;
	for (unsigned i = 0; i < OPS_MAX && size >= sizeof(u64); i++) {
		u64 bits;

		memcpy(&bits, data, sizeof(bits));
		data += sizeof(bits);
		size -= sizeof(bits);
		/* The top bits: fail an allocation, flush. */
		w.fail_at = bits >> 60 < 4 ? (long)(bits >> 60) : -1;
		(void)world_random_op(bits);
		if (bits >> 59 & 1) {
			tlb_batch_flush(&w.batch);
			world_check_flushed();
		}
	}
	w.fail_at = -1;
	world_stop();
	return 0;
}
