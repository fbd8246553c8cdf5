// SPDX-License-Identifier: Apache-2.0
/*
 * A new life finds zeros in all of its memory, and is told from others by what it leaves there:
 * every word gets its own value, which is looked at again and again, for "ms=" milliseconds or
 * until somebody else ends it.
 */
#include "guest.h"

#define FROM    0x400000ULL
#define MARK(a) ((a)*0x9e3779b97f4a7c15UL + 1)

static void look(u64 end, bool zeroed)
{
	for (u64 a = FROM; a < end; a += 8) {
		u64 v = *(volatile u64 *)a, want = zeroed ? 0 : MARK(a);

		if (v != want) {
			fail("%lx is %lx, expected %lx", a, v, want);
		}
	}
}

void guest_main(void)
{
	u64 end = memory_end(), start = rdtsc(), cycles = option("ms", 0) * tsc_khz();

	CHECK_EQ(end, option("size", 64) << 20);
	look(end, true);
	for (u64 a = FROM; a < end; a += 8) {
		*(volatile u64 *)a = MARK(a);
	}
	print("tiny: zeroed\n");
	for (u32 turn = 1; !cycles || rdtsc() - start < cycles; turn++) {
		look(end, false);
		print("tiny: turn %u\n", turn);
	}
}
