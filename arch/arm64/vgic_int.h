// SPDX-License-Identifier: Apache-2.0
/* Inside the vGIC: list register format, bank helpers, what vgic.c gives to vgic_reg.c. */
#pragma once

#include "arch/arm64/vgic.h"
#include "mm/bits.h"

/* ICH_LR<n>_EL2 (IHI 0069, "ICH_LR<n>_EL2, Interrupt Controller List Registers"). */
#define LR_PENDING  BIT(62)
#define LR_ACTIVE   BIT(63)
#define LR_STATE    (LR_ACTIVE | LR_PENDING)
#define LR_HW       BIT(61)
#define LR_GROUP1   BIT(60)
#define LR_PRIORITY GENMASK(55, 48)
#define LR_PINTID   GENMASK(44, 32)
#define LR_EOI      BIT(41) /* not with LR_HW: maintenance interrupt when deactivated */
#define LR_VINTID   GENMASK(31, 0)

#define ICH_HCR_EN       BIT(0)
#define ICH_HCR_LRENPIE  BIT(2)
#define ICH_HCR_NPIE     BIT(3)
#define ICH_HCR_TDIR     BIT(14)
#define ICH_HCR_EOICOUNT GENMASK(31, 27)

#define ICH_VMCR_VENG0 BIT(0)
#define ICH_VMCR_VENG1 BIT(1)
#define ICH_VMCR_VEOIM BIT(9)
#define ICH_VMCR_VPMR  GENMASK(31, 24)

#define GICD_CTLR_ENABLE_G0 1u
#define GICD_CTLR_ENABLE_G1 2u

/* Priority bits that LRs and the virtual CPU interface have at least: 5. */
#define VGIC_PRIORITY_MASK 0xf8u

static inline u32 bank_pending(const struct vgic_bank *b)
{
	return b->latch | (b->line & ~b->edge);
}

/* Pending, enabled, and of a group that the distributor forwards. */
static inline u32 bank_deliverable(const struct vgic *vgic, const struct vgic_bank *b)
{
	u32 groups = (vgic->ctlr & GICD_CTLR_ENABLE_G1 ? b->group1 : 0) |
		     (vgic->ctlr & GICD_CTLR_ENABLE_G0 ? ~b->group1 : 0);

	return bank_pending(b) & b->enabled & groups;
}

/* Bank @w of the vCPU's view: 0 its own, then the SPIs; and the bits of it that are the vCPU's. */
static inline struct vgic_bank *cpu_bank(struct vgic_cpu *cpu, unsigned w)
{
	return w ? &cpu->vgic->spi[w - 1] : &cpu->bank;
}

static inline u32 cpu_mine(const struct vgic_cpu *cpu, unsigned w)
{
	return w ? cpu->spi_mine[w - 1] : ~(u32)0;
}

static inline unsigned bit_first(u32 word)
{
	return (unsigned)__builtin_ctz(word);
}

/* Of every vCPU: LRs into the banks, SPIs to where their routes point, LRs from the banks. */
void vgic_fold_all(struct vgic *vgic);
void vgic_refill_all(struct vgic *vgic);
void vgic_update_all(struct vgic *vgic);

/* Ends the active state of @mask in @b, of @cpu or (NULL) SPIs, with what it is linked to. */
void vgic_deactivate(struct vgic_cpu *cpu, struct vgic_bank *b, u32 mask);

/* Pending PPIs and SGIs as a read of ISPENDR sees them; the bank is up to date. */
u32 vgic_cpu_pending(const struct vgic_cpu *cpu);
