// SPDX-License-Identifier: Apache-2.0
/* PL011: what drivers do at probe and run time, interrupts, FIFOs, and random accesses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "arch/arm64/vpl011.h"

enum {
	DR = 0x00,
	RSR = 0x04,
	FR = 0x18,
	IBRD = 0x24,
	FBRD = 0x28,
	LCR_H = 0x2c,
	CR = 0x30,
	IFLS = 0x34,
	IMSC = 0x38,
	RIS = 0x3c,
	MIS = 0x40,
	ICR = 0x44,
	DMACR = 0x48,
};

#define INT_RX 0x10u
#define INT_TX 0x20u
#define INT_RT 0x40u

static struct vpl011 u;
static bool irq;
static unsigned tx_count;
static u8 tx_last;

void vpl011_irq_set(struct vpl011 *uart, bool level)
{
	assert_ptr_equal(uart, &u);
	assert_true(level != irq);
	irq = level;
}

void vpl011_tx(struct vpl011 *uart, u8 byte)
{
	assert_ptr_equal(uart, &u);
	tx_count++;
	tx_last = byte;
}

static u64 rd(u64 offset)
{
	return vpl011_read(&u, offset, 4);
}

static void wr(u64 offset, u64 val)
{
	vpl011_write(&u, offset, 4, val);
}

static int setup(void **state)
{
	(void)state;
	irq = false;
	tx_count = 0;
	vpl011_init(&u);
	return 0;
}

static void test_identification(void **state)
{
	static const u8 id[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(rd(0xfe0 + 4 * i), id[i]);
	}
}

/* An early console: no set-up, bytes by word or byte access, FR polled. */
static void test_early_console(void **state)
{
	(void)state;
	assert_int_equal(rd(FR) & 0x28, 0); /* neither TXFF nor BUSY */
	wr(DR, 'a');
	assert_int_equal(tx_last, 'a');
	vpl011_write(&u, DR, 1, 'b');
	assert_int_equal(tx_last, 'b');
	assert_int_equal(tx_count, 2);
	assert_int_equal(vpl011_read(&u, FR, 2) & 0x80, 0x80);
	assert_false(irq);
}

static void test_registers(void **state)
{
	static const struct {
		u32 offset, mask, reset;
	} rows[] = {
		{IBRD, 0xffff, 13}, {FBRD, 0x3f, 1},  {LCR_H, 0xff, 0x70}, {CR, 0xff87, 0x301},
		{IFLS, 0x3f, 0x12}, {IMSC, 0x7ff, 0}, {DMACR, 0x07, 0},    {0x20, 0xff, 0},
		{RIS, 0, 0},        {FR, 0, 0x97},    {RSR, 0, 0},         {0x4c, 0, 0},
		{0x80, 0, 0},       {0xfdc, 0, 0},    {0xfe0, 0, 0x11},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		setup(state);
		assert_int_equal(rd(rows[i].offset), rows[i].reset);
		wr(rows[i].offset, 0xffffffff);
		if (rows[i].mask) {
			assert_int_equal(rd(rows[i].offset), rows[i].mask);
		} else {
			assert_int_equal(rd(rows[i].offset), rows[i].reset);
		}
	}
}

/* Linux' transmitter: bytes are written, the interrupt asks for more until it is masked. */
static void test_tx_interrupt(void **state)
{
	(void)state;
	wr(IMSC, INT_TX);
	assert_false(irq); /* nothing has left the FIFO yet */
	wr(DR, 'a');
	assert_true(irq);
	assert_int_equal(rd(MIS), INT_TX);
	wr(ICR, INT_TX);
	assert_false(irq);
	wr(DR, 'b');
	assert_true(irq);
	wr(IMSC, 0);
	assert_false(irq);
	assert_int_equal(rd(RIS), INT_TX);
	wr(IMSC, INT_TX);
	assert_true(irq);
}

static void test_rx_fifo(void **state)
{
	static const u8 level[5] = {2, 4, 8, 12, 14};

	(void)state;
	for (u8 l = 0; l < 5; l++) {
		setup(state);
		wr(IFLS, (u64)l << 3);
		for (u8 i = 0; i < 16; i++) {
			assert_true(vpl011_rx(&u, (u8)(i + 1)));
			assert_int_equal(rd(RIS), INT_RT | (i + 1 >= level[l] ? INT_RX : 0));
		}
		assert_false(vpl011_can_rx(&u));
		assert_false(vpl011_rx(&u, 99));
		assert_int_equal(rd(FR) & 0x50, 0x40);
		wr(IMSC, INT_RX);
		for (u8 i = 0; i < 16; i++) {
			assert_int_equal(irq, 16 - i >= level[l]);
			assert_int_equal(rd(DR), i + 1);
		}
		assert_int_equal(rd(FR) & 0x50, 0x10);
		assert_int_equal(rd(DR), 0);
		assert_int_equal(rd(RIS), 0);
	}
}

/* A byte that came before the driver was ready is not lost by clearing its interrupt. */
static void test_rx_timeout_stays(void **state)
{
	(void)state;
	assert_true(vpl011_rx(&u, 'x'));
	wr(ICR, 0x7ff);
	wr(IMSC, INT_RX | INT_RT);
	assert_true(irq);
	assert_int_equal(rd(DR), 'x');
	assert_false(irq);
}

static void test_character_mode(void **state)
{
	(void)state;
	assert_true(vpl011_rx(&u, 1));
	wr(LCR_H, 0x60); /* FIFOs off: what they held is gone */
	assert_int_equal(rd(FR) & 0x50, 0x10);
	assert_true(vpl011_rx(&u, 2));
	assert_false(vpl011_rx(&u, 3));
	assert_int_equal(rd(RIS), INT_RX | INT_RT);
	assert_int_equal(rd(DR), 2);
}

static void test_disabled_receiver(void **state)
{
	static const u32 off[] = {0, 0x300, 0x101, 0x381};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(off); i++) {
		wr(CR, off[i]);
		assert_false(vpl011_can_rx(&u));
		assert_false(vpl011_rx(&u, 1));
	}
	wr(CR, 0x301);
	assert_true(vpl011_rx(&u, 1));
}

static void test_loopback(void **state)
{
	(void)state;
	wr(CR, 0x381);
	assert_int_equal(rd(FR) & 0x107, 0);
	assert_int_equal(rd(RIS), 0x0e); /* CTS, DCD, DSR fell */
	wr(ICR, 0x0e);
	assert_int_equal(rd(RIS), 0);
	wr(CR, 0x3f81);
	assert_int_equal(rd(FR) & 0x107, 0x107);
	for (unsigned i = 0; i < 17; i++) {
		wr(DR, i);
	}
	assert_int_equal(tx_count, 0);
	assert_int_equal(rd(RIS) & 0x400, 0x400);
	assert_int_equal(rd(RSR), 0x08);
	assert_int_equal(rd(DR), 0x800);
	wr(RSR, 0);
	assert_int_equal(rd(DR), 1);
	wr(ICR, 0x400);
	assert_int_equal(rd(RIS) & 0x400, 0);
}

static void test_odd_accesses(void **state)
{
	(void)state;
	assert_true(vpl011_rx(&u, 'x'));
	for (unsigned i = 1; i < 4; i++) {
		assert_int_equal(vpl011_read(&u, DR + i, 1), 0);
		vpl011_write(&u, DR + i, 1, 'y');
	}
	assert_int_equal(tx_count, 0);
	assert_int_equal(vpl011_read(&u, DR, 0), 0);
	assert_int_equal(vpl011_read(&u, CR, 1), 0x01);
	assert_int_equal(vpl011_read(&u, CR, 2), 0x301);
	assert_int_equal(vpl011_read(&u, CR, 8), 0x301);
	assert_int_equal(vpl011_read(&u, ~(u64)0, 8), 0);
	assert_int_equal(vpl011_read(&u, ~(u64)3, 8), 0);
	vpl011_write(&u, ~(u64)3, 8, ~(u64)0);
	assert_int_equal(vpl011_read(&u, DR, 8), 'x');
	vpl011_write(&u, IBRD, 8, 0x1234500000007ull);
	assert_int_equal(rd(IBRD), 7);
	assert_int_equal(rd(FBRD), 1);
}

static u64 rnd(void)
{
	static u64 x = 88172645463325252ull;

	x ^= x << 13;
	x ^= x >> 7;
	return x ^= x << 17;
}

/* After every step: the output is the masked status, FR tells the FIFO, no byte is lost. */
static void test_storm(void **state)
{
	u8 expected = 0, offered = 0;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		u64 r = rnd();
		u64 offset = r >> 8 & 1 ? (r >> 10 & 0x1f) * 4 : r >> 10 & 0x1fff;

		if ((r & 3) == 0) {
			vpl011_write(&u, offset, (u32)(r >> 3 & 15), r >> 30);
		} else if ((r & 3) == 1) {
			vpl011_read(&u, offset, (u32)(r >> 3 & 15));
		} else {
			assert_true(vpl011_can_rx(&u) == vpl011_rx(&u, (u8)r));
		}
		assert_true(u.rx_count <= VPL011_FIFO);
		assert_true(irq == (rd(MIS) != 0));
		assert_int_equal(rd(MIS), rd(RIS) & rd(IMSC));
		assert_int_equal((rd(FR) & 0x10) != 0, u.rx_count == 0);
		assert_int_equal((rd(RIS) & INT_RT) != 0, u.rx_count != 0);
	}
	setup(state);
	irq = false;
	for (unsigned i = 0; i < 100000; i++) {
		if (rnd() & 1) {
			offered = (u8)(offered + vpl011_rx(&u, offered));
		} else if (!(rd(FR) & 0x10)) {
			assert_int_equal(rd(DR), expected++);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_identification, setup),
		cmocka_unit_test_setup(test_early_console, setup),
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_tx_interrupt, setup),
		cmocka_unit_test_setup(test_rx_fifo, setup),
		cmocka_unit_test_setup(test_rx_timeout_stays, setup),
		cmocka_unit_test_setup(test_character_mode, setup),
		cmocka_unit_test_setup(test_disabled_receiver, setup),
		cmocka_unit_test_setup(test_loopback, setup),
		cmocka_unit_test_setup(test_odd_accesses, setup),
		cmocka_unit_test_setup(test_storm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
