// SPDX-License-Identifier: Apache-2.0
/*
 * An init that says by the TSC when it was reached, and powers the machine off; as a guest of
 * kvm_vmm it has no console but the kernel's log, and resets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <unistd.h>
#include <x86intrin.h>

int main(void)
{
	unsigned long long tsc = __rdtsc();

	FILE *out = stdout;

	if (getenv("KVM_VMM_PORT")) {
		if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) ||
		    !(out = fopen("/dev/kmsg", "w"))) {
			return 1;
		}
		fputs("<1>", out);
	}
	fprintf(out, "bench: userspace-tsc %llu\n", tsc);
	fflush(out);
	sync();
	return reboot(out == stdout ? RB_POWER_OFF : RB_AUTOBOOT);
}
