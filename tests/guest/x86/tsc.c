// SPDX-License-Identifier: Apache-2.0
/* The TSC: never backwards, at the rate that CPUID tells, written where the guest writes it. */
#include "guest.h"

void guest_main(void)
{
	u64 khz = tsc_khz(), told = cpuid(0x40000010, 0).eax, last = 0;
	u32 pm = pm_timer(), lo, hi, aux;

	print("TSC %lu kHz measured, %lu told\n", khz, told);
	CHECK(khz > told - told / 20 && khz < told + told / 20);
	for (unsigned i = 0; i < 2000; i++) {
		u64 now = rdtsc();
		u32 pm_now = pm_timer();

		CHECK(now > last);
		CHECK(((pm_now - pm) & 0xffffff) < 0x800000);
		last = now;
		pm = pm_now;
		if (i % 3 == 0) {
			vmexit();
		}
	}
	CHECK(rdmsr(0x10) >= last);
	CHECK(rdmsr(0x10) - last < 1000 * khz);
	wrmsr(0x10, 0);
	CHECK(rdtsc() < 1000 * khz);
	wrmsr(0x10, BIT(62));
	CHECK(rdtsc() >= BIT(62) && rdtsc() < BIT(62) + 1000 * khz);
	vmexit();
	CHECK(rdtsc() >= BIT(62));
	if (cpuid(0x80000001, 0).edx & BIT(27)) {
		wrmsr(0xc0000103, 0x77);
		vmexit();
		__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux));
		CHECK_EQ(aux, 0x77);
		CHECK(hi >= BIT(30));
	}
}
