// SPDX-License-Identifier: Apache-2.0
/* The FP and SIMD registers are the guest's over exits; access to them traps where EL1 says so. */
#include "guest.h"

#define CPACR_FPEN (3ULL << 20)

static u8 values[512] __attribute__((aligned(16))), after[512] __attribute__((aligned(16)));

__asm__(".arch_extension fp\n\t.arch_extension simd");

static void load(void)
{
	const u8 *p = values;

	__asm__ volatile("ld1 {v0.2d-v3.2d}, [%0], 64\n\tld1 {v4.2d-v7.2d}, [%0], 64\n\t"
			 "ld1 {v8.2d-v11.2d}, [%0], 64\n\tld1 {v12.2d-v15.2d}, [%0], 64\n\t"
			 "ld1 {v16.2d-v19.2d}, [%0], 64\n\tld1 {v20.2d-v23.2d}, [%0], 64\n\t"
			 "ld1 {v24.2d-v27.2d}, [%0], 64\n\tld1 {v28.2d-v31.2d}, [%0], 64"
			 : "+r"(p)
			 :
			 : "memory");
}

static void store(void)
{
	u8 *p = after;

	__asm__ volatile("st1 {v0.2d-v3.2d}, [%0], 64\n\tst1 {v4.2d-v7.2d}, [%0], 64\n\t"
			 "st1 {v8.2d-v11.2d}, [%0], 64\n\tst1 {v12.2d-v15.2d}, [%0], 64\n\t"
			 "st1 {v16.2d-v19.2d}, [%0], 64\n\tst1 {v20.2d-v23.2d}, [%0], 64\n\t"
			 "st1 {v24.2d-v27.2d}, [%0], 64\n\tst1 {v28.2d-v31.2d}, [%0], 64"
			 : "+r"(p)
			 :
			 : "memory");
}

static void exits(void)
{
	psci(0x80000fff, 0, 0, 0);
	mmio_read(GICD_BASE + GICD_TYPER);
	mmio_write(UART_BASE + UART_IBRD, 1);
	sysreg_write(cntv_tval_el0, counter_ms(1) / 50);
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	wfi();
	irq_enable();
	irq_disable();
	*(volatile u8 *)(SCRATCH + (random64() & 0xfff000)) = 1;
}

static void kept(void)
{
	for (unsigned round = 0; round < 100; round++) {
		u64 fpcr = (u64)(round & 3) << 22 | (round & 4 ? BIT(24) : 0);

		for (unsigned i = 0; i < 64; i++) {
			((u64 *)values)[i] = random64();
		}
		load();
		sysreg_write(fpcr, fpcr);
		sysreg_write(fpsr, round & 0x1f);
		exits();
		store();
		CHECK_EQ(memcmp(values, after, sizeof(values)), 0);
		CHECK_EQ(sysreg_read(fpcr), fpcr);
		CHECK_EQ(sysreg_read(fpsr) & 0x1f, round & 0x1f);
	}
}

static void el0_fp(u64 unused)
{
	(void)unused;
	__asm__ volatile("fmov d0, x0\n\tsvc #0");
}

static void traps(void)
{
	sysreg_write(cpacr_el1, 0);
	isb();
	CHECK_EQ(TRY_ASM("fmov d0, x0"), (u64)EC_FP << 26 | ESR_IL | 0x1e00000);
	CHECK_EQ(TRY_ASM("mrs x0, fpcr" : : : "x0"), (u64)EC_FP << 26 | ESR_IL | 0x1e00000);
	CHECK_EQ(ESR_EC(user_try(el0_fp, 0)), EC_FP);
	sysreg_write(cpacr_el1, 1ULL << 20); /* EL1 only */
	isb();
	CHECK_EQ(TRY_ASM("fmov d0, x0"), 0);
	CHECK_EQ(ESR_EC(user_try(el0_fp, 0)), EC_FP);
	sysreg_write(cpacr_el1, CPACR_FPEN);
	isb();
	CHECK_EQ(ESR_EC(user_try(el0_fp, 0)), EC_SVC);
}

/* An operation whose result is known, with its flags. */
static void arithmetic(void)
{
	u64 v;

	sysreg_write(fpcr, 0);
	sysreg_write(fpsr, 0);
	__asm__ volatile("fmov d0, #1.0\n\tfmov d1, #3.0\n\tfdiv d2, d0, d1\n\tfmov %0, d2"
			 : "=r"(v));
	CHECK_EQ(v, 0x3fd5555555555555ULL);
	CHECK_EQ(sysreg_read(fpsr) & 0x1f, 0x10);
}

void guest_main(void)
{
	gic_init();
	gic_enable(INTID_VTIMER);
	sysreg_write(cpacr_el1, CPACR_FPEN);
	isb();
	arithmetic();
	kept();
	traps();
}
