// SPDX-License-Identifier: Apache-2.0
/* Runs for "ms=" milliseconds with interrupts off and without an exit of its own: how far it got.
 */
#include "guest.h"

void guest_main(void)
{
	u64 end = counter() + counter_ms(option("ms", 50)), turns = 0;

	while (counter() < end) {
		turns++;
	}
	print("tiny: turns %lu\n", turns);
}
