// SPDX-License-Identifier: Apache-2.0
/*
 * The vGIC by steps of the fuzzer's choice: half of the inputs against the reference, half with a
 * hostile guest, where the list registers' rules and the sanitizers judge.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/host/test_vgic_model.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

static const u8 *next;
static size_t left;

static u32 input32(void)
{
	u32 val = 0;
	size_t n = left < sizeof(val) ? left : sizeof(val);

	memcpy(&val, next, n);
	next += n;
	left -= n;
	return val;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	if (!size) {
		return 0;
	}
	next = data + 1;
	left = size - 1;
	world_init(1 + (data[0] >> 4), data[0] & 15);
	while (left) {
		world_step(input32);
	}
	return 0;
}
