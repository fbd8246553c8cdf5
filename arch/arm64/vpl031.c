// SPDX-License-Identifier: Apache-2.0
/* PL031. DDI 0224, "Register descriptions". */
#include "arch/arm64/vpl031.h"

#include "mm/bits.h"

#define REG_DR     0x000
#define REG_MR     0x004
#define REG_LR     0x008
#define REG_CR     0x00c
#define REG_IMSC   0x010
#define REG_RIS    0x014
#define REG_MIS    0x018
#define REG_ICR    0x01c
#define REG_ID     0xfe0
#define REG_ID_END 0x1000

#define CR_START 1u /* once set, stays: and the board's firmware has set it */
#define INT_BIT  1u

#define NS_PER_S 1000000000u
#define NEVER    (~(u64)0)

static u32 counter(const struct vpl031 *rtc, u64 now_ns)
{
	return (u32)(now_ns / NS_PER_S) + rtc->offset_s;
}

/* When the counter equals MR for the first time after @ahead_s seconds from @now_ns. */
static void match_set(struct vpl031 *rtc, u64 now_ns, u32 ahead_s)
{
	u32 base = counter(rtc, now_ns) + ahead_s;
	u64 delta_s = (u64)ahead_s + (u32)(rtc->match - base);
	u64 at_s = now_ns / NS_PER_S + delta_s;

	rtc->match_ns = at_s > NEVER / NS_PER_S - 1 ? NEVER : at_s * NS_PER_S;
}

static void irq_update(struct vpl031 *rtc)
{
	bool level = rtc->raw && rtc->enabled;

	if (level != rtc->irq) {
		rtc->irq = level;
		vpl031_irq_set(rtc, level);
	}
}

/* Takes note of a match up to now; the next one is a whole turn of the counter later. */
static void collect(struct vpl031 *rtc, u64 now_ns)
{
	if (now_ns < rtc->match_ns) {
		return;
	}
	rtc->raw = true;
	match_set(rtc, now_ns, 1);
	irq_update(rtc);
}

static u32 id_read(u64 offset)
{
	static const u8 id[8] = {0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1};

	return id[(offset - REG_ID) / 4 % 8];
}

static u32 reg_read(const struct vpl031 *rtc, u64 offset, u64 now_ns)
{
	switch (offset) {
	case REG_DR:
		return counter(rtc, now_ns);
	case REG_MR:
		return rtc->match;
	case REG_LR:
		return rtc->load;
	case REG_CR:
		return CR_START;
	case REG_IMSC:
		return rtc->enabled;
	case REG_RIS:
		return rtc->raw;
	case REG_MIS:
		return rtc->raw && rtc->enabled;
	default:
		return offset >= REG_ID && offset < REG_ID_END ? id_read(offset) : 0;
	}
}

u64 vpl031_read(struct vpl031 *rtc, u64 offset, u32 size, u64 now_ns)
{
	u32 val;

	if (!is_aligned(offset, 4) || size == 0) {
		return 0;
	}
	collect(rtc, now_ns);
	val = reg_read(rtc, offset, now_ns);
	return size >= 4 ? val : val & GENMASK(8 * size - 1, 0);
}

void vpl031_write(struct vpl031 *rtc, u64 offset, u32 size, u64 val, u64 now_ns)
{
	if (!is_aligned(offset, 4) || size == 0) {
		return;
	}
	if (size < 4) {
		val &= GENMASK(8 * size - 1, 0);
	}
	collect(rtc, now_ns);
	switch (offset) {
	case REG_MR:
		rtc->match = (u32)val;
		match_set(rtc, now_ns, 0);
		break;
	case REG_LR:
		rtc->load = (u32)val;
		rtc->offset_s = (u32)val - (u32)(now_ns / NS_PER_S);
		match_set(rtc, now_ns, 0);
		break;
	case REG_IMSC:
		rtc->enabled = (val & INT_BIT) != 0;
		break;
	case REG_ICR:
		if (val & INT_BIT) {
			rtc->raw = false;
		}
		break;
	default:
		break;
	}
	collect(rtc, now_ns);
	irq_update(rtc);
}

u64 vpl031_next_event(const struct vpl031 *rtc)
{
	return rtc->enabled && !rtc->raw ? rtc->match_ns : NEVER;
}

void vpl031_tick(struct vpl031 *rtc, u64 now_ns)
{
	collect(rtc, now_ns);
}

void vpl031_init(struct vpl031 *rtc, u64 unix_s, u64 now_ns)
{
	*rtc = (struct vpl031){.offset_s = (u32)unix_s - (u32)(now_ns / NS_PER_S)};
	match_set(rtc, now_ns, 0);
}
