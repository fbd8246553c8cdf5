// SPDX-License-Identifier: Apache-2.0
/* What the parts of the LAPIC (core, registers, timer) share among themselves. */
#pragma once

#include "arch/x86/vlapic.h"

#define APIC_SVR_ENABLE BIT(8)

#define APIC_LVT_MASKED BIT(16)
#define APIC_LVT_MODE   GENMASK(10, 8)

#define APIC_ESR_SEND_VECTOR 0x20u
#define APIC_ESR_RECV_VECTOR 0x40u
#define APIC_ESR_REGISTER    0x80u

/* Registers by number: page offset divided by 16. */
enum vlapic_reg {
	REG_ID = 0x02,
	REG_VERSION = 0x03,
	REG_TPR = 0x08,
	REG_APR = 0x09,
	REG_PPR = 0x0a,
	REG_EOI = 0x0b,
	REG_RRD = 0x0c,
	REG_LDR = 0x0d,
	REG_DFR = 0x0e,
	REG_SVR = 0x0f,
	REG_ISR = 0x10,
	REG_TMR = 0x18,
	REG_IRR = 0x20,
	REG_ESR = 0x28,
	REG_ICR = 0x30,
	REG_ICR_HIGH = 0x31,
	REG_LVT_TIMER = 0x32,
	REG_LVT_THERMAL = 0x33,
	REG_LVT_PERF = 0x34,
	REG_LVT_LINT0 = 0x35,
	REG_LVT_LINT1 = 0x36,
	REG_LVT_ERROR = 0x37,
	REG_INITIAL = 0x38,
	REG_CURRENT = 0x39,
	REG_DIVIDE = 0x3e,
	REG_SELF_IPI = 0x3f,
	REG_COUNT = 0x40,
};

static inline bool vectors_test(const struct vlapic_vectors *v, unsigned n)
{
	return (v->word[n >> 5] >> (n & 31)) & 1;
}

static inline void vectors_set(struct vlapic_vectors *v, unsigned n)
{
	v->word[n >> 5] |= 1u << (n & 31);
	v->nonzero = (u8)(v->nonzero | 1u << (n >> 5));
}

static inline void vectors_clear(struct vlapic_vectors *v, unsigned n)
{
	u32 word = v->word[n >> 5] & ~(1u << (n & 31));

	v->word[n >> 5] = word;
	if (!word) {
		v->nonzero = (u8)(v->nonzero & ~(1u << (n >> 5)));
	}
}

/* Highest member, -1: empty. */
static inline int vectors_highest(const struct vlapic_vectors *v)
{
	unsigned i;

	if (!v->nonzero) {
		return -1;
	}
	i = (unsigned)__builtin_clz(v->nonzero) ^ 31;
	return (int)(i * 32 + ((unsigned)__builtin_clz(v->word[i]) ^ 31));
}

static inline void pending_set(struct vlapic *l, int vector)
{
	__atomic_store_n(&l->pending, (s16)vector, __ATOMIC_RELAXED);
}

static inline bool vlapic_is_sw_enabled(const struct vlapic *l)
{
	return (l->svr & APIC_SVR_ENABLE) != 0;
}

/* Delivers local interrupt @i as its LVT entry says. */
void vlapic_lvt_deliver(struct vlapic *l, enum vlapic_lvt i);

/* Recomputes whether the 8259 reaches the CPU, after a change of LINT0, its LVT or the base. */
void vlapic_extint_update(struct vlapic *l);

/* Collects @bit for ESR and raises the error interrupt. */
void vlapic_error(struct vlapic *l, u32 bit);

/* Sends the IPI that @icr describes. */
void vlapic_ipi(struct vlapic *l, u64 icr);

void vlapic_timer_reset(struct vlapic *l);
/* Writes of the timer's registers. The LVT value comes masked to its bits. */
void vlapic_timer_set_lvt(struct vlapic *l, u32 val, u64 now_ns);
void vlapic_timer_set_initial(struct vlapic *l, u32 val, u64 now_ns);
void vlapic_timer_set_divider(struct vlapic *l, u8 dcr, u64 now_ns);
u32 vlapic_timer_count(const struct vlapic *l, u64 now_ns);
