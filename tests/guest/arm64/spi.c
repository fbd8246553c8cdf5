// SPDX-License-Identifier: Apache-2.0
/* Shared interrupts: by software as edges and as levels, and the PL011's line. */
#include "guest.h"

#define SPI     50
#define UART_TX BIT(5)

static void check_count(u32 intid, u32 count)
{
	irq_enable();
	irq_disable();
	CHECK_EQ(irq_count[intid], count);
}

static void by_software(void)
{
	for (unsigned edge = 0; edge < 2; edge++) {
		u32 had = irq_count[SPI];

		gic_edge(SPI, edge);
		gic_bit_set(GICD_ISPENDR, SPI);
		CHECK(gic_bit(GICD_ISPENDR, SPI));
		check_count(SPI, had); /* not enabled */
		gic_enable(SPI);
		check_count(SPI, had + 1);
		CHECK(!gic_bit(GICD_ISPENDR, SPI));
		CHECK(!gic_bit(GICD_ISACTIVER, SPI));
		gic_bit_set(GICD_ISPENDR, SPI);
		gic_bit_set(GICD_ICPENDR, SPI);
		check_count(SPI, had + 1);
		/* Set while active: again after the end. */
		gic_bit_set(GICD_ISPENDR, SPI);
		CHECK_EQ(gic_acknowledge(), SPI);
		CHECK(gic_bit(GICD_ISACTIVER, SPI));
		gic_bit_set(GICD_ISPENDR, SPI);
		CHECK(gic_bit(GICD_ISPENDR, SPI));
		CHECK_EQ(gic_acknowledge(), INTID_SPURIOUS);
		gic_end(SPI);
		CHECK(!gic_bit(GICD_ISACTIVER, SPI));
		check_count(SPI, had + 2);
		gic_disable(SPI);
	}
}

/* To a CPU that is not there: stays where it is. */
static void routed(void)
{
	u64 reg = GICD_BASE + GICD_IROUTER + SPI * 8;
	u32 had = irq_count[SPI];

	mmio_write64(reg, 0xfe0000);
	gic_enable(SPI);
	gic_bit_set(GICD_ISPENDR, SPI);
	check_count(SPI, had);
	mmio_write64(reg, sysreg_read(mpidr_el1) & 0xff00ffffffULL);
	check_count(SPI, had + 1);
	mmio_write64(reg, BIT(31)); /* any CPU */
	gic_bit_set(GICD_ISPENDR, SPI);
	check_count(SPI, had + 2);
	gic_disable(SPI);
}

static unsigned times;

static void uart_hook(u32 intid)
{
	CHECK_EQ(intid, UART_INTID);
	CHECK(mmio_read(UART_BASE + UART_MIS) & UART_TX);
	if (++times == 3) {
		mmio_write(UART_BASE + UART_ICR, UART_TX);
	}
}

/* The line stays up until the device's interrupt is cleared: it comes again after each end. */
static void uart(void)
{
	gic_edge(UART_INTID, false);
	mmio_write(UART_BASE + UART_IMSC, 0);
	mmio_write(UART_BASE + UART_ICR, 0x7ff);
	print("something to send\n");
	WAIT_FOR(mmio_read(UART_BASE + UART_RIS) & UART_TX, 1000);
	CHECK(!gic_bit(GICD_ISPENDR, UART_INTID));
	irq_hook = uart_hook;
	gic_enable(UART_INTID);
	check_count(UART_INTID, 0);
	mmio_write(UART_BASE + UART_IMSC, UART_TX);
	CHECK(gic_bit(GICD_ISPENDR, UART_INTID));
	irq_enable();
	WAIT_FOR(times == 3, 1000);
	delay_us(100);
	irq_disable();
	CHECK_EQ(times, 3);
	CHECK_EQ(irq_count[UART_INTID], 3);
	/* Masked at the device while pending: gone. */
	mmio_write(UART_BASE + UART_IMSC, 0);
	print("more\n");
	mmio_write(UART_BASE + UART_IMSC, UART_TX);
	CHECK(gic_bit(GICD_ISPENDR, UART_INTID));
	mmio_write(UART_BASE + UART_IMSC, 0);
	CHECK(!gic_bit(GICD_ISPENDR, UART_INTID));
	check_count(UART_INTID, 3);
}

void guest_main(void)
{
	gic_init();
	for (u32 i = 32; i < 64; i++) {
		mmio_write64(GICD_BASE + GICD_IROUTER + i * 8,
			     sysreg_read(mpidr_el1) & 0xff00ffffffULL);
	}
	by_software();
	routed();
	uart();
	CHECK_EQ(irq_count[INTID_SPURIOUS], 0);
}
