// SPDX-License-Identifier: Apache-2.0
/* PL011. DDI 0183, "Register descriptions" and "Interrupts". */
#include "arch/arm64/vpl011.h"

#include "mm/bits.h"

#define REG_DR     0x000
#define REG_RSR    0x004 /* written: ECR */
#define REG_FR     0x018
#define REG_ILPR   0x020
#define REG_IBRD   0x024
#define REG_FBRD   0x028
#define REG_LCR_H  0x02c
#define REG_CR     0x030
#define REG_IFLS   0x034
#define REG_IMSC   0x038
#define REG_RIS    0x03c
#define REG_MIS    0x040
#define REG_ICR    0x044
#define REG_DMACR  0x048
#define REG_ID     0xfe0
#define REG_ID_END 0x1000

#define DR_OVERRUN 0x800u
#define RSR_OE     0x08u

#define FR_CTS   0x001u
#define FR_DSR   0x002u
#define FR_DCD   0x004u
#define FR_RXFE  0x010u
#define FR_RXFF  0x040u
#define FR_TXFE  0x080u
#define FR_RI    0x100u
#define FR_LINES (FR_CTS | FR_DSR | FR_DCD) /* a terminal is always there */

#define LCR_H_FEN  0x10u
#define LCR_H_8BIT 0x60u

#define CR_UARTEN 0x0001u
#define CR_LBE    0x0080u
#define CR_TXE    0x0100u
#define CR_RXE    0x0200u
#define CR_DTR    0x0400u
#define CR_RTS    0x0800u
#define CR_OUT1   0x1000u
#define CR_OUT2   0x2000u
#define CR_KEPT   0xff87u

#define INT_RI  0x001u
#define INT_CTS 0x002u
#define INT_DCD 0x004u
#define INT_DSR 0x008u
#define INT_RX  0x010u
#define INT_TX  0x020u
#define INT_RT  0x040u
#define INT_OE  0x400u
#define INT_ALL 0x7ffu

#define IFLS_KEPT  0x3fu
#define IFLS_RESET 0x12u /* both at half */
#define DMACR_KEPT 0x07u
#define FBRD_KEPT  0x3fu

/* 115200 baud of a 24 MHz clock. */
#define IBRD_START 13u
#define FBRD_START 1u

static unsigned fifo_size(const struct vpl011 *u)
{
	return u->lcr_h & LCR_H_FEN ? VPL011_FIFO : 1;
}

static unsigned rx_trigger(const struct vpl011 *u)
{
	static const u8 level[8] = {2, 4, 8, 12, 14, 14, 14, 14}; /* from 5 on: reserved */

	return u->lcr_h & LCR_H_FEN ? level[u->ifls >> 3 & 7] : 1;
}

static u16 raw_interrupts(const struct vpl011 *u)
{
	u16 raw = u->latched;

	if (u->rx_count) {
		raw |= INT_RT;
	}
	if (u->rx_count >= rx_trigger(u)) {
		raw |= INT_RX;
	}
	return raw;
}

static void irq_update(struct vpl011 *u)
{
	bool level = (raw_interrupts(u) & u->imsc) != 0;

	if (level != u->irq) {
		u->irq = level;
		vpl011_irq_set(u, level);
	}
}

static void rx_push(struct vpl011 *u, u8 byte)
{
	if (u->rx_count >= fifo_size(u)) {
		u->overrun = true;
		u->latched |= INT_OE;
		return;
	}
	u->rx[(u->rx_head + u->rx_count) % VPL011_FIFO] = byte;
	u->rx_count++;
}

static u32 rx_pop(struct vpl011 *u)
{
	u32 val = u->overrun ? DR_OVERRUN : 0;

	if (u->rx_count) {
		val |= u->rx[u->rx_head];
		u->rx_head = (u8)((u->rx_head + 1u) % VPL011_FIFO);
		u->rx_count--;
		irq_update(u);
	}
	return val;
}

static void tx_write(struct vpl011 *u, u8 byte)
{
	if (u->cr & CR_LBE) {
		rx_push(u, byte);
	} else {
		vpl011_tx(u, byte);
	}
	/* The byte has left the FIFO: it went through the trigger level, which is what counts. */
	u->latched |= INT_TX;
	irq_update(u);
}

/* Follows the modem lines: the terminal's, or in loopback our own outputs. */
static void modem_update(struct vpl011 *u)
{
	u32 lines = FR_LINES, changed;

	if (u->cr & CR_LBE) {
		lines = (u->cr & CR_RTS ? FR_CTS : 0) | (u->cr & CR_DTR ? FR_DSR : 0) |
			(u->cr & CR_OUT1 ? FR_DCD : 0) | (u->cr & CR_OUT2 ? FR_RI : 0);
	}
	changed = u->lines ^ lines;
	u->latched |= (u16)((changed & FR_CTS ? INT_CTS : 0) | (changed & FR_DSR ? INT_DSR : 0) |
			    (changed & FR_DCD ? INT_DCD : 0) | (changed & FR_RI ? INT_RI : 0));
	u->lines = (u16)lines;
}

static void lcr_h_write(struct vpl011 *u, u8 val)
{
	if ((u->lcr_h ^ val) & LCR_H_FEN) {
		u->rx_head = 0;
		u->rx_count = 0;
	}
	u->lcr_h = val;
}

static u32 fr_read(const struct vpl011 *u)
{
	return FR_TXFE | u->lines | (u->rx_count ? 0 : FR_RXFE) |
	       (u->rx_count >= fifo_size(u) ? FR_RXFF : 0);
}

/* "UARTPeriphID0-3" of revision r1p4, whose FIFOs hold 16 bytes, and "UARTPCellID0-3". */
static u32 id_read(u64 offset)
{
	static const u8 id[8] = {0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

	return id[(offset - REG_ID) / 4 % 8];
}

static u32 reg_read(struct vpl011 *u, u64 offset)
{
	switch (offset) {
	case REG_DR:
		return rx_pop(u);
	case REG_RSR:
		return u->overrun ? RSR_OE : 0;
	case REG_FR:
		return fr_read(u);
	case REG_ILPR:
		return u->ilpr;
	case REG_IBRD:
		return u->ibrd;
	case REG_FBRD:
		return u->fbrd;
	case REG_LCR_H:
		return u->lcr_h;
	case REG_CR:
		return u->cr;
	case REG_IFLS:
		return u->ifls;
	case REG_IMSC:
		return u->imsc;
	case REG_RIS:
		return raw_interrupts(u);
	case REG_MIS:
		return raw_interrupts(u) & u->imsc;
	case REG_DMACR:
		return u->dmacr;
	default:
		return offset >= REG_ID && offset < REG_ID_END ? id_read(offset) : 0;
	}
}

u64 vpl011_read(struct vpl011 *u, u64 offset, u32 size)
{
	u32 val;

	if (!is_aligned(offset, 4) || size == 0) {
		return 0;
	}
	val = reg_read(u, offset);
	return size >= 4 ? val : val & GENMASK(8 * size - 1, 0);
}

static void reg_write(struct vpl011 *u, u64 offset, u32 val)
{
	switch (offset) {
	case REG_RSR:
		u->overrun = false;
		break;
	case REG_ILPR:
		u->ilpr = (u8)val;
		break;
	case REG_IBRD:
		u->ibrd = (u16)val;
		break;
	case REG_FBRD:
		u->fbrd = val & FBRD_KEPT;
		break;
	case REG_LCR_H:
		lcr_h_write(u, (u8)val);
		break;
	case REG_CR:
		u->cr = val & CR_KEPT;
		modem_update(u);
		break;
	case REG_IFLS:
		u->ifls = val & IFLS_KEPT;
		break;
	case REG_IMSC:
		u->imsc = val & INT_ALL;
		break;
	case REG_ICR:
		u->latched &= (u16)~val;
		break;
	case REG_DMACR:
		u->dmacr = val & DMACR_KEPT;
		break;
	default:
		break;
	}
}

void vpl011_write(struct vpl011 *u, u64 offset, u32 size, u64 val)
{
	if (!is_aligned(offset, 4) || size == 0) {
		return;
	}
	if (size < 4) {
		val &= GENMASK(8 * size - 1, 0);
	}
	if (offset == REG_DR) {
		tx_write(u, (u8)val);
		return;
	}
	reg_write(u, offset, (u32)val);
	irq_update(u);
}

bool vpl011_can_rx(const struct vpl011 *u)
{
	return (u->cr & CR_UARTEN) && (u->cr & CR_RXE) && !(u->cr & CR_LBE) &&
	       u->rx_count < fifo_size(u);
}

bool vpl011_rx(struct vpl011 *u, u8 byte)
{
	if (!vpl011_can_rx(u)) {
		return false;
	}
	rx_push(u, byte);
	irq_update(u);
	return true;
}

void vpl011_init(struct vpl011 *u)
{
	*u = (struct vpl011){
		.ibrd = IBRD_START,
		.fbrd = FBRD_START,
		.lcr_h = LCR_H_8BIT | LCR_H_FEN,
		.cr = CR_UARTEN | CR_TXE | CR_RXE,
		.ifls = IFLS_RESET,
		.lines = FR_LINES,
	};
}
