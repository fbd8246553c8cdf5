// SPDX-License-Identifier: Apache-2.0
/* EFER: what may change, what may not while paging is on, SVM that is not there. */
#include "guest.h"

#define EFER 0xc0000080
#define SCE  BIT(0)
#define LME  BIT(8)
#define LMA  BIT(10)
#define NXE  BIT(11)
#define SVME BIT(12)

static u8 *page;

static int run_page(void)
{
	return call_try((void (*)(void *))page, NULL);
}

void guest_main(void)
{
	u64 efer = rdmsr(EFER);

	CHECK_EQ(efer, LME | LMA);
	CHECK_EQ(wrmsr_try(EFER, efer & ~LME), VEC_GP);
	CHECK_EQ(wrmsr_try(EFER, efer | SVME), VEC_GP);
	CHECK_EQ(wrmsr_try(EFER, efer | BIT(1)), VEC_GP);
	CHECK_EQ(wrmsr_try(EFER, efer | BIT(16)), VEC_GP);
	CHECK_EQ(wrmsr_try(EFER, efer | BIT(63)), VEC_GP);
	CHECK_EQ(rdmsr(EFER), efer);
	/* LMA is not software's. */
	wrmsr(EFER, efer & ~LMA);
	CHECK_EQ(rdmsr(EFER), efer);

	/* SYSCALL without SCE is #UD. */
	__asm__ volatile(TRY("syscall") : : : "memory", "rcx", "r11");
	CHECK_EQ(try_vector, VEC_UD);
	wrmsr(EFER, efer | SCE);
	CHECK_EQ(rdmsr(EFER), efer | SCE);

	/* NX is reserved without NXE; with it, it works, at once. */
	page = page_alloc();
	*page = 0xc3; /* RET */
	map(0x3000000, (u64)page, PTE_P | PTE_W);
	page = (u8 *)0x3000000;
	CHECK_EQ(run_page(), -1);
	wrmsr(EFER, efer | NXE);
	CHECK_EQ(run_page(), -1);
	*pte(0x3000000, 1) |= PTE_NX;
	invlpg(0x3000000);
	CHECK_EQ(run_page(), VEC_PF);
	CHECK_EQ(try_error, 0x11);
	wrmsr(EFER, efer);
	__asm__ volatile(TRY("movb (%0), %%al") : : "r"(page) : "rax", "memory");
	CHECK_EQ(try_vector, VEC_PF);
	CHECK(try_error & 8); /* reserved bit */
	wrmsr(EFER, efer | NXE);
	__asm__ volatile(TRY("movb (%0), %%al") : : "r"(page) : "rax", "memory");
	CHECK_EQ(try_vector, -1);
}
