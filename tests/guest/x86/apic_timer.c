// SPDX-License-Identifier: Apache-2.0
/* The LAPIC timer: "mode=" 0 one-shot, 1 periodic, 2 TSC deadline; times by the ACPI PM timer. */
#include "guest.h"

#define VECTOR 0x61

/* Between setting a timer and the next instruction: a busy host may take milliseconds. */
#define LONG_US 200000

static volatile unsigned count;

static void on_tick(struct trap *t)
{
	(void)t;
	count++;
	apic_eoi();
}

/* Between two readings of the PM timer. */
static u64 us_between(u32 start, u32 end)
{
	return ((end - start) & 0xffffff) * 1000000ULL / 3579545;
}

static u64 us_since(u32 start)
{
	return us_between(start, pm_timer());
}

/* Again where a busy host came between the readings of the two clocks. */
static u64 apic_khz(void)
{
	u32 before, start, end, after, ticks;
	unsigned tries = 0;

	apic_write(APIC_LVTT, APIC_MASKED | VECTOR);
	do {
		CHECK(tries++ < 100);
		before = pm_timer();
		apic_write(APIC_TMICT, 0xffffffff);
		start = pm_timer();
		delay_us(20000);
		end = pm_timer();
		ticks = 0xffffffff - apic_read(APIC_TMCCT);
		after = pm_timer();
	} while (us_between(before, start) + us_between(end, after) > 200);
	return ticks * 1000ULL / us_between(start, end);
}

static void one_shot(u64 khz)
{
	u32 start;

	apic_write(APIC_LVTT, VECTOR);
	for (unsigned i = 1; i <= 3; i++) {
		start = pm_timer();
		apic_write(APIC_TMICT, (u32)(5 * khz));
		sti_hlt_cli();
		CHECK_EQ(count, i);
		CHECK(us_since(start) >= 4900);
		CHECK_EQ(apic_read(APIC_TMCCT), 0);
	}
	/* Once only; a zero stops it; masked it is silent. */
	delay_us(12000);
	sti();
	cli();
	CHECK_EQ(count, 3);
	apic_write(APIC_TMICT, (u32)(LONG_US / 1000 * khz));
	apic_write(APIC_TMICT, 0);
	delay_us(LONG_US + 5000);
	sti();
	cli();
	CHECK_EQ(count, 3);
	apic_write(APIC_LVTT, VECTOR | APIC_MASKED);
	apic_write(APIC_TMICT, (u32)khz);
	delay_us(3000);
	sti();
	cli();
	CHECK_EQ(count, 3);
	/* Divided by 16 it takes 16 times as long. */
	apic_write(APIC_LVTT, VECTOR);
	apic_write(APIC_TDCR, 3);
	start = pm_timer();
	apic_write(APIC_TMICT, (u32)(khz / 4));
	sti_hlt_cli();
	CHECK(us_since(start) >= 3900);
}

static void periodic(u64 khz)
{
	u32 start, c0, c1;

	apic_write(APIC_LVTT, VECTOR | APIC_PERIODIC);
	start = pm_timer();
	apic_write(APIC_TMICT, (u32)(2 * khz));
	while (count < 10) {
		sti_hlt_cli();
	}
	CHECK(us_since(start) >= 19500);
	c0 = apic_read(APIC_TMCCT);
	c1 = apic_read(APIC_TMCCT);
	CHECK(c0 <= 2 * khz && c1 <= 2 * khz && c0 != 0);
	/* Interrupts that find interrupts off are one. */
	delay_us(20000);
	count = 0;
	sti();
	cli();
	CHECK(count >= 1 && count <= 2);
	apic_write(APIC_TMICT, 0);
	sti();
	cli();
	count = 0;
	delay_us(6000);
	sti();
	cli();
	CHECK_EQ(count, 0);
}

static void deadline(void)
{
	u64 khz = tsc_khz();
	u64 start = rdtsc();

	apic_write(APIC_LVTT, VECTOR | APIC_DEADLINE);
	for (unsigned i = 1; i <= 3; i++) {
		u64 target = rdtsc() + LONG_US / 1000 * khz;

		wrmsr(0x6e0, target);
		CHECK_EQ(rdmsr(0x6e0), target);
		sti_hlt_cli();
		CHECK_EQ(count, i);
		CHECK(rdtsc() >= target);
		CHECK_EQ(rdmsr(0x6e0), 0);
	}
	/* In the past: at once. */
	wrmsr(0x6e0, start);
	sti();
	vmexit();
	cli();
	CHECK_EQ(count, 4);
	/* Disarmed. */
	wrmsr(0x6e0, rdtsc() + LONG_US / 1000 * khz);
	wrmsr(0x6e0, 0);
	delay_us(LONG_US + 5000);
	sti();
	cli();
	CHECK_EQ(count, 4);
	/* After a write of the TSC the deadline is in the new time. */
	wrmsr(0x10, 1000);
	wrmsr(0x6e0, 1000 + 5 * khz);
	sti_hlt_cli();
	CHECK(rdtsc() >= 1000 + 5 * khz);
	CHECK_EQ(count, 5);
}

void guest_main(void)
{
	u64 khz;

	apic_init();
	trap_set(VECTOR, on_tick);
	khz = apic_khz();
	print("LAPIC timer %lu kHz\n", khz);
	CHECK(khz > 900000 && khz < 1100000); /* CPUID 4000_0010h says 1 GHz */
	switch (option("mode", 0)) {
	case 0:
		one_shot(khz);
		break;
	case 1:
		periodic(khz);
		break;
	default:
		deadline();
	}
}
