// SPDX-License-Identifier: Apache-2.0
/* IOAPIC: registers, edge and level pins, remote IRR, masks, destinations, random accesses. */
#include "tests/host/vplatform_fake.h"

#include "arch/x86/vplatform.h"

static struct vplatform vp;
static struct vioapic *const io = &vp.ioapic;
static struct apic_msg last;
static unsigned sent;
static bool accept;

bool vplatform_apic_send(struct vplatform *platform, const struct apic_msg *msg)
{
	assert_ptr_equal(platform, &vp);
	last = *msg;
	sent++;
	return accept;
}

static int setup(void **state)
{
	(void)state;
	sent = 0;
	accept = true;
	vioapic_init(io);
	return 0;
}

static u32 get(u8 index)
{
	vioapic_write(io, 0x00, 4, index);
	return vioapic_read(io, 0x10, 4);
}

static void set(u8 index, u32 val)
{
	vioapic_write(io, 0x00, 4, index);
	vioapic_write(io, 0x10, 4, val);
}

static void test_registers(void **state)
{
	(void)state;
	assert_int_equal(get(1), 0x00170011);
	set(0, 0xffffffff);
	assert_int_equal(get(0), 0x0f000000);
	for (u8 pin = 0; pin < 24; pin++) {
		assert_int_equal(get((u8)(0x10 + 2 * pin)), 0x10000);
		set((u8)(0x10 + 2 * pin), 0xffffffff);
		set((u8)(0x11 + 2 * pin), 0xffffffff);
		assert_int_equal(get((u8)(0x10 + 2 * pin)), 0x1afff); /* no status, no remote IRR */
		assert_int_equal(get((u8)(0x11 + 2 * pin)), 0xff000000);
	}
	assert_int_equal(get(0x40), 0);
	assert_int_equal(get(0xff), 0);
	set(0xff, 1);
	assert_int_equal(vioapic_read(io, 0x40, 4), 0);
	assert_int_equal(sent, 0);
}

static void test_edge(void **state)
{
	(void)state;
	vioapic_set_pin(io, 4, true); /* masked: lost */
	set(0x19, 5u << 24);
	set(0x18, 0x44 | 1u << 8 | 1u << 11);
	assert_int_equal(sent, 0);
	vioapic_set_pin(io, 4, true);
	assert_int_equal(sent, 0);
	vioapic_set_pin(io, 4, false);
	vioapic_set_pin(io, 4, true);
	assert_int_equal(sent, 1);
	assert_int_equal(last.vector, 0x44);
	assert_int_equal(last.dest, 5);
	assert_int_equal(last.mode, APIC_MODE_LOWEST);
	assert_true(last.logical);
	assert_false(last.level || last.wide);
	assert_int_equal(get(0x18) & 1u << 14, 0);
	vioapic_set_pin(io, 24, true);
	vioapic_set_pin(io, ~0u, true);
}

static void test_level(void **state)
{
	(void)state;
	set(0x10 + 2 * 9, 0x59 | 1u << 15);
	vioapic_set_pin(io, 9, true);
	assert_int_equal(sent, 1);
	assert_true(last.level);
	assert_int_equal(get(0x10 + 2 * 9), 0x59 | 3u << 14);
	vioapic_set_pin(io, 9, false);
	vioapic_set_pin(io, 9, true);
	assert_int_equal(sent, 1); /* remote IRR holds it back */
	vioapic_eoi(io, 0x58);
	assert_int_equal(sent, 1);
	vioapic_eoi(io, 0x59);
	assert_int_equal(sent, 2); /* still asserted */
	vioapic_set_pin(io, 9, false);
	vioapic_eoi(io, 0x59);
	assert_int_equal(sent, 2);
	assert_int_equal(get(0x10 + 2 * 9), 0x59 | 1u << 15);
}

static void test_level_mask(void **state)
{
	(void)state;
	vioapic_set_pin(io, 9, true);
	set(0x10 + 2 * 9, 0x59 | 1u << 15 | 1u << 16);
	assert_int_equal(sent, 0);
	set(0x10 + 2 * 9, 0x59 | 1u << 15);
	assert_int_equal(sent, 1);
	/* The way round a missing EOI register: mask, edge, level, unmask. */
	set(0x10 + 2 * 9, 0x59 | 1u << 16);
	set(0x10 + 2 * 9, 0x59 | 1u << 15 | 1u << 16);
	assert_int_equal(get(0x10 + 2 * 9) & 1u << 14, 0);
	set(0x10 + 2 * 9, 0x59 | 1u << 15);
	assert_int_equal(sent, 2);
}

static void test_not_accepted(void **state)
{
	(void)state;
	accept = false;
	set(0x10 + 2 * 9, 0x59 | 1u << 15);
	vioapic_set_pin(io, 9, true);
	assert_int_equal(sent, 1);
	assert_int_equal(get(0x10 + 2 * 9) & 1u << 14, 0);
	accept = true;
	set(0x11 + 2 * 9, 1u << 24); /* sent elsewhere: asks again */
	assert_int_equal(sent, 2);
}

static void test_access_forms(void **state)
{
	(void)state;
	vioapic_write(io, 0x00, 1, 0x01);
	assert_int_equal(vioapic_read(io, 0x10, 4), 0x00170011);
	assert_int_equal(vioapic_read(io, 0x10, 1), 0);
	assert_int_equal(vioapic_read(io, 0x11, 4), 0);
	vioapic_write(io, 0x00, 4, 0x10);
	vioapic_write(io, 0x10, 2, 0);
	assert_int_equal(get(0x10), 0x10000);
}

static void test_storm(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 300000; i++) {
		u64 r = rnd();

		accept = r >> 63;
		switch (r & 7) {
		case 0:
			vioapic_eoi(io, (u8)(r >> 8 & 0x3f));
			break;
		case 1:
			vioapic_read(io, (u32)(r >> 8), r >> 40 & 7);
			break;
		case 2:
			vioapic_write(io, (u32)(r >> 8 & 0x3f), r >> 20 & 7, (u32)(r >> 30));
			break;
		case 3:
			set((u8)(r >> 8), (u32)(r >> 16));
			break;
		case 4:
			set((u8)(r >> 8), (u32)(r >> 16 & 0xf73f));
			break;
		default:
			vioapic_set_pin(io, r >> 8 & 31, r >> 16 & 1);
			break;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_registers, setup),
		cmocka_unit_test_setup(test_edge, setup),
		cmocka_unit_test_setup(test_level, setup),
		cmocka_unit_test_setup(test_level_mask, setup),
		cmocka_unit_test_setup(test_not_accepted, setup),
		cmocka_unit_test_setup(test_access_forms, setup),
		cmocka_unit_test_setup(test_storm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
