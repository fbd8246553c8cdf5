// SPDX-License-Identifier: Apache-2.0
/*
 * Physical GIC. IHI 0069, "Programmers' Model", "Distributor and Redistributor register maps",
 * "AArch64 System register descriptions".
 *
 * The same register writes serve both kinds of machine: with two security states the Non-secure
 * view of GICD_CTLR has EnableGrp1 and EnableGrp1A where one security state has EnableGrp0 and
 * EnableGrp1; IGROUPR is read-as-zero there and the secure side has given us our interrupts.
 */
#include "arch/arm64/gic.h"

#include <errno.h>

#include "arch/cpu.h"
#include "arch/percpu.h"
#include "mm/bits.h"

#define GICD_CTLR        0x0000u
#define GICD_TYPER       0x0004u
#define GICD_IGROUPR     0x0080u
#define GICD_ISENABLER   0x0100u
#define GICD_ICENABLER   0x0180u
#define GICD_ISPENDR     0x0200u
#define GICD_ICPENDR     0x0280u
#define GICD_ISACTIVER   0x0300u
#define GICD_ICACTIVER   0x0380u
#define GICD_IPRIORITYR  0x0400u
#define GICD_ICFGR       0x0c00u
#define GICD_ICENABLER_E 0x1400u /* of extended SPIs */
#define GICD_IROUTER     0x6000u
#define GIC_PIDR2        0xffe8u
#define GICR_CTLR        0x0000u
#define GICR_TYPER       0x0008u
#define GICR_WAKER       0x0014u
#define GICR_SGI_BASE    0x10000u

#define GICD_CTLR_ENABLE      (BIT(0) | BIT(1))
#define GICD_CTLR_ARE_NS      BIT(4)
#define GICD_CTLR_RWP         BIT(31)
#define GICR_CTLR_RWP         BIT(3)
#define GICD_TYPER_ESPI       BIT(8)
#define GIC_TYPER_EXT_RANGE   GENMASK(31, 27) /* how many more banks of 32; GICD: less one */
#define GICR_TYPER_VLPIS      BIT(1)
#define GICR_TYPER_LAST       BIT(4)
#define WAKER_PROCESSOR_SLEEP BIT(1)
#define WAKER_CHILDREN_ASLEEP BIT(2)

/* In the middle of what both views can express, and a mask that lets it pass. */
#define GIC_PRIORITY 0xa0u
#define GIC_PMR      0xf0u

#define ICC_SRE_SRE      BIT(0)
#define ICC_SRE_ALL      GENMASK(3, 0) /* SRE, no bypass, EL1 may use it */
#define ICC_CTLR_EOIMODE BIT(1)
#define ICC_CTLR_PRIBITS GENMASK(10, 8)
#define MPIDR_AFFINITY   (GENMASK(39, 32) | GENMASK(23, 0))

#define POLL_LIMIT 10000000u

static volatile u8 *dist;
static u32 intid_count;

/* One plain load or store each: what writes back its base is not emulated by a host below us. */
static u32 reg_read(volatile u8 *base, u64 offset)
{
	u32 val;

	__asm__ volatile("ldr %w0, %1" : "=r"(val) : "Q"(*(volatile u32 *)(base + offset)));
	return val;
}

static void reg_write(volatile u8 *base, u64 offset, u32 val)
{
	__asm__ volatile("str %w1, %0" : "=Q"(*(volatile u32 *)(base + offset)) : "rZ"(val));
}

static u64 reg_read64(volatile u8 *base, u64 offset)
{
	u64 val;

	__asm__ volatile("ldr %0, %1" : "=r"(val) : "Q"(*(volatile u64 *)(base + offset)));
	return val;
}

static void reg_write64(volatile u8 *base, u64 offset, u64 val)
{
	__asm__ volatile("str %x1, %0" : "=Q"(*(volatile u64 *)(base + offset)) : "rZ"(val));
}

bool gic_intid_is_valid(u32 intid)
{
	return intid < intid_count;
}

/* This CPU's. */
static volatile u8 *redist(void)
{
	return this_cpu()->redist;
}

/* The frame that has @intid's bits: all of them lie at the distributor's offsets. */
static volatile u8 *intid_frame(u32 intid)
{
	return intid < 32 ? redist() + GICR_SGI_BASE : dist;
}

static u64 bit_reg(u32 reg, u32 intid)
{
	return reg + intid / 32 * 4;
}

/* Waits until @bit of a control register is 0. */
static bool reg_settles(volatile u8 *base, u32 offset, u64 bit)
{
	for (u32 i = 0; i < POLL_LIMIT; i++) {
		if (!(reg_read(base, offset) & bit)) {
			return true;
		}
		cpu_relax();
	}
	return false;
}

/* "Register Write Pending": effects of writes to CTLR and ICENABLER are visible everywhere. */
static bool intid_settles(u32 intid)
{
	return intid < 32 ? reg_settles(redist(), GICR_CTLR, GICR_CTLR_RWP)
			  : reg_settles(dist, GICD_CTLR, GICD_CTLR_RWP);
}

/* Whatever firmware has left: off, Group 1, not pending, not active, one priority. */
static void bank_init(volatile u8 *base, u32 intid)
{
	reg_write(base, bit_reg(GICD_ICENABLER, intid), ~(u32)0);
	reg_write(base, bit_reg(GICD_IGROUPR, intid), ~(u32)0);
	reg_write(base, bit_reg(GICD_ICPENDR, intid), ~(u32)0);
	reg_write(base, bit_reg(GICD_ICACTIVER, intid), ~(u32)0);
	for (u32 i = 0; i < 32; i += 4) {
		reg_write(base, GICD_IPRIORITYR + intid + i, GIC_PRIORITY * 0x01010101u);
	}
}

/* INTIDs above 1023 are nobody's here: off, if they exist. */
static void extended_spis_disable(u32 typer)
{
	if (typer & GICD_TYPER_ESPI) {
		for (u32 n = 0; n <= FIELD_GET(GIC_TYPER_EXT_RANGE, typer); n++) {
			reg_write(dist, GICD_ICENABLER_E + n * 4, ~(u32)0);
		}
	}
}

static void extended_ppis_disable(void)
{
	u64 banks = FIELD_GET(GIC_TYPER_EXT_RANGE, reg_read64(redist(), GICR_TYPER));

	for (u64 n = 1; n <= banks && n <= 2; n++) {
		reg_write(redist() + GICR_SGI_BASE, GICD_ICENABLER + n * 4, ~(u32)0);
	}
}

int gic_dist_init(void *base)
{
	u32 arch, typer;

	dist = base;
	arch = reg_read(dist, GIC_PIDR2) >> 4 & 0xf;
	if (arch != 3 && arch != 4) {
		return -ENODEV;
	}
	/* ARE may change, and is to change, only while both groups are disabled. */
	reg_write(dist, GICD_CTLR, 0);
	if (!reg_settles(dist, GICD_CTLR, GICD_CTLR_RWP)) {
		return -EIO;
	}
	reg_write(dist, GICD_CTLR, GICD_CTLR_ARE_NS);
	typer = reg_read(dist, GICD_TYPER);
	intid_count = (u32)min_u64(32 * ((typer & 0x1f) + 1), GIC_INTID_SPURIOUS);
	extended_spis_disable(typer);
	for (u32 intid = 32; intid < intid_count; intid += 32) {
		bank_init(dist, intid);
	}
	if (!reg_settles(dist, GICD_CTLR, GICD_CTLR_RWP)) {
		return -EIO;
	}
	reg_write(dist, GICD_CTLR, GICD_CTLR_ARE_NS | GICD_CTLR_ENABLE);
	return reg_settles(dist, GICD_CTLR, GICD_CTLR_RWP) ? 0 : -EIO;
}

/* GICR_TYPER.Affinity_Value is MPIDR_EL1's affinity fields put together. */
static u32 this_affinity(void)
{
	u64 mpidr = read_sysreg(mpidr_el1);

	return (u32)((mpidr >> 32 & 0xff) << 24 | (mpidr & 0xffffff));
}

static volatile u8 *redist_find(volatile u8 *region, u64 size)
{
	u64 at = 0, typer;

	while (at + 2 * GICR_SGI_BASE <= size) {
		typer = reg_read64(region + at, GICR_TYPER);
		if (typer >> 32 == this_affinity()) {
			return region + at;
		}
		if (typer & GICR_TYPER_LAST) {
			break;
		}
		at += (typer & GICR_TYPER_VLPIS ? 4 : 2) * GICR_SGI_BASE;
	}
	return NULL;
}

static int redist_wake(void)
{
	reg_write(redist(), GICR_WAKER,
		  reg_read(redist(), GICR_WAKER) & ~(u32)WAKER_PROCESSOR_SLEEP);
	return reg_settles(redist(), GICR_WAKER, WAKER_CHILDREN_ASLEEP) ? 0 : -EIO;
}

/* No priority is active: firmware may have left from within a handler. */
static void active_priorities_clear(void)
{
	u64 bits = FIELD_GET(ICC_CTLR_PRIBITS, read_sysreg(icc_ctlr_el1)) + 1;

	if (bits > 6) {
		write_sysreg(0, icc_ap1r3_el1);
		write_sysreg(0, icc_ap1r2_el1);
	}
	if (bits > 5) {
		write_sysreg(0, icc_ap1r1_el1);
	}
	write_sysreg(0, icc_ap1r0_el1);
}

static int cpu_interface_init(void)
{
	write_sysreg(read_sysreg(icc_sre_el2) | ICC_SRE_ALL, icc_sre_el2);
	/* The other registers exist for what follows only once SRE is seen. */
	isb();
	if (!(read_sysreg(icc_sre_el2) & ICC_SRE_SRE)) {
		return -ENODEV;
	}
	active_priorities_clear();
	write_sysreg(GIC_PMR, icc_pmr_el1);
	write_sysreg(0, icc_bpr1_el1);
	write_sysreg(read_sysreg(icc_ctlr_el1) | ICC_CTLR_EOIMODE, icc_ctlr_el1);
	write_sysreg(1, icc_igrpen1_el1);
	isb();
	/* Ignored where secure firmware keeps the mask at a priority of its own: nothing would
	 * come. */
	return read_sysreg(icc_pmr_el1) ? 0 : -EACCES;
}

int gic_cpu_init(void *region, u64 size)
{
	volatile u8 *found = redist_find(region, size);

	if (!found) {
		return -ENOENT;
	}
	this_cpu()->redist = found;
	if (redist_wake()) {
		return -EIO;
	}
	bank_init(redist() + GICR_SGI_BASE, 0);
	extended_ppis_disable();
	if (!intid_settles(0)) {
		return -EIO;
	}
	return cpu_interface_init();
}

void gic_enable(u32 intid)
{
	if (!gic_intid_is_valid(intid)) {
		return;
	}
	reg_write(intid_frame(intid), bit_reg(GICD_ISENABLER, intid), (u32)1 << (intid % 32));
}

void gic_disable(u32 intid)
{
	if (!gic_intid_is_valid(intid)) {
		return;
	}
	reg_write(intid_frame(intid), bit_reg(GICD_ICENABLER, intid), (u32)1 << (intid % 32));
	(void)intid_settles(intid);
}

/* IHI 0069, "ICC_SGI1R_EL1": 16 CPUs of one cluster by a list. What was stored before is seen. */
void gic_sgi(u64 mpidr, u32 intid)
{
	u64 aff0 = mpidr & 0xff;
	u64 val = (mpidr >> 32 & 0xff) << 48 | (mpidr >> 16 & 0xff) << 32 |
		  (mpidr >> 8 & 0xff) << 16 | (aff0 >> 4) << 44 | (u64)intid << 24 | BIT(aff0 & 15);

	dsb_sy();
	write_sysreg(val, icc_sgi1r_el1);
	isb();
}

void gic_set_trigger(u32 intid, bool edge)
{
	volatile u8 *frame = intid_frame(intid);
	u64 reg = GICD_ICFGR + intid / 16 * 4;
	u32 bit = (u32)2 << (intid % 16 * 2);

	if (!gic_intid_is_valid(intid)) {
		return;
	}
	reg_write(frame, reg, (reg_read(frame, reg) & ~bit) | (edge ? bit : 0));
}

void gic_route_here(u32 intid)
{
	if (intid >= 32 && gic_intid_is_valid(intid)) {
		reg_write64(dist, GICD_IROUTER + (u64)intid * 8,
			    read_sysreg(mpidr_el1) & MPIDR_AFFINITY);
	}
}

void gic_set_active(u32 intid, bool active)
{
	volatile u8 *frame = intid_frame(intid);

	assert(gic_intid_is_valid(intid));
	reg_write(frame, bit_reg(active ? GICD_ISACTIVER : GICD_ICACTIVER, intid),
		  (u32)1 << (intid % 32));
	/*
	 * RWP does not tell about these registers. The read is ordered behind the write (one
	 * device, Device-nGnRE: Arm ARM, "Device memory") and is answered after it took effect;
	 * the DSB has it answered before a guest can deactivate the interrupt itself.
	 */
	(void)reg_read(frame, bit_reg(GICD_ISACTIVER, intid));
	dsb_sy();
}

bool gic_is_pending(u32 intid)
{
	return gic_intid_is_valid(intid) &&
	       (reg_read(intid_frame(intid), bit_reg(GICD_ISPENDR, intid)) >> (intid % 32) & 1);
}

u32 gic_ack(void)
{
	u64 intid = read_sysreg(icc_iar1_el1);

	/*
	 * The activation is visible to other accesses to the GIC after a DSB (IHI 0069,
	 * "Observability of the effects of accesses to the GIC registers"): deactivation must come
	 * behind it.
	 */
	dsb_sy();
	return (u32)(intid & GENMASK(23, 0));
}

void gic_eoi(u32 intid)
{
	write_sysreg(intid, icc_eoir1_el1);
	/* The next acknowledge, or WFI, finds the priority dropped. */
	isb();
}

void gic_deactivate(u32 intid)
{
	write_sysreg(intid, icc_dir_el1);
	isb();
}
