// SPDX-License-Identifier: Apache-2.0
/* An init that says by the virtual counter when it was reached, and powers the machine off. */
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>

int main(void)
{
	unsigned long count;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
	printf("bench: userspace-count %lu\n", count);
	fflush(stdout);
	sync();
	return reboot(RB_POWER_OFF);
}
