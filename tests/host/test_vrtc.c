// SPDX-License-Identifier: Apache-2.0
/* RTC: calendar against the C library, setting, alarms, periodic and update flags, CMOS bytes. */
#include "tests/host/vplatform_fake.h"

#include <time.h>

#include "arch/x86/vplatform.h"

#define NEVER (~(u64)0)
#define BASE  1700000000u /* 2023-11-14 22:13:20 UTC, a Tuesday */

static struct vplatform vp;
static struct vrtc *const rtc = &vp.rtc;
static struct fake_irq irqs;

void vplatform_irq_set(struct vplatform *platform, unsigned gsi, bool level)
{
	assert_ptr_equal(platform, &vp);
	fake_irq_record(&irqs, gsi, level);
}

static int setup(void **state)
{
	(void)state;
	memset(&irqs, 0, sizeof(irqs));
	vrtc_init(rtc, BASE);
	return 0;
}

static u8 get(u8 index, u64 now)
{
	vrtc_write(rtc, 0x70, index, now);
	return (u8)vrtc_read(rtc, 0x71, now);
}

static void set(u8 index, u8 val, u64 now)
{
	vrtc_write(rtc, 0x70, index, now);
	vrtc_write(rtc, 0x71, val, now);
}

static unsigned bin(u8 bcd)
{
	return (bcd >> 4) * 10u + (bcd & 15u);
}

static void assert_clock(time_t t, u64 now)
{
	struct tm tm;

	gmtime_r(&t, &tm);
	assert_int_equal(bin(get(0, now)), tm.tm_sec);
	assert_int_equal(bin(get(2, now)), tm.tm_min);
	assert_int_equal(bin(get(4, now)), tm.tm_hour);
	assert_int_equal(bin(get(6, now)), tm.tm_wday + 1);
	assert_int_equal(bin(get(7, now)), tm.tm_mday);
	assert_int_equal(bin(get(8, now)), tm.tm_mon + 1);
	assert_int_equal(bin(get(0x32, now)) * 100 + bin(get(9, now)), tm.tm_year + 1900);
}

static void test_calendar(void **state)
{
	(void)state;
	assert_clock(BASE, 0);
	assert_clock(BASE + 59, 59ull * S + 999999999);
	for (unsigned i = 0; i < 20000; i++) {
		u64 t = rnd_below(253402300799u); /* until 9999 */

		vrtc_init(rtc, t);
		assert_clock((time_t)t + 100, 100ull * S);
	}
	assert_int_equal(get(0x0d, 0), 0x80);
}

/* Writes date @tm as a driver does: SET, divider reset, bytes, SET off, divider on. */
static void set_clock(const u8 bytes[7], u64 now)
{
	static const u8 index[] = {0, 2, 4, 7, 8, 9, 0x32};

	set(0x0b, get(0x0b, now) | 0x80, now);
	set(0x0a, 0x76, now);
	for (unsigned i = 0; i < ARRAY_SIZE(index); i++) {
		set(index[i], bytes[i], now);
	}
	assert_int_equal(get(0, now + 5ull * S), bytes[0]); /* it stands still */
	set(0x0b, get(0x0b, now) & 0x7f, now);
	set(0x0a, 0x26, now);
}

static void test_set(void **state)
{
	static const u8 leap[] = {0x59, 0x59, 0x23, 0x28, 0x02, 0x24, 0x20};
	u64 now = 7ull * S + 123456789;

	(void)state;
	set_clock(leap, now);
	assert_clock(1709164799, now);
	assert_clock(1709164799, now + 499 * MS);
	assert_clock(1709164800, now + 501 * MS); /* 29 February */
	/* One byte while it runs keeps the phase. */
	set(4, 0x05, now + 600 * MS);
	assert_clock(1709164800 + 5 * 3600, now + 600 * MS);
	assert_clock(1709164801 + 5 * 3600, now + 1501 * MS);
}

static void test_formats(void **state)
{
	(void)state;
	set(0x0b, 0x06, 0); /* binary */
	assert_int_equal(get(4, 0), 22);
	assert_int_equal(get(9, 0), 23);
	set(0x0b, 0x00, 0); /* BCD, 12 hours */
	assert_int_equal(get(4, 0), 0x90);
	set(4, 0x12, 0); /* 12 AM is hour 0 */
	set(0x0b, 0x02, 0);
	assert_int_equal(get(4, 0), 0x00);
}

static void test_uip(void **state)
{
	(void)state;
	assert_int_equal(get(0x0a, 500 * MS), 0x26);
	assert_int_equal(get(0x0a, S - 245000), 0x26);
	assert_int_equal(get(0x0a, S - 243000), 0xa6);
	assert_int_equal(get(0x0a, S), 0x26);
}

static void test_update_interrupt(void **state)
{
	(void)state;
	assert_int_equal(get(0x0c, 0), 0);
	assert_int_equal(get(0x0c, S + 1) & 0x90, 0x10); /* UF without interrupt */
	set(0x0b, 0x12, S + 2);
	assert_true(vrtc_next_event(rtc) == 2ull * S);
	vrtc_tick(rtc, 2ull * S);
	assert_true(irqs.level[VIRQ_RTC]);
	assert_true(vrtc_next_event(rtc) == NEVER); /* until C is read */
	assert_int_equal(get(0x0c, 2ull * S) & 0x90, 0x90);
	assert_false(irqs.level[VIRQ_RTC]);
	assert_int_equal(get(0x0c, 2ull * S), 0);
	assert_true(vrtc_next_event(rtc) == 3ull * S);
}

static void test_periodic(void **state)
{
	u64 now = 0;

	(void)state;
	set(0x0b, 0x42, 0); /* 1024 Hz */
	while (now < 10ull * S) {
		now = vrtc_next_event(rtc) + rnd_below(100000);
		vrtc_tick(rtc, now);
		assert_int_equal(get(0x0c, now) & 0xc0, 0xc0);
	}
	assert_in_range(irqs.edges[VIRQ_RTC], 10240, 10241);
	set(0x0a, 0x21, now); /* 256 Hz: rates 1 and 2 are those of 8 and 9 */
	get(0x0c, now);
	assert_in_range(vrtc_next_event(rtc) - now, 122071, 3906251);
	vrtc_tick(rtc, vrtc_next_event(rtc));
	now = rtc->now_ns;
	get(0x0c, now);
	assert_in_range(vrtc_next_event(rtc) - now, 3906249, 3906251);
	set(0x0a, 0x23, now); /* 8192 Hz, the fastest */
	assert_in_range(vrtc_next_event(rtc) - now, 1, 122071);
	set(0x0a, 0x20, now);
	assert_true(vrtc_next_event(rtc) == NEVER);
}

static void test_alarm(void **state)
{
	(void)state;
	set(1, 0x30, 0);
	set(3, 0x15, 0);
	set(5, 0x22, 0);
	set(0x0b, 0x22, 0); /* 22:15:30 is 130 s away */
	assert_true(vrtc_next_event(rtc) == 130ull * S);
	vrtc_tick(rtc, 130ull * S);
	assert_true(irqs.level[VIRQ_RTC]);
	assert_int_equal(get(0x0c, 130ull * S) & 0xa0, 0xa0);
	assert_true(vrtc_next_event(rtc) == (130ull + 86400) * S); /* tomorrow */
	set(5, 0xff, 130ull * S);
	assert_true(vrtc_next_event(rtc) == (130ull + 3600) * S);
	set(3, 0xc0, 130ull * S);
	assert_true(vrtc_next_event(rtc) == (130ull + 60) * S);
	set(1, 0x99, 130ull * S); /* never */
	assert_true(vrtc_next_event(rtc) == NEVER);
	/* A polled alarm is seen however late. */
	set(0x0b, 0x02, 130ull * S);
	set(1, 0x00, 130ull * S);
	get(0x0c, 130ull * S);
	assert_int_equal(get(0x0c, 1000000ull * S), 0x70);
}

static void test_cmos_bytes(void **state)
{
	(void)state;
	for (unsigned i = 0x0e; i < 0x80; i++) {
		if (i != 0x32) {
			set((u8)(i | 0x80), (u8)(i * 7), 0);
		}
	}
	for (unsigned i = 0x0e; i < 0x80; i++) {
		if (i != 0x32) {
			assert_int_equal(get((u8)i, 5), (u8)(i * 7));
		}
	}
	set(0x0d, 0, 0);
	assert_int_equal(get(0x0d, 0), 0x80);
}

static void test_storm(void **state)
{
	u64 now = 0;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		u64 r = rnd();
		u8 index = (u8)(r & 64 ? r >> 8 & 15 : r >> 8);

		now += rnd_step();
		vrtc_write(rtc, 0x70, index, now);
		if (r & 1) {
			vrtc_write(rtc, 0x71, (u8)(r >> 32), now);
		} else if (r & 2) {
			vrtc_read(rtc, 0x71, now);
		} else {
			vrtc_tick(rtc, now);
			assert_true(vrtc_next_event(rtc) > now);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_calendar, setup),
		cmocka_unit_test_setup(test_set, setup),
		cmocka_unit_test_setup(test_formats, setup),
		cmocka_unit_test_setup(test_uip, setup),
		cmocka_unit_test_setup(test_update_interrupt, setup),
		cmocka_unit_test_setup(test_periodic, setup),
		cmocka_unit_test_setup(test_alarm, setup),
		cmocka_unit_test_setup(test_cmos_bytes, setup),
		cmocka_unit_test_setup(test_storm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
