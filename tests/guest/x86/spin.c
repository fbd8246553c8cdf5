// SPDX-License-Identifier: Apache-2.0
/* Runs for "ms=" milliseconds with interrupts off and without an exit of its own: how far it got.
 */
#include "guest.h"

void guest_main(void)
{
	u64 ms = option("ms", 50), khz = tsc_khz(), start = rdtsc(), turns = 0;

	while (rdtsc() - start < ms * khz) {
		turns++;
	}
	print("tiny: turns %lu\n", turns);
}
