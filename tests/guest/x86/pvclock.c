// SPDX-License-Identifier: Apache-2.0
/* The paravirtual clock that Linux knows: its pages, its rate against the ACPI PM timer. */
#include "guest.h"

static volatile struct {
	u32 version, pad0;
	u64 tsc_timestamp, system_time;
	u32 mul;
	int8_t shift;
	u8 flags, pad[2];
} info __attribute__((aligned(32)));

static volatile struct {
	u32 version, sec, nsec;
} wall __attribute__((aligned(32)));

static u64 clock_ns(void)
{
	u64 delta = rdtsc() - info.tsc_timestamp;

	delta = info.shift < 0 ? delta >> -info.shift : delta << info.shift;
	return info.system_time + (u64)((unsigned __int128)delta * info.mul >> 32);
}

void guest_main(void)
{
	u64 t0, t1, last = 0, pm_ns;
	u32 pm;

	CHECK(cpuid(0x40000001, 0).eax & BIT(3));
	wrmsr(0x4b564d01, (u64)&info | 1);
	CHECK_EQ(rdmsr(0x4b564d01), (u64)&info | 1);
	CHECK(info.version && !(info.version & 1));
	CHECK(info.mul);
	if (cpuid(0x40000001, 0).eax & BIT(24)) {
		CHECK(info.flags & 1);
	}
	t0 = clock_ns();
	pm = pm_timer();
	delay_us(50000);
	t1 = clock_ns();
	pm_ns = ((pm_timer() - pm) & 0xffffff) * 1000000000ULL / 3579545;
	print("%lu ns, by the PM timer %lu\n", t1 - t0, pm_ns);
	CHECK(t1 - t0 > 49000000);
	CHECK(t1 - t0 < pm_ns + pm_ns / 50 + 2000000);
	CHECK(t1 - t0 + 2000000 > pm_ns - pm_ns / 50);
	for (unsigned i = 0; i < 1000; i++) {
		u64 now = clock_ns();

		CHECK(now >= last);
		last = now;
		vmexit();
	}
	CHECK(last < 60000000000ULL);
	wrmsr(0x4b564d00, (u64)&wall);
	CHECK(!(wall.version & 1));
	print("wall clock %u.%09u\n", wall.sec, wall.nsec);
	CHECK(wall.sec > 1600000000);
	CHECK(wall.nsec < 1000000000);
	/* Where there is no memory: refused. */
	CHECK_EQ(wrmsr_try(0x4b564d01, 0xd0000001), VEC_GP);
	wrmsr(0x4b564d01, 0);
}
