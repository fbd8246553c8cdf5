// SPDX-License-Identifier: Apache-2.0
/* Emulated physical timer: arithmetic, line, next event; the virtual one while off the CPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "arch/arm64/vgic_int.h"
#include "arch/arm64/vtimer.h"
#include "tests/host/test_vgic_model.h"

static struct vtimer t;

static int setup(void **state)
{
	(void)state;
	world_init(4, 0);
	memset(&t, 0, sizeof(t));
	vtimer_init(&t, &world.cpu[0], 1000);
	return 0;
}

static bool line(void)
{
	return world.cpu[0].bank.line >> VGIC_PPI_PHYS_TIMER & 1;
}

static void test_registers(void **state)
{
	(void)state;
	assert_int_equal(vtimer_phys_read(&t, VTIMER_CTL, 5), 0);
	vtimer_phys_write(&t, VTIMER_CVAL, 0x123456789abcdef0, 5);
	assert_int_equal(vtimer_phys_read(&t, VTIMER_CVAL, 5), 0x123456789abcdef0);
	assert_int_equal(vtimer_phys_read(&t, VTIMER_TVAL, 0x10), 0x9abcdee0);
	vtimer_phys_write(&t, VTIMER_TVAL, 0xdead00000064, 500); /* the upper half is RES0 */
	assert_int_equal(vtimer_phys_read(&t, VTIMER_CVAL, 500), 600);
	assert_int_equal(vtimer_phys_read(&t, VTIMER_TVAL, 550), 50);
	assert_int_equal(vtimer_phys_read(&t, VTIMER_TVAL, 700), (u32)-100);
	vtimer_phys_write(&t, VTIMER_TVAL, (u32)-100, 500); /* signed */
	assert_int_equal(vtimer_phys_read(&t, VTIMER_CVAL, 500), 400);
	vtimer_phys_write(&t, VTIMER_TVAL, (u32)-100, 50);
	assert_int_equal(vtimer_phys_read(&t, VTIMER_CVAL, 50), (u64)-50);
	vtimer_phys_write(&t, VTIMER_CTL, ~0ull, 50);
	assert_int_equal(vtimer_phys_read(&t, VTIMER_CTL, 50), 3);
	vtimer_phys_write(&t, VTIMER_CVAL, 0, 50);
	assert_int_equal(vtimer_phys_read(&t, VTIMER_CTL, 50), 7);
	assert_false(line());
	vtimer_phys_write(&t, VTIMER_CTL, 0, 50);
	assert_int_equal(vtimer_phys_read(&t, VTIMER_CTL, 50), 0);
	assert_int_equal(vtimer_phys_read(&t, (enum vtimer_reg)7, 50), 0);
}

static void test_line(void **state)
{
	(void)state;
	vtimer_phys_write(&t, VTIMER_TVAL, 100, 1000);
	assert_int_equal(vtimer_next_event(&t), VTIMER_NEVER);
	vtimer_phys_write(&t, VTIMER_CTL, 1, 1000);
	assert_int_equal(vtimer_next_event(&t), 1100);
	vtimer_tick(&t, 1099);
	assert_false(line());
	vtimer_tick(&t, 1100);
	assert_true(line());
	assert_int_equal(vtimer_next_event(&t), VTIMER_NEVER);
	assert_int_equal(guest_ack(true), 30);
	/* It stays up until the guest sets or masks it: again after EOI. */
	guest_eoi(30, true);
	world_settle();
	assert_int_equal(guest_ack(true), 30);
	vtimer_phys_write(&t, VTIMER_CTL, 3, 1200);
	assert_false(line());
	guest_eoi(30, true);
	world_settle();
	assert_int_equal(guest_ack(true), 1023);
	vtimer_phys_write(&t, VTIMER_CTL, 1, 1200);
	assert_true(line());
	vtimer_phys_write(&t, VTIMER_TVAL, 100, 1200);
	assert_false(line());
	assert_int_equal(vtimer_next_event(&t), 1300);
	assert_int_equal(guest_ack(true), 1023);
	vtimer_phys_write(&t, VTIMER_CVAL, 7, 1200);
	assert_true(line());
	assert_int_equal(guest_ack(true), 30);
}

static void test_virtual_while_off(void **state)
{
	(void)state;
	assert_int_equal(t.offset, 1000);
	t.virt_ctl = TIMER_CTL_ENABLE;
	t.virt_cval = 500;
	assert_int_equal(vtimer_next_event(&t), 1500);
	vtimer_phys_write(&t, VTIMER_CVAL, 1400, 1000);
	vtimer_phys_write(&t, VTIMER_CTL, 1, 1000);
	assert_int_equal(vtimer_next_event(&t), 1400);
	vtimer_phys_write(&t, VTIMER_CVAL, 1600, 1000);
	assert_int_equal(vtimer_next_event(&t), 1500);
	t.loaded = true; /* its hardware tells */
	assert_int_equal(vtimer_next_event(&t), 1600);
	t.loaded = false;
	t.virt_ctl |= TIMER_CTL_IMASK;
	assert_int_equal(vtimer_next_event(&t), 1600);
	t.virt_ctl = TIMER_CTL_ENABLE;
	t.virt_cval = ~0ull;
	assert_int_equal(vtimer_next_event(&t), 1600);
	assert_false(vtimer_output(1, 500, 499));
	assert_true(vtimer_output(1, 500, 500));
	assert_true(vtimer_output(5, 500, ~0ull));
	assert_false(vtimer_output(3, 500, 501));
	assert_false(vtimer_output(0, 500, 501));
}

static void test_reset(void **state)
{
	(void)state;
	vtimer_phys_write(&t, VTIMER_CTL, 1, 5);
	assert_true(line());
	t.virt_ctl = 1;
	t.kctl = 3;
	vgic_cpu_put(&world.cpu[0]);
	vtimer_reset(&t, 77);
	vgic_reset(&world.vgic);
	assert_false(line());
	assert_int_equal(t.offset, 77);
	assert_int_equal(t.kctl, 0);
	assert_int_equal(vtimer_next_event(&t), VTIMER_NEVER);
	assert_true(world.cpu[0].bank.hw >> VGIC_PPI_VIRT_TIMER & 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_line, setup),
		cmocka_unit_test_setup(test_virtual_while_off, setup),
		cmocka_unit_test_setup(test_reset, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
