// SPDX-License-Identifier: Apache-2.0
/*
 * Every system register encoding, read and written with zeros, ones and noise; every system
 * instruction. "part=" of "parts=" by the encoding. What would stop the guest itself is left out.
 */
#include "guest.h"

static u64 accesses, faults;

static bool is_own(u32 reg)
{
	switch (reg) {
	case SYSREG(3, 0, 1, 0, 0):  /* SCTLR_EL1 */
	case SYSREG(3, 0, 1, 0, 3):  /* SCTLR2_EL1 */
	case SYSREG(3, 0, 12, 0, 0): /* VBAR_EL1 */
	case SYSREG(3, 0, 4, 2, 0):  /* SPSel */
	case SYSREG(3, 3, 4, 2, 1):  /* DAIF */
		return true;
	default:
		break;
	}
	reg &= ~(7u << 5);
	/* TTBRs and TCRs; MAIR and permission indirection. */
	return reg == SYSREG(3, 0, 2, 0, 0) || reg == SYSREG(3, 0, 10, 2, 0) ||
	       reg == SYSREG(3, 0, 10, 3, 0);
}

static void write(u32 reg, u64 v)
{
	accesses++;
	faults += sysreg_write_try(reg, v) != 0;
}

static void touch(u32 reg)
{
	u64 old = 0;
	bool readable;

	accesses++;
	readable = sysreg_read_try(reg, &old) == 0;
	faults += !readable;
	if (is_own(reg)) {
		return;
	}
	write(reg, 0);
	write(reg, ~0ULL);
	write(reg, random64() & random64());
	if (readable) {
		write(reg, old);
	}
}

static void timers_off(void)
{
	sysreg_write(cntv_ctl_el0, 0);
	sysreg_write(cntp_ctl_el0, 0);
	sysreg_write(mdscr_el1, 0);
	sysreg_write(cpacr_el1, 3 << 20);
	isb();
}

/* What the assembler's "sys" is: maintenance and translation, of an address that is memory. */
static void instructions(u64 part, u64 parts)
{
	for (u32 i = part & 0xff; i < 0x4000; i += (u32)parts) {
		u32 reg = SYSREG(1, 0, 0, 0, 0) | i << 5;
		u64 v = 0;

		/* CRn 0 to 3 with op0 1 are none. */
		write(reg, SCRATCH);
		write(reg, random64());
		accesses++;
		faults += sysreg_read_try(reg, &v) != 0;
	}
}

static bool alive(void)
{
	u32 before;

	timers_off();
	gic_init();
	before = irq_count[INTID_VTIMER];
	gic_enable(INTID_VTIMER);
	for (u32 i = 0; i < 1024; i++) {
		gic_end(i); /* whatever an acknowledge register was read for */
	}
	gic_init();
	gic_enable(INTID_VTIMER);
	sysreg_write(cntv_tval_el0, 1);
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	irq_enable();
	WAIT_FOR(irq_count[INTID_VTIMER] > before, 2000);
	irq_disable();
	return true;
}

void guest_main(void)
{
	u64 parts = option("parts", 4), part = option("part", 0);

	gic_init();
	timers_off();
	for (u32 i = (u32)part; i < 0x8000; i += (u32)parts) {
		touch(SYSREG(2, 0, 0, 0, 0) | i << 5);
		if (i % 0x400 < parts) {
			timers_off();
		}
	}
	print("%lu accesses, %lu faults\n", accesses, faults);
	CHECK(faults > accesses / 2);
	instructions(part, parts);
	print("%lu accesses, %lu faults\n", accesses, faults);
	CHECK(alive());
}
