// SPDX-License-Identifier: Apache-2.0
/* Every MSR of the usual ranges, read and written with zero, ones and noise, in both APIC modes. */
#include "guest.h"

static const struct {
	u32 first, last;
} ranges[] = {
	{0, 0x1fff},
	{0x40000000, 0x400001ff},
	{0x4b564d00, 0x4b564dff},
	{0xc0000000, 0xc0001fff},
	{0xc0010000, 0xc0011fff},
	{0xfffffff0, 0xfffffffe},
};

static u64 accesses, faults;

static void touch(u32 msr, u64 noise)
{
	const u64 values[] = {0, ~0ULL, noise & (noise << 1)};
	u64 old = 0;
	bool readable = rdmsr_try(msr, &old) < 0;

	faults += !readable;
	for (unsigned i = 0; i < 3; i++, accesses++) {
		/* The paravirtual clock would write over the guest where it is told to. */
		if (msr >> 8 == 0x4b564d && i >= 2) {
			continue;
		}
		faults += wrmsr_try(msr, values[i]) >= 0;
	}
	if (readable && wrmsr_try(msr, old) >= 0) {
		faults++;
	}
}

static void sweep(void)
{
	for (unsigned i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		for (u64 msr = ranges[i].first; msr <= ranges[i].last; msr++) {
			touch((u32)msr, random64());
		}
	}
	for (unsigned i = 0; i < 2000; i++) {
		touch((u32)random64(), random64());
	}
	print("%lu accesses, %lu faults\n", accesses, faults);
	CHECK(faults > accesses / 2 && faults < accesses * 2);
}

static void nothing(struct trap *t)
{
	(void)t;
}

void guest_main(void)
{
	trap_set(VEC_NMI, nothing); /* of x2APIC's ICR */
	sweep();
	wrmsr(0x1b, 0xfee00d00);
	for (u32 msr = 0x800; msr < 0x900; msr++) {
		touch(msr, random64());
	}
}
