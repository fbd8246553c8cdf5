// SPDX-License-Identifier: Apache-2.0
/* PL031: the clock, the match interrupt, and random accesses against a model by the second. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arch/arm64/vpl031.h"

enum {
	DR = 0x00,
	MR = 0x04,
	LR = 0x08,
	CR = 0x0c,
	IMSC = 0x10,
	RIS = 0x14,
	MIS = 0x18,
	ICR = 0x1c
};

#define S     1000000000ull
#define NEVER (~(u64)0)
#define EPOCH 1700000000u

static struct vpl031 rtc;
static bool irq;

void vpl031_irq_set(struct vpl031 *clock, bool level)
{
	assert_ptr_equal(clock, &rtc);
	assert_true(level != irq);
	irq = level;
}

static u64 rd(u64 offset, u64 now_ns)
{
	return vpl031_read(&rtc, offset, 4, now_ns);
}

static void wr(u64 offset, u64 val, u64 now_ns)
{
	vpl031_write(&rtc, offset, 4, val, now_ns);
}

static int setup(void **state)
{
	(void)state;
	irq = false;
	vpl031_init(&rtc, EPOCH, 5 * S);
	return 0;
}

static void test_identification(void **state)
{
	static const u8 id[8] = {0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(rd(0xfe0 + 4 * i, 5 * S), id[i]);
	}
	assert_int_equal(rd(CR, 5 * S), 1);
	wr(CR, 0, 5 * S);
	assert_int_equal(rd(CR, 5 * S), 1);
}

static void test_counts(void **state)
{
	(void)state;
	assert_int_equal(rd(DR, 5 * S), EPOCH);
	assert_int_equal(rd(DR, 6 * S - 1), EPOCH);
	assert_int_equal(rd(DR, 6 * S), EPOCH + 1);
	wr(LR, 1000, 10 * S);
	assert_int_equal(rd(LR, 10 * S), 1000);
	assert_int_equal(rd(DR, 10 * S), 1000);
	assert_int_equal(rd(DR, 25 * S), 1015);
	wr(LR, 0xffffffff, 30 * S);
	assert_int_equal(rd(DR, 31 * S), 0); /* wraps */
	wr(DR, 7, 31 * S);
	assert_int_equal(rd(DR, 31 * S), 0);
}

static void test_match(void **state)
{
	(void)state;
	assert_int_equal(vpl031_next_event(&rtc), NEVER);
	wr(IMSC, 1, 5 * S);
	wr(MR, EPOCH + 10, 5 * S + 7);
	assert_int_equal(vpl031_next_event(&rtc), 15 * S);
	vpl031_tick(&rtc, 15 * S - 1);
	assert_false(irq);
	vpl031_tick(&rtc, 15 * S);
	assert_true(irq);
	assert_int_equal(rd(RIS, 16 * S), 1);
	assert_int_equal(rd(MIS, 16 * S), 1);
	assert_int_equal(vpl031_next_event(&rtc), NEVER);
	wr(ICR, 1, 16 * S);
	assert_false(irq);
	assert_int_equal(vpl031_next_event(&rtc), (15 + (1ull << 32)) * S);
	wr(MR, EPOCH + 12, 17 * S); /* it is that now */
	assert_true(irq);
	wr(IMSC, 0, 17 * S);
	assert_false(irq);
	assert_int_equal(rd(RIS, 17 * S), 1);
	assert_int_equal(rd(MIS, 17 * S), 0);
}

/* Nobody ticks while it is masked; the status is right when looked at. */
static void test_match_while_masked(void **state)
{
	(void)state;
	wr(MR, EPOCH + 10, 5 * S);
	assert_int_equal(vpl031_next_event(&rtc), NEVER);
	assert_int_equal(rd(RIS, 14 * S), 0);
	assert_int_equal(rd(RIS, 100 * S), 1);
	wr(IMSC, 1, 100 * S);
	assert_true(irq);
}

static void test_far_times(void **state)
{
	(void)state;
	vpl031_init(&rtc, ~(u64)0, NEVER);
	assert_int_equal(rd(DR, NEVER), 0xffffffff);
	wr(IMSC, 1, NEVER);
	wr(MR, 0xfffffffe, NEVER);
	assert_int_equal(vpl031_next_event(&rtc), NEVER);
}

static u64 rnd(void)
{
	static u64 x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* A model that counts: time advances by at most 3 seconds, so it can go through each. */
static void test_against_model(void **state)
{
	u32 counter = EPOCH, match = 0;
	bool raw = false, enabled = false;
	u64 now = 5 * S;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		u64 r = rnd(), step = r % (3 * S), second = now / S;
		u32 val = counter + (u32)(r >> 40) % 4;

		now += step;
		for (; second < now / S; second++) {
			counter++;
			raw |= counter == match;
		}
		if (vpl031_next_event(&rtc) <= now) {
			vpl031_tick(&rtc, now);
		}
		assert_int_equal(irq, raw && enabled);
		switch (r >> 32 & 7) {
		case 0:
			wr(MR, val, now);
			match = val;
			raw |= counter == match;
			break;
		case 1:
			wr(LR, val, now);
			counter = val;
			raw |= counter == match;
			break;
		case 2:
			wr(IMSC, val, now);
			enabled = val & 1;
			break;
		case 3:
			wr(ICR, val, now);
			raw &= !(val & 1);
			break;
		case 4:
			vpl031_write(&rtc, 0x20 + (r >> 36 & 0xffff), r >> 52 & 15, r, now);
			break;
		case 5:
			(void)vpl031_read(&rtc, r >> 36, r >> 52 & 15, now);
			break;
		default:
			break;
		}
		assert_int_equal(rd(DR, now), counter);
		assert_int_equal(rd(RIS, now), raw);
		assert_int_equal(rd(MIS, now), raw && enabled);
		assert_int_equal(irq, raw && enabled);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_identification, setup),
		cmocka_unit_test_setup(test_counts, setup),
		cmocka_unit_test_setup(test_match, setup),
		cmocka_unit_test_setup(test_match_while_masked, setup),
		cmocka_unit_test_setup(test_far_times, setup),
		cmocka_unit_test_setup(test_against_model, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
