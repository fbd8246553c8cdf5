// SPDX-License-Identifier: Apache-2.0
/*
 * Stage-1 invalidations: after each form, the changed entry is used and not the old one; address
 * space identifiers keep mappings apart.
 */
#include "guest.h"

#define VA  0x220000000000ULL
#define NEW 0x2222
#define OLD 0x1111

static u64 pages[2];

static u64 look(u64 va)
{
	return *(volatile u64 *)va;
}

/* By the break-before-make sequence, with this invalidation at its middle. */
#define INVALIDATES(insn, operand, flags)                                                      \
	do {                                                                                   \
		map(VA, pages[0], MAP_RAM | (flags));                                          \
		CHECK_EQ(look(VA), OLD);                                                       \
		*(volatile u64 *)pte(VA, 3) = 0;                                               \
		__asm__ volatile("dsb ish\n\t" insn "\n\tdsb ish\n\tisb"                       \
				 :                                                             \
				 : "r"(operand)                                                \
				 : "memory");                                                  \
		if (ESR_EC(TRY_ASM("ldr x0, [%0]" : : "r"(VA) : "x0", "memory")) != EC_DABT) { \
			fail("%s: still there", insn);                                         \
		}                                                                              \
		*(volatile u64 *)pte(VA, 3) = pages[1] | MAP_RAM | (flags) | PTE_PAGE;         \
		dsb();                                                                         \
		isb();                                                                         \
		CHECK_EQ(look(VA), NEW);                                                       \
	} while (0)

static void forms(void)
{
	const u64 page = VA >> 12, asid = 0;

	INVALIDATES("tlbi vmalle1", 0, 0);
	INVALIDATES("tlbi vmalle1is", 0, 0);
	INVALIDATES("tlbi vae1, %0", page, 0);
	INVALIDATES("tlbi vae1is, %0", page, 0);
	INVALIDATES("tlbi vale1, %0", page, 0);
	INVALIDATES("tlbi vale1is, %0", page, 0);
	INVALIDATES("tlbi vaae1, %0", page, 0);
	INVALIDATES("tlbi vaae1is, %0", page, 0);
	INVALIDATES("tlbi vaale1, %0", page, 0);
	INVALIDATES("tlbi vaale1is, %0", page, 0);
	INVALIDATES("tlbi aside1, %0", asid << 48, PTE_NG);
	INVALIDATES("tlbi aside1is, %0", asid << 48, PTE_NG);
	if (field(sysreg_read(id_aa64isar0_el1), 56) >= 1) {
		INVALIDATES(".arch armv8.4-a\n\ttlbi vmalle1os", 0, 0);
		INVALIDATES("tlbi vae1os, %0", page, 0);
	}
	if (field(sysreg_read(id_aa64isar0_el1), 56) >= 2) {
		/* Two pages, 4 KiB granule. */
		INVALIDATES(".arch armv8.4-a\n\ttlbi rvae1, %0", page | 1ULL << 46, 0);
		INVALIDATES("tlbi rvaae1is, %0", page | 1ULL << 46, 0);
	}
}

/* The same address in two address spaces. */
static void asids(void)
{
	u64 ttbr = sysreg_read(ttbr0_el1);

	map(VA, pages[0], MAP_RAM | PTE_NG);
	sysreg_write(ttbr0_el1, ttbr | 1ULL << 48);
	isb();
	CHECK_EQ(look(VA), OLD);
	*(volatile u64 *)pte(VA, 3) = pages[1] | MAP_RAM | PTE_NG | PTE_PAGE;
	dsb();
	__asm__ volatile("tlbi aside1, %0\n\tdsb ish\n\tisb" : : "r"(2ULL << 48) : "memory");
	sysreg_write(ttbr0_el1, ttbr | 2ULL << 48);
	isb();
	CHECK_EQ(look(VA), NEW);
	sysreg_write(ttbr0_el1, ttbr | 1ULL << 48);
	__asm__ volatile("tlbi aside1, %0\n\tdsb ish\n\tisb" : : "r"(1ULL << 48) : "memory");
	CHECK_EQ(look(VA), NEW);
	sysreg_write(ttbr0_el1, ttbr);
	tlb_flush();
}

/* A table that is replaced as a whole, and blocks that become pages. */
static void larger(void)
{
	const u64 va = VA + BIT(30);

	*pte(va, 2) = (SCRATCH & ~0x1fffffULL) | MAP_RAM;
	tlb_flush();
	*(volatile u64 *)SCRATCH = 77;
	CHECK_EQ(look(va + (SCRATCH & 0x1fffff)), 77);
	*pte(va, 2) = 0;
	__asm__ volatile("dsb ish\n\ttlbi vae1is, %0\n\tdsb ish\n\tisb"
			 :
			 : "r"(va >> 12)
			 : "memory");
	CHECK_EQ(ESR_EC(TRY_ASM("ldr x0, [%0]" : : "r"(va) : "x0", "memory")), EC_DABT);
	map(va, pages[1], MAP_RAM);
	CHECK_EQ(look(va), NEW);
}

static void el0_tlbi(u64 unused)
{
	(void)unused;
	__asm__ volatile("tlbi vmalle1is");
}

void guest_main(void)
{
	pages[0] = SCRATCH + 0x10000;
	pages[1] = SCRATCH + 0x11000;
	*(volatile u64 *)pages[0] = OLD;
	*(volatile u64 *)pages[1] = NEW;
	for (unsigned round = 0; round < 20; round++) {
		forms();
		asids();
		larger();
	}
	CHECK_UNDEFINED(user_try(el0_tlbi, 0));
}
