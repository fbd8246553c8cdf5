// SPDX-License-Identifier: Apache-2.0
/*
 * The registers of GICv3's distributor and redistributor: what reads back, what is fixed, what
 * ignores writes (IHI 0069, "The GIC Distributor register map" and following).
 */
#include "guest.h"

#define SPI       40
#define NO_1_OF_N BIT(25)

static void check_fixed(u64 addr)
{
	u32 v = mmio_read(addr);

	mmio_write(addr, ~v);
	if (mmio_read(addr) != v) {
		fail("%lx was %x, now %x", addr, v, mmio_read(addr));
	}
}

static void check_zero(u64 addr)
{
	mmio_write(addr, ~0u);
	if (mmio_read(addr)) {
		fail("%lx is %x, expected 0", addr, mmio_read(addr));
	}
}

static void identification(void)
{
	u64 mpidr = sysreg_read(mpidr_el1), typer = mmio_read64(GICR_BASE + GICR_TYPER);

	CHECK_EQ(mmio_read(GICD_BASE + GICD_PIDR2) >> 4 & 0xf, 3);
	CHECK_EQ(mmio_read(GICR_BASE + GICR_PIDR2) >> 4 & 0xf, 3);
	CHECK(gic_lines() > SPI);
	CHECK((mmio_read(GICD_BASE + GICD_TYPER) >> 19 & 31) >= 9); /* IDbits */
	check_fixed(GICD_BASE + GICD_TYPER);
	check_fixed(GICD_BASE + GICD_IIDR);
	check_fixed(GICD_BASE + GICD_PIDR2);
	check_fixed(GICR_BASE + GICR_TYPER);
	check_fixed(GICR_BASE + GICR_IIDR);
	CHECK_EQ(typer >> 32, (mpidr & 0xffffff) | (mpidr >> 8 & 0xff000000));
	CHECK(typer & BIT(4)); /* the last one */
	CHECK_EQ(mmio_read(GICR_BASE + GICR_TYPER + 4), typer >> 32);
	CHECK_EQ(mmio_read(GICR_BASE + GICR_WAKER) & 6, 0);
}

static void control(void)
{
	u32 on = mmio_read(GICD_BASE + GICD_CTLR);

	CHECK_EQ(on & 0x12, 0x12);
	mmio_write(GICD_BASE + GICD_CTLR, on & ~2u);
	CHECK_EQ(mmio_read(GICD_BASE + GICD_CTLR) & 2, 0);
	/* Distributor off: nothing of group 1 comes through. */
	gic_enable(3);
	gic_sgi(3);
	CHECK_EQ(gic_acknowledge(), INTID_SPURIOUS);
	mmio_write(GICD_BASE + GICD_CTLR, on);
	CHECK_EQ(gic_acknowledge(), 3);
	gic_end(3);
	gic_disable(3);
}

/* Set by one register, cleared by the other, both read the same; ones of no interrupt are zero. */
static void check_pair(u32 set, u32 clear, u32 intid)
{
	u64 word = gic_reg(set, intid) + intid / 32 * 4,
	    other = gic_reg(clear, intid) + intid / 32 * 4;
	u32 bit = 1u << intid % 32, was = mmio_read(word);

	mmio_write(other, bit);
	CHECK_EQ(mmio_read(word), was & ~bit);
	mmio_write(word, bit);
	CHECK_EQ(mmio_read(word), was | bit);
	CHECK_EQ(mmio_read(other), was | bit);
	mmio_write(word, 0);
	mmio_write(other, 0);
	CHECK_EQ(mmio_read(word), was | bit);
	mmio_write(other, bit);
	CHECK_EQ(mmio_read(word), was & ~bit);
	CHECK_EQ(mmio_read(other), was & ~bit);
}

static void check_priority(u32 intid)
{
	u64 reg = gic_reg(GICD_IPRIORITYR, intid) + (intid & ~3u);
	unsigned shift = intid % 4 * 8;
	u8 mask = (u8)(0xff00 >> gic_priority_bits()), v;

	for (unsigned p = 0; p < 256; p += 17) {
		gic_priority(intid, (u8)p);
		CHECK_EQ((mmio_read(reg) >> shift & 0xff) & mask, p & mask);
		__asm__ volatile("ldrb %w0, [%1]" : "=r"(v) : "r"(reg + intid % 4) : "memory");
		CHECK_EQ(v & mask, p & mask);
	}
	mmio_write(reg, 0x40302010);
	mask &= 0x70;
	CHECK_EQ((mmio_read(reg) >> shift & 0xff) & mask, (0x40302010u >> shift & 0xff) & mask);
	mmio_write(reg, GIC_PRIORITY * 0x01010101u);
}

static void interrupts(void)
{
	static const u32 some[] = {0, 5, 15, INTID_VTIMER, INTID_PTIMER, 32, SPI, 63};

	for (unsigned i = 0; i < sizeof(some) / sizeof(some[0]); i++) {
		u32 id = some[i];

		check_pair(GICD_ISENABLER, GICD_ICENABLER, id);
		check_pair(GICD_ISACTIVER, GICD_ICACTIVER, id);
		/* A level-sensitive interrupt is pending by its line, too. */
		check_pair(GICD_ISPENDR, GICD_ICPENDR, id);
		check_priority(id);
		CHECK(gic_bit(GICD_IGROUPR, id));
	}
}

static void configuration(void)
{
	u64 word = GICD_BASE + GICD_ICFGR + SPI / 16 * 4;

	gic_edge(SPI, true);
	CHECK(mmio_read(word) >> SPI % 16 * 2 & 2);
	gic_edge(SPI, false);
	CHECK(!(mmio_read(word) >> SPI % 16 * 2 & 2));
	CHECK_EQ(mmio_read(GICR_SGI + GICD_ICFGR) & 0xaaaaaaaa, 0xaaaaaaaa); /* SGIs: edges */
	mmio_write(GICR_SGI + GICD_ICFGR, 0);
	CHECK_EQ(mmio_read(GICR_SGI + GICD_ICFGR) & 0xaaaaaaaa, 0xaaaaaaaa);
}

static void routing(void)
{
	u64 reg = GICD_BASE + GICD_IROUTER + SPI * 8;
	u64 self = sysreg_read(mpidr_el1) & 0xff00ffffffULL;

	mmio_write64(reg, self);
	CHECK_EQ(mmio_read64(reg), self);
	if (!(mmio_read(GICD_BASE + GICD_TYPER) & NO_1_OF_N)) {
		mmio_write64(reg, BIT(31));
		CHECK_EQ(mmio_read64(reg) & BIT(31), BIT(31));
	}
	mmio_write(reg, (u32)self);
	mmio_write(reg + 4, (u32)(self >> 32));
	CHECK_EQ(mmio_read(reg), (u32)self);
	CHECK_EQ(mmio_read64(reg), self);
}

/* With affinity routing the first 32 interrupts are the redistributor's alone. */
static void not_here(void)
{
	static const u32 banked[] = {GICD_IGROUPR,   GICD_ISENABLER, GICD_ICENABLER, GICD_ISPENDR,
				     GICD_ICPENDR,   GICD_ISACTIVER, GICD_ICACTIVER, GICD_ICFGR,
				     GICD_ICFGR + 4, GICD_SGIR};

	for (unsigned i = 0; i < sizeof(banked) / sizeof(banked[0]); i++) {
		check_zero(GICD_BASE + banked[i]);
	}
	for (u32 i = 0; i < 32; i += 4) {
		check_zero(GICD_BASE + GICD_IPRIORITYR + i);
	}
	for (u32 i = 0; i < 64; i += 4) {
		check_zero(GICD_BASE + GICD_ITARGETSR + i);
	}
	/* Beyond the last interrupt. */
	if (gic_lines() < 1020 && !bare()) {
		check_zero(GICD_BASE + GICD_ISENABLER + gic_lines() / 8);
		check_zero(GICD_BASE + GICD_ISPENDR + gic_lines() / 8);
		check_zero(GICD_BASE + GICD_IPRIORITYR + gic_lines());
	}
	check_zero(GICR_BASE + 0x2000);
	check_zero(GICR_SGI + 0xe000);
}

void guest_main(void)
{
	gic_init();
	identification();
	control();
	interrupts();
	configuration();
	routing();
	not_here();
	CHECK_EQ(gic_acknowledge(), INTID_SPURIOUS);
}
