// SPDX-License-Identifier: Apache-2.0
/* The active state: read, set and cleared by registers; priority drop apart from deactivation. */
#include "guest.h"

#define EOI_MODE BIT(1)

static void taken(u32 intid)
{
	u32 got = gic_acknowledge();

	if (got != intid) {
		fail("acknowledged %u, expected %u", got, intid);
	}
}

static void raise(u32 intid)
{
	if (intid < 16) {
		gic_sgi(intid);
	} else {
		gic_bit_set(GICD_ISPENDR, intid);
		dsb();
	}
}

static void by_registers(u32 intid)
{
	raise(intid);
	taken(intid);
	CHECK(gic_bit(GICD_ISACTIVER, intid));
	CHECK(!gic_bit(GICD_ISPENDR, intid));
	raise(intid);
	CHECK(gic_bit(GICD_ISACTIVER, intid));
	CHECK(gic_bit(GICD_ISPENDR, intid));
	taken(INTID_SPURIOUS);
	gic_end(intid);
	CHECK(!gic_bit(GICD_ISACTIVER, intid));
	taken(intid);
	gic_end(intid);
	taken(INTID_SPURIOUS);

	/* Set active by software: held back. */
	gic_bit_set(GICD_ISACTIVER, intid);
	raise(intid);
	dsb();
	taken(INTID_SPURIOUS);
	CHECK(gic_bit(GICD_ISPENDR, intid));
	gic_bit_set(GICD_ICACTIVER, intid);
	dsb();
	taken(intid);
	/* Cleared by software while it is handled: the priority is still running. */
	gic_bit_set(GICD_ICACTIVER, intid);
	dsb();
	CHECK(!gic_bit(GICD_ISACTIVER, intid));
	CHECK_EQ(sysreg_read(icc_rpr_el1), GIC_PRIORITY);
	gic_end(intid);
	CHECK_EQ(sysreg_read(icc_rpr_el1), 0xff);
	taken(INTID_SPURIOUS);
}

/* GICv3, "Interrupt lifecycle", with EOImode 1: the end drops the priority, DIR deactivates. */
static void split(u32 intid, u32 other)
{
	sysreg_write(icc_ctlr_el1, EOI_MODE);
	isb();
	CHECK_EQ(sysreg_read(icc_ctlr_el1) & EOI_MODE, EOI_MODE);
	raise(intid);
	taken(intid);
	raise(intid);
	raise(other);
	taken(INTID_SPURIOUS);
	gic_end(intid);
	CHECK_EQ(sysreg_read(icc_rpr_el1), 0xff);
	CHECK(gic_bit(GICD_ISACTIVER, intid));
	taken(other);
	gic_end(other);
	taken(INTID_SPURIOUS);
	CHECK(gic_bit(GICD_ISPENDR, intid));
	sysreg_write(icc_dir_el1, intid);
	isb();
	CHECK(!gic_bit(GICD_ISACTIVER, intid));
	taken(intid);
	gic_end(intid);
	/* In another order than they were taken, which DIR allows. */
	sysreg_write(icc_dir_el1, other);
	sysreg_write(icc_dir_el1, intid);
	isb();
	CHECK(!gic_bit(GICD_ISACTIVER, other));
	CHECK(!gic_bit(GICD_ISACTIVER, intid));
	taken(INTID_SPURIOUS);
	sysreg_write(icc_ctlr_el1, 0);
	isb();
}

/* More active ones than a virtual interface can list. */
static void many(void)
{
	sysreg_write(icc_ctlr_el1, EOI_MODE);
	isb();
	for (u32 i = 0; i < 16; i++) {
		raise(i);
		taken(i);
		gic_end(i);
	}
	for (u32 i = 0; i < 16; i++) {
		CHECK(gic_bit(GICD_ISACTIVER, i));
		raise(i);
	}
	taken(INTID_SPURIOUS);
	raise(50);
	taken(50);
	gic_end(50);
	for (u32 i = 16; i--;) {
		sysreg_write(icc_dir_el1, i);
		isb();
		taken(i);
		gic_end(i);
		sysreg_write(icc_dir_el1, i);
		isb();
		CHECK(!gic_bit(GICD_ISACTIVER, i));
	}
	sysreg_write(icc_dir_el1, 50);
	sysreg_write(icc_ctlr_el1, 0);
	isb();
	taken(INTID_SPURIOUS);
}

void guest_main(void)
{
	gic_init();
	for (u32 i = 0; i < 16; i++) {
		gic_enable(i);
	}
	for (u32 i = 48; i < 52; i++) {
		gic_edge(i, true);
		gic_enable(i);
	}
	by_registers(5);
	by_registers(48);
	split(6, 7);
	split(49, 8);
	split(9, 51);
	many();
}
