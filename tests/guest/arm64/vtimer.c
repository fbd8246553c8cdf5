// SPDX-License-Identifier: Apache-2.0
/*
 * The virtual timer, with "physical=1" the physical one (Arm ARM, "The Generic Timer in AArch64
 * state"): never early, level-sensitive, masks, TVAL and CVAL.
 */
#include "guest.h"

/* Years; nearer to the end some emulators add their offset without looking. */
#define FAR_AWAY BIT(56)

static bool physical;
static u32 intid;

static u64 now(void)
{
	return physical ? counter_phys() : counter();
}

#define TIMER(reg, v)                                      \
	do {                                               \
		if (physical) {                            \
			sysreg_write(cntp_##reg##_el0, v); \
		} else {                                   \
			sysreg_write(cntv_##reg##_el0, v); \
		}                                          \
		isb();                                     \
	} while (0)
#define TIMER_READ(reg) \
	(isb(), physical ? sysreg_read(cntp_##reg##_el0) : sysreg_read(cntv_##reg##_el0))

static volatile u64 fired_at;

static void hook(u32 id)
{
	CHECK_EQ(id, intid);
	fired_at = now();
	TIMER(ctl, TIMER_ON | TIMER_MASKED);
}

/* Taken and not early; how late is the machine's business. */
static void check_fires(u64 at)
{
	u32 before = irq_count[intid];

	fired_at = 0;
	irq_enable();
	WAIT_FOR(irq_count[intid] != before, 5000);
	irq_disable();
	CHECK(fired_at >= at);
	CHECK_EQ(irq_count[intid], before + 1);
}

static void check_quiet(u64 ms)
{
	u32 before = irq_count[intid];

	irq_enable();
	delay_us(ms * 1000);
	irq_disable();
	CHECK_EQ(irq_count[intid], before);
}

static void fires(void)
{
	for (u64 us = 1; us < 20000; us = us * 3 + 1) {
		u64 at = now() + counter_ms(us) / 1000;

		TIMER(cval, at);
		TIMER(ctl, TIMER_ON);
		check_fires(at);
	}
	for (u64 ms = 1; ms < 6; ms += 2) {
		u64 at = now() + counter_ms(ms);

		TIMER(tval, counter_ms(ms));
		TIMER(ctl, TIMER_ON);
		check_fires(at);
	}
	/* In the past: at once. */
	TIMER(tval, (u64)-1000);
	TIMER(ctl, TIMER_ON);
	check_fires(0);
	TIMER(cval, 0);
	TIMER(ctl, TIMER_ON);
	check_fires(0);
	TIMER(cval, now() + counter_ms(1));
	TIMER(ctl, TIMER_ON);
	delay_us(3000);
	check_fires(0);
}

static void stays_quiet(void)
{
	TIMER(ctl, TIMER_MASKED | TIMER_ON);
	TIMER(tval, 0);
	CHECK_EQ(TIMER_READ(ctl), TIMER_ON | TIMER_MASKED | TIMER_STATUS);
	CHECK(!gic_bit(GICD_ISPENDR, intid));
	check_quiet(2);
	TIMER(ctl, 0);
	CHECK_EQ(TIMER_READ(ctl) & 3, 0);
	check_quiet(2);
	TIMER(cval, now() + FAR_AWAY);
	TIMER(ctl, TIMER_ON);
	CHECK_EQ(TIMER_READ(ctl), TIMER_ON);
	check_quiet(2);
	/* Set off again before it fires. */
	TIMER(tval, counter_ms(2));
	TIMER(ctl, 0);
	check_quiet(4);
	gic_disable(intid);
	TIMER(tval, 0);
	TIMER(ctl, TIMER_ON);
	check_quiet(2);
	CHECK(gic_bit(GICD_ISPENDR, intid));
	gic_enable(intid);
	check_fires(0);
}

/*
 * Gone with its condition. Where a hypervisor has put the virtual timer's interrupt into a list
 * register, nothing takes it back when the guest masks the timer itself: it comes once more.
 */
static void check_withdrawn(void)
{
	u32 got = gic_acknowledge();

	if (got == intid && !physical && !bare()) {
		gic_end(got);
		got = gic_acknowledge();
	}
	CHECK_EQ(got, INTID_SPURIOUS);
}

/* The line follows the condition: gone with it, back with it, and after the end while it lasts. */
static void level(void)
{
	TIMER(cval, 0);
	TIMER(ctl, TIMER_ON);
	delay_us(100);
	CHECK(gic_bit(GICD_ISPENDR, intid));
	CHECK_EQ(TIMER_READ(ctl), TIMER_ON | TIMER_STATUS);
	TIMER(cval, now() + FAR_AWAY);
	CHECK(!gic_bit(GICD_ISPENDR, intid));
	check_quiet(1);
	TIMER(cval, 0);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_EQ(gic_acknowledge(), intid);
		CHECK_EQ(gic_acknowledge(), INTID_SPURIOUS);
		gic_end(intid);
	}
	TIMER(ctl, TIMER_MASKED | TIMER_ON);
	check_withdrawn();
	TIMER(ctl, TIMER_ON);
	CHECK_EQ(gic_acknowledge(), intid);
	TIMER(ctl, 0);
	CHECK(gic_bit(GICD_ISACTIVER, intid));
	gic_end(intid);
	CHECK_EQ(gic_acknowledge(), INTID_SPURIOUS);
}

static void registers(void)
{
	u64 last = now();

	CHECK(sysreg_read(cntfrq_el0) >= 1000000);
	for (unsigned i = 0; i < 10000; i++) {
		u64 next = now();

		CHECK(next >= last && next - last < counter_ms(60000));
		last = next;
	}
	TIMER(ctl, TIMER_MASKED);
	TIMER(cval, 0x123456789abcdefULL);
	CHECK_EQ(TIMER_READ(cval), 0x123456789abcdefULL);
	TIMER(tval, 0x7fffffff);
	CHECK(TIMER_READ(cval) - now() <= 0x7fffffff);
	CHECK(TIMER_READ(cval) + counter_ms(60000) - now() >= 0x7fffffff);
	CHECK_EQ(TIMER_READ(tval) >> 32, 0);
	TIMER(tval, 0x80000000);
	CHECK(now() - TIMER_READ(cval) >= 0x80000000ULL);
	TIMER(ctl, ~7ULL);
	CHECK_EQ(TIMER_READ(ctl), 0);
}

/* The offset between the two counters lies in every sample's bounds: it stays. */
static void offset(void)
{
	s64 low = INT64_MIN, high = INT64_MAX;

	for (unsigned i = 0; i < 2000; i++) {
		u64 before = counter(), phys = counter_phys(), after = counter();

		CHECK(after >= before);
		low = (s64)(phys - after) > low ? (s64)(phys - after) : low;
		high = (s64)(phys - before) < high ? (s64)(phys - before) : high;
	}
	CHECK(low <= high);
}

void guest_main(void)
{
	physical = option("physical", 0);
	intid = physical ? INTID_PTIMER : INTID_VTIMER;
	gic_init();
	registers();
	offset();
	irq_hook = hook;
	gic_enable(intid);
	fires();
	stays_quiet();
	level();
	CHECK_EQ(irq_count[INTID_SPURIOUS], 0);
}
