// SPDX-License-Identifier: Apache-2.0
/*
 * LAPIC timer. Intel SDM vol. 3, "APIC Timer" and "TSC-Deadline Mode".
 *
 * The count is a function of time: @zero_ns is when it reaches 0. In periodic mode @zero_ns moves
 * by whole periods only, so that lateness never accumulates.
 */
#include "arch/x86/vlapic_int.h"

#define TIMER_MODE GENMASK(18, 17)
#define NEVER      (~(u64)0)

enum { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_DEADLINE };

static unsigned timer_mode(const struct vlapic *l)
{
	return (unsigned)FIELD_GET(TIMER_MODE, l->lvt[LVT_TIMER]);
}

static u64 timer_period(const struct vlapic_timer *t)
{
	return (u64)t->initial << t->shift;
}

/* Moves a periodic schedule past @now_ns. */
static void period_advance(struct vlapic_timer *t, u64 now_ns)
{
	u64 period = timer_period(t);

	if (t->zero_ns <= now_ns && period) {
		t->zero_ns += ((now_ns - t->zero_ns) / period + 1) * period;
	}
}

/* Chooses the next event; a periodic one not before @earliest_ns. */
static void timer_schedule(struct vlapic *l, u64 earliest_ns)
{
	struct vlapic_timer *t = &l->timer;

	switch (timer_mode(l)) {
	case TIMER_ONE_SHOT:
		t->fire_ns = t->zero_ns;
		break;
	case TIMER_PERIODIC:
		t->fire_ns = t->zero_ns;
		if (l->lvt[LVT_TIMER] & APIC_LVT_MASKED) {
			t->fire_ns = NEVER; /* nothing to do: the count needs no event */
		} else if (t->zero_ns < earliest_ns) {
			t->fire_ns = earliest_ns;
		}
		break;
	case TIMER_DEADLINE:
		t->fire_ns = t->deadline_ns;
		break;
	default: /* reserved mode: stopped */
		t->fire_ns = NEVER;
		break;
	}
}

void vlapic_tick(struct vlapic *l, u64 now_ns)
{
	struct vlapic_timer *t = &l->timer;
	u64 fired = t->fire_ns;

	if (now_ns < fired) {
		return;
	}
	switch (timer_mode(l)) {
	case TIMER_PERIODIC:
		period_advance(t, now_ns);
		break;
	case TIMER_DEADLINE:
		t->tsc_deadline = 0;
		t->deadline_ns = NEVER;
		break;
	default:
		t->zero_ns = NEVER;
		break;
	}
	timer_schedule(l, fired + VLAPIC_PERIOD_MIN_NS);
	vlapic_lvt_deliver(l, LVT_TIMER);
}

u32 vlapic_timer_count(const struct vlapic *l, u64 now_ns)
{
	const struct vlapic_timer *t = &l->timer;
	u64 left;

	if (t->zero_ns == NEVER) {
		return 0;
	}
	if (now_ns < t->zero_ns) {
		left = t->zero_ns - now_ns;
	} else if (timer_mode(l) == TIMER_PERIODIC && t->initial) {
		left = timer_period(t) - (now_ns - t->zero_ns) % timer_period(t);
	} else {
		left = 0;
	}
	left = (left + BIT(t->shift) - 1) >> t->shift;
	return (u32)min_u64(left, t->initial);
}

void vlapic_timer_set_lvt(struct vlapic *l, u32 val, u64 now_ns)
{
	struct vlapic_timer *t = &l->timer;
	unsigned old = timer_mode(l);
	unsigned mode = (unsigned)FIELD_GET(TIMER_MODE, val);

	vlapic_tick(l, now_ns); /* what was due still goes by the old entry */
	if (old == TIMER_PERIODIC) {
		period_advance(t, now_ns);
	}
	l->lvt[LVT_TIMER] = val;
	/* One-shot and periodic share the count; the deadline is another timer. */
	if (mode != old && (mode >= TIMER_DEADLINE || old >= TIMER_DEADLINE)) {
		t->initial = 0;
		t->zero_ns = NEVER;
		t->tsc_deadline = 0;
		t->deadline_ns = NEVER;
	}
	timer_schedule(l, now_ns);
}

void vlapic_timer_set_initial(struct vlapic *l, u32 val, u64 now_ns)
{
	struct vlapic_timer *t = &l->timer;

	if (timer_mode(l) >= TIMER_DEADLINE) {
		return;
	}
	vlapic_tick(l, now_ns);
	t->initial = val;
	t->zero_ns = val ? now_ns + timer_period(t) : NEVER;
	timer_schedule(l, now_ns + VLAPIC_PERIOD_MIN_NS);
}

void vlapic_timer_set_divider(struct vlapic *l, u8 dcr, u64 now_ns)
{
	struct vlapic_timer *t = &l->timer;
	u32 count;

	vlapic_tick(l, now_ns);
	count = vlapic_timer_count(l, now_ns);
	t->dcr = dcr & 0xb;
	t->shift = (u8)((((dcr & 3) | (dcr >> 1 & 4)) + 1) & 7);
	if (t->zero_ns != NEVER) {
		t->zero_ns = now_ns + ((u64)count << t->shift);
	}
	timer_schedule(l, now_ns + VLAPIC_PERIOD_MIN_NS);
}

void vlapic_set_tsc_deadline(struct vlapic *l, u64 tsc_value, u64 deadline_ns)
{
	struct vlapic_timer *t = &l->timer;

	if (timer_mode(l) != TIMER_DEADLINE) {
		return;
	}
	t->tsc_deadline = tsc_value;
	t->deadline_ns = tsc_value ? deadline_ns : NEVER;
	timer_schedule(l, 0);
}

u64 vlapic_tsc_deadline(const struct vlapic *l)
{
	return l->timer.tsc_deadline;
}

void vlapic_timer_reset(struct vlapic *l)
{
	l->timer = (struct vlapic_timer){
		.zero_ns = NEVER,
		.fire_ns = NEVER,
		.deadline_ns = NEVER,
		.shift = 1,
	};
}
