// SPDX-License-Identifier: Apache-2.0
/* Every bit of the control registers, one by one and in heaps: taken or refused, never fatal. */
#include "guest.h"

#define CR0_PG   BIT(31)
#define CR0_PE   BIT(0)
#define CR4_KEEP BIT(5)

static unsigned taken, refused;

static void count(int vector)
{
	if (vector < 0) {
		taken++;
		vmexit();
	} else {
		CHECK_EQ(vector, VEC_GP);
		CHECK_EQ(try_error, 0);
		refused++;
	}
}

static void try_cr0(u64 v)
{
	u64 old = read_cr0();

	count(write_cr0_try(v));
	write_cr0(old);
	CHECK_EQ(read_cr0(), old);
}

static void try_cr4(u64 v)
{
	u64 old = read_cr4();

	count(write_cr4_try(v));
	write_cr4(old);
	CHECK_EQ(read_cr4(), old);
}

static void try_cr3(u64 v)
{
	u64 old = read_cr3();

	count(write_cr3_try(old | v));
	write_cr3(old);
}

static void try_efer(u64 v)
{
	u64 old = rdmsr(0xc0000080);

	count(wrmsr_try(0xc0000080, v));
	wrmsr(0xc0000080, old);
}

static void try_xcr0(u64 v)
{
	__asm__ volatile(TRY("xsetbv") : : "a"((u32)v), "d"((u32)(v >> 32)), "c"(0) : "memory");
	count(try_vector);
}

static void try_dr(u64 v)
{
	count(write_dr6_try(v));
	count(write_dr7_try(v & ~0xffULL)); /* reserved and GD, not the breakpoints */
	if (try_vector < 0) {
		/* GD makes the next access #DB, which clears it. */
		(void)write_dr7_try(0x400);
		write_dr7(0x400);
	}
}

void guest_main(void)
{
	unsigned phys_bits = cpuid(0x80000008, 0).eax & 0xff;
	bool xsave = cpuid(1, 0).ecx & BIT(26);
	u64 efer = rdmsr(0xc0000080);

	for (unsigned i = 0; i < 64; i++) {
		try_cr0(read_cr0() ^ BIT(i));
		try_cr0(BIT(i));
		try_cr4(read_cr4() ^ BIT(i));
		try_efer(efer ^ BIT(i));
		count(write_cr8_try(BIT(i)));
		try_dr(BIT(i));
		/* The bits between are those of an address. */
		if (i < 12 || i >= phys_bits) {
			try_cr3(BIT(i));
		}
	}
	write_cr8(0);
	if (xsave) {
		write_cr4(read_cr4() | BIT(18));
		for (unsigned i = 0; i < 64; i++) {
			try_xcr0(BIT(i));
			try_xcr0(BIT(i) | 1);
			try_xcr0(BIT(i) | 7);
		}
		try_xcr0(1);
	}
	for (unsigned i = 0; i < 2000; i++) {
		try_cr0(random64());
		try_cr0((random64() & 0xffffffff) | CR0_PG | CR0_PE);
		try_cr4(random64());
		try_cr4((random64() & 0x7fffff) | CR4_KEEP);
		try_efer(random64());
		try_efer((random64() & 0xffff) | 0x500);
	}
	print("%u taken, %u refused\n", taken, refused);
}
