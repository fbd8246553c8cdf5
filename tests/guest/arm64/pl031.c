// SPDX-License-Identifier: Apache-2.0
/* The PL031 real-time clock (DDI 0224): identification, time, setting it, alarm. */
#include "guest.h"

#define DR   0x00
#define MR   0x04
#define LR   0x08
#define CR   0x0c
#define IMSC 0x10
#define RIS  0x14
#define MIS  0x18
#define ICR  0x1c

#define YEAR_2020 1577836800u

static u32 get(u32 reg)
{
	return mmio_read(RTC_BASE + reg);
}
static void set(u32 reg, u32 v)
{
	mmio_write(RTC_BASE + reg, v);
}

static void identification(void)
{
	static const u8 ids[] = {0x31, 0x10, 0x04, 0, 0x0d, 0xf0, 0x05, 0xb1};

	for (u32 i = 0; i < 8; i++) {
		u32 v = get(0xfe0 + i * 4);

		CHECK_EQ(i == 2 ? v & 0xf : v, ids[i]);
	}
}

void guest_main(void)
{
	u32 start, now;
	u64 ticks;

	identification();
	start = get(DR);
	print("time %u\n", start);
	CHECK(start > YEAR_2020);
	CHECK_EQ(get(CR) & 1, 1);
	WAIT_FOR(get(DR) != start, 3000);
	/* A second of the clock is a second of the counter. */
	now = get(DR);
	ticks = counter();
	WAIT_FOR(get(DR) != now, 3000);
	ticks = counter() - ticks;
	CHECK(ticks > counter_ms(500) && ticks < counter_ms(1500));
	if (option("set", 1)) {
		set(LR, 1000000000);
		CHECK(get(DR) - 1000000000u < 3);
		CHECK_EQ(get(LR), 1000000000);
	}
	if (option("alarm", 1)) {
		gic_init();
		set(ICR, 1);
		CHECK_EQ(get(RIS), 0);
		set(MR, get(DR) + 1);
		set(IMSC, 1);
		WAIT_FOR(get(RIS), 3000);
		CHECK_EQ(get(MIS), 1);
		CHECK(gic_bit(GICD_ISPENDR, RTC_INTID));
		set(ICR, 1);
		CHECK_EQ(get(MIS), 0);
		CHECK(!gic_bit(GICD_ISPENDR, RTC_INTID));
	}
}
