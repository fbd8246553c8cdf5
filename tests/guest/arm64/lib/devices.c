// SPDX-License-Identifier: Apache-2.0
/* GICv3 and time. */
#include "guest.h"

volatile u32 irq_count[1024], irq_last;
void (*irq_hook)(u32 intid);

u64 gic_reg(u32 reg, u32 intid)
{
	return (intid < 32 ? GICR_SGI : GICD_BASE) + reg;
}

bool gic_bit(u32 reg, u32 intid)
{
	return mmio_read(gic_reg(reg, intid) + intid / 32 * 4) >> intid % 32 & 1;
}

void gic_bit_set(u32 reg, u32 intid)
{
	mmio_write(gic_reg(reg, intid) + intid / 32 * 4, 1u << intid % 32);
}

static void wait_written(void)
{
	while (mmio_read(GICD_BASE + GICD_CTLR) & BIT(31)) {
	}
	while (mmio_read(GICR_BASE + GICR_CTLR) & BIT(3)) {
	}
	dsb();
}

void gic_enable(u32 intid)
{
	gic_bit_set(GICD_ISENABLER, intid);
	dsb();
}

void gic_disable(u32 intid)
{
	gic_bit_set(GICD_ICENABLER, intid);
	wait_written();
}

void gic_priority(u32 intid, u8 priority)
{
	__asm__ volatile("strb %w0, [%1]"
			 :
			 : "r"(priority), "r"(gic_reg(GICD_IPRIORITYR, intid) + intid)
			 : "memory");
}

void gic_edge(u32 intid, bool edge)
{
	u64 reg = gic_reg(GICD_ICFGR, intid) + intid / 16 * 4;
	u32 bit = 2u << intid % 16 * 2, v = mmio_read(reg);

	mmio_write(reg, edge ? v | bit : v & ~bit);
}

u32 gic_lines(void)
{
	u32 lines = ((mmio_read(GICD_BASE + GICD_TYPER) & 31) + 1) * 32;

	return lines < 1020 ? lines : 1020;
}

void gic_sgi(u32 intid)
{
	u64 mpidr = sysreg_read(mpidr_el1);
	u64 target = 1ULL << (mpidr & 0xf) | (mpidr >> 8 & 0xff) << 16 |
		     (mpidr >> 16 & 0xff) << 32 | (mpidr >> 32 & 0xff) << 48;

	sysreg_write(S3_0_C12_C11_5, target | (u64)intid << 24); /* ICC_SGI1R_EL1 */
	isb();
}

unsigned gic_priority_bits(void)
{
	return (unsigned)(sysreg_read(icc_ctlr_el1) >> 8 & 7) + 1;
}

static void redistributor_init(void)
{
	u32 waker = mmio_read(GICR_BASE + GICR_WAKER);

	mmio_write(GICR_BASE + GICR_WAKER, waker & ~(u32)BIT(1));
	WAIT_FOR(!(mmio_read(GICR_BASE + GICR_WAKER) & BIT(2)), 1000);
	mmio_write(GICR_SGI + GICD_ICENABLER, ~0u);
	mmio_write(GICR_SGI + GICD_ICPENDR, ~0u);
	mmio_write(GICR_SGI + GICD_IGROUPR, ~0u);
	for (u32 i = 0; i < 32; i += 4) {
		mmio_write(GICR_SGI + GICD_IPRIORITYR + i, GIC_PRIORITY * 0x01010101u);
	}
}

void gic_init(void)
{
	u32 lines = gic_lines();

	sysreg_write(icc_sre_el1, 1);
	isb();
	mmio_write(GICD_BASE + GICD_CTLR, 0);
	wait_written();
	mmio_write(GICD_BASE + GICD_CTLR, BIT(4) | BIT(1)); /* ARE, EnableGrp1 */
	wait_written();
	for (u32 i = 32; i < lines; i += 32) {
		mmio_write(GICD_BASE + GICD_ICENABLER + i / 8, ~0u);
		mmio_write(GICD_BASE + GICD_IGROUPR + i / 8, ~0u);
	}
	for (u32 i = 32; i < lines; i += 4) {
		mmio_write(GICD_BASE + GICD_IPRIORITYR + i, GIC_PRIORITY * 0x01010101u);
	}
	redistributor_init();
	wait_written();
	sysreg_write(icc_pmr_el1, 0xf8);
	sysreg_write(icc_bpr1_el1, 0);
	sysreg_write(icc_ctlr_el1, 0);
	sysreg_write(icc_igrpen1_el1, 1);
	isb();
}

void irq_handle(void)
{
	u32 intid = gic_acknowledge();

	irq_last = intid;
	irq_count[intid & 1023]++;
	if (intid >= 1020) {
		return;
	}
	if (irq_hook) {
		irq_hook(intid);
	} else if (intid == INTID_VTIMER) {
		sysreg_write(cntv_ctl_el0, TIMER_MASKED | TIMER_ON);
	} else if (intid == INTID_PTIMER) {
		sysreg_write(cntp_ctl_el0, TIMER_MASKED | TIMER_ON);
	}
	gic_end(intid);
}

void delay_us(u64 us)
{
	u64 end = counter() + sysreg_read(cntfrq_el0) / 1000 * us / 1000;

	while (counter() < end) {
	}
}
