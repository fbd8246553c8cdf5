// SPDX-License-Identifier: Apache-2.0
/* CR3: bits above the physical address width are #GP, the rest is kept; translations change. */
#include "guest.h"

void guest_main(void)
{
	unsigned bits = cpuid(0x80000008, 0).eax & 0xff;
	u64 old = read_cr3(), *root = page_alloc();
	volatile u32 *high = (volatile u32 *)0xffff800000000000;

	for (unsigned i = bits; i < 64; i++) {
		CHECK_EQ(write_cr3_try(old | BIT(i)), VEC_GP);
		CHECK_EQ(try_error, 0);
		CHECK_EQ(read_cr3(), old);
	}
	write_cr3(old | 0x18); /* PWT, PCD */
	CHECK_EQ(read_cr3(), old | 0x18);
	write_cr3(old);

	/* Two roots, one address. */
	memcpy(root, (void *)(old & ~0xfffULL), PAGE);
	map((u64)high, (u64)page_alloc(), PTE_P | PTE_W);
	*high = 1;
	write_cr3((u64)root);
	root[256] = 0;
	write_cr3((u64)root);
	map((u64)high, (u64)page_alloc(), PTE_P | PTE_W);
	*high = 2;
	for (unsigned i = 0; i < 20; i++) {
		write_cr3(i % 2 ? (u64)root : old);
		CHECK_EQ(*high, 1 + i % 2);
		vmexit();
		CHECK_EQ(*high, 1 + i % 2);
	}
}
