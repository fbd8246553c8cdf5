// SPDX-License-Identifier: Apache-2.0
/* Priorities: order, preemption, binary point, mask, running priority. */
#include "guest.h"

#define ENDED 0x100

static u32 notes[64], note_count;
static u32 in_handler[16]; /* the SGIs to send while this one is handled, once */

static void note(u32 what)
{
	CHECK(note_count < 64);
	notes[note_count++] = what;
}

static void handler(struct trap *t)
{
	u32 intid = gic_acknowledge(), others;

	(void)t;
	note(intid);
	if (intid >= 16) {
		return;
	}
	others = in_handler[intid];
	in_handler[intid] = 0;
	for (u32 i = 0; i < 16; i++) {
		if (others & BIT(i)) {
			gic_sgi(i);
		}
	}
	irq_enable();
	isb();
	irq_disable();
	note(intid | ENDED);
	gic_end(intid);
}

#define EXPECT(...)                                                             \
	do {                                                                    \
		static const u32 want_[] = {__VA_ARGS__};                       \
		irq_enable();                                                   \
		isb();                                                          \
		irq_disable();                                                  \
		check_notes(__LINE__, want_, sizeof(want_) / sizeof(want_[0])); \
	} while (0)

static void check_notes(int line, const u32 *want, u32 count)
{
	for (u32 i = 0; i < note_count || i < count; i++) {
		if (i >= note_count || i >= count || notes[i] != want[i]) {
			fail("line %d: step %u is %x, expected %x", line, i,
			     i < note_count ? notes[i] : 0xffff, i < count ? want[i] : 0xffff);
		}
	}
	note_count = 0;
	memset(in_handler, 0, sizeof(in_handler));
}

static void order(void)
{
	gic_sgi(3);
	gic_sgi(1);
	gic_sgi(2);
	CHECK_EQ(sysreg_read(icc_hppir1_el1), 1);
	EXPECT(1, 1 | ENDED, 2, 2 | ENDED, 3, 3 | ENDED);
}

static void preemption(void)
{
	in_handler[3] = BIT(1);
	gic_sgi(3);
	EXPECT(3, 1, 1 | ENDED, 3 | ENDED);
	in_handler[1] = BIT(3);
	gic_sgi(1);
	EXPECT(1, 1 | ENDED, 3, 3 | ENDED);
	in_handler[3] = BIT(2);
	in_handler[2] = BIT(1) | BIT(4);
	in_handler[1] = BIT(3);
	gic_sgi(3);
	EXPECT(3, 2, 1, 1 | ENDED, 2 | ENDED, 3 | ENDED, 3, 3 | ENDED, 4, 4 | ENDED);
}

/* The binary point: 0x40 and 0x60 become one group by 7 at the latest, 0x80 stays apart. */
static void binary_point(void)
{
	sysreg_write(icc_bpr1_el1, 7);
	isb();
	CHECK_EQ(sysreg_read(icc_bpr1_el1), 7);
	in_handler[3] = BIT(1);
	gic_sgi(3); /* 0x60, then 0x20: both in 0x00..0x7f */
	EXPECT(3, 3 | ENDED, 1, 1 | ENDED);
	in_handler[5] = BIT(1);
	gic_sgi(5); /* 0xa0 */
	EXPECT(5, 1, 1 | ENDED, 5 | ENDED);
	sysreg_write(icc_bpr1_el1, 0);
	isb();
	CHECK(sysreg_read(icc_bpr1_el1) <= 8 - gic_priority_bits());
}

static void mask(void)
{
	sysreg_write(icc_pmr_el1, 0x40);
	isb();
	CHECK_EQ(sysreg_read(icc_pmr_el1), 0x40);
	gic_sgi(3);
	gic_sgi(2); /* 0x40 itself is held back */
	gic_sgi(1);
	EXPECT(1, 1 | ENDED);
	CHECK_EQ(gic_acknowledge(), INTID_SPURIOUS);
	sysreg_write(icc_pmr_el1, 0x50);
	isb();
	EXPECT(2, 2 | ENDED);
	sysreg_write(icc_pmr_el1, 0xf8);
	isb();
	EXPECT(3, 3 | ENDED);
	sysreg_write(icc_igrpen1_el1, 0);
	isb();
	gic_sgi(3);
	CHECK_EQ(gic_acknowledge(), INTID_SPURIOUS);
	sysreg_write(icc_igrpen1_el1, 1);
	isb();
	EXPECT(3, 3 | ENDED);
}

static void running(void)
{
	CHECK_EQ(sysreg_read(icc_rpr_el1), 0xff);
	gic_sgi(3);
	CHECK_EQ(gic_acknowledge(), 3);
	CHECK_EQ(sysreg_read(icc_rpr_el1), 0x60);
	gic_sgi(4);
	CHECK_EQ(gic_acknowledge(), INTID_SPURIOUS);
	gic_sgi(1);
	CHECK_EQ(gic_acknowledge(), 1);
	CHECK_EQ(sysreg_read(icc_rpr_el1), 0x20);
	gic_end(1);
	CHECK_EQ(sysreg_read(icc_rpr_el1), 0x60);
	gic_end(3);
	CHECK_EQ(sysreg_read(icc_rpr_el1), 0xff);
	EXPECT(4, 4 | ENDED);
}

/* Changed while it is pending. */
static void changed(void)
{
	gic_sgi(3);
	gic_sgi(4);
	gic_priority(4, 0x10);
	dsb();
	EXPECT(4, 4 | ENDED, 3, 3 | ENDED);
	gic_priority(4, 0x80);
}

void guest_main(void)
{
	gic_init();
	trap_set(VECTOR_EL1H + VECTOR_IRQ, handler);
	for (u32 i = 0; i < 8; i++) {
		gic_priority(i, (u8)(i * 0x20));
		gic_enable(i);
	}
	order();
	preemption();
	binary_point();
	mask();
	running();
	changed();
}
