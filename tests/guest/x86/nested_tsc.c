// SPDX-License-Identifier: Apache-2.0
/* TSC_OFFSET: L2's RDTSC, RDTSCP and MSR read are L1's counter plus the offset; L1's stays. */
#include "svm.h"

static struct l2 l2;

static void look(void)
{
	u32 lo, hi, aux;

	(void)vmmcall(rdtsc());
	(void)vmmcall(option("emulated", 0) ? rdtsc() : rdmsr(0x10)); /* QEMU 7.2 reads it as 0 */
	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux) : : "memory");
	(void)vmmcall(lo | (u64)hi << 32);
}

void guest_main(void)
{
	static const u64 offsets[] = {0, 1ull << 40, -(1ull << 20), 12345678901};

	svm_init();
	l2_init(&l2, look);
	for (unsigned i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
		l2.vmcb->tsc_offset = offsets[i];
		l2_start(&l2, look);
		for (unsigned k = 0; k < 3; k++) {
			u64 before = rdtsc(), after, seen;

			l2_expect(&l2, EXIT_VMMCALL, 3);
			after = rdtsc();
			seen = l2.vmcb->rax - offsets[i];
			if (seen < before || seen > after) {
				fail("offset %lx, look %u: %lx is not in %lx..%lx", offsets[i], k,
				     seen, before, after);
			}
		}
	}
}
