// SPDX-License-Identifier: Apache-2.0
/*
 * All memory that the map offers is there, zeroed, each word its own, and code runs from pages
 * touched first by their execution; the tables' pages too are memory like any other.
 */
#include "guest.h"

#define STEP 0x100000ULL

static bool ours(u64 a)
{
	return a < 0x400000;
}

void guest_main(void)
{
	u64 end = memory_end();
	volatile u8 *code;

	CHECK_EQ(end, option("size", 64) << 20);
	CHECK_EQ(cpuid(0x80000008, 0).eax & 0xff, cpuid(0x80000008, 0).eax & 0xff);
	for (u64 a = 0x400000; a < end; a += STEP) {
		volatile u64 *p = (volatile u64 *)(a + 0xff8);

		CHECK_EQ(*p, 0);
		*p = a;
	}
	for (u64 a = 0x400000; a < end; a += STEP) {
		CHECK_EQ(*(volatile u64 *)(a + 0xff8), a);
	}
	/* Addresses on both sides of every 2 MiB border, one access over the border. */
	for (u64 a = 0x400000; a < end; a += 0x200000) {
		volatile u64 *p = (volatile u64 *)(a - 4);

		if (!ours(a - 4)) {
			*p = a;
			CHECK_EQ(*p, a);
		}
	}
	/* Zeros are ADD [RAX], AL: the first instruction there faults for want of an address. */
	code = (volatile u8 *)(end - 0x100000);
	__asm__ volatile(TRY("xor %%eax, %%eax\n\tnot %%rax\n\tshr $1, %%rax\n\tjmp *%0")
			 :
			 : "r"(code)
			 : "rax", "memory");
	CHECK_EQ(try_vector, VEC_GP);
	CHECK_EQ(try_fault_rip, (u64)code);
	*(volatile u64 *)(end - 8) = 0x1122334455667788;
	CHECK_EQ(*(volatile u8 *)(end - 1), 0x11);
}
