// SPDX-License-Identifier: Apache-2.0
/* ACPI PM1a blocks and PM timer. ACPI 6.4, "PM1 Event Grouping", "PM1 Control Grouping". */
#include "arch/x86/vpmtimer.h"

#include "arch/x86/vplatform.h"
#include "mm/bits.h"

#define NS_PER_S 1000000000u
#define NEVER    (~(u64)0)

#define STS_TMR    BIT(0)
#define STS_GBL    BIT(5)
#define STS_PWRBTN BIT(8)
#define STS_RTC    BIT(10)
#define EVENTS     ((u16)(STS_TMR | STS_GBL | STS_PWRBTN | STS_RTC))

#define CNT_SCI_EN  BIT(0)
#define CNT_KEPT    (BIT(1) | CNT_SLP_TYP)
#define CNT_SLP_TYP GENMASK(12, 10)
#define CNT_SLP_EN  BIT(13)

#define TMR_HALF_WRAP BIT(31)

static u64 ns_to_clocks(u64 ns)
{
	return ns / NS_PER_S * VPM_TMR_HZ + ns % NS_PER_S * VPM_TMR_HZ / NS_PER_S;
}

/* Rounds up. */
static u64 clocks_to_ns(u64 clocks)
{
	return clocks / VPM_TMR_HZ * NS_PER_S +
	       (clocks % VPM_TMR_HZ * NS_PER_S + VPM_TMR_HZ - 1) / VPM_TMR_HZ;
}

/* Brings TMR_STS up to date; sets the interrupt line and the next event. */
static void pm_update(struct vpm *pm, u64 now_ns)
{
	u64 wraps = ns_to_clocks(now_ns) / TMR_HALF_WRAP;

	if (wraps > pm->wrap_seen) {
		pm->wrap_seen = wraps;
		pm->sts |= STS_TMR;
	}
	pm->event_ns = NEVER;
	if ((pm->en & STS_TMR) && !(pm->sts & STS_TMR)) {
		pm->event_ns = clocks_to_ns((pm->wrap_seen + 1) * TMR_HALF_WRAP);
	}
	vplatform_irq_set(container_of(pm, struct vplatform, pm), VIRQ_SCI,
			  (pm->sts & pm->en & EVENTS) != 0);
}

void vpm_init(struct vpm *pm)
{
	*pm = (struct vpm){.event_ns = NEVER};
}

void vpm_tick(struct vpm *pm, u64 now_ns)
{
	if (now_ns >= pm->event_ns) {
		pm_update(pm, now_ns);
	}
}

void vpm_power_button(struct vpm *pm)
{
	pm->sts |= STS_PWRBTN;
	vplatform_irq_set(container_of(pm, struct vplatform, pm), VIRQ_SCI,
			  (pm->sts & pm->en & EVENTS) != 0);
}

/* The block as 32-bit words. */
static u32 word_read(struct vpm *pm, unsigned offset, u64 now_ns)
{
	switch (offset) {
	case VPM_EVT_PORT - VPM_EVT_PORT:
		pm_update(pm, now_ns);
		return pm->sts | (u32)pm->en << 16;
	case VPM_CNT_PORT - VPM_EVT_PORT:
		return (u32)(pm->cnt | CNT_SCI_EN);
	case VPM_TMR_PORT - VPM_EVT_PORT:
		return (u32)ns_to_clocks(now_ns);
	default:
		return ~0u;
	}
}

u32 vpm_read(struct vpm *pm, u16 port, unsigned size, u64 now_ns)
{
	unsigned offset = port - VPM_EVT_PORT;

	if (size == 0 || size > 4) {
		return ~0u;
	}
	return word_read(pm, offset & ~3u, now_ns) >> (offset & 3) * 8 &
	       (u32)GENMASK(size * 8 - 1, 0);
}

static void event_write(struct vpm *pm, u32 mask, u32 val, u64 now_ns)
{
	pm_update(pm, now_ns); /* what has happened by now is what is cleared */
	pm->sts &= (u16) ~(val & mask);
	pm->en = (u16)((pm->en & ~(mask >> 16)) | (val & mask) >> 16) & EVENTS;
	pm_update(pm, now_ns);
}

static void control_write(struct vpm *pm, u32 mask, u32 val)
{
	u32 cnt = (pm->cnt & ~mask) | (val & mask);

	pm->cnt = (u16)(cnt & CNT_KEPT);
	if ((cnt & CNT_SLP_EN) && FIELD_GET(CNT_SLP_TYP, cnt) == VPM_SLP_S5) {
		vplatform_shutdown(container_of(pm, struct vplatform, pm), VPLATFORM_POWER_OFF);
	}
}

void vpm_write(struct vpm *pm, u16 port, unsigned size, u32 val, u64 now_ns)
{
	unsigned offset = port - VPM_EVT_PORT;
	unsigned shift = (offset & 3) * 8;
	u32 mask;

	if (size == 0 || size > 4) {
		return;
	}
	mask = (u32)(GENMASK(size * 8 - 1, 0) << shift);
	val = (u32)((u64)val << shift);
	if (offset < VPM_CNT_PORT - VPM_EVT_PORT) {
		event_write(pm, mask, val, now_ns);
	} else if (offset < VPM_TMR_PORT - VPM_EVT_PORT) {
		control_write(pm, mask, val);
	}
}
