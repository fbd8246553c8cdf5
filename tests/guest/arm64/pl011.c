// SPDX-License-Identifier: Apache-2.0
/*
 * The PL011 (DDI 0183): identification, flags, registers that read back, interrupt status; with
 * "typed=1" what is typed at it after "tiny: type".
 */
#include "guest.h"

#define FR_BUSY BIT(3)
#define FR_RXFE BIT(4)
#define FR_TXFE BIT(7)
#define INT_RX  BIT(4)
#define INT_TX  BIT(5)
#define INT_RT  BIT(6)
#define CR_LBE  BIT(7)

static u32 get(u32 reg)
{
	return mmio_read(UART_BASE + reg);
}
static void set(u32 reg, u32 v)
{
	mmio_write(UART_BASE + reg, v);
}

static void identification(void)
{
	static const u8 ids[] = {0x11, 0x10, 0x04, 0, 0x0d, 0xf0, 0x05, 0xb1};

	for (u32 i = 0; i < 8; i++) {
		u32 v = get(0xfe0 + i * 4);

		CHECK_EQ(i == 2 ? v & 0xf : v, ids[i]); /* UARTPeriphID2 has the revision */
		set(0xfe0 + i * 4, 0xff);
		CHECK_EQ(get(0xfe0 + i * 4), v);
	}
}

static void registers(void)
{
	u32 cr = get(UART_CR), lcr = get(UART_LCR_H);

	set(UART_IBRD, 0x1234);
	set(UART_FBRD, 0x2a);
	CHECK_EQ(get(UART_IBRD), 0x1234);
	CHECK_EQ(get(UART_FBRD), 0x2a);
	set(UART_LCR_H, 0x60);
	CHECK_EQ(get(UART_LCR_H), 0x60);
	set(UART_LCR_H, lcr);
	set(UART_IFLS, 0x12);
	CHECK_EQ(get(UART_IFLS), 0x12);
	set(UART_IMSC, 0x7f0);
	CHECK_EQ(get(UART_IMSC), 0x7f0);
	set(UART_IMSC, 0);
	CHECK_EQ(get(UART_IMSC), 0);
	CHECK_EQ(get(UART_MIS), 0);
	CHECK_EQ(get(UART_CR) & 0x301, cr & 0x301);
	set(UART_RSR, 0);
	CHECK_EQ(get(UART_RSR) & 0xf, 0);
}

static void transmit(void)
{
	u32 fr = get(UART_FR);

	CHECK(fr & FR_RXFE);
	WAIT_FOR(get(UART_FR) & FR_TXFE, 1000);
	CHECK(!(get(UART_FR) & FR_BUSY));
	set(UART_FR, 0);
	CHECK_EQ(get(UART_FR) & (FR_TXFE | FR_RXFE), FR_TXFE | FR_RXFE);
	set(UART_ICR, 0x7ff);
	CHECK_EQ(get(UART_RIS) & (INT_RX | INT_RT), 0);
	print("a long line that fills any queue: %s%s%s\n", "0123456789abcdef0123456789abcdef",
	      "0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef");
	WAIT_FOR(get(UART_FR) & FR_TXFE, 1000);
	CHECK(get(UART_RIS) & INT_TX);
	set(UART_IMSC, INT_TX);
	CHECK_EQ(get(UART_MIS), INT_TX);
	set(UART_ICR, INT_TX);
	CHECK_EQ(get(UART_RIS) & INT_TX, 0);
	set(UART_IMSC, 0);
}

static char got[16];
static u32 got_count;

static void hook(u32 intid)
{
	CHECK_EQ(intid, UART_INTID);
	CHECK(get(UART_MIS) & (INT_RX | INT_RT));
	while (!(get(UART_FR) & FR_RXFE)) {
		u32 c = get(UART_DR);

		if (got_count < sizeof(got)) {
			got[got_count++] = (char)c;
		}
	}
	set(UART_ICR, INT_RX | INT_RT);
}

static void receive(void)
{
	irq_hook = hook;
	gic_enable(UART_INTID);
	set(UART_IMSC, INT_RX | INT_RT);
	print("tiny: type\n");
	while (got_count < 5) {
		wfi();
		irq_enable();
		irq_disable();
	}
	CHECK_EQ(memcmp(got, "hello", 5), 0);
	CHECK(get(UART_FR) & FR_RXFE);
	CHECK_EQ(get(UART_RIS) & INT_RX, 0);
}

void guest_main(void)
{
	gic_init();
	identification();
	registers();
	transmit();
	if (option("typed", 0)) {
		receive();
	}
}
