// SPDX-License-Identifier: Apache-2.0
/*
 * PL011 serial port. Arm DDI 0183, "PrimeCell UART (PL011) Technical Reference Manual", chapter
 * "Programmers Model". Not modelled: DMA, IrDA, break, parity and framing errors.
 *
 * It starts as firmware leaves it (enabled, 115200 baud, 8N1, FIFOs on), since a guest's early
 * console does no set-up. Transmission takes no time and does not ask whether it is enabled: no
 * text is lost. Received bytes wait in the 16-byte FIFO; the receive time-out is reported at once,
 * and for as long as there is a byte to read.
 */
#pragma once

#include "mm/types.h"

#define VPL011_FIFO 16

struct vpl011 {
	u16 ibrd, cr;
	u16 imsc;
	u16 latched; /* raw interrupts that stay until ICR clears them: transmit, overrun, modem */
	u16 lines;   /* FR's modem inputs as last seen */
	u8 fbrd, lcr_h, ifls, dmacr, ilpr;
	bool overrun; /* until ECR is written */
	bool irq;     /* output level */
	u8 rx_head, rx_count;
	u8 rx[VPL011_FIFO];
};

void vpl011_init(struct vpl011 *u);

/*
 * An access of @size bytes at @offset into the 4 KiB of registers. One that does not begin at a
 * register reads 0 and is ignored; a wider one than the register reaches it alone.
 */
u64 vpl011_read(struct vpl011 *u, u64 offset, u32 size);
void vpl011_write(struct vpl011 *u, u64 offset, u32 size, u64 val);

/* Whether vpl011_rx() would take a byte. */
bool vpl011_can_rx(const struct vpl011 *u);

/* A byte from the line. Returns false if there is no room: offer it again later. */
bool vpl011_rx(struct vpl011 *u, u8 byte);

/* Supplied by the board that the port sits on. */
void vpl011_irq_set(struct vpl011 *u, bool level);
void vpl011_tx(struct vpl011 *u, u8 byte);
