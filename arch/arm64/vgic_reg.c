// SPDX-License-Identifier: Apache-2.0
/*
 * vGIC register frames: GICD, and per vCPU the two frames of GICR, whose SGI frame has the layout
 * of the distributor's first 32 interrupts. IHI 0069, "The GIC Distributor register map", "The GIC
 * Redistributor register map".
 *
 * Pending and active bits of interrupts in LRs are stale: who reads or writes them, or what decides
 * about LRs, has the LRs folded and refilled.
 */
#include "arch/arm64/vgic.h"

#include "arch/arm64/vgic_int.h"

/* Offsets, and the blocks of 0x80 bytes that the frames are cut into. */
#define GICD_CTLR         0x0000u
#define GICD_TYPER        0x0004u
#define GICD_IIDR         0x0008u
#define GICD_IROUTER      0x6000u /* of INTID 0; the first 32 do not exist */
#define GICR_TYPER        0x0008u
#define GICR_TYPER_HI     0x000cu
#define GICR_WAKER        0x0014u
#define GICR_SGI_BASE     0x10000u
#define GIC_IDREGS        0xffd0u
#define REG_BLOCK(offset) ((u32)(offset) / 0x80)

enum {
	BLOCK_IGROUPR = 0x080 / 0x80,
	BLOCK_ISENABLER = 0x100 / 0x80,
	BLOCK_ICENABLER = 0x180 / 0x80,
	BLOCK_ISPENDR = 0x200 / 0x80,
	BLOCK_ICPENDR = 0x280 / 0x80,
	BLOCK_ISACTIVER = 0x300 / 0x80,
	BLOCK_ICACTIVER = 0x380 / 0x80,
	BLOCK_IPRIORITYR = 0x400 / 0x80,
	BLOCK_IPRIORITYR_LAST = 0x780 / 0x80,
	BLOCK_ICFGR = 0xc00 / 0x80,
};

/* ARE and DS read 1. */
#define GICD_CTLR_FIXED (BIT(4) | BIT(6))
#define GICD_CTLR_RW    (GICD_CTLR_ENABLE_G0 | GICD_CTLR_ENABLE_G1)

/* No 1 of N, 10 INTID bits, 32 * (n + 1) interrupts. */
#define GICD_TYPER_VALUE (BIT(25) | 9u << 19 | VGIC_SPI_BANKS)

/* Implementer Arm, a product number of our own: no entry of an errata list. */
#define GIC_IIDR_VALUE 0x5300043bu

#define GICR_TYPER_LAST       BIT(4)
#define WAKER_PROCESSOR_SLEEP BIT(1)
#define WAKER_CHILDREN_ASLEEP BIT(2)
#define IROUTER_RW            (GENMASK(39, 32) | GENMASK(23, 0))

/* PIDR4..7, PIDR0..3, CIDR0..3: GICv3 in PIDR2. */
static u64 idreg_read(u64 offset)
{
	static const u8 id[] = {0x44, 0, 0, 0, 0x92, 0xb4, 0x3b, 0, 0x0d, 0xf0, 0x05, 0xb1};

	return id[(offset - GIC_IDREGS) / 4];
}

static struct vgic_bank *bank_get(struct vgic *vgic, struct vgic_cpu *cpu, unsigned w)
{
	if (cpu) {
		return w ? NULL : &cpu->bank;
	}
	return w && w <= VGIC_SPI_BANKS ? &vgic->spi[w - 1] : NULL;
}

static u32 icfgr_get(const struct vgic_bank *b, unsigned half)
{
	u32 val = 0;

	for (unsigned i = 0; i < 16; i++) {
		val |= (b->edge >> (half * 16 + i) & 1) << (2 * i + 1);
	}
	return val;
}

static void icfgr_set(struct vgic_bank *b, unsigned half, u32 val)
{
	u32 edge = 0;

	for (unsigned i = 0; i < 16; i++) {
		edge |= (val >> (2 * i + 1) & 1) << (half * 16 + i);
	}
	b->edge = (b->edge & ~((u32)0xffff << (half * 16))) | edge;
}

static u64 priority_read(struct vgic *vgic, struct vgic_cpu *cpu, u32 intid, unsigned size)
{
	struct vgic_bank *b = bank_get(vgic, cpu, intid / 32);
	u64 val = 0;

	for (unsigned i = 0; b && i < size; i++) {
		val |= (u64)b->priority[intid % 32 + i] << (8 * i);
	}
	return val;
}

static void priority_write(struct vgic *vgic, struct vgic_cpu *cpu, u32 intid, u64 val,
			   unsigned size)
{
	struct vgic_bank *b = bank_get(vgic, cpu, intid / 32);
	u32 mask = size == 4 ? 0xf : 1;

	if (!b) {
		return;
	}
	for (unsigned i = 0; i < size; i++) {
		b->priority[intid % 32 + i] = (u8)(val >> (8 * i) & VGIC_PRIORITY_MASK);
	}
	if ((b->in_lr | b->active | bank_deliverable(vgic, b)) & mask << (intid % 32)) {
		vgic_update_all(vgic);
	}
}

static u32 active_read(struct vgic *vgic, const struct vgic_bank *b)
{
	vgic_update_all(vgic);
	return b->active;
}

static u32 pending_read(struct vgic *vgic, struct vgic_cpu *cpu, const struct vgic_bank *b)
{
	vgic_update_all(vgic);
	return cpu ? vgic_cpu_pending(cpu) : bank_pending(b);
}

/* Registers of one bit per interrupt, priorities, configuration: @cpu, or NULL for SPIs. */
static u64 irq_reg_read(struct vgic *vgic, struct vgic_cpu *cpu, u32 offset, unsigned size)
{
	u32 block = REG_BLOCK(offset);
	struct vgic_bank *b;

	if (block >= BLOCK_IPRIORITYR && block <= BLOCK_IPRIORITYR_LAST) {
		return size == 8 ? 0 : priority_read(vgic, cpu, offset - 0x400, size);
	}
	b = bank_get(vgic, cpu, block >= BLOCK_ICFGR ? offset % 0x100 / 8 : offset % 0x80 / 4);
	if (!b || size != 4) {
		return 0;
	}
	switch (block) {
	case BLOCK_IGROUPR:
		return b->group1;
	case BLOCK_ISENABLER:
	case BLOCK_ICENABLER:
		return b->enabled;
	case BLOCK_ISPENDR:
	case BLOCK_ICPENDR:
		return pending_read(vgic, cpu, b);
	case BLOCK_ISACTIVER:
	case BLOCK_ICACTIVER:
		return active_read(vgic, b);
	case BLOCK_ICFGR:
	case BLOCK_ICFGR + 1:
		return icfgr_get(b, offset / 4 % 2);
	default:
		return 0;
	}
}

/* ISENABLER and the like: @b's LRs are folded. */
static void bits_write(struct vgic_cpu *cpu, struct vgic_bank *b, u32 block, u32 val)
{
	switch (block) {
	case BLOCK_IGROUPR:
		b->group1 = val;
		break;
	case BLOCK_ISENABLER:
		b->enabled |= val;
		break;
	case BLOCK_ICENABLER:
		b->enabled &= ~val;
		break;
	case BLOCK_ISPENDR:
		b->latch |= val;
		break;
	case BLOCK_ICPENDR:
		b->latch &= ~val;
		break;
	case BLOCK_ISACTIVER:
		b->active |= val;
		break;
	case BLOCK_ICACTIVER:
		vgic_deactivate(cpu, b, val);
		break;
	default:
		break;
	}
}

static void irq_reg_write(struct vgic *vgic, struct vgic_cpu *cpu, u32 offset, u64 val,
			  unsigned size)
{
	u32 block = REG_BLOCK(offset);
	struct vgic_bank *b;

	if (block >= BLOCK_IPRIORITYR && block <= BLOCK_IPRIORITYR_LAST) {
		if (size != 8) {
			priority_write(vgic, cpu, offset - 0x400, val, size);
		}
		return;
	}
	b = bank_get(vgic, cpu, block >= BLOCK_ICFGR ? offset % 0x100 / 8 : offset % 0x80 / 4);
	if (!b || size != 4) {
		return;
	}
	if (block >= BLOCK_IGROUPR && block <= BLOCK_ICACTIVER) {
		vgic_fold_all(vgic);
		bits_write(cpu, b, block, (u32)val);
		vgic_refill_all(vgic);
	} else if (!cpu && (block == BLOCK_ICFGR || block == BLOCK_ICFGR + 1)) {
		vgic_fold_all(vgic);
		icfgr_set(b, offset / 4 % 2, (u32)val);
		vgic_refill_all(vgic);
	}
}

/* An aligned half or all of 64-bit @reg, at offset 0 or 4 within it. */
static u64 half_read(u64 reg, u64 offset, unsigned size)
{
	if (size == 8) {
		return reg;
	}
	return size == 4 ? (u32)(reg >> (8 * (offset & 4))) : 0;
}

static u64 irouter_read(const struct vgic *vgic, u64 offset, unsigned size)
{
	u64 intid = (offset - GICD_IROUTER) / 8;

	if (intid < VGIC_SPI_FIRST || intid >= VGIC_INTIDS) {
		return 0;
	}
	return half_read(vgic->route[intid - VGIC_SPI_FIRST], offset, size);
}

static void irouter_write(struct vgic *vgic, u64 offset, unsigned size, u64 val)
{
	u64 intid = (offset - GICD_IROUTER) / 8, mask = ~(u64)0, *route;
	u32 i = (u32)intid - VGIC_SPI_FIRST;

	if (intid < VGIC_SPI_FIRST || intid >= VGIC_INTIDS || size < 4) {
		return;
	}
	if (size == 4) {
		val <<= 8 * (offset & 4);
		mask = (u64)0xffffffff << (8 * (offset & 4));
	}
	route = &vgic->route[i];
	*route = ((*route & ~mask) | (val & mask)) & IROUTER_RW;
	vgic->moved[i / 32] |= (u32)1 << (i % 32);
	vgic_update_all(vgic);
}

/* Aligned, of a size that registers have, and within @end. */
static bool access_is_valid(u64 offset, unsigned size, u64 end)
{
	return (size == 4 || size == 1 || size == 8) && offset < end && !(offset & (size - 1));
}

/* The first registers are asked for most: no check of the access but that it is one of them. */
static u64 dist_control_read(const struct vgic *vgic, u64 offset)
{
	switch (offset) {
	case GICD_CTLR:
		return vgic->ctlr | GICD_CTLR_FIXED;
	case GICD_TYPER:
		return GICD_TYPER_VALUE;
	case GICD_IIDR:
		return GIC_IIDR_VALUE;
	default:
		return 0;
	}
}

u64 vgic_dist_read(struct vgic *vgic, u64 offset, unsigned size)
{
	if (offset < 0x80) {
		return size == 4 ? dist_control_read(vgic, offset) : 0;
	}
	if (!access_is_valid(offset, size, VGIC_DIST_SIZE)) {
		return 0;
	}
	if (offset >= GICD_IROUTER) {
		return offset >= GIC_IDREGS ? size == 4 ? idreg_read(offset) : 0
					    : irouter_read(vgic, offset, size);
	}
	return offset < 0x1000 ? irq_reg_read(vgic, NULL, (u32)offset, size) : 0;
}

void vgic_dist_write(struct vgic *vgic, u64 offset, unsigned size, u64 val)
{
	if (!access_is_valid(offset, size, VGIC_DIST_SIZE)) {
		return;
	}
	if (offset >= GICD_IROUTER) {
		irouter_write(vgic, offset, size, val);
	} else if (offset >= 0x80 && offset < 0x1000) {
		irq_reg_write(vgic, NULL, (u32)offset, val, size);
	} else if (offset == GICD_CTLR && size == 4) {
		vgic_fold_all(vgic);
		vgic->ctlr = (u32)val & GICD_CTLR_RW;
		vgic_refill_all(vgic);
	}
}

static u64 gicr_typer(const struct vgic_cpu *cpu)
{
	bool last = cpu->index + 1 == cpu->vgic->cpu_count;

	return (u64)cpu->affinity << 32 | cpu->index << 8 | (last ? GICR_TYPER_LAST : 0);
}

static u64 rd_frame_read(const struct vgic_cpu *cpu, u64 offset, unsigned size)
{
	if ((offset & ~(u64)7) == GICR_TYPER) {
		return half_read(gicr_typer(cpu), offset, size);
	}
	if (size != 4) {
		return 0;
	}
	if (offset >= GIC_IDREGS) {
		return idreg_read(offset);
	}
	if (offset == GICR_WAKER) {
		return cpu->asleep ? WAKER_PROCESSOR_SLEEP | WAKER_CHILDREN_ASLEEP : 0;
	}
	return offset == 4 ? GIC_IIDR_VALUE : 0;
}

u64 vgic_redist_read(struct vgic *vgic, u64 offset, unsigned size)
{
	u64 index = offset / VGIC_REDIST_STRIDE;

	offset %= VGIC_REDIST_STRIDE;
	if (index >= vgic->cpu_count || !access_is_valid(offset, size, VGIC_REDIST_STRIDE)) {
		return 0;
	}
	if (offset < GICR_SGI_BASE) {
		return rd_frame_read(vgic->cpu[index], offset, size);
	}
	offset -= GICR_SGI_BASE;
	return offset < 0x1000 ? irq_reg_read(vgic, vgic->cpu[index], (u32)offset, size) : 0;
}

void vgic_redist_write(struct vgic *vgic, u64 offset, unsigned size, u64 val)
{
	u64 index = offset / VGIC_REDIST_STRIDE;

	offset %= VGIC_REDIST_STRIDE;
	if (index >= vgic->cpu_count || !access_is_valid(offset, size, VGIC_REDIST_STRIDE)) {
		return;
	}
	if (offset >= GICR_SGI_BASE) {
		offset -= GICR_SGI_BASE;
		if (offset < 0x1000) {
			irq_reg_write(vgic, vgic->cpu[index], (u32)offset, val, size);
		}
	} else if (offset == GICR_WAKER && size == 4) {
		vgic->cpu[index]->asleep = val & WAKER_PROCESSOR_SLEEP;
	}
}
