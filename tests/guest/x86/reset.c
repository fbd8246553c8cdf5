// SPDX-License-Identifier: Apache-2.0
/* Reset, by "how=" 0 the reset control port, 1 the keyboard controller: the VM starts again as it
 * started first. Whoever runs it counts. */
#include "guest.h"

void guest_main(void)
{
	static volatile u32 seen = 0x1234; /* .data comes from the file each time */
	volatile u32 *memory = (volatile u32 *)0x2000000;

	CHECK_EQ(seen, 0x1234);
	CHECK_EQ(*memory, 0);
	CHECK_EQ(apic_read(APIC_TPR), 0);
	CHECK_EQ(read_cr4(), 0x20);
	CHECK_EQ(rdmsr(0xc0000102), 0);
	CHECK_EQ(rdmsr(0x277), 0x0007040600070406);
	CHECK(rdtsc() < 60ULL * 1000 * tsc_khz());
	seen = 1;
	*memory = 1;
	apic_write(APIC_TPR, 0x20);
	write_cr4(0x30);
	wrmsr(0xc0000102, 1);
	wrmsr(0x277, 0);
	outb(0x20, 0x11);
	pit_set(0, 2, 1000);
	print("tiny: resetting\n");
	if (option("how", 0)) {
		outb(0x64, 0xfe);
	} else {
		outb(0xcf9, 6);
	}
	fail("still alive");
}
