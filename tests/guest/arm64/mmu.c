// SPDX-License-Identifier: Apache-2.0
/* Stage 1 by its faults: levels, permissions, access flag, alignment; granules that are there. */
#include "guest.h"

#define VA 0x210000000000ULL

static void check_fault(u64 esr, unsigned class, unsigned fsc, u64 far)
{
	if (ESR_EC(esr) != class || FSC(esr) != fsc || try_trap.far != far) {
		fail("esr %lx far %lx, expected class %x status %x far %lx", esr, try_trap.far,
		     class, fsc, far);
	}
}

static u64 load(u64 va)
{
	return TRY_ASM("ldr x0, [%0]" : : "r"(va) : "x0", "memory");
}
static u64 store(u64 va)
{
	return TRY_ASM("str xzr, [%0]" : : "r"(va) : "memory");
}
static u64 jump(u64 va)
{
	((void (*)(void))va)();
	return 0;
}
static void el0_load(u64 va)
{
	*(volatile u64 *)va;
	__asm__ volatile("svc #0");
}
static void el0_store(u64 va)
{
	*(volatile u64 *)va = 0;
	__asm__ volatile("svc #0");
}

static void translation(void)
{
	for (unsigned level = 0; level < 4; level++) {
		u64 va = VA + BIT(40) * level + 0x123458;

		*pte(va, level) = 0;
		tlb_flush();
		check_fault(load(va), EC_DABT, FSC_TRANSLATION + level, va);
		CHECK(!(try_esr & ISS_WNR));
		check_fault(store(va), EC_DABT, FSC_TRANSLATION + level, va);
		CHECK(try_esr & ISS_WNR);
		check_fault(call_try(jump, va), EC_IABT, FSC_TRANSLATION + level, va);
		check_fault(user_try(el0_load, va), EC_DABT_EL0, FSC_TRANSLATION + level, va);
		check_fault(state_try(va, PSTATE_DAIF, 0, 0), EC_IABT_EL0, FSC_TRANSLATION + level,
			    va);
	}
	/* Beyond the 48 bits of either half. */
	check_fault(load(0x1000000000000ULL), EC_DABT, FSC_TRANSLATION, 0x1000000000000ULL);
	check_fault(load(0xffff800000000000ULL), EC_DABT, FSC_TRANSLATION, 0xffff800000000000ULL);
}

static void permission(void)
{
	*(volatile u32 *)SCRATCH = 0xd65f03c0; /* ret */
	code_sync((const void *)SCRATCH, 4);
	map(VA, SCRATCH, MAP_RAM | PTE_RO);
	CHECK_EQ(load(VA), 0);
	check_fault(store(VA), EC_DABT, FSC_PERMISSION + 3, VA);
	CHECK_EQ(call_try(jump, VA), 0);
	check_fault(user_try(el0_load, VA), EC_DABT_EL0, FSC_PERMISSION + 3, VA);
	map(VA, SCRATCH, MAP_USER);
	CHECK_EQ(store(VA + 8), 0);
	CHECK_EQ(ESR_EC(user_try(el0_store, VA + 8)), EC_SVC);
	/* What EL0 may write, EL1 does not execute. */
	check_fault(call_try(jump, VA), EC_IABT, FSC_PERMISSION + 3, VA);
	map(VA, SCRATCH, MAP_USER | PTE_RO | PTE_UXN);
	CHECK_EQ(ESR_EC(user_try(el0_load, VA)), EC_SVC);
	check_fault(user_try(el0_store, VA), EC_DABT_EL0, FSC_PERMISSION + 3, VA);
	check_fault(state_try(VA, PSTATE_DAIF, 0, 0), EC_IABT_EL0, FSC_PERMISSION + 3, VA);
	map(VA, SCRATCH, MAP_RAM | PTE_PXN);
	check_fault(call_try(jump, VA), EC_IABT, FSC_PERMISSION + 3, VA);
	*pte(VA + BIT(30), 2) = (SCRATCH & ~0x1fffffULL) | MAP_RAM | PTE_RO;
	tlb_flush();
	check_fault(store(VA + BIT(30)), EC_DABT, FSC_PERMISSION + 2, VA + BIT(30));
}

static void access_flag(void)
{
	map(VA, SCRATCH, MAP_RAM & ~PTE_AF);
	check_fault(load(VA), EC_DABT, FSC_ACCESS + 3, VA);
	*pte(VA, 3) |= PTE_AF;
	dsb();
	CHECK_EQ(load(VA), 0);
}

/* By hardware, where that is advertised: the table is changed behind second-level translation. */
static void hardware_flags(void)
{
	u64 tcr = sysreg_read(tcr_el1), how = sysreg_read(id_aa64mmfr1_el1) & 0xf;

	if (!how) {
		return;
	}
	sysreg_write(tcr_el1, tcr | BIT(39) | (how > 1 ? BIT(40) : 0)); /* HA, HD */
	isb();
	map(VA, SCRATCH, (MAP_RAM & ~PTE_AF) | PTE_RO | BIT(51)); /* DBM */
	CHECK_EQ(load(VA), 0);
	CHECK(*(volatile u64 *)pte(VA, 3) & PTE_AF);
	if (how > 1) {
		CHECK_EQ(store(VA), 0);
		CHECK(!(*(volatile u64 *)pte(VA, 3) & PTE_RO));
	}
	sysreg_write(tcr_el1, tcr);
	tlb_flush();
}

static u64 load_exclusive(u64 va)
{
	return TRY_ASM("ldxr x0, [%0]" : : "r"(va) : "x0", "memory");
}

/* Exclusive loads are aligned; with FEAT_LSE2 (AT) it is enough to stay in 16 aligned bytes. */
static void alignment(void)
{
	u64 sctlr = sysreg_read(sctlr_el1);

	map(VA, SCRATCH, MAP_RAM);
	CHECK_EQ(load(VA + 1), 0);
	check_fault(load_exclusive(VA + 9), EC_DABT, FSC_ALIGNMENT, VA + 9);
	if (field(sysreg_read(id_aa64mmfr2_el1), 32)) {
		CHECK_EQ(load_exclusive(VA + 1), 0);
	} else {
		check_fault(load_exclusive(VA + 1), EC_DABT, FSC_ALIGNMENT, VA + 1);
	}
	sysreg_write(sctlr_el1, sctlr | BIT(1));
	isb();
	check_fault(load(VA + 1), EC_DABT, FSC_ALIGNMENT, VA + 1);
	check_fault(store(VA + 4), EC_DABT, FSC_ALIGNMENT, VA + 4);
	sysreg_write(sctlr_el1, sctlr);
	isb();
}

static void address_translation(void)
{
	u64 par;

	map(VA, SCRATCH + 0x3000, MAP_RAM | PTE_RO);
	__asm__ volatile("at s1e1r, %1\n\tisb\n\tmrs %0, par_el1" : "=r"(par) : "r"(VA + 0x77));
	CHECK_EQ(par & 0xfffffffff001ULL, SCRATCH + 0x3000);
	__asm__ volatile("at s1e1w, %1\n\tisb\n\tmrs %0, par_el1" : "=r"(par) : "r"(VA));
	CHECK_EQ(par & 0x7f, 1 | (FSC_PERMISSION + 3) << 1);
	__asm__ volatile("at s1e0r, %1\n\tisb\n\tmrs %0, par_el1" : "=r"(par) : "r"(VA));
	CHECK_EQ(par & 1, 1);
	map(VA, 0, 0);
	__asm__ volatile("at s1e1r, %1\n\tisb\n\tmrs %0, par_el1" : "=r"(par) : "r"(VA));
	CHECK_EQ(par & 0x7f, 1 | (FSC_TRANSLATION + 3) << 1);
}

/*
 * Another granule for the upper half: one table of the last level but one, whose blocks (16 KiB: 32
 * MiB, 64 KiB: 512 MiB) hold the memory, at the lowest addresses of that half.
 */
static void granule(unsigned tg1, unsigned va_bits, u64 block)
{
	u64 *table = (u64 *)((SCRATCH + 0xffff) & ~0xffffULL), tcr = sysreg_read(tcr_el1);
	u64 va = 0 - BIT(va_bits), offset = SCRATCH + 0x80000 - (ram_base & ~(block - 1));

	memset(table, 0, 0x10000);
	for (unsigned i = 0; i < 2; i++) {
		table[i] = ((ram_base & ~(block - 1)) + i * block) | MAP_RAM | PTE_UXN;
	}
	sysreg_write(ttbr1_el1, (u64)table);
	sysreg_write(tcr_el1, (tcr & ~(BIT(23) | 0x3fULL << 16 | 3ULL << 30)) |
				      (64ULL - va_bits) << 16 | (u64)tg1 << 30 | 0x35ULL << 24);
	tlb_flush();
	*(volatile u64 *)(SCRATCH + 0x80000) = va_bits;
	CHECK_EQ(*(volatile u64 *)(va + offset), va_bits);
	check_fault(load(va + 5 * block), EC_DABT, FSC_TRANSLATION + 2, va + 5 * block);
	sysreg_write(tcr_el1, tcr);
	tlb_flush();
}

void guest_main(void)
{
	u64 mmfr0 = sysreg_read(id_aa64mmfr0_el1);

	translation();
	permission();
	access_flag();
	hardware_flags();
	alignment();
	address_translation();
	if (field(mmfr0, 20)) { /* TGran16 */
		granule(1, 36, BIT(25));
	}
	if (field(mmfr0, 24) == 0) { /* TGran64 */
		granule(3, 42, BIT(29));
	}
}
