// SPDX-License-Identifier: Apache-2.0
/* Both timers at once, neither early, by priority when both are due; and what EL0 may do of it. */
#include "guest.h"

static u32 order[64], count;

static void hook(u32 intid)
{
	CHECK(count < 64);
	order[count++] = intid;
	if (intid == INTID_VTIMER) {
		CHECK(counter() >= sysreg_read(cntv_cval_el0));
		sysreg_write(cntv_ctl_el0, 0);
	} else {
		CHECK_EQ(intid, INTID_PTIMER);
		CHECK(counter_phys() >= sysreg_read(cntp_cval_el0));
		sysreg_write(cntp_ctl_el0, 0);
	}
	isb();
}

static void set(u64 virtual_us, u64 physical_us)
{
	sysreg_write(cntv_tval_el0, counter_ms(virtual_us) / 1000);
	sysreg_write(cntp_tval_el0, counter_ms(physical_us) / 1000);
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	sysreg_write(cntp_ctl_el0, TIMER_ON);
}

static void check_both(void)
{
	irq_enable();
	WAIT_FOR(count == 2, 5000);
	irq_disable();
	CHECK_EQ(order[0] + order[1], INTID_VTIMER + INTID_PTIMER);
	count = 0;
}

static void check_order(u32 first, u32 second)
{
	check_both();
	CHECK_EQ(order[0], first);
	CHECK_EQ(order[1], second);
}

static void el0_timer(u64 unused)
{
	(void)unused;
	sysreg_write(cntv_ctl_el0, 0);
	sysreg_read(cntvct_el0);
	sysreg_read(cntpct_el0);
	sysreg_read(cntfrq_el0);
	__asm__ volatile("svc #0");
}

static void el0_counter(u64 unused)
{
	(void)unused;
	sysreg_read(cntpct_el0);
	__asm__ volatile("svc #0");
}

/* CNTKCTL_EL1: what EL0 may use, EL1 is told of the rest. */
static void el0(void)
{
	sysreg_write(cntkctl_el1, 0x303);
	CHECK_EQ(ESR_EC(user_try(el0_timer, 0)), EC_SVC);
	sysreg_write(cntkctl_el1, 3);
	CHECK_EQ(ESR_EC(user_try(el0_timer, 0)), EC_SYSREG);
	CHECK_EQ(ESR_EC(user_try(el0_counter, 0)), EC_SVC);
	sysreg_write(cntkctl_el1, 2);
	CHECK_EQ(ESR_EC(user_try(el0_counter, 0)), EC_SYSREG);
}

/* Taken from EL0, too. */
static void el0_spin(u64 unused)
{
	(void)unused;
	for (;;) {
	}
}

static void el0_irq(struct trap *t)
{
	irq_handle();
	trap_return(t, 0x77);
}

static void interrupts_el0(void)
{
	static u8 stack[64] __attribute__((aligned(16)));

	trap_set(VECTOR_EL0 + VECTOR_IRQ, el0_irq);
	sysreg_write(cntv_tval_el0, counter_ms(1));
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	CHECK_EQ(state_try((u64)el0_spin + USER_OFFSET, PSTATE_EL0, (u64)stack, 0), 0x77);
	CHECK_EQ(order[0], INTID_VTIMER);
	count = 0;
}

void guest_main(void)
{
	gic_init();
	irq_hook = hook;
	gic_enable(INTID_VTIMER);
	gic_enable(INTID_PTIMER);
	for (unsigned i = 0; i < 10; i++) {
		set(500, 2500);
		check_both();
		set(2500, 500);
		check_both();
	}
	/* Both long over: by priority. */
	gic_priority(INTID_PTIMER, 0x40);
	set(0, 0);
	delay_us(1000);
	check_order(INTID_PTIMER, INTID_VTIMER);
	gic_priority(INTID_PTIMER, 0xc0);
	set(0, 0);
	delay_us(1000);
	check_order(INTID_VTIMER, INTID_PTIMER);
	el0();
	interrupts_el0();
	CHECK_EQ(irq_count[INTID_SPURIOUS], 0);
}
