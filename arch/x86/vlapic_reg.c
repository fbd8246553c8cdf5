// SPDX-License-Identifier: Apache-2.0
/*
 * LAPIC registers: the xAPIC page and the x2APIC MSRs, one table for both: register n is at page
 * offset n * 16 and MSR 0x800 + n. Intel SDM vol. 3, "Local APIC Register Address Map" and
 * "x2APIC Register Address Space".
 */
#include <errno.h>

#include "arch/x86/vlapic_int.h"

/* Readable and writable, as xAPIC (1) and as x2APIC (2). */
enum { R1 = 1, W1 = 2, R2 = 4, W2 = 8, RO = R1 | R2, RW = R1 | W1 | R2 | W2 };

#define ICR_BITS        (GENMASK(63, 32) | GENMASK(19, 18) | GENMASK(15, 14) | GENMASK(12, 0))
#define ICR_BUSY        BIT(12)
#define LVT_BITS        (0xffu | APIC_LVT_MASKED)
#define LVT_STATUS      BIT(12)
#define LVT_REMOTE_IRR  BIT(14)
#define LVT_TIMER_BITS  (LVT_BITS | GENMASK(18, 17))
#define LVT_SOURCE_BITS (LVT_BITS | APIC_LVT_MODE)
#define LVT_LINT_BITS   (LVT_SOURCE_BITS | BIT(13) | BIT(15))
#define VERSION         (0x14u | (LVT_COUNT - 1) << 16) /* integrated, no EOI suppression */

static const struct {
	u8 access;
	u64 bits; /* may be written as 1 in x2APIC mode; read-only ones are then dropped */
} regs[REG_COUNT] = {
	[REG_ID] = {RO, 0},
	[REG_VERSION] = {RO, 0},
	[REG_TPR] = {RW, 0xff},
	[REG_APR] = {R1, 0},
	[REG_PPR] = {RO, 0},
	[REG_EOI] = {R1 | W1 | W2, 0},
	[REG_RRD] = {R1, 0},
	[REG_LDR] = {R1 | W1 | R2, 0},
	[REG_DFR] = {R1 | W1, 0},
	[REG_SVR] = {RW, 0x3ff},
	[REG_ISR... REG_ISR + 7] = {RO, 0},
	[REG_TMR... REG_TMR + 7] = {RO, 0},
	[REG_IRR... REG_IRR + 7] = {RO, 0},
	[REG_ESR] = {RW, 0},
	[REG_ICR] = {RW, ICR_BITS},
	[REG_ICR_HIGH] = {R1 | W1, 0},
	[REG_LVT_TIMER] = {RW, LVT_TIMER_BITS | LVT_STATUS},
	[REG_LVT_THERMAL] = {RW, LVT_SOURCE_BITS | LVT_STATUS},
	[REG_LVT_PERF] = {RW, LVT_SOURCE_BITS | LVT_STATUS},
	[REG_LVT_LINT0] = {RW, LVT_LINT_BITS | LVT_STATUS | LVT_REMOTE_IRR},
	[REG_LVT_LINT1] = {RW, LVT_LINT_BITS | LVT_STATUS | LVT_REMOTE_IRR},
	[REG_LVT_ERROR] = {RW, LVT_BITS | LVT_STATUS},
	[REG_INITIAL] = {RW, 0xffffffff},
	[REG_CURRENT] = {RO, 0},
	[REG_DIVIDE] = {RW, 0xb},
	[REG_SELF_IPI] = {W2, 0xff},
};

static bool reg_allows(u32 reg, unsigned access)
{
	return reg < REG_COUNT && (regs[reg].access & access) != 0;
}

static u32 ldr_read(const struct vlapic *l)
{
	if (vlapic_is_x2apic(l)) {
		return l->apic_id >> 4 << 16 | 1u << (l->apic_id & 15);
	}
	return l->ldr;
}

static u64 reg_read(const struct vlapic *l, u32 reg, u64 now_ns)
{
	switch (reg) {
	case REG_ID:
		return vlapic_is_x2apic(l) ? l->apic_id : l->apic_id << 24;
	case REG_VERSION:
		return VERSION;
	case REG_TPR:
		return l->live ? l->live[reg * 4] : l->tpr;
	case REG_PPR:
		return l->live ? l->live[reg * 4] : l->ppr;
	case REG_LDR:
		return ldr_read(l);
	case REG_DFR:
		return l->dfr;
	case REG_SVR:
		return l->svr;
	case REG_ISR ... REG_ISR + 7:
		return l->live ? l->live[reg * 4] : l->isr.word[reg - REG_ISR];
	case REG_TMR ... REG_TMR + 7:
		return l->tmr.word[reg - REG_TMR];
	case REG_IRR ... REG_IRR + 7:
		return l->live ? l->live[reg * 4] : l->irr.word[reg - REG_IRR];
	case REG_ESR:
		return l->esr;
	case REG_ICR:
		return l->icr;
	case REG_ICR_HIGH:
		return l->icr >> 32;
	case REG_LVT_TIMER ... REG_LVT_ERROR:
		return l->lvt[reg - REG_LVT_TIMER];
	case REG_INITIAL:
		return l->timer.initial;
	case REG_CURRENT:
		return vlapic_timer_count(l, now_ns);
	case REG_DIVIDE:
		return l->timer.dcr;
	default: /* APR, EOI, RRD */
		return 0;
	}
}

static void lvt_write(struct vlapic *l, u32 reg, u32 val, u64 now_ns)
{
	val &= (u32)(regs[reg].bits & ~(LVT_STATUS | LVT_REMOTE_IRR));
	if (!vlapic_is_sw_enabled(l)) {
		val |= APIC_LVT_MASKED;
	}
	if (reg == REG_LVT_TIMER) {
		vlapic_timer_set_lvt(l, val, now_ns);
		return;
	}
	l->lvt[reg - REG_LVT_TIMER] = val;
	if (reg == REG_LVT_LINT0) {
		vlapic_extint_update(l);
	}
}

static void svr_write(struct vlapic *l, u32 val, u64 now_ns)
{
	l->svr = val & (u32)regs[REG_SVR].bits;
	if (!vlapic_is_sw_enabled(l)) {
		for (u32 reg = REG_LVT_TIMER; reg <= REG_LVT_ERROR; reg++) {
			lvt_write(l, reg, l->lvt[reg - REG_LVT_TIMER], now_ns);
		}
	}
}

/* @val has been checked for x2APIC; for xAPIC what is reserved is dropped here. */
static void reg_write(struct vlapic *l, u32 reg, u64 val, u64 now_ns)
{
	switch (reg) {
	case REG_TPR:
		vlapic_set_tpr(l, (u8)val);
		break;
	case REG_EOI:
		vlapic_eoi(l);
		break;
	case REG_LDR:
		l->ldr = (u32)val & 0xff000000u;
		break;
	case REG_DFR:
		l->dfr = (u32)val | 0x0fffffffu;
		break;
	case REG_SVR:
		svr_write(l, (u32)val, now_ns);
		break;
	case REG_ESR:
		l->esr = l->esr_new;
		l->esr_new = 0;
		break;
	case REG_ICR:
		l->icr = val & ICR_BITS & ~ICR_BUSY;
		vlapic_ipi(l, l->icr);
		break;
	case REG_ICR_HIGH:
		l->icr = (u32)l->icr | (val & 0xff000000u) << 32;
		break;
	case REG_LVT_TIMER ... REG_LVT_ERROR:
		lvt_write(l, reg, (u32)val, now_ns);
		break;
	case REG_INITIAL:
		vlapic_timer_set_initial(l, (u32)val, now_ns);
		break;
	case REG_DIVIDE:
		vlapic_timer_set_divider(l, (u8)val, now_ns);
		break;
	default:
		break;
	}
}

u32 vlapic_mmio_read(struct vlapic *l, u32 offset, unsigned size, u64 now_ns)
{
	u32 reg = offset >> 4;
	u32 shift = (offset & 15) * 8;

	if (!vlapic_is_enabled(l) || vlapic_is_x2apic(l)) {
		return ~0u;
	}
	if (!reg_allows(reg, R1)) {
		vlapic_error(l, APIC_ESR_REGISTER);
		return 0;
	}
	/* The register is the low 32 bits of its 16 bytes. */
	if (shift >= 32 || size == 0 || size > 4) {
		return 0;
	}
	return (u32)reg_read(l, reg, now_ns) >> shift & (u32)GENMASK(size * 8 - 1, 0);
}

void vlapic_mmio_write(struct vlapic *l, u32 offset, unsigned size, u32 val, u64 now_ns)
{
	u32 reg = offset >> 4;

	if (!vlapic_is_enabled(l) || vlapic_is_x2apic(l) || size != 4 || (offset & 15)) {
		return;
	}
	if (reg == REG_EOI) {
		vlapic_eoi(l);
		return;
	}
	if (reg_allows(reg, W1)) {
		reg_write(l, reg, reg == REG_ICR ? l->icr >> 32 << 32 | val : val, now_ns);
	} else if (!reg_allows(reg, R1)) {
		vlapic_error(l, APIC_ESR_REGISTER);
	}
}

int vlapic_msr_read(struct vlapic *l, u32 msr, u64 *val, u64 now_ns)
{
	u32 reg = msr - VLAPIC_MSR_FIRST;

	if (!vlapic_is_x2apic(l) || !reg_allows(reg, R2)) {
		return -EINVAL;
	}
	*val = reg_read(l, reg, now_ns);
	return 0;
}

static void self_ipi_write(struct vlapic *l, u8 vector)
{
	if (vector < 16) {
		vlapic_error(l, APIC_ESR_SEND_VECTOR);
	} else {
		vlapic_set_irr(l, vector, false);
	}
}

int vlapic_msr_write(struct vlapic *l, u32 msr, u64 val, u64 now_ns)
{
	u32 reg = msr - VLAPIC_MSR_FIRST;

	if (!vlapic_is_x2apic(l) || !reg_allows(reg, W2) || (val & ~regs[reg].bits)) {
		return -EINVAL;
	}
	switch (reg) { /* the frequent ones first */
	case REG_EOI:
		vlapic_eoi(l);
		return 0;
	case REG_SELF_IPI:
		self_ipi_write(l, (u8)val);
		return 0;
	default:
		reg_write(l, reg, val, now_ns);
		return 0;
	}
}
