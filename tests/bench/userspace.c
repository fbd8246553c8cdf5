// SPDX-License-Identifier: Apache-2.0
/* An init that says by the TSC when it was reached, and powers the machine off. */
#include <stdio.h>
#include <sys/reboot.h>
#include <unistd.h>
#include <x86intrin.h>

int main(void)
{
	unsigned long long tsc = __rdtsc();

	printf("bench: userspace-tsc %llu\n", tsc);
	fflush(stdout);
	sync();
	return reboot(RB_POWER_OFF);
}
