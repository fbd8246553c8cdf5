// SPDX-License-Identifier: Apache-2.0
/* 8254: modes, latches, port 0x61, interrupt schedule, random accesses. */
#include "tests/host/vplatform_fake.h"

#include "arch/x86/vplatform.h"

#define NEVER (~(u64)0)

static struct vplatform vp;
static struct vpit *const pit = &vp.pit;
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
	vpit_init(pit);
	return 0;
}

static void program(unsigned channel, u8 mode, u16 count, u64 now)
{
	vpit_write(pit, 0x43, (u8)(channel << 6 | 0x30u | (unsigned)mode << 1), now);
	vpit_write(pit, (u16)(0x40 + channel), (u8)count, now);
	vpit_write(pit, (u16)(0x40 + channel), (u8)(count >> 8), now);
}

static unsigned latched(unsigned channel, u64 now)
{
	unsigned low;

	vpit_write(pit, 0x43, (u8)(channel << 6), now);
	low = vpit_read(pit, (u16)(0x40 + channel), now);
	return low | vpit_read(pit, (u16)(0x40 + channel), now) << 8;
}

static void test_silent_at_start(void **state)
{
	(void)state;
	assert_true(vpit_next_event(pit) == NEVER);
}

/* 1000 Hz for ten seconds: no drift whatever the lateness of the ticks. */
static void test_periodic_does_not_drift(void **state)
{
	u64 now = 0;

	(void)state;
	program(0, 2, 1193, 0);
	while (now < 10ull * S) {
		now = vpit_next_event(pit) + rnd_below(100000);
		vpit_tick(pit, now);
	}
	/* 11931820 clocks / 1193 */
	assert_in_range(irqs.edges[0], 10000, 10002);
}

static void test_missed_ticks_coalesce(void **state)
{
	(void)state;
	program(0, 3, 11932, 0);
	vpit_tick(pit, 5ull * S);
	assert_int_equal(irqs.edges[0], 1);
	assert_in_range(vpit_next_event(pit), 5ull * S + 1, 5ull * S + 10 * MS + 1000);
	vpit_tick(pit, 5ull * S);
	assert_int_equal(irqs.edges[0], 1);
}

static void test_rate_is_limited(void **state)
{
	u64 now = 0;

	(void)state;
	program(0, 2, 1, 0);
	while (now < 1ull * S) {
		now = vpit_next_event(pit);
		vpit_tick(pit, now);
	}
	assert_in_range(irqs.edges[0], 19000, 20001);
}

static void test_one_shot(void **state)
{
	u64 due;

	(void)state;
	program(0, 0, 1193, 0);
	due = vpit_next_event(pit);
	assert_in_range(due, 999000, 1001000);
	vpit_tick(pit, due - 1);
	assert_false(irqs.level[0]);
	vpit_tick(pit, due);
	assert_true(irqs.level[0]);
	assert_true(vpit_next_event(pit) == NEVER);
	program(0, 0, 1193, due); /* reload: the output falls and rises again */
	assert_false(irqs.level[0]);
	vpit_tick(pit, vpit_next_event(pit));
	assert_int_equal(irqs.edges[0], 2);
	program(0, 4, 1193, 10 * MS);
	vpit_tick(pit, vpit_next_event(pit));
	assert_int_equal(irqs.edges[0], 3);
	assert_true(vpit_next_event(pit) == NEVER);
}

/* TSC calibration by channel 2: gate on, mode 0, wait for OUT2 in port 0x61. */
static void test_channel_2_calibration(void **state)
{
	u64 now = 1000;

	(void)state;
	vpit_port61_write(pit, 0x01, now);
	program(2, 0, 0xe90b, now); /* 50 ms */
	while (!(vpit_port61_read(pit, now) & 0x20)) {
		now += 10000;
	}
	assert_in_range(now, 49 * MS, 51 * MS);
	assert_int_equal(irqs.edges[0], 0);
}

/* Quick calibration: the high byte falls by one every 256 clocks, through live reads. */
static void test_msb_countdown(void **state)
{
	u64 now = 0;

	(void)state;
	vpit_port61_write(pit, 0x01, now);
	program(2, 0, 0xffff, now);
	for (unsigned msb = 0xff; msb > 0xe0; msb--) {
		assert_in_range(vpit_read(pit, 0x42, now), 0, 255);
		assert_int_equal(vpit_read(pit, 0x42, now), msb);
		now += 256ull * S / 1193182;
		now += msb % 2; /* floor of 214549.7 ns */
	}
}

static void test_gate(void **state)
{
	unsigned held;

	(void)state;
	vpit_port61_write(pit, 0x01, 0);
	program(2, 0, 0xffff, 0);
	vpit_port61_write(pit, 0x00, 1 * MS);
	held = latched(2, 1 * MS);
	assert_in_range(0xffff - held, 1192, 1194);
	assert_int_equal(latched(2, 20 * MS), held);
	vpit_port61_write(pit, 0x01, 20 * MS);
	assert_in_range(held - latched(2, 21 * MS), 1192, 1195);
	program(2, 1, 1193, 30 * MS); /* one-shot waits for the gate to rise */
	assert_int_equal(vpit_port61_read(pit, 40 * MS) & 0x20, 0x20);
	vpit_port61_write(pit, 0x00, 40 * MS);
	vpit_port61_write(pit, 0x01, 40 * MS);
	assert_int_equal(vpit_port61_read(pit, 40 * MS + 500000) & 0x20, 0);
	assert_int_equal(vpit_port61_read(pit, 41 * MS + 1000) & 0x20, 0x20);
}

static void test_latch_and_readback(void **state)
{
	unsigned first;

	(void)state;
	program(0, 2, 10000, 0);
	vpit_write(pit, 0x43, 0x00, 1 * MS);
	vpit_write(pit, 0x43, 0x00, 2 * MS); /* the first latch holds */
	first = vpit_read(pit, 0x40, 3 * MS);
	first |= vpit_read(pit, 0x40, 3 * MS) << 8;
	assert_in_range(first, 10000 - 1194, 10000 - 1193);
	vpit_write(pit, 0x43, 0xc2, 4 * MS); /* count and status of channel 0 */
	assert_int_equal(vpit_read(pit, 0x40, 4 * MS), 0x80 | 0x30 | 2 << 1);
	first = vpit_read(pit, 0x40, 5 * MS);
	first |= vpit_read(pit, 0x40, 5 * MS) << 8;
	assert_in_range(first, 10000 - 4773, 10000 - 4771);
	vpit_write(pit, 0x43, 0x36, 6 * MS);
	vpit_write(pit, 0x43, 0xe2, 6 * MS); /* status only: null count */
	assert_int_equal(vpit_read(pit, 0x40, 6 * MS), 0xc0 | 0x30 | 3 << 1);
}

static void test_square_wave_and_bcd(void **state)
{
	u64 clock = S / VPIT_HZ + 1;

	(void)state;
	program(1, 3, 1000, 0);
	assert_int_equal(latched(1, 0), 1000);
	assert_int_equal(latched(1, 100 * clock), 800);
	assert_in_range(latched(1, 600 * clock), 790, 800);
	vpit_write(pit, 0x43, 0x75, 0); /* channel 1, mode 2, BCD */
	vpit_write(pit, 0x41, 0x00, 0);
	vpit_write(pit, 0x41, 0x10, 0);
	assert_int_equal(latched(1, 0), 0x1000);
	assert_int_equal(latched(1, clock), 0x0999);
	vpit_write(pit, 0x43, 0x55, 0); /* low byte only */
	vpit_write(pit, 0x41, 0x50, 0);
	assert_int_equal(vpit_read(pit, 0x41, 0), 0x50);
	assert_int_equal(vpit_read(pit, 0x41, clock), 0x49);
}

static void test_refresh_toggles(void **state)
{
	(void)state;
	assert_int_not_equal(vpit_port61_read(pit, 0) & 0x10, vpit_port61_read(pit, 16000) & 0x10);
}

static void test_storm(void **state)
{
	u64 now = 0;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		u64 r = rnd();
		u16 port = (u16)(0x40 + (r >> 8 & 3));

		now += rnd_step();
		switch (r & 7) {
		case 0:
			vpit_port61_write(pit, (u8)(r >> 32), now);
			break;
		case 1:
			vpit_port61_read(pit, now);
			break;
		case 2:
		case 3:
			vpit_read(pit, port, now);
			break;
		case 4:
			vpit_tick(pit, now);
			assert_true(vpit_next_event(pit) > now);
			break;
		default:
			vpit_write(pit, port, (u8)(r >> 32), now);
			break;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_silent_at_start, setup),
		cmocka_unit_test_setup(test_periodic_does_not_drift, setup),
		cmocka_unit_test_setup(test_missed_ticks_coalesce, setup),
		cmocka_unit_test_setup(test_rate_is_limited, setup),
		cmocka_unit_test_setup(test_one_shot, setup),
		cmocka_unit_test_setup(test_channel_2_calibration, setup),
		cmocka_unit_test_setup(test_msb_countdown, setup),
		cmocka_unit_test_setup(test_gate, setup),
		cmocka_unit_test_setup(test_latch_and_readback, setup),
		cmocka_unit_test_setup(test_square_wave_and_bcd, setup),
		cmocka_unit_test_setup(test_refresh_toggles, setup),
		cmocka_unit_test_setup(test_storm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
