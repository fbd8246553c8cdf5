// SPDX-License-Identifier: Apache-2.0
/*
 * Code that changes between exits: bytes rewritten in place, another page mapped at the same
 * address, tables replaced. What exits is always what stands there now.
 */
#include "guest.h"

#define VA 0x3000000ULL

/* CPUID; RET and REP CPUID; RET: one length or the other is wrong if the wrong one is met. */
static const u8 plain[] = {0x0f, 0xa2, 0xc3, 0xcc}, prefixed[] = {0xf3, 0x0f, 0xa2, 0xc3};
static u8 hypercall[] = {0x0f, 0x01, 0xd9 /* VMMCALL */, 0xc3};
#define VMCALL 0xc1 /* instead of 0xd9 */

static u32 run(void)
{
	u32 eax = 0x40000000;

	__asm__ volatile("call *%1" : "+a"(eax) : "r"(VA) : "memory", "rbx", "rcx", "rdx", "cc");
	return eax;
}

#define CPUID_ANSWER     0x40000010
#define HYPERCALL_ANSWER ((u32)-1000)

void guest_main(void)
{
	u8 *a = page_alloc(), *b = page_alloc(), *c = page_alloc();
	u64 root = (u64)page_alloc(), old = read_cr3();

	if (cpu_is_intel()) {
		hypercall[2] = VMCALL;
	}
	memcpy(a, plain, 4);
	memcpy(b, prefixed, 4);
	memcpy(c, hypercall, 4);

	/* In place. */
	map(VA, (u64)a, PTE_P | PTE_W);
	for (unsigned i = 0; i < 20; i++) {
		const u8 *code = i % 3 == 0 ? plain : i % 3 == 1 ? prefixed : hypercall;

		memcpy((u8 *)VA, code, 4);
		CHECK_EQ(run(), i % 3 == 2 ? HYPERCALL_ANSWER : CPUID_ANSWER);
	}
	memcpy((u8 *)VA, plain, 4);

	/* By PTE and INVLPG, which does not exit. */
	for (unsigned i = 0; i < 20; i++) {
		u8 *page = i % 3 == 0 ? a : i % 3 == 1 ? b : c;

		map(VA, (u64)page, PTE_P | PTE_W);
		CHECK_EQ(run(), i % 3 == 2 ? HYPERCALL_ANSWER : CPUID_ANSWER);
	}

	/* By a page directory entry: a large page instead of the table. */
	memcpy((u8 *)VA, plain, 4);
	CHECK_EQ(run(), CPUID_ANSWER);
	memcpy((u8 *)0x3200000, prefixed, 4);
	{
		u64 *pde = pte(VA, 2), table = *pde;

		*pde = 0x3200000 | PTE_P | PTE_W | PTE_PS;
		write_cr3(old);
		CHECK_EQ(run(), CPUID_ANSWER);
		*pde = table;
		write_cr3(old);
		CHECK_EQ(run(), CPUID_ANSWER);
	}

	/* By CR3, back and forth: another root, another page at the same address. */
	memcpy((void *)root, (void *)(old & ~0xfffULL), PAGE);
	map(VA, (u64)a, PTE_P | PTE_W);
	memcpy((u8 *)VA, plain, 4);
	{
		u64 *pdpt = page_alloc(), *pd = page_alloc(), *pt = page_alloc();
		u64 *r = (u64 *)root;

		memcpy(pdpt, (void *)(r[0] & ~0xfffULL), PAGE);
		memcpy(pd, (void *)(pdpt[0] & ~0xfffULL), PAGE);
		pt[0] = (u64)c | PTE_P | PTE_W;
		pd[VA >> 21] = (u64)pt | PTE_P | PTE_W;
		pdpt[0] = (u64)pd | PTE_P | PTE_W;
		r[0] = (u64)pdpt | PTE_P | PTE_W;
	}
	for (unsigned i = 0; i < 20; i++) {
		__asm__ volatile("mov %0, %%cr3" : : "r"(i % 2 ? root : old) : "memory");
		CHECK_EQ(run(), i % 2 ? HYPERCALL_ANSWER : CPUID_ANSWER);
	}
	write_cr3(old);
}
