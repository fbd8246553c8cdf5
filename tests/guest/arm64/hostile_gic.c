// SPDX-License-Identifier: Apache-2.0
/*
 * Random accesses to all of the interrupt controller, storms of software interrupts and of
 * timers, acknowledges and ends in any order; afterwards, set up anew, it works.
 */
#include "guest.h"

static u64 taken;

static u64 random_register(void)
{
	u64 r = random64();

	switch (r & 3) {
	case 0:
		return GICD_BASE + (r >> 8 & 0xffc) + (r & 0x10 ? 0 : 0x6000);
	case 1:
		return GICD_BASE + (r >> 8 & 0xfffc);
	case 2:
		return GICR_SGI + (r >> 8 & 0xffc);
	default:
		return GICR_BASE + (r >> 8 & 0x1fffc);
	}
}

static void cpu_interface(u64 r)
{
	u64 v = random64() & random64();

	switch (r % 14) {
	case 0:
		sysreg_write(icc_pmr_el1, v);
		break;
	case 1:
		sysreg_write(icc_bpr1_el1, v & 7); /* QEMU 7.2 aborts by more bits */
		break;
	case 2:
		sysreg_write(icc_ctlr_el1, v);
		break;
	case 3:
		sysreg_write(icc_igrpen1_el1, v);
		break;
	case 4:
		sysreg_write(icc_igrpen0_el1, v);
		break;
	case 5:
		sysreg_write(icc_ap1r0_el1, v);
		break;
	case 6:
		sysreg_write(icc_ap0r0_el1, v);
		break;
	case 7:
		sysreg_write(icc_eoir1_el1, v & 0x3ff);
		break;
	case 8:
		sysreg_write(icc_dir_el1, v & 0x3ff);
		break;
	case 9:
		sysreg_write(icc_eoir0_el1, v & 0x3ff);
		break;
	case 10:
		(void)sysreg_read(icc_iar0_el1);
		break;
	case 11:
		(void)sysreg_read(icc_iar1_el1);
		break;
	case 12:
		sysreg_write(icc_sre_el1, v);
		break;
	default:
		sysreg_write(icc_bpr0_el1, v & 7);
	}
	isb();
}

static void timer(u64 r)
{
	u64 v = counter() + random64() % counter_ms(1) - counter_ms(1) / 2;

	switch (r & 3) {
	case 0:
		sysreg_write(cntv_cval_el0, v);
		break;
	case 1:
		sysreg_write(cntp_cval_el0, v);
		break;
	case 2:
		sysreg_write(cntv_ctl_el0, random64());
		break;
	default:
		sysreg_write(cntp_ctl_el0, random64());
	}
}

static void handler(struct trap *t)
{
	u64 r = random64();
	u32 intid = gic_acknowledge();

	taken++;
	if (intid == INTID_VTIMER) {
		sysreg_write(cntv_ctl_el0, 0);
	}
	if (intid == INTID_PTIMER) {
		sysreg_write(cntp_ctl_el0, 0);
	}
	if (r & 7) {
		gic_end(intid);
	}
	if (r & 8) {
		sysreg_write(icc_dir_el1, intid);
	}
	if ((r & 0xf0) == 0 || taken % 64 == 0) {
		t->pstate |= BIT(7); /* the main loop unmasks again */
	}
}

static void step(void)
{
	u64 r = random64(), reg = random_register();

	switch (r % 8) {
	case 0:
	case 1:
		mmio_write(reg, (u32)(random64() & random64()));
		break;
	case 2:
		(void)mmio_read(reg);
		break;
	case 3:
		sysreg_write(S3_0_C12_C11_5, random64() & (r & 0x100 ? ~0ULL : 0xf00ffff));
		break;
	case 4:
		gic_sgi((u32)(r >> 8 & 15));
		break;
	case 5:
		gic_bit_set(GICD_ISPENDR, (u32)(r >> 8) % 128);
		break;
	case 6:
		timer(r >> 8);
		break;
	default:
		cpu_interface(r >> 8);
	}
	if (!(r & 0x70000)) {
		irq_enable();
	}
	if (!(r & 0x700000)) {
		irq_disable();
	}
}

/* What would keep all interrupts away for the rest of the run. */
static void reopen(void)
{
	mmio_write(GICD_BASE + GICD_CTLR, 0x12);
	mmio_write(GICR_SGI + GICD_IGROUPR, ~0u);
	mmio_write(GICR_SGI + GICD_ISENABLER, ~0u);
	sysreg_write(icc_sre_el1, 1);
	sysreg_write(icc_ap1r0_el1, 0);
	sysreg_write(icc_pmr_el1, 0xff);
	sysreg_write(icc_igrpen1_el1, 1);
	irq_enable();
}

static void works_again(void)
{
	irq_disable();
	sysreg_write(cntv_ctl_el0, 0);
	sysreg_write(cntp_ctl_el0, 0);
	trap_set(VECTOR_EL1H + VECTOR_IRQ, NULL);
	trap_set(VECTOR_EL1H + VECTOR_FIQ, NULL);
	sysreg_write(icc_ap1r0_el1, 0);
	sysreg_write(icc_ap0r0_el1, 0);
	sysreg_write(icc_igrpen0_el1, 0);
	for (u32 i = 32; i < gic_lines(); i += 32) {
		mmio_write(GICD_BASE + GICD_ICACTIVER + i / 8, ~0u);
		mmio_write(GICD_BASE + GICD_ICPENDR + i / 8, ~0u);
	}
	mmio_write(GICR_SGI + GICD_ICACTIVER, ~0u);
	mmio_write(GICR_SGI + GICD_IGRPMODR, 0);
	gic_init();
	for (u32 i = 0; i < 16; i++) {
		u32 before = irq_count[i];

		gic_enable(i);
		gic_sgi(i);
		irq_enable();
		WAIT_FOR(irq_count[i] == before + 1, 1000);
		irq_disable();
	}
}

void guest_main(void)
{
	u64 steps = option("steps", 20000);

	for (unsigned round = 0; round < 5; round++) {
		gic_init();
		trap_set(VECTOR_EL1H + VECTOR_IRQ, handler);
		trap_set(VECTOR_EL1H + VECTOR_FIQ, handler);
		for (u32 i = 0; i < 64; i++) {
			gic_enable(i);
		}
		for (u64 i = 0; i < steps / 5; i++) {
			if (i % 32 == 0) {
				reopen();
			}
			step();
		}
		works_again();
	}
	print("%lu interrupts\n", taken);
	CHECK(taken > 100);
}
