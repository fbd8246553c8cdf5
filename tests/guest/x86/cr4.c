// SPDX-License-Identifier: Apache-2.0
/* CR4 follows CPUID: a bit that is not offered is #GP; offered ones can be set and read back. */
#include "guest.h"

static void refused(u64 v)
{
	u64 old = read_cr4();

	CHECK_EQ(write_cr4_try(v), VEC_GP);
	CHECK_EQ(try_error, 0);
	CHECK_EQ(read_cr4(), old);
}

static void by_feature(u64 bit, bool offered)
{
	u64 old = read_cr4();

	if (!offered) {
		refused(old | bit);
		return;
	}
	write_cr4(old | bit);
	CHECK_EQ(read_cr4(), old | bit);
	vmexit();
	CHECK_EQ(read_cr4(), old | bit);
	write_cr4(old & ~bit);
}

void guest_main(void)
{
	struct cpuid f1 = cpuid(1, 0), f7 = cpuid(7, 0);
	u64 cr4 = read_cr4();

	by_feature(BIT(0), f1.edx & BIT(1));   /* VME */
	by_feature(BIT(2), f1.edx & BIT(4));   /* TSD */
	by_feature(BIT(3), f1.edx & BIT(2));   /* DE */
	by_feature(BIT(4), f1.edx & BIT(3));   /* PSE */
	by_feature(BIT(6), f1.edx & BIT(7));   /* MCE */
	by_feature(BIT(7), f1.edx & BIT(13));  /* PGE */
	by_feature(BIT(9), f1.edx & BIT(24));  /* OSFXSR */
	by_feature(BIT(11), f7.ecx & BIT(2));  /* UMIP */
	by_feature(BIT(13), false);            /* VMXE */
	by_feature(BIT(14), false);            /* SMXE */
	by_feature(BIT(16), f7.ebx & BIT(0));  /* FSGSBASE */
	by_feature(BIT(17), f1.ecx & BIT(17)); /* PCIDE */
	by_feature(BIT(18), f1.ecx & BIT(26)); /* OSXSAVE */
	by_feature(BIT(20), f7.ebx & BIT(7));  /* SMEP */
	by_feature(BIT(21), f7.ebx & BIT(20)); /* SMAP */
	by_feature(BIT(22), f7.ecx & BIT(3));  /* PKE */
	by_feature(BIT(23), f7.ecx & BIT(7));  /* CET */
	refused(cr4 & ~BIT(5));                /* PAE, in long mode */
	refused(cr4 ^ BIT(12));                /* LA57, with paging on */
	for (unsigned i = 25; i < 64; i++) {
		refused(cr4 | BIT(i));
	}

	/* SMEP and SMAP take effect at once. */
	map(0x3000000, (u64)page_alloc(), PTE_P | PTE_W | PTE_U);
	*pte(0x3000000, 4) |= PTE_U;
	*pte(0x3000000, 3) |= PTE_U;
	*pte(0x3000000, 2) |= PTE_U;
	*(u8 *)0x3000000 = 0xc3;
	if (f7.ebx & BIT(20)) {
		write_cr4(cr4 | BIT(21));
		__asm__ volatile(TRY("movb (%0), %%al") : : "r"(0x3000000ULL) : "rax", "memory");
		CHECK_EQ(try_vector, VEC_PF);
		CHECK_EQ(try_error, 1);
		write_cr4(cr4);
	}
	if (f7.ebx & BIT(7)) {
		write_cr4(cr4 | BIT(20));
		CHECK_EQ(call_try((void (*)(void *))0x3000000, NULL), VEC_PF);
		write_cr4(cr4);
	}
	CHECK_EQ(call_try((void (*)(void *))0x3000000, NULL), -1);
}
