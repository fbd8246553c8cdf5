// SPDX-License-Identifier: Apache-2.0
/* WFI and WFE: what wakes them, and that they do not wait for what is there already. */
#include "guest.h"

static u64 timer_in(u64 ms)
{
	u64 at = counter() + counter_ms(ms);

	sysreg_write(cntv_cval_el0, at);
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	isb();
	return at;
}

/* WFI may end early; a loop of it must see the interrupt. */
static void masked(void)
{
	u64 at = timer_in(5);

	while (!gic_bit(GICD_ISPENDR, INTID_VTIMER)) {
		wfi();
		CHECK(counter() < at + counter_ms(5000));
	}
	CHECK(counter() >= at);
	CHECK_EQ(irq_count[INTID_VTIMER], 0);
	/* Pending already: no wait. */
	wfi();
	wfi();
	irq_enable();
	WAIT_FOR(irq_count[INTID_VTIMER], 1000);
	irq_disable();
}

static void unmasked(void)
{
	for (u32 i = 0; i < 20; i++) {
		u64 at = timer_in(1);
		u32 before = irq_count[INTID_VTIMER];

		while (irq_count[INTID_VTIMER] == before) {
			wfi();
			irq_enable();
			irq_disable();
		}
		CHECK(counter() >= at);
	}
}

/* An interrupt that the priority mask holds back does not wake; the other timer does. */
static void held_back(void)
{
	u64 at = counter_phys() + counter_ms(10);

	sysreg_write(icc_pmr_el1, 0x80);
	gic_priority(INTID_PTIMER, 0x40);
	timer_in(1);
	sysreg_write(cntp_cval_el0, at);
	sysreg_write(cntp_ctl_el0, TIMER_ON);
	while (!gic_bit(GICD_ISPENDR, INTID_PTIMER)) {
		wfi();
	}
	CHECK(counter_phys() >= at);
	CHECK_EQ(gic_acknowledge(), INTID_PTIMER);
	sysreg_write(cntp_ctl_el0, 0);
	gic_end(INTID_PTIMER);
	sysreg_write(cntv_ctl_el0, 0);
	sysreg_write(icc_pmr_el1, 0xf8);
}

static void events(void)
{
	/* The event stream: every 2^15 ticks of the counter at least. */
	u64 start = counter();

	__asm__ volatile("sevl\n\twfe\n\tsev\n\twfe" : : : "memory");
	CHECK(counter() - start < counter_ms(5000));
	sysreg_write(cntkctl_el1, 14 << 4 | 1 << 2 | 3);
	for (unsigned i = 0; i < 100; i++) {
		__asm__ volatile("wfe" : : : "memory");
	}
	CHECK(counter() - start < counter_ms(20000));
	sysreg_write(cntkctl_el1, 3);
}

static void el0_wait(u64 unused)
{
	(void)unused;
	__asm__ volatile("wfi\n\tsevl\n\twfe\n\tsvc #0");
}

void guest_main(void)
{
	gic_init();
	gic_enable(INTID_VTIMER);
	gic_enable(INTID_PTIMER);
	masked();
	unmasked();
	held_back();
	events();
	timer_in(2);
	CHECK_EQ(ESR_EC(user_try(el0_wait, 0)), EC_SVC);
	/* Trapped to EL1 where EL1 wants it. */
	sysreg_write(sctlr_el1, sysreg_read(sctlr_el1) & ~BIT(16));
	isb();
	irq_enable();
	irq_disable();
	sysreg_write(cntv_ctl_el0, 0);
	CHECK_EQ(user_try(el0_wait, 0), (u64)EC_WFX << 26 | ESR_IL | 0x1e00000); /* WFI, always */
}
