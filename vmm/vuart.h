// SPDX-License-Identifier: Apache-2.0
/*
 * 16550A serial port. National Semiconductor PC16550D data sheet, "Registers".
 *
 * Transmission takes no time: THR is always empty. Received bytes wait in the 16-byte FIFO; a
 * FIFO below its trigger level reports the character time-out at once. The interrupt output does
 * not depend on OUT2.
 */
#pragma once

#include "mm/types.h"

#define VUART_FIFO 16

struct vuart {
	u8 ier, fcr, lcr, mcr, msr, scr;
	u8 lsr; /* error bits until read */
	u8 dll, dlm;
	bool thre_pending; /* THR went empty, not yet reported */
	bool irq;          /* output level */
	u8 rx_head, rx_count;
	u8 rx[VUART_FIFO];
};

void vuart_init(struct vuart *u);

/* Register @reg, 0..7 (taken modulo 8). */
u8 vuart_read(struct vuart *u, unsigned reg);
void vuart_write(struct vuart *u, unsigned reg, u8 val);

/* Whether vuart_rx() would take a byte. */
bool vuart_can_rx(const struct vuart *u);

/* A byte from the line. Returns false if there is no room: offer it again later. */
bool vuart_rx(struct vuart *u, u8 byte);

/* Supplied by the board that the port sits on. */
void vuart_irq_set(struct vuart *u, bool level);
void vuart_tx(struct vuart *u, u8 byte);
