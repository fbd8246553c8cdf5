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
