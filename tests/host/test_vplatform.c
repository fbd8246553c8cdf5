// SPDX-License-Identifier: Apache-2.0
/* All devices together: port dispatch, interrupt paths end to end, reset, random accesses. */
#include "tests/host/vplatform_fake.h"

#include "arch/x86/vplatform.h"

#define CPUS 2

static struct vplatform vp;
static struct vlapic lapic[CPUS];
static struct vlapic *const l = &lapic[0];
static unsigned kicks[CPUS], ends[2], tx_count, time_count;
static u64 time_ns;

void vplatform_kick(struct vplatform *platform, struct vlapic *target)
{
	assert_ptr_equal(platform, &vp);
	kicks[target - lapic]++;
}

void vplatform_shutdown(struct vplatform *platform, enum vplatform_end end)
{
	assert_ptr_equal(platform, &vp);
	ends[end]++;
}

void vplatform_uart_tx(struct vplatform *platform, u8 byte)
{
	assert_ptr_equal(platform, &vp);
	(void)byte;
	tx_count++;
}

u64 vplatform_time_ns(struct vplatform *platform)
{
	assert_ptr_equal(platform, &vp);
	time_count++;
	return time_ns;
}

static int setup(void **state)
{
	(void)state;
	memset(kicks, 0, sizeof(kicks));
	memset(ends, 0, sizeof(ends));
	tx_count = time_count = 0;
	time_ns = 0;
	vplatform_init(&vp, 1700000000);
	for (unsigned i = 0; i < CPUS; i++) {
		vlapic_init(&lapic[i], &vp, i, i == 0, 40);
		vplatform_add_lapic(&vp, &lapic[i]);
	}
	return 0;
}

static void out8(u16 port, u8 val, u64 now)
{
	time_ns = now;
	vplatform_pio_write(&vp, port, 1, val);
}

static u8 in8(u16 port, u64 now)
{
	time_ns = now;
	return (u8)vplatform_pio_read(&vp, port, 1);
}

static void ioapic_set(u8 index, u32 val)
{
	vioapic_write(&vp.ioapic, 0x00, 4, index);
	vioapic_write(&vp.ioapic, 0x10, 4, val);
}

/* 8259 at 0x20, with @mask; 8254 at 1000 Hz. */
static void legacy_init(u8 mask)
{
	static const u8 icw[] = {0x20, 0x04, 0x01};

	out8(0x20, 0x11, 0);
	for (unsigned i = 0; i < ARRAY_SIZE(icw); i++) {
		out8(0x21, icw[i], 0);
	}
	out8(0x21, mask, 0);
	out8(0x43, 0x34, 0);
	out8(0x40, 0xa9, 0);
	out8(0x40, 0x04, 0);
}

static void test_unclaimed(void **state)
{
	static const u16 ports[] = {0x00,  0x60,  0x64,  0x80,  0xed,
				    0x2f8, 0xcfa, 0xcfb, 0xd00, 0xffff};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(ports); i++) {
		assert_int_equal(vplatform_pio_read(&vp, ports[i], 1), 0xff);
		assert_int_equal(vplatform_pio_read(&vp, ports[i], 2), 0xffff);
		vplatform_pio_write(&vp, ports[i], 4, 0x80000000);
	}
	assert_int_equal(ends[VPLATFORM_RESET], 0);
}

static u32 pci_config(u32 address, u16 offset, unsigned size)
{
	vplatform_pio_write(&vp, 0xcf8, 4, address);
	return vplatform_pio_read(&vp, (u16)(0xcfc + offset), size);
}

/* A host bridge at 00:00.0, nothing else; byte accesses of the address register are not its. */
static void test_pci(void **state)
{
	(void)state;
	assert_int_equal(pci_config(0x80000000, 0, 4), 0x0d578086);
	assert_int_equal(vplatform_pio_read(&vp, 0xcf8, 4), 0x80000000);
	assert_int_equal(vplatform_pio_read(&vp, 0xcf8, 1), 0xff);
	assert_int_equal(pci_config(0x80000000, 2, 2), 0x0d57);
	assert_int_equal(pci_config(0x80000008, 3, 1), 0x06);
	assert_int_equal(pci_config(0x80000008, 3, 2), 0xffff);
	assert_int_equal(pci_config(0x800000fc, 0, 4), 0);
	assert_int_equal(pci_config(0x80000800, 0, 4), 0xffffffff);
	assert_int_equal(pci_config(0x80010000, 0, 4), 0xffffffff);
	assert_int_equal(pci_config(0x00000000, 0, 4), 0xffffffff);
	vplatform_pio_write(&vp, 0xcfc, 4, 0);
	assert_int_equal(pci_config(0x80000000, 0, 4), 0x0d578086);
}

static void test_wide_accesses_split(void **state)
{
	(void)state;
	out8(0x21, 0x5a, 0);
	assert_int_equal(vplatform_pio_read(&vp, 0x21, 4), 0xffffff5a);
	vplatform_pio_write(&vp, 0x20, 2, 0xa500); /* OCW2 nop, then the mask */
	assert_int_equal(in8(0x21, 0), 0xa5);
	assert_int_equal(vplatform_pio_read(&vp, 0x3ff, 2), 0xff00);
	time_ns = 1000000000;
	assert_int_equal(vplatform_pio_read(&vp, 0x608, 4), VPM_TMR_HZ);
	assert_int_equal(vplatform_pio_read(&vp, 0x21, 0), 0xffffffff); /* no such size */
}

/* Who has a next event asks for the time, and nobody else: the caller looks for it again then. */
static void test_time_is_asked_for(void **state)
{
	static const struct {
		u16 port;
		bool timed;
	} rows[] = {{0x21, false},  {0xa0, false},  {0x4d0, false}, {0x40, true},   {0x43, true},
		    {0x61, true},   {0x64, false},  {0x71, true},   {0x3f8, false}, {0x608, true},
		    {0xcf8, false}, {0xcf9, false}, {0xcfc, false}, {0x1234, false}};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		time_count = 0;
		in8(rows[i].port, MS);
		assert_int_equal(time_count, rows[i].timed);
		out8(rows[i].port, 0, MS);
		assert_int_equal(time_count, rows[i].timed * 2);
	}
}

static void test_reset_and_power_off(void **state)
{
	(void)state;
	out8(0xcf9, 0x02, 0);
	assert_int_equal(ends[VPLATFORM_RESET], 0);
	assert_int_equal(in8(0xcf9, 0), 0x02);
	out8(0xcf9, 0x06, 0);
	assert_int_equal(ends[VPLATFORM_RESET], 1);
	out8(0x64, 0xff, 0);
	out8(0x64, 0xfe, 0);
	assert_int_equal(ends[VPLATFORM_RESET], 2);
	vplatform_pio_write(&vp, 0x604, 2, 0x2000);
	assert_int_equal(ends[VPLATFORM_POWER_OFF], 1);
}

/* A kernel that knows only 8259 and 8254, from the state that firmware leaves. */
static void test_legacy_timer(void **state)
{
	u64 due;

	(void)state;
	legacy_init(0xfe);
	for (unsigned i = 1; i <= 5; i++) {
		due = vplatform_next_event(&vp);
		assert_in_range(due, i * MS - 1000, i * MS + 1000);
		vplatform_tick(&vp, due);
		assert_int_equal(kicks[0], i);
		assert_int_equal(vplatform_pending_irq(&vp, l), 0x20);
		assert_int_equal(vplatform_ack_irq(&vp, l), 0x20);
		assert_int_equal(vplatform_pending_irq(&vp, l), -1);
		out8(0x20, 0x20, due);
	}
	assert_int_equal(kicks[1], 0);
}

static void test_ioapic_timer_on_pin_2(void **state)
{
	u64 due;

	(void)state;
	legacy_init(0xff);
	ioapic_set(0x10 + 2 * 2, 0x30);
	due = vplatform_next_event(&vp);
	vplatform_tick(&vp, due);
	assert_int_equal(vplatform_ack_irq(&vp, l), 0x30);
	vlapic_eoi(l);
	assert_int_equal(vplatform_pending_irq(&vp, l), -1);
}

static void test_uart_interrupt(void **state)
{
	(void)state;
	ioapic_set(0x10 + 2 * 4, 0x34);
	out8(0x3f9, 0x01, 0);
	assert_true(vuart_rx(&vp.uart, 'q'));
	assert_int_equal(kicks[0], 1);
	assert_int_equal(vplatform_ack_irq(&vp, l), 0x34);
	assert_int_equal(in8(0x3fa, 0), 0x04);
	assert_int_equal(in8(0x3f8, 0), 'q');
	vlapic_eoi(l);
	out8(0x3f8, 'x', 0);
	assert_int_equal(tx_count, 1);
}

/* SCI: level through the IOAPIC, served again until its cause is gone. */
static void test_sci_level(void **state)
{
	(void)state;
	ioapic_set(0x10 + 2 * 9, 0x39 | 1u << 15);
	vplatform_pio_write(&vp, 0x602, 2, 0x100);
	vpm_power_button(&vp.pm);
	assert_int_equal(vplatform_ack_irq(&vp, l), 0x39);
	vlapic_eoi(l);
	assert_int_equal(vplatform_ack_irq(&vp, l), 0x39);
	vplatform_pio_write(&vp, 0x600, 2, 0x100);
	vlapic_eoi(l);
	assert_int_equal(vplatform_pending_irq(&vp, l), -1);
}

static void storm_step(u64 r, u64 now)
{
	static const u16 first[] = {0x20,  0x40,  0x60,  0x70,  0xa0,
				    0x3f8, 0x4d0, 0x600, 0x608, 0xcf8};
	u16 port = (u16)(first[(r >> 8) % ARRAY_SIZE(first)] + (r >> 16 & 7));
	unsigned size = (unsigned)(r >> 20 & 7);
	struct vlapic *x = &lapic[r >> 24 & 1];
	u64 val = r >> 30;

	time_ns = now;
	switch (r & 15) {
	case 0:
		vplatform_tick(&vp, now);
		assert_true(vplatform_next_event(&vp) > now);
		break;
	case 1:
		vlapic_tick(x, now);
		break;
	case 2:
		vioapic_write(&vp.ioapic, r >> 23 & 1 ? 0x10 : 0, 4, (u32)val & 0x8f3f);
		break;
	case 3:
		vlapic_mmio_write(x, (u32)(r >> 8 & 0x3f0), 4, (u32)val, now);
		break;
	case 4:
		vlapic_mmio_read(x, (u32)(r >> 8 & 0xfff), size, now);
		break;
	case 5:
	case 6:
		if (vplatform_pending_irq(&vp, x) >= 0) {
			assert_in_range(vplatform_ack_irq(&vp, x), 0, 255);
		} else {
			assert_int_equal(vplatform_ack_irq(&vp, x), -1);
		}
		break;
	case 7:
		vuart_rx(&vp.uart, (u8)val);
		break;
	case 8:
	case 9:
	case 10:
		vplatform_pio_read(&vp, (u16)(r >> 60 ? port : r >> 32), size);
		break;
	default:
		vplatform_pio_write(&vp, (u16)(r >> 60 ? port : r >> 32), size, (u32)val);
		break;
	}
}

/* A working machine again: what storms break is mostly masked off for good. */
static void storm_restart(u64 now)
{
	vplatform_init(&vp, now);
	for (unsigned i = 0; i < CPUS; i++) {
		vlapic_init(&lapic[i], &vp, i, i == 0, 40);
		vplatform_add_lapic(&vp, &lapic[i]);
	}
	legacy_init(0);
	for (u8 pin = 0; pin < VIOAPIC_PINS; pin++) {
		ioapic_set((u8)(0x10 + 2 * pin), 0x30u + pin);
	}
	out8(0x3f9, 0x0f, now);
}

static void test_storm(void **state)
{
	u64 now = 0;

	(void)state;
	for (unsigned i = 0; i < 500000; i++) {
		now += rnd_step();
		if (i % 128 == 0) {
			storm_restart(now);
		}
		storm_step(rnd(), now);
	}
	assert_true(kicks[0] > 1000 && tx_count > 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_unclaimed, setup),
		cmocka_unit_test_setup(test_pci, setup),
		cmocka_unit_test_setup(test_wide_accesses_split, setup),
		cmocka_unit_test_setup(test_time_is_asked_for, setup),
		cmocka_unit_test_setup(test_reset_and_power_off, setup),
		cmocka_unit_test_setup(test_legacy_timer, setup),
		cmocka_unit_test_setup(test_ioapic_timer_on_pin_2, setup),
		cmocka_unit_test_setup(test_uart_interrupt, setup),
		cmocka_unit_test_setup(test_sci_level, setup),
		cmocka_unit_test_setup(test_storm, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
