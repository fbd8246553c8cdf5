// SPDX-License-Identifier: Apache-2.0
/* XSETBV by CPUID leaf D: x87 always, AVX only with SSE, nothing that is not offered. */
#include "guest.h"

static int xsetbv(u32 index, u64 v)
{
	__asm__ volatile(TRY("xsetbv") : : "a"((u32)v), "d"((u32)(v >> 32)), "c"(index) : "memory");
	return try_vector;
}

static u64 xgetbv(void)
{
	u32 lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo | (u64)hi << 32;
}

void guest_main(void)
{
	u64 offered;

	if (!(cpuid(1, 0).ecx & BIT(26))) {
		print("no XSAVE\n");
		return;
	}
	CHECK_EQ(xsetbv(0, 1), VEC_UD);
	write_cr4(read_cr4() | BIT(18));
	offered = cpuid(0xd, 0).eax | (u64)cpuid(0xd, 0).edx << 32;
	CHECK_EQ(xgetbv(), 1);
	CHECK_EQ(cpuid(0xd, 0).ebx, 576);
	CHECK_EQ(xsetbv(0, 0), VEC_GP);
	CHECK_EQ(xsetbv(0, 2), VEC_GP);
	CHECK_EQ(xsetbv(0, 5), VEC_GP);
	CHECK_EQ(xsetbv(1, 1), VEC_GP);
	CHECK_EQ(xsetbv(0xffffffff, 1), VEC_GP);
	for (unsigned i = 0; i < 64; i++) {
		if (!(offered & BIT(i))) {
			CHECK_EQ(xsetbv(0, 3 | BIT(i)), VEC_GP);
		}
	}
	CHECK_EQ(xgetbv(), 1);
	CHECK_EQ(xsetbv(0, offered), -1);
	CHECK_EQ(xgetbv(), offered);
	vmexit();
	CHECK_EQ(xgetbv(), offered);
	CHECK_EQ(cpuid(0xd, 0).ebx, cpuid(0xd, 0).ecx);
	CHECK_EQ(xsetbv(0, 3), -1);
	CHECK_EQ(cpuid(0xd, 0).ebx, 576);
}
