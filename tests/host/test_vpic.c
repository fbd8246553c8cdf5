// SPDX-License-Identifier: Apache-2.0
/* 8259 pair: initialisation, priorities, cascade, EOI forms, poll, ELCR, random accesses. */
#include "tests/host/vplatform_fake.h"

#include "arch/x86/vplatform.h"

static struct vplatform vp;
static struct vpic *const p = &vp.pic;
static bool intr;

void vplatform_intr_set(struct vplatform *platform, bool level)
{
	assert_ptr_equal(platform, &vp);
	assert_true(level != intr);
	intr = level;
}

/* Vectors 0x20.. and 0x28.., all unmasked. */
static void pc_init(u8 icw4)
{
	vpic_write(p, 0x20, 0x11);
	vpic_write(p, 0x21, 0x20);
	vpic_write(p, 0x21, 0x04);
	vpic_write(p, 0x21, icw4);
	vpic_write(p, 0xa0, 0x11);
	vpic_write(p, 0xa1, 0x28);
	vpic_write(p, 0xa1, 0x02);
	vpic_write(p, 0xa1, icw4);
	vpic_write(p, 0x21, 0);
	vpic_write(p, 0xa1, 0);
}

static int setup(void **state)
{
	(void)state;
	intr = false;
	vpic_init(p);
	pc_init(0x01);
	return 0;
}

static void pulse(unsigned irq)
{
	vpic_set_irq(p, irq, false);
	vpic_set_irq(p, irq, true);
}

static void test_masked_at_start(void **state)
{
	(void)state;
	vpic_init(p);
	assert_int_equal(vpic_read(p, 0x21), 0xff);
	for (unsigned i = 0; i < 16; i++) {
		vpic_set_irq(p, i, true);
	}
	assert_false(intr);
}

/* Whether there is an 8259: the mask register holds what is written. */
static void test_probe(void **state)
{
	(void)state;
	vpic_write(p, 0xa1, 0xff);
	vpic_write(p, 0x21, 0xfb);
	assert_int_equal(vpic_read(p, 0x21), 0xfb);
	assert_int_equal(vpic_read(p, 0xa1), 0xff);
}

static void test_priority_and_eoi(void **state)
{
	(void)state;
	pulse(4);
	assert_true(intr);
	assert_int_equal(vpic_peek(p), 0x24);
	assert_int_equal(vpic_ack(p), 0x24);
	assert_false(intr);
	pulse(5);
	assert_false(intr); /* lower than what is in service */
	pulse(1);
	assert_true(intr);
	assert_int_equal(vpic_ack(p), 0x21);
	vpic_write(p, 0x20, 0x0b);
	assert_int_equal(vpic_read(p, 0x20), 0x12);
	vpic_write(p, 0x20, 0x20); /* ends 1, then 4 */
	assert_int_equal(vpic_read(p, 0x20), 0x10);
	vpic_write(p, 0x20, 0x64);
	assert_int_equal(vpic_ack(p), 0x25);
}

static void test_cascade(void **state)
{
	(void)state;
	pulse(8);
	pulse(12);
	assert_int_equal(vpic_ack(p), 0x28);
	assert_false(intr);
	vpic_write(p, 0xa0, 0x20);
	assert_false(intr); /* the master still serves input 2 */
	vpic_write(p, 0x20, 0x20);
	assert_true(intr);
	assert_int_equal(vpic_ack(p), 0x2c);
	pulse(3);
	assert_false(intr);
	pulse(0);
	assert_int_equal(vpic_ack(p), 0x20);
}

static void test_slave_auto_eoi(void **state)
{
	(void)state;
	pc_init(0x03);
	pulse(9);
	pulse(10);
	assert_int_equal(vpic_ack(p), 0x29);
	assert_true(intr);
	assert_int_equal(vpic_ack(p), 0x2a);
	assert_false(intr);
}

static void test_edge_withdrawn(void **state)
{
	(void)state;
	pulse(6);
	vpic_set_irq(p, 6, false);
	assert_false(intr);
	assert_int_equal(vpic_ack(p), 0x27); /* spurious */
	vpic_write(p, 0x20, 0x0b);
	assert_int_equal(vpic_read(p, 0x20), 0);
}

static void test_edge_once(void **state)
{
	(void)state;
	vpic_set_irq(p, 3, true);
	assert_int_equal(vpic_ack(p), 0x23);
	vpic_write(p, 0x20, 0x20);
	assert_false(intr); /* still high: no new edge */
	vpic_set_irq(p, 3, true);
	assert_false(intr);
}

static void test_level(void **state)
{
	(void)state;
	vpic_write(p, 0x4d0, 0xff);
	vpic_write(p, 0x4d1, 0xff);
	assert_int_equal(vpic_read(p, 0x4d0), 0xf8);
	assert_int_equal(vpic_read(p, 0x4d1), 0xde);
	vpic_set_irq(p, 11, true);
	assert_int_equal(vpic_ack(p), 0x2b);
	vpic_write(p, 0xa0, 0x20);
	vpic_write(p, 0x20, 0x20);
	assert_true(intr);
	vpic_set_irq(p, 11, false);
	assert_false(intr);
}

static void test_rotation(void **state)
{
	(void)state;
	vpic_write(p, 0x20, 0xc0 | 3); /* 4 is now the highest */
	pulse(0);
	pulse(4);
	assert_int_equal(vpic_ack(p), 0x24);
	vpic_write(p, 0x20, 0xa0); /* ends it and makes it the lowest */
	pulse(4);
	assert_int_equal(vpic_ack(p), 0x20);
	vpic_write(p, 0x20, 0x20);
	assert_int_equal(vpic_ack(p), 0x24);
}

static void test_special_mask(void **state)
{
	(void)state;
	pulse(1);
	assert_int_equal(vpic_ack(p), 0x21);
	pulse(5);
	assert_false(intr);
	vpic_write(p, 0x20, 0x68);
	vpic_write(p, 0x21, 0x02); /* 1 in service and masked blocks nobody */
	assert_true(intr);
	assert_int_equal(vpic_ack(p), 0x25);
}

static void test_special_fully_nested(void **state)
{
	(void)state;
	pc_init(0x11);
	pulse(12);
	assert_int_equal(vpic_ack(p), 0x2c);
	pulse(8);
	assert_true(intr);
	assert_int_equal(vpic_ack(p), 0x28);
}

static void test_poll(void **state)
{
	(void)state;
	vpic_write(p, 0x20, 0x0c);
	assert_int_equal(vpic_read(p, 0x20), 0);
	pulse(6);
	vpic_write(p, 0x20, 0x0c);
	assert_int_equal(vpic_read(p, 0x20), 0x86);
	assert_false(intr);
	pulse(8);
	vpic_write(p, 0xa0, 0x0c);
	assert_int_equal(vpic_read(p, 0xa0), 0x80);
	vpic_write(p, 0xa0, 0x0b);
	assert_int_equal(vpic_read(p, 0xa0), 0x01);
}

static void test_no_interrupt_during_init(void **state)
{
	(void)state;
	vpic_write(p, 0x20, 0x11);
	pulse(1);
	assert_false(intr);
	vpic_write(p, 0x21, 0x40);
	vpic_write(p, 0x21, 0x04);
	vpic_write(p, 0x21, 0x01);
	assert_true(intr);
	assert_int_equal(vpic_ack(p), 0x41);
}

static void test_storm(void **state)
{
	static const u16 ports[] = {0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1};

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		u64 r = rnd();
		u16 port = ports[(r >> 8) % ARRAY_SIZE(ports)];
		u8 peeked;

		switch (r & 3) {
		case 0:
			vpic_write(p, port, (u8)(r >> 32));
			break;
		case 1:
			vpic_read(p, port);
			break;
		case 2:
			vpic_set_irq(p, r >> 32 & 31, r >> 40 & 1);
			break;
		default:
			peeked = vpic_peek(p);
			assert_int_equal(vpic_ack(p), peeked);
			break;
		}
		assert_true(intr == vpic_output(p));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_masked_at_start, setup),
		cmocka_unit_test_setup(test_probe, setup),
		cmocka_unit_test_setup(test_priority_and_eoi, setup),
		cmocka_unit_test_setup(test_cascade, setup),
		cmocka_unit_test_setup(test_slave_auto_eoi, setup),
		cmocka_unit_test_setup(test_edge_withdrawn, setup),
		cmocka_unit_test_setup(test_edge_once, setup),
		cmocka_unit_test_setup(test_level, setup),
		cmocka_unit_test_setup(test_rotation, setup),
		cmocka_unit_test_setup(test_special_mask, setup),
		cmocka_unit_test_setup(test_special_fully_nested, setup),
		cmocka_unit_test_setup(test_poll, setup),
		cmocka_unit_test_setup(test_no_interrupt_during_init, setup),
		cmocka_unit_test_setup(test_storm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
