// SPDX-License-Identifier: Apache-2.0
/*
 * The platform: port I/O dispatch, reset ports, and what ties the devices together.
 *
 * A port finds its row through a byte table, so that dispatch costs one load and one call.
 */
#include "arch/x86/vplatform.h"

#include <string.h>

#include "mm/bits.h"

#define RESET_CPU     0x04u /* 0xcf9: resets when set */
#define KBD_PULSE_CPU 0xfeu /* 8042 command: pulse the CPU's reset line */
#define UART_PORT     0x3f8u

enum pio_row {
	PIO_NONE,
	PIO_PIC,
	PIO_PIT,
	PIO_PORT61,
	PIO_KBD,
	PIO_RTC,
	PIO_UART,
	PIO_PM,
	PIO_RESET,
	PIO_PCI
};

static const u8 pio_map[0xd00] = {
	[0x20 ... 0x21] = PIO_PIC,
	[0xa0 ... 0xa1] = PIO_PIC,
	[0x4d0 ... 0x4d1] = PIO_PIC,
	[0x40 ... 0x43] = PIO_PIT,
	[0x61] = PIO_PORT61,
	[0x64] = PIO_KBD,
	[0x70 ... 0x71] = PIO_RTC,
	[UART_PORT... UART_PORT + 7] = PIO_UART,
	[VPM_EVT_PORT... VPM_TMR_PORT + 3] = PIO_PM,
	[VPCI_ADDRESS_PORT] = PIO_PCI,
	[0xcf9] = PIO_RESET,
	[VPCI_DATA_PORT... VPCI_DATA_PORT + 3] = PIO_PCI,
};

static u32 pic_read(struct vplatform *vp, u16 port, unsigned size)
{
	(void)size;
	return vpic_read(&vp->pic, port);
}

static void pic_write(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	(void)size;
	vpic_write(&vp->pic, port, (u8)val);
}

static u32 pit_read(struct vplatform *vp, u16 port, unsigned size)
{
	(void)size;
	return vpit_read(&vp->pit, port, vplatform_time_ns(vp));
}

static void pit_write(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	(void)size;
	vpit_write(&vp->pit, port, (u8)val, vplatform_time_ns(vp));
}

static u32 port61_read(struct vplatform *vp, u16 port, unsigned size)
{
	(void)port, (void)size;
	return vpit_port61_read(&vp->pit, vplatform_time_ns(vp));
}

static void port61_write(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	(void)port, (void)size;
	vpit_port61_write(&vp->pit, (u8)val, vplatform_time_ns(vp));
}

/* No keyboard controller, but kernels without ACPI reset the machine through it. */
static u32 kbd_read(struct vplatform *vp, u16 port, unsigned size)
{
	(void)vp, (void)port, (void)size;
	return 0xff;
}

static void kbd_write(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	(void)port, (void)size;
	if ((u8)val == KBD_PULSE_CPU) {
		vplatform_shutdown(vp, VPLATFORM_RESET);
	}
}

static u32 rtc_read(struct vplatform *vp, u16 port, unsigned size)
{
	(void)size;
	return vrtc_read(&vp->rtc, port, vplatform_time_ns(vp));
}

static void rtc_write(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	(void)size;
	vrtc_write(&vp->rtc, port, (u8)val, vplatform_time_ns(vp));
}

static u32 uart_read(struct vplatform *vp, u16 port, unsigned size)
{
	(void)size;
	return vuart_read(&vp->uart, port & 7);
}

static void uart_write(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	(void)size;
	vuart_write(&vp->uart, port & 7, (u8)val);
}

static u32 pm_read(struct vplatform *vp, u16 port, unsigned size)
{
	return vpm_read(&vp->pm, port, size, vplatform_time_ns(vp));
}

static void pm_write(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	vpm_write(&vp->pm, port, size, val, vplatform_time_ns(vp));
}

static u32 reset_read(struct vplatform *vp, u16 port, unsigned size)
{
	(void)port, (void)size;
	return vp->reset_control;
}

static void reset_write(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	(void)port, (void)size;
	vp->reset_control = (u8)val & (u8)~RESET_CPU;
	if (val & RESET_CPU) {
		vplatform_shutdown(vp, VPLATFORM_RESET);
	}
}

static u32 pci_read(struct vplatform *vp, u16 port, unsigned size)
{
	return vpci_read(&vp->pci, port, size);
}

static void pci_write(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	vpci_write(&vp->pci, port, size, val);
}

static const struct {
	u32 (*read)(struct vplatform *vp, u16 port, unsigned size);
	void (*write)(struct vplatform *vp, u16 port, unsigned size, u32 val);
	u8 width; /* widest access that the device takes whole */
} pio_rows[] = {
	[PIO_PIC] = {pic_read, pic_write, 1},
	[PIO_PIT] = {pit_read, pit_write, 1},
	[PIO_PORT61] = {port61_read, port61_write, 1},
	[PIO_KBD] = {kbd_read, kbd_write, 1},
	[PIO_RTC] = {rtc_read, rtc_write, 1},
	[PIO_UART] = {uart_read, uart_write, 1},
	[PIO_PM] = {pm_read, pm_write, 4},
	[PIO_RESET] = {reset_read, reset_write, 1},
	[PIO_PCI] = {pci_read, pci_write, 4},
};

static unsigned pio_row(u16 port)
{
	return port < ARRAY_SIZE(pio_map) ? pio_map[port] : PIO_NONE;
}

/* Out of line: these must not burden the path of single accesses. */
#define __split __attribute__((noinline, cold))

static __split u32 pio_read_split(struct vplatform *vp, u16 port, unsigned size)
{
	u32 val = 0;

	for (unsigned i = 0; i < size; i++) {
		val |= vplatform_pio_read(vp, (u16)(port + i), 1) << i * 8;
	}
	return val;
}

static __split void pio_write_split(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	for (unsigned i = 0; i < size; i++) {
		vplatform_pio_write(vp, (u16)(port + i), 1, val >> i * 8 & 0xff);
	}
}

u32 vplatform_pio_read(struct vplatform *vp, u16 port, unsigned size)
{
	unsigned row = pio_row(port);

	if (size - 1 > 3) {
		return ~0u;
	}
	if (row == PIO_NONE) {
		return ~0u >> (32 - size * 8);
	}
	if (size > pio_rows[row].width) {
		return pio_read_split(vp, port, size);
	}
	return pio_rows[row].read(vp, port, size);
}

void vplatform_pio_write(struct vplatform *vp, u16 port, unsigned size, u32 val)
{
	unsigned row = pio_row(port);

	if (row == PIO_NONE || size - 1 > 3) {
		return;
	}
	if (size > pio_rows[row].width) {
		pio_write_split(vp, port, size, val);
		return;
	}
	pio_rows[row].write(vp, port, size, val);
}

void vuart_irq_set(struct vuart *u, bool level)
{
	vplatform_irq_set(container_of(u, struct vplatform, uart), VIRQ_UART, level);
}

void vuart_tx(struct vuart *u, u8 byte)
{
	vplatform_uart_tx(container_of(u, struct vplatform, uart), byte);
}

u64 vplatform_next_event(const struct vplatform *vp)
{
	return min_u64(vpit_next_event(&vp->pit),
		       min_u64(vrtc_next_event(&vp->rtc), vpm_next_event(&vp->pm)));
}

void vplatform_tick(struct vplatform *vp, u64 now_ns)
{
	vpit_tick(&vp->pit, now_ns);
	vrtc_tick(&vp->rtc, now_ns);
	vpm_tick(&vp->pm, now_ns);
}

void vplatform_init(struct vplatform *vp, u64 unix_s)
{
	memset(vp, 0, sizeof(*vp));
	vpic_init(&vp->pic);
	vioapic_init(&vp->ioapic);
	vpit_init(&vp->pit);
	vrtc_init(&vp->rtc, unix_s);
	vpm_init(&vp->pm);
	vuart_init(&vp->uart);
	vpci_init(&vp->pci);
}

void vplatform_add_lapic(struct vplatform *vp, struct vlapic *l)
{
	assert(vp->lapic_count < VPLATFORM_LAPICS_MAX);
	vp->lapics[vp->lapic_count++] = l;
	vlapic_lint_set(l, 0, vpic_output(&vp->pic));
}
