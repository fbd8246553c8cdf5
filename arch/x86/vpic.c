// SPDX-License-Identifier: Apache-2.0
/*
 * 8259A pair. Intel 8259A data sheet, "Initialization Command Words" and "Operation Command
 * Words". Not modelled: 8080 mode, buffered mode, ICW1.LTIM (chipsets with ELCR ignore it).
 */
#include "arch/x86/vpic.h"

#include "arch/x86/vplatform.h"

#define CASCADE      2u
#define ICW1         0x10u
#define ICW1_IC4     0x01u
#define ICW1_SINGLE  0x02u
#define ICW4_AEOI    0x02u
#define ICW4_NESTED  0x10u
#define OCW3         0x08u
#define ELCR_MASTER  0xf8u /* timer, keyboard and cascade are edges */
#define ELCR_SLAVE   0xdeu /* RTC and FPU too */
#define POLL_PENDING 0x80u

enum { MASTER, SLAVE };

/* Rank of the most urgent of @inputs, 0 the highest, 8: none. */
static unsigned chip_rank(const struct vpic_chip *c, u8 inputs)
{
	unsigned turn = (c->lowest + 1u) & 7;
	unsigned rotated = (u8)(inputs >> turn | inputs << (8 - turn));

	return rotated ? (unsigned)__builtin_ctz(rotated) : 8;
}

static unsigned rank_to_input(const struct vpic_chip *c, unsigned rank)
{
	return (c->lowest + 1u + rank) & 7;
}

/* The input that this chip asks service for, -1: none. */
static int chip_request(const struct vpic_chip *c, bool master)
{
	u8 service = c->isr;
	unsigned rank = chip_rank(c, c->irr & (u8)~c->imr);

	if (c->special_mask) {
		service &= (u8)~c->imr;
	}
	/* Special fully nested: the slave may interrupt its own service. */
	if (c->nested_fully && master) {
		service &= (u8) ~(1u << CASCADE);
	}
	if (c->icw || rank >= chip_rank(c, service)) {
		return -1;
	}
	return (int)rank_to_input(c, rank);
}

static void chip_line(struct vpic_chip *c, unsigned input, bool level)
{
	u8 bit = (u8)(1u << input);

	if (!level) {
		c->irr &= (u8)~bit; /* an edge must stay until acknowledged */
		c->lines &= (u8)~bit;
	} else {
		if ((c->elcr & bit) || !(c->lines & bit)) {
			c->irr |= bit;
		}
		c->lines |= bit;
	}
}

static void chip_eoi(struct vpic_chip *c, unsigned input, bool rotate)
{
	c->isr &= (u8) ~(1u << input);
	if (rotate) {
		c->lowest = (u8)input;
	}
}

static void chip_ack(struct vpic_chip *c, unsigned input)
{
	u8 bit = (u8)(1u << input);

	if (!(c->elcr & bit)) {
		c->irr &= (u8)~bit;
	}
	c->isr |= bit;
	if (c->auto_eoi) {
		chip_eoi(c, input, c->rotate_auto);
	}
}

static void pic_update(struct vpic *p)
{
	bool output;

	chip_line(&p->chip[MASTER], CASCADE, chip_request(&p->chip[SLAVE], false) >= 0);
	output = chip_request(&p->chip[MASTER], true) >= 0;
	if (output != p->output) {
		p->output = output;
		vplatform_intr_set(container_of(p, struct vplatform, pic), output);
	}
}

void vpic_init(struct vpic *p)
{
	*p = (struct vpic){0};
	p->chip[MASTER].lowest = 7;
	p->chip[SLAVE].lowest = 7;
	/* As firmware leaves them: vectors of the PC, everything masked. */
	p->chip[MASTER].base = 0x08;
	p->chip[SLAVE].base = 0x70;
	p->chip[MASTER].imr = 0xff;
	p->chip[SLAVE].imr = 0xff;
}

void vpic_set_irq(struct vpic *p, unsigned irq, bool level)
{
	struct vpic_chip *c;
	u8 bit = (u8)(1u << (irq & 7));

	if (irq >= 16 || irq == CASCADE) {
		return;
	}
	c = &p->chip[irq >> 3];
	if (((c->lines & bit) != 0) == level) {
		return;
	}
	chip_line(c, irq & 7, level);
	if (!(c->imr & bit)) { /* a masked input changes nothing further */
		pic_update(p);
	}
}

u8 vpic_peek(const struct vpic *p)
{
	const struct vpic_chip *c = &p->chip[MASTER];
	int input = chip_request(c, true);

	if (input == CASCADE) {
		c = &p->chip[SLAVE];
		input = chip_request(c, false);
	}
	return (u8)(c->base | (input < 0 ? 7 : (unsigned)input));
}

u8 vpic_ack(struct vpic *p)
{
	u8 vector = vpic_peek(p);
	int input = chip_request(&p->chip[MASTER], true);

	if (input >= 0) {
		chip_ack(&p->chip[MASTER], (unsigned)input);
	}
	if (input == CASCADE) {
		input = chip_request(&p->chip[SLAVE], false);
		if (input >= 0) {
			chip_ack(&p->chip[SLAVE], (unsigned)input);
		}
		/* The slave drops INT for a moment: what it still asks is a new edge. */
		chip_line(&p->chip[MASTER], CASCADE, false);
	}
	pic_update(p);
	return vector;
}

static void icw1_write(struct vpic_chip *c, u8 val)
{
	*c = (struct vpic_chip){
		.base = c->base,
		.lines = c->lines,
		.elcr = c->elcr,
		.irr = c->lines & c->elcr,
		.lowest = 7,
		.icw = 2,
		.need_icw4 = (val & ICW1_IC4) != 0,
		.single = (val & ICW1_SINGLE) != 0,
	};
}

static void ocw2_write(struct vpic_chip *c, u8 val)
{
	unsigned command = val >> 5;
	u8 service = c->special_mask ? c->isr & (u8)~c->imr : c->isr;
	unsigned rank;

	switch (command) {
	case 0:
	case 4:
		c->rotate_auto = command == 4;
		break;
	case 1:
	case 5:
		rank = chip_rank(c, service);
		if (rank < 8) {
			chip_eoi(c, rank_to_input(c, rank), command == 5);
		}
		break;
	case 3:
	case 7:
		chip_eoi(c, val & 7, command == 7);
		break;
	case 6:
		c->lowest = val & 7;
		break;
	default:
		break;
	}
}

static void ocw3_write(struct vpic_chip *c, u8 val)
{
	c->poll = (val & 0x04) != 0;
	if (val & 0x02) {
		c->read_isr = (val & 0x01) != 0;
	}
	if (val & 0x40) {
		c->special_mask = (val & 0x20) != 0;
	}
}

static void data_write(struct vpic_chip *c, u8 val)
{
	switch (c->icw) {
	case 2:
		c->base = val & 0xf8;
		c->icw = !c->single ? 3 : c->need_icw4 ? 4 : 0;
		break;
	case 3:
		c->icw = c->need_icw4 ? 4 : 0;
		break;
	case 4:
		c->auto_eoi = (val & ICW4_AEOI) != 0;
		c->nested_fully = (val & ICW4_NESTED) != 0;
		c->icw = 0;
		break;
	default:
		c->imr = val;
		break;
	}
}

static void elcr_write(struct vpic_chip *c, u8 val)
{
	u8 changed = c->elcr ^ val;

	c->elcr = val;
	/* Level inputs follow their line; a line that turns edge-triggered has had its edge. */
	c->irr = (u8)((c->irr & ~changed) | (c->lines & val & changed));
}

void vpic_write(struct vpic *p, u16 port, u8 val)
{
	struct vpic_chip *c = &p->chip[port & 0x80 ? SLAVE : MASTER];

	if (port == 0x4d0 || port == 0x4d1) {
		c = &p->chip[port & 1];
		elcr_write(c, val & (port & 1 ? ELCR_SLAVE : ELCR_MASTER));
	} else if (port & 1) {
		data_write(c, val);
	} else if (val & ICW1) {
		icw1_write(c, val);
	} else if (val & OCW3) {
		ocw3_write(c, val);
	} else {
		ocw2_write(c, val);
	}
	pic_update(p);
}

static u32 poll_read(struct vpic *p, struct vpic_chip *c)
{
	int input = chip_request(c, c == &p->chip[MASTER]);

	c->poll = false;
	if (input < 0) {
		return 0;
	}
	chip_ack(c, (unsigned)input);
	if (c == &p->chip[SLAVE]) {
		chip_line(&p->chip[MASTER], CASCADE, false);
	}
	pic_update(p);
	return POLL_PENDING | (u32)input;
}

u32 vpic_read(struct vpic *p, u16 port)
{
	struct vpic_chip *c = &p->chip[port & 0x80 ? SLAVE : MASTER];

	if (port == 0x4d0 || port == 0x4d1) {
		return p->chip[port & 1].elcr;
	}
	if (c->poll) {
		return poll_read(p, c);
	}
	if (port & 1) {
		return c->imr;
	}
	return c->read_isr ? c->isr : c->irr;
}
