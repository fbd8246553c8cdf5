// SPDX-License-Identifier: Apache-2.0
/* SMAP holds for what the hypervisor accesses on the guest's behalf: string I/O, device moves. */
#include "guest.h"

#define VA   0x3000000ULL
#define SMAP BIT(21)

static int out_string(void)
{
	u64 si = VA;

	__asm__ volatile(TRY("outsb") : "+S"(si) : "d"(0x80) : "memory");
	return try_vector;
}

static int in_string(void)
{
	u64 di = VA;

	__asm__ volatile(TRY("insb") : "+D"(di) : "d"(0x80) : "memory");
	return try_vector;
}

static int from_device(void)
{
	u64 si = APIC_BASE + APIC_VERSION, di = VA;

	__asm__ volatile(TRY("movsl") : "+S"(si), "+D"(di) : : "memory");
	return try_vector;
}

static void check(int vector, u64 error)
{
	CHECK_EQ(out_string(), vector);
	CHECK(vector < 0 || try_error == error);
	CHECK_EQ(in_string(), vector);
	CHECK(vector < 0 || try_error == (error | 2));
	CHECK(vector < 0 || try_cr2 == VA);
	CHECK_EQ(from_device(), vector);
	CHECK(vector < 0 || try_error == (error | 2));
}

void guest_main(void)
{
	if (!(cpuid(7, 0).ebx & BIT(20))) {
		print("no SMAP\n");
		return;
	}
	apic_init();
	map(VA, (u64)page_alloc(), PTE_P | PTE_W | PTE_U);
	for (unsigned level = 2; level <= 4; level++) {
		*pte(VA, level) |= PTE_U;
	}
	write_cr3(read_cr3());
	check(-1, 0);
	write_cr4(read_cr4() | SMAP);
	check(VEC_PF, 1);
	__asm__ volatile("stac" : : : "memory");
	check(-1, 0);
	__asm__ volatile("clac" : : : "memory");
	check(VEC_PF, 1);
	*pte(VA, 1) &= ~PTE_U;
	invlpg(VA);
	check(-1, 0);
}
