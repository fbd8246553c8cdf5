// SPDX-License-Identifier: Apache-2.0
/*
 * The pair of 8259A interrupt controllers with ELCR. Intel 8259A data sheet, "Programming the
 * 8259A". Ports 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1.
 */
#pragma once

#include "mm/types.h"

struct vpic_chip {
	u8 irr, imr, isr;
	u8 lines;       /* input levels */
	u8 elcr;        /* level-triggered inputs */
	u8 base;        /* ICW2 */
	u8 lowest;      /* input of lowest priority */
	u8 icw;         /* next ICW expected (2, 3, 4), 0: operating */
	bool need_icw4; /* ICW1.IC4 */
	bool single;    /* ICW1.SNGL */
	bool auto_eoi, rotate_auto, nested_fully, special_mask;
	bool read_isr, poll;
};

struct vpic {
	struct vpic_chip chip[2]; /* master, slave on its input 2 */
	bool output;
};

void vpic_init(struct vpic *p);

u32 vpic_read(struct vpic *p, u16 port);
void vpic_write(struct vpic *p, u16 port, u8 val);

/* Input @irq (0..15; 2 is the cascade and ignored) changed level. */
void vpic_set_irq(struct vpic *p, unsigned irq, bool level);

/* The INT output. */
static inline bool vpic_output(const struct vpic *p)
{
	return p->output;
}

/* The vector that an acknowledge would give now. */
u8 vpic_peek(const struct vpic *p);

/* The CPU's interrupt acknowledge. Returns the vector (spurious: input 7). */
u8 vpic_ack(struct vpic *p);
