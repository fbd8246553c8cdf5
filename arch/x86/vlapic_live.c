// SPDX-License-Identifier: Apache-2.0
/*
 * A LAPIC of which the CPU keeps TPR, PPR, ISR and IRR in a page, in an xAPIC page's layout. Intel
 * SDM vol. 3, "APIC Virtualization and Virtual Interrupts".
 */
#include <assert.h>
#include <string.h>

#include "arch/x86/vlapic_int.h"

#define APIC_CLASS 0xf0u

static u32 *word_ptr(const struct vlapic *l, u32 reg)
{
	return &l->live[reg * 4];
}

/* What the CPU keeps, and what never changes in x2APIC mode. */
bool vlapic_live_reads(u32 reg)
{
	return reg == REG_ID || reg == REG_VERSION || reg == REG_TPR || reg == REG_PPR ||
	       reg == REG_LDR || (reg >= REG_ISR && reg < REG_ESR);
}

bool vlapic_live_writes(u32 reg)
{
	return reg == REG_TPR || reg == REG_EOI || reg == REG_SELF_IPI;
}

void vlapic_live_begin(struct vlapic *l, u32 *page)
{
	memset(page, 0, VLAPIC_LIVE_WORDS * sizeof(*page));
	for (u32 reg = 0; reg < REG_COUNT; reg++) {
		u64 val;

		if (vlapic_live_reads(reg) &&
		    !vlapic_msr_read(l, VLAPIC_MSR_FIRST + reg, &val, 0)) {
			page[reg * 4] = (u32)val;
		}
	}
	l->irr = (struct vlapic_vectors){0};
	l->isr = (struct vlapic_vectors){0};
	l->ppr = 0;
	pending_set(l, -1);
	l->live = page;
}

int vlapic_live_post(struct vlapic *l, bool *tmr_changed)
{
	int highest = vectors_highest(&l->irr);

	while (l->irr.nonzero) {
		u32 i = (u32)__builtin_ctz(l->irr.nonzero);

		*word_ptr(l, REG_IRR + i) |= l->irr.word[i];
		l->irr.word[i] = 0;
		l->irr.nonzero &= (u8)(l->irr.nonzero - 1);
		if (*word_ptr(l, REG_TMR + i) != l->tmr.word[i]) {
			*word_ptr(l, REG_TMR + i) = l->tmr.word[i];
			*tmr_changed = true;
		}
	}
	pending_set(l, -1);
	return highest;
}

static u8 words_highest(const struct vlapic *l, u32 reg)
{
	for (u32 i = 8; i-- > 0;) {
		u32 word = *word_ptr(l, reg + i);

		if (word) {
			return (u8)(i * 32 + ((u32)__builtin_clz(word) ^ 31));
		}
	}
	return 0;
}

u8 vlapic_live_requested(const struct vlapic *l)
{
	return words_highest(l, REG_IRR);
}

u8 vlapic_live_in_service(const struct vlapic *l)
{
	return words_highest(l, REG_ISR);
}

bool vlapic_live_waits(const struct vlapic *l)
{
	int vector = vlapic_pending_vector(l);
	u8 requested = vlapic_live_requested(l);

	if (vector < requested) {
		vector = requested;
	}
	return ((u32)vector & APIC_CLASS) > (*word_ptr(l, REG_PPR) & APIC_CLASS);
}

void vlapic_live_eoi(struct vlapic *l, u8 vector)
{
	if (vectors_test(&l->tmr, vector)) {
		vplatform_eoi_broadcast(l->platform, vector);
	}
}

void vlapic_live_written(struct vlapic *l, u32 reg, u64 now_ns)
{
	if (l->live && reg < REG_COUNT) {
		(void)!vlapic_msr_write(l, VLAPIC_MSR_FIRST + reg, *word_ptr(l, reg), now_ns);
	}
}
