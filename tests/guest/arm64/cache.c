// SPDX-License-Identifier: Apache-2.0
/* Cache maintenance by address and by set and way, DC ZVA, code that is written and run. */
#include "guest.h"

#define MOVZ(n) (0xd2800000u | (u32)(n) << 5) /* mov x0, #n */
#define RET     0xd65f03c0u

static void by_address(void)
{
	volatile u64 *p = (volatile u64 *)SCRATCH;
	u64 line = 4ULL << (sysreg_read(ctr_el0) >> 16 & 0xf);

	CHECK(line >= 16 && line <= 2048);
	for (u64 i = 0; i < 64; i++) {
		p[i] = i ^ 0x55;
		__asm__ volatile("dc cvac, %0\n\tdc cvau, %0\n\tdc civac, %0"
				 :
				 : "r"(p + i)
				 : "memory");
	}
	dsb();
	for (u64 i = 0; i < 64; i++) {
		CHECK_EQ(p[i], i ^ 0x55);
	}
	cache_clean((const void *)SCRATCH, 512);
	__asm__ volatile("dc ivac, %0\n\tdsb sy" : : "r"(p) : "memory");
	CHECK_EQ(p[0], 0x55);
}

/* DC IVAC of what has just been written must not show what was there before, or of others. */
static void set_way(void)
{
	u64 clidr = sysreg_read(clidr_el1);

	*(volatile u64 *)SCRATCH = 0x1234;
	for (unsigned level = 0; level < 7 && (clidr >> level * 3 & 7); level++) {
		u64 ccsidr, line, ways, sets;

		sysreg_write(csselr_el1, level << 1);
		isb();
		CHECK_EQ(sysreg_read(csselr_el1), level << 1);
		ccsidr = sysreg_read(ccsidr_el1);
		line = (ccsidr & 7) + 4;
		ways = (ccsidr >> 3 & 0x3ff) + 1;
		sets = (ccsidr >> 13 & 0x7fff) + 1;
		print("cache %u: %lu ways, %lu sets of %lu\n", level + 1, ways, sets, 1UL << line);
		for (u64 set = 0; set < sets && set < 64; set++) {
			u64 v = set << line | level << 1;

			__asm__ volatile("dc cisw, %0\n\tdc csw, %0" : : "r"(v) : "memory");
		}
	}
	dsb();
	CHECK_EQ(*(volatile u64 *)SCRATCH, 0x1234);
}

static void zero(void)
{
	u64 dczid = sysreg_read(dczid_el0), size = 4ULL << (dczid & 0xf);

	if (dczid & 0x10) {
		return;
	}
	for (u64 i = 0; i < 2 * size; i++) {
		*(volatile u8 *)(SCRATCH + size + i) = 0xff;
	}
	__asm__ volatile("dc zva, %0" : : "r"(SCRATCH + size + size / 2) : "memory");
	for (u64 i = 0; i < size; i++) {
		CHECK_EQ(*(volatile u8 *)(SCRATCH + size + i), 0);
		CHECK_EQ(*(volatile u8 *)(SCRATCH + 2 * size + i), 0xff);
	}
	/* Into pages that the hypervisor may not have backed yet. */
	for (u64 a = SCRATCH + 0x400000; a < SCRATCH + 0x420000; a += PAGE) {
		__asm__ volatile("dc zva, %0" : : "r"(a) : "memory");
		CHECK_EQ(*(volatile u64 *)a, 0);
	}
}

static void code(void)
{
	volatile u32 *insn = (volatile u32 *)(SCRATCH + PAGE);
	u64 (*fn)(void) = (u64(*)(void))(SCRATCH + PAGE);

	insn[1] = RET;
	for (u32 i = 0; i < 500; i++) {
		insn[0] = MOVZ(i);
		code_sync((const void *)(SCRATCH + PAGE), 8);
		CHECK_EQ(fn(), i);
	}
	insn[0] = MOVZ(777);
	cache_clean((const void *)SCRATCH, 2 * PAGE);
	__asm__ volatile("ic iallu\n\tdsb ish\n\tisb" : : : "memory");
	CHECK_EQ(fn(), 777);
	insn[0] = MOVZ(778);
	cache_clean((const void *)SCRATCH, 2 * PAGE);
	__asm__ volatile("ic ialluis\n\tdsb ish\n\tisb" : : : "memory");
	CHECK_EQ(fn(), 778);
}

/* Maintenance of addresses without translation or memory faults or does nothing; it is no end. */
static void elsewhere(void)
{
	const u64 nowhere = 0x212300000000ULL;

	/* An emulator without caches may leave the translation out. */
	if (TRY_ASM("dc civac, %0" : : "r"(nowhere) : "memory")) {
		CHECK_EQ(ESR_EC(try_esr), EC_DABT);
		CHECK(try_esr & ISS_CM);
		CHECK_EQ(FSC(try_esr) & ~3u, FSC_TRANSLATION);
		CHECK_EQ(try_trap.far, nowhere);
	}
	map(nowhere, 0x0b000000, MAP_RAM);
	TRY_ASM("dc civac, %0" : : "r"(nowhere) : "memory");
	TRY_ASM("dc cvau, %0" : : "r"(nowhere) : "memory");
	TRY_ASM("dc ivac, %0" : : "r"(nowhere) : "memory");
	TRY_ASM("ic ivau, %0" : : "r"(nowhere) : "memory");
	map(nowhere, UART_BASE, MAP_RAM);
	TRY_ASM("dc civac, %0" : : "r"(nowhere) : "memory");
	TRY_ASM("dc ivac, %0" : : "r"(nowhere) : "memory");
}

static void el0_caches(u64 at)
{
	sysreg_read(ctr_el0);
	__asm__ volatile("dc cvac, %0\n\tdc civac, %0\n\tdc cvau, %0\n\tic ivau, %0\n\tsvc #0"
			 :
			 : "r"(at)
			 : "memory");
}

void guest_main(void)
{
	for (u64 a = SCRATCH & ~0x1fffffULL; a < SCRATCH + PAGE * 2; a += 0x200000) {
		*pte(a, 2) &= ~PTE_PXN;
	}
	tlb_flush();
	by_address();
	set_way();
	zero();
	code();
	elsewhere();
	CHECK_EQ(ESR_EC(user_try(el0_caches, (u64)image_start + USER_OFFSET)), EC_SVC);
	sysreg_write(sctlr_el1, sysreg_read(sctlr_el1) & ~(BIT(15) | BIT(26)));
	isb();
	CHECK_EQ(ESR_EC(user_try(el0_caches, (u64)image_start + USER_OFFSET)), EC_SYSREG);
}
