// SPDX-License-Identifier: Apache-2.0
/* 16550A. PC16550D data sheet, "Registers" and "FIFO Interrupt Mode Operation". */
#include "vmm/vuart.h"

#include "mm/bits.h"

enum { REG_DATA, REG_IER, REG_IIR, REG_LCR, REG_MCR, REG_LSR, REG_MSR, REG_SCR };

#define IER_RX  0x01u
#define IER_TX  0x02u
#define IER_LSR 0x04u
#define IER_MSR 0x08u

#define IIR_NONE    0x01u
#define IIR_MSR     0x00u
#define IIR_TX      0x02u
#define IIR_RX      0x04u
#define IIR_LSR     0x06u
#define IIR_TIMEOUT 0x0cu
#define IIR_FIFO    0xc0u

#define FCR_ENABLE   0x01u
#define FCR_CLEAR_RX 0x02u
#define FCR_KEPT     0xc9u

#define LCR_DLAB 0x80u

#define MCR_DTR  0x01u
#define MCR_RTS  0x02u
#define MCR_OUT1 0x04u
#define MCR_OUT2 0x08u
#define MCR_LOOP 0x10u
#define MCR_KEPT 0x1fu

#define LSR_READY   0x01u
#define LSR_OVERRUN 0x02u
#define LSR_EMPTY   0x60u /* THR and shift register */

#define MSR_DELTA 0x0fu
#define MSR_TERI  0x04u /* trailing edge of RI: the one delta that is not a change */
#define MSR_CTS   0x10u
#define MSR_DSR   0x20u
#define MSR_RI    0x40u
#define MSR_DCD   0x80u
#define MSR_LINES (MSR_CTS | MSR_DSR | MSR_DCD) /* a terminal is always there */

static unsigned fifo_size(const struct vuart *u)
{
	return u->fcr & FCR_ENABLE ? VUART_FIFO : 1;
}

static unsigned fifo_trigger(const struct vuart *u)
{
	static const u8 level[4] = {1, 4, 8, 14};

	return u->fcr & FCR_ENABLE ? level[u->fcr >> 6] : 1;
}

/* Interrupt identification, most urgent first. */
static u8 irq_source(const struct vuart *u)
{
	if ((u->ier & IER_LSR) && (u->lsr & LSR_OVERRUN)) {
		return IIR_LSR;
	}
	if ((u->ier & IER_RX) && u->rx_count) {
		return u->rx_count >= fifo_trigger(u) ? IIR_RX : IIR_TIMEOUT;
	}
	if ((u->ier & IER_TX) && u->thre_pending) {
		return IIR_TX;
	}
	if ((u->ier & IER_MSR) && (u->msr & MSR_DELTA)) {
		return IIR_MSR;
	}
	return IIR_NONE;
}

static void irq_update(struct vuart *u)
{
	bool level = irq_source(u) != IIR_NONE;

	if (level != u->irq) {
		u->irq = level;
		vuart_irq_set(u, level);
	}
}

static void rx_clear(struct vuart *u)
{
	u->rx_head = 0;
	u->rx_count = 0;
}

static void rx_push(struct vuart *u, u8 byte)
{
	if (u->rx_count >= fifo_size(u)) {
		u->lsr |= LSR_OVERRUN;
		return;
	}
	u->rx[(u->rx_head + u->rx_count) % VUART_FIFO] = byte;
	u->rx_count++;
}

static u8 rx_pop(struct vuart *u)
{
	u8 byte = u->rx[u->rx_head];

	if (!u->rx_count) {
		return 0;
	}
	u->rx_head = (u8)((u->rx_head + 1u) % VUART_FIFO);
	u->rx_count--;
	return byte;
}

/* Follows the modem lines: the terminal's, or in loopback our own outputs. */
static void msr_update(struct vuart *u)
{
	u8 lines = MSR_LINES;
	u8 changed;

	if (u->mcr & MCR_LOOP) {
		lines = (u8)((u->mcr & MCR_RTS ? MSR_CTS : 0) | (u->mcr & MCR_DTR ? MSR_DSR : 0) |
			     (u->mcr & MCR_OUT1 ? MSR_RI : 0) | (u->mcr & MCR_OUT2 ? MSR_DCD : 0));
	}
	changed = (u8)((u->msr ^ lines) >> 4);
	if (lines & MSR_RI) {
		changed &= (u8)~MSR_TERI;
	}
	u->msr = (u8)(lines | (u->msr & MSR_DELTA) | changed);
}

void vuart_init(struct vuart *u)
{
	*u = (struct vuart){.msr = MSR_LINES, .dll = 1, .lcr = 3};
}

static void tx_write(struct vuart *u, u8 val)
{
	if (u->ier & IER_TX) {
		u->thre_pending = false; /* for no time at all, but an edge must be seen */
		irq_update(u);
	}
	if (u->mcr & MCR_LOOP) {
		rx_push(u, val);
	} else {
		vuart_tx(u, val);
	}
	u->thre_pending = true;
}

static void ier_write(struct vuart *u, u8 val)
{
	/* Enabling the interrupt while THR is empty, and it always is, reports it. */
	if (!(u->ier & IER_TX) && (val & IER_TX)) {
		u->thre_pending = true;
	}
	u->ier = val & 0x0f;
}

static void fcr_write(struct vuart *u, u8 val)
{
	if (((u->fcr ^ val) & FCR_ENABLE) || ((val & FCR_ENABLE) && (val & FCR_CLEAR_RX))) {
		rx_clear(u);
	}
	u->fcr = val & FCR_ENABLE ? val & FCR_KEPT : 0;
}

static u8 iir_read(struct vuart *u)
{
	u8 source = irq_source(u);

	if (source == IIR_TX) {
		u->thre_pending = false;
	}
	return (u8)(source | (u->fcr & FCR_ENABLE ? IIR_FIFO : 0));
}

static u8 lsr_read(struct vuart *u)
{
	u8 val = (u8)(u->lsr | LSR_EMPTY | (u->rx_count ? LSR_READY : 0));

	if (u->lsr) {
		u->lsr = 0;
		irq_update(u);
	}
	return val;
}

static u8 msr_read(struct vuart *u)
{
	u8 val = u->msr;

	u->msr &= (u8)~MSR_DELTA;
	return val;
}

u8 vuart_read(struct vuart *u, unsigned reg)
{
	bool dlab = (u->lcr & LCR_DLAB) != 0;
	u8 val = 0;

	switch (reg & 7) {
	case REG_DATA:
		val = dlab ? u->dll : rx_pop(u);
		break;
	case REG_IER:
		return dlab ? u->dlm : u->ier;
	case REG_IIR:
		val = iir_read(u);
		break;
	case REG_LCR:
		return u->lcr;
	case REG_MCR:
		return u->mcr;
	case REG_LSR:
		return lsr_read(u);
	case REG_MSR:
		val = msr_read(u);
		break;
	default:
		return u->scr;
	}
	irq_update(u);
	return val;
}

void vuart_write(struct vuart *u, unsigned reg, u8 val)
{
	bool dlab = (u->lcr & LCR_DLAB) != 0;

	switch (reg & 7) {
	case REG_DATA:
		if (dlab) {
			u->dll = val;
		} else {
			tx_write(u, val);
		}
		break;
	case REG_IER:
		if (dlab) {
			u->dlm = val;
		} else {
			ier_write(u, val);
		}
		break;
	case REG_IIR:
		fcr_write(u, val);
		break;
	case REG_LCR:
		u->lcr = val;
		break;
	case REG_MCR:
		u->mcr = val & MCR_KEPT;
		msr_update(u);
		break;
	case REG_SCR:
		u->scr = val;
		break;
	default: /* LSR and MSR: factory test only */
		break;
	}
	irq_update(u);
}

bool vuart_can_rx(const struct vuart *u)
{
	return !(u->mcr & MCR_LOOP) && u->rx_count < fifo_size(u);
}

bool vuart_rx(struct vuart *u, u8 byte)
{
	if (!vuart_can_rx(u)) {
		return false;
	}
	rx_push(u, byte);
	irq_update(u);
	return true;
}
