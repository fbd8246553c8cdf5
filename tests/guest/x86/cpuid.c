// SPDX-License-Identifier: Apache-2.0
/* CPUID by policy: what is hidden, what is added, where the ranges end. */
#include "guest.h"

static void check_absent(u32 leaf)
{
	struct cpuid r = cpuid(leaf, 0);

	if (r.eax | r.ebx | r.ecx | r.edx) {
		fail("leaf %x is not all zero", leaf);
	}
}

void guest_main(void)
{
	struct cpuid r = cpuid(1, 0);

	CHECK(r.ecx & BIT(31));   /* hypervisor */
	CHECK(!(r.ecx & BIT(5))); /* VMX */
	CHECK(!(r.ecx & BIT(3))); /* MONITOR */
	CHECK(r.ecx & BIT(21));   /* x2APIC */
	CHECK(r.ecx & BIT(24));   /* TSC deadline */
	CHECK(r.edx & BIT(9));    /* APIC */
	CHECK_EQ(r.ebx >> 24, apic_read(APIC_ID) >> 24);
	CHECK(!(cpuid(0x80000001, 0).ecx & BIT(2))); /* SVM */
	check_absent(0x8000000a);

	/* OSXSAVE follows CR4. */
	CHECK(!(cpuid(1, 0).ecx & BIT(27)));
	if (cpuid(1, 0).ecx & BIT(26)) {
		write_cr4(read_cr4() | BIT(18));
		CHECK(cpuid(1, 0).ecx & BIT(27));
	}

	CHECK(cpuid(0, 0).eax >= 7);
	CHECK(cpuid(0, 0).eax <= 0xd);
	check_absent(0xe);
	check_absent(0x3fffffff);
	CHECK(cpuid(0x40000000, 0).eax >= 0x40000001);
	CHECK_EQ(cpuid(0x40000000, 0).ebx, 0x4b4d564b);
	check_absent(0x40000002);
	check_absent(0x4000ffff);
	CHECK(cpuid(0x40000010, 0).eax > 100000); /* kHz */
	CHECK(cpuid(0x80000000, 0).eax >= 0x80000008);
	check_absent(0x80001000);
	check_absent(0xffffffff);
	/* A leaf with subleaves: beyond the last there is nothing. */
	r = cpuid(7, 5);
	CHECK_EQ(r.eax | r.ebx | r.ecx | r.edx, 0);
	r = cpuid(0xd, 200);
	CHECK_EQ(r.eax | r.ebx | r.ecx | r.edx, 0);
}
