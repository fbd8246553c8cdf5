// SPDX-License-Identifier: Apache-2.0
/* 16550A: what drivers check at probe, interrupts, FIFOs, and random accesses. */
#include "tests/host/vplatform_fake.h"

#include "vmm/vuart.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR };

static struct vuart u;
static bool irq;
static unsigned irq_edges, tx_count;
static u8 tx_last;

void vuart_irq_set(struct vuart *uart, bool level)
{
	assert_ptr_equal(uart, &u);
	assert_true(level != irq);
	irq = level;
	irq_edges += level;
}

void vuart_tx(struct vuart *uart, u8 byte)
{
	assert_ptr_equal(uart, &u);
	tx_count++;
	tx_last = byte;
}

static int setup(void **state)
{
	(void)state;
	irq = false;
	irq_edges = tx_count = 0;
	vuart_init(&u);
	return 0;
}

static void test_registers(void **state)
{
	(void)state;
	vuart_write(&u, SCR, 0x5a);
	assert_int_equal(vuart_read(&u, SCR), 0x5a);
	vuart_write(&u, IER, 0xff);
	assert_int_equal(vuart_read(&u, IER), 0x0f);
	vuart_write(&u, LCR, 0x83);
	vuart_write(&u, DATA, 12);
	vuart_write(&u, IER, 1);
	assert_int_equal(vuart_read(&u, DATA), 12);
	assert_int_equal(vuart_read(&u, IER), 1);
	vuart_write(&u, LCR, 0x03);
	assert_int_equal(vuart_read(&u, IER), 0x0f);
	assert_int_equal(tx_count, 0);
	assert_int_equal(vuart_read(&u, LSR), 0x60);
	assert_int_equal(vuart_read(&u, MSR), 0xb0);
}

/* The steps of a driver that tells 8250, 16450, 16550, 16550A, 16650, 16750 and XScale apart. */
static void test_probe_as_16550a(void **state)
{
	(void)state;
	vuart_write(&u, MCR, 0x1a); /* loopback, RTS, OUT2 */
	assert_int_equal(vuart_read(&u, MSR) & 0xf0, 0x90);
	vuart_write(&u, MCR, 0);
	assert_int_equal(vuart_read(&u, IIR) & 0xc0, 0);
	vuart_write(&u, IIR, 0x01);
	assert_int_equal(vuart_read(&u, IIR) & 0xc0, 0xc0);
	vuart_write(&u, LCR, 0x80); /* 16650: EFR, 16750: 64-byte FIFO */
	assert_int_not_equal(vuart_read(&u, IIR), 0);
	vuart_write(&u, IIR, 0x21);
	assert_int_equal(vuart_read(&u, IIR) >> 5, 6);
	vuart_write(&u, LCR, 0);
	vuart_write(&u, IER, 0x40); /* XScale: UART unit enable */
	assert_int_equal(vuart_read(&u, IER), 0);
}

static void test_loopback_data(void **state)
{
	(void)state;
	vuart_write(&u, MCR, 0x10);
	assert_false(vuart_can_rx(&u));
	vuart_write(&u, DATA, 0xae);
	assert_int_equal(tx_count, 0);
	assert_int_equal(vuart_read(&u, LSR), 0x61);
	assert_int_equal(vuart_read(&u, DATA), 0xae);
	vuart_write(&u, MCR, 0);
	vuart_write(&u, DATA, 'x');
	assert_int_equal(tx_count, 1);
	assert_int_equal(tx_last, 'x');
}

static void test_modem_deltas(void **state)
{
	(void)state;
	vuart_write(&u, IER, 0x08);
	vuart_write(&u, MCR, 0x10); /* CTS, DSR, DCD fall */
	assert_true(irq);
	assert_int_equal(vuart_read(&u, IIR), 0x00);
	assert_int_equal(vuart_read(&u, MSR), 0x0b);
	assert_false(irq);
	vuart_write(&u, MCR, 0x14); /* RI rises: no trailing edge */
	assert_int_equal(vuart_read(&u, MSR), 0x40);
	vuart_write(&u, MCR, 0x10);
	assert_int_equal(vuart_read(&u, MSR), 0x04);
}

static void test_tx_interrupt(void **state)
{
	(void)state;
	assert_int_equal(vuart_read(&u, IIR), 0x01);
	for (unsigned i = 0; i < 3; i++) { /* every enable reports the empty THR */
		vuart_write(&u, IER, 0x02);
		assert_true(irq);
		assert_int_equal(vuart_read(&u, IIR), 0x02);
		assert_false(irq);
		assert_int_equal(vuart_read(&u, IIR), 0x01);
		vuart_write(&u, IER, 0);
	}
	vuart_write(&u, IER, 0x02);
	irq_edges = 0;
	vuart_write(&u, DATA, 'a'); /* each byte sent is a new edge, IIR read or not */
	vuart_write(&u, DATA, 'b');
	assert_int_equal(irq_edges, 2);
	vuart_write(&u, IER, 0);
	assert_false(irq);
}

static void test_rx_fifo(void **state)
{
	(void)state;
	vuart_write(&u, IIR, 0x81); /* FIFO, trigger at 8 */
	vuart_write(&u, IER, 0x01);
	for (u8 i = 0; i < 16; i++) {
		assert_true(vuart_rx(&u, (u8)(i + 1)));
		assert_int_equal(vuart_read(&u, IIR), i < 7 ? 0xcc : 0xc4);
	}
	assert_false(vuart_can_rx(&u));
	assert_false(vuart_rx(&u, 99));
	for (u8 i = 0; i < 16; i++) {
		assert_true(irq);
		assert_int_equal(vuart_read(&u, LSR), 0x61);
		assert_int_equal(vuart_read(&u, DATA), i + 1);
	}
	assert_false(irq);
	assert_int_equal(vuart_read(&u, LSR), 0x60);
	assert_true(vuart_rx(&u, 1));
	vuart_write(&u, IIR, 0x03);
	assert_int_equal(vuart_read(&u, LSR), 0x60);
	vuart_write(&u, IIR, 0x00); /* 16450 mode: one byte */
	assert_true(vuart_rx(&u, 1));
	assert_false(vuart_rx(&u, 2));
}

static void test_priorities(void **state)
{
	(void)state;
	vuart_write(&u, MCR, 0x10);
	vuart_write(&u, DATA, 1);
	vuart_write(&u, DATA, 2); /* overrun in 16450 mode */
	vuart_write(&u, IER, 0x0f);
	assert_int_equal(vuart_read(&u, IIR), 0x06);
	assert_int_equal(vuart_read(&u, LSR), 0x63);
	assert_int_equal(vuart_read(&u, IIR), 0x04);
	assert_int_equal(vuart_read(&u, DATA), 1);
	assert_int_equal(vuart_read(&u, IIR), 0x02);
	assert_int_equal(vuart_read(&u, IIR), 0x00);
	vuart_read(&u, MSR);
	assert_int_equal(vuart_read(&u, IIR), 0x01);
	assert_false(irq);
}

static void test_storm(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		u64 r = rnd();

		if (r & 1) {
			vuart_write(&u, (unsigned)(r >> 1), (u8)(r >> 40));
		} else if (r & 2) {
			vuart_read(&u, (unsigned)(r >> 2));
		} else {
			assert_true(vuart_can_rx(&u) == vuart_rx(&u, (u8)r));
		}
		assert_true(u.rx_count <= VUART_FIFO);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_probe_as_16550a, setup),
		cmocka_unit_test_setup(test_loopback_data, setup),
		cmocka_unit_test_setup(test_modem_deltas, setup),
		cmocka_unit_test_setup(test_tx_interrupt, setup),
		cmocka_unit_test_setup(test_rx_fifo, setup),
		cmocka_unit_test_setup(test_priorities, setup),
		cmocka_unit_test_setup(test_storm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
