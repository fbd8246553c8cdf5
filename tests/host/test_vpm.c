// SPDX-License-Identifier: Apache-2.0
/* ACPI PM block: timer rate and wrap, status and enable, power button, S5, random accesses. */
#include "tests/host/vplatform_fake.h"

#include "arch/x86/vplatform.h"

#define NEVER (~(u64)0)
#define WRAP  (((u64)1 << 31) * S / VPM_TMR_HZ) /* half of the timer's range, in ns */

static struct vplatform vp;
static struct vpm *const pm = &vp.pm;
static struct fake_irq irqs;
static unsigned power_offs;

void vplatform_irq_set(struct vplatform *platform, unsigned gsi, bool level)
{
	assert_ptr_equal(platform, &vp);
	fake_irq_record(&irqs, gsi, level);
}

void vplatform_shutdown(struct vplatform *platform, enum vplatform_end end)
{
	assert_ptr_equal(platform, &vp);
	assert_int_equal(end, VPLATFORM_POWER_OFF);
	power_offs++;
}

static int setup(void **state)
{
	(void)state;
	memset(&irqs, 0, sizeof(irqs));
	power_offs = 0;
	vpm_init(pm);
	return 0;
}

static void test_timer_rate(void **state)
{
	u32 before;

	(void)state;
	assert_int_equal(vpm_read(pm, 0x608, 4, 1ull * S), VPM_TMR_HZ);
	assert_int_equal(vpm_read(pm, 0x608, 4, 10ull * S), 10 * VPM_TMR_HZ);
	/* A million seconds on, still exact to the clock, modulo 2^32. */
	assert_int_equal(vpm_read(pm, 0x608, 4, 1000000ull * S), (u32)(1000000ull * VPM_TMR_HZ));
	before = vpm_read(pm, 0x608, 4, 5 * MS);
	assert_int_equal(vpm_read(pm, 0x608, 2, 5 * MS), before & 0xffff);
	assert_int_equal(vpm_read(pm, 0x609, 1, 5 * MS), before >> 8 & 0xff);
}

static void test_timer_status(void **state)
{
	(void)state;
	assert_int_equal(vpm_read(pm, 0x600, 2, WRAP - 1000), 0);
	assert_int_equal(vpm_read(pm, 0x600, 2, WRAP + 1000), 1);
	assert_false(irqs.level[VIRQ_SCI]);
	vpm_write(pm, 0x602, 2, 1, WRAP + 2000);
	assert_true(irqs.level[VIRQ_SCI]);
	assert_true(vpm_next_event(pm) == NEVER);
	vpm_write(pm, 0x600, 2, 1, WRAP + 3000);
	assert_false(irqs.level[VIRQ_SCI]);
	assert_in_range(vpm_next_event(pm), 2 * WRAP - 1000, 2 * WRAP + 1000);
	vpm_tick(pm, vpm_next_event(pm));
	assert_true(irqs.level[VIRQ_SCI]);
}

static void test_power_button(void **state)
{
	(void)state;
	vpm_power_button(pm);
	assert_false(irqs.level[VIRQ_SCI]);
	vpm_write(pm, 0x602, 2, 0x100, 0);
	assert_true(irqs.level[VIRQ_SCI]);
	assert_int_equal(vpm_read(pm, 0x600, 4, 0), 0x01000100);
	vpm_write(pm, 0x601, 1, 0x01, 0);
	assert_false(irqs.level[VIRQ_SCI]);
	assert_int_equal(vpm_read(pm, 0x600, 4, 0), 0x01000000);
	vpm_power_button(pm);
	assert_true(irqs.level[VIRQ_SCI]);
}

static void test_control(void **state)
{
	(void)state;
	assert_int_equal(vpm_read(pm, 0x604, 2, 0), 1); /* SCI_EN */
	vpm_write(pm, 0x604, 2, 0x1402, 0);
	assert_int_equal(vpm_read(pm, 0x604, 2, 0), 0x1403);
	vpm_write(pm, 0x604, 2, 0x3400, 0); /* not S5 */
	assert_int_equal(power_offs, 0);
	vpm_write(pm, 0x604, 2, 0x0001, 0);
	assert_int_equal(power_offs, 0);
	vpm_write(pm, 0x604, 2, 0x2001, 0);
	assert_int_equal(power_offs, 1);
	vpm_write(pm, 0x605, 1, 0x20, 0);
	assert_int_equal(power_offs, 2);
}

static void test_storm(void **state)
{
	u64 now = 0;

	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		u64 r = rnd();
		u16 port = (u16)(0x600 + (r >> 8) % 12);
		unsigned size = (unsigned)(r >> 16 & 7);

		now += rnd_step();
		if (r & 1) {
			vpm_write(pm, port, size, (u32)(r >> 32), now);
		} else if (r & 2) {
			vpm_read(pm, port, size, now);
		} else {
			vpm_tick(pm, now);
			assert_true(vpm_next_event(pm) > now);
		}
		assert_true(irqs.level[VIRQ_SCI] == ((pm->sts & pm->en) != 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_timer_rate, setup),
		cmocka_unit_test_setup(test_timer_status, setup),
		cmocka_unit_test_setup(test_power_button, setup),
		cmocka_unit_test_setup(test_control, setup),
		cmocka_unit_test_setup(test_storm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
