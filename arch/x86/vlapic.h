// SPDX-License-Identifier: Apache-2.0
/*
 * Local APIC of one vCPU, xAPIC and x2APIC, with timer. Intel SDM vol. 3, chapter "Advanced
 * Programmable Interrupt Controller (APIC)".
 *
 * Timer clock: 1 GHz before the divider. Periodic interrupts come at most every
 * VLAPIC_PERIOD_MIN_NS; the count itself runs at its true rate, missed periods are coalesced
 * into one interrupt and the schedule keeps its phase. LINT pins are edges in fixed mode.
 *
 * Invariant: @pending is the vector to deliver now (class above PPR), or -1, after every call.
 * Locks: as arch/x86/virq.h; only vlapic_pending_vector() and vplatform_pending_irq() may be
 * called without: a stale answer is corrected by the kick that follows the change.
 */
#pragma once

#include "arch/x86/virq.h"
#include "mm/bits.h"
#include "mm/types.h"

#define VLAPIC_BASE_DEFAULT  0xfee00000u
#define VLAPIC_PERIOD_MIN_NS 50000u

#define APIC_BASE_BSP  BIT(8)
#define APIC_BASE_EXTD BIT(10)
#define APIC_BASE_EN   BIT(11)

#define VLAPIC_MSR_FIRST 0x800u
#define VLAPIC_MSR_LAST  0x8ffu

enum vlapic_lvt { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

/* 256 vectors; bit i of @nonzero says that word[i] is not 0. */
struct vlapic_vectors {
	u32 word[8];
	u8 nonzero;
};

struct vlapic_timer {
	u64 zero_ns;      /* when the count reaches 0, ~0: not counting */
	u64 fire_ns;      /* next event, ~0: none (idle, or periodic and masked) */
	u64 tsc_deadline; /* raw MSR value */
	u64 deadline_ns;  /* the same as VM time */
	u32 initial;
	u8 dcr;
	u8 shift; /* log2 of the divider */
};

struct vlapic {
	struct vplatform *platform;
	s16 pending;
	bool extint; /* the 8259's INT reaches this CPU */
	/* For the vCPU loop, which clears what it has acted on. */
	bool nmi_pending, init_pending, sipi_pending;
	u8 sipi_vector;

	u8 tpr, ppr;
	u8 phys_bits;
	bool lint_level[2];
	u32 apic_id;
	u32 svr, ldr, dfr;
	u32 esr, esr_new; /* as read; collected since the last write */
	u64 base;         /* IA32_APIC_BASE */
	u64 icr;
	struct vlapic_vectors irr, isr, tmr;
	/*
	 * Live: the CPU itself keeps TPR, PPR, ISR and IRR, in these words laid out as an xAPIC
	 * page, and ends and delivers interrupts without us; NULL: they are here. While live, @irr
	 * is what has been requested and waits for vlapic_live_post(), @pending its highest
	 * whatever the PPR, @isr empty, @ppr 0 and @tpr nothing.
	 */
	u32 *live;
	u32 lvt[LVT_COUNT];
	struct vlapic_timer timer;
};

/*
 * Power-on state: xAPIC at the default base; @phys_bits is the guest's MAXPHYADDR. The boot CPU
 * is left as firmware leaves it, in virtual wire mode, for kernels that know only the 8259.
 */
void vlapic_init(struct vlapic *l, struct vplatform *vp, u32 apic_id, bool bsp, u8 phys_bits);

/* INIT: registers as at power-on; base, mode and APIC id stay; pending NMI, INIT, SIPI too. */
void vlapic_reset(struct vlapic *l);

/* Writes IA32_APIC_BASE. Returns nonzero for #GP. */
__must_check int vlapic_set_base(struct vlapic *l, u64 value);

static inline u64 vlapic_base(const struct vlapic *l)
{
	return l->base;
}

static inline bool vlapic_is_enabled(const struct vlapic *l)
{
	return (l->base & APIC_BASE_EN) != 0;
}

static inline bool vlapic_is_x2apic(const struct vlapic *l)
{
	return (l->base & APIC_BASE_EXTD) != 0;
}

/* Whether @addr falls on this CPU's xAPIC page now. */
static inline bool vlapic_mmio_hit(const struct vlapic *l, gpa_t addr)
{
	u64 mask = ~(u64)0xfff;

	return (l->base & (APIC_BASE_EN | APIC_BASE_EXTD)) == APIC_BASE_EN &&
	       (addr.v & mask) == (l->base & mask);
}

/* xAPIC page access, @offset within the page. Anything that is not a register reads 0. */
u32 vlapic_mmio_read(struct vlapic *l, u32 offset, unsigned size, u64 now_ns);
void vlapic_mmio_write(struct vlapic *l, u32 offset, unsigned size, u32 val, u64 now_ns);

/* MSR 0x800..0x8ff. Returns nonzero for #GP (also when not in x2APIC mode). */
__must_check int vlapic_msr_read(struct vlapic *l, u32 msr, u64 *val, u64 now_ns);
__must_check int vlapic_msr_write(struct vlapic *l, u32 msr, u64 val, u64 now_ns);

/* IA32_TSC_DEADLINE: the raw value and the VM time it stands for. Ignored in other timer modes. */
void vlapic_set_tsc_deadline(struct vlapic *l, u64 tsc_value, u64 deadline_ns);
u64 vlapic_tsc_deadline(const struct vlapic *l);

/* VM time of the next timer interrupt, ~0: none. Exact after every call. */
static inline u64 vlapic_next_event(const struct vlapic *l)
{
	return l->timer.fire_ns;
}

/* Fires the timer if it is due. */
void vlapic_tick(struct vlapic *l, u64 now_ns);

/* Fixed interrupt for this CPU alone. Returns false if software-disabled or vector < 16. */
bool vlapic_set_irr(struct vlapic *l, u8 vector, bool level);

/* Message already matched to this CPU. Returns whether it was taken. */
bool vlapic_deliver(struct vlapic *l, const struct apic_msg *msg);

/* Whether this CPU is addressed by @msg. */
bool vlapic_match(const struct vlapic *l, const struct apic_msg *msg);

/* LINT pin @pin (0: 8259 INT, 1: NMI) changed level. */
void vlapic_lint_set(struct vlapic *l, unsigned pin, bool level);

/* Vector that can be delivered now (respects PPR), -1: none. */
static inline int vlapic_pending_vector(const struct vlapic *l)
{
	return __atomic_load_n(&l->pending, __ATOMIC_RELAXED);
}

/* Highest requested vector whatever PPR says (for a TPR threshold), -1: none. */
int vlapic_highest_irr(const struct vlapic *l);

/* Takes the pending vector: IRR to ISR. Returns it, or -1: none. */
int vlapic_accept(struct vlapic *l);

/* End of interrupt, as by a write of the EOI register. */
void vlapic_eoi(struct vlapic *l);

/* The TPR register; CR8 is its bits 7:4. After a change ask for the pending vector again. */
static inline u8 vlapic_get_tpr(const struct vlapic *l)
{
	return l->tpr;
}

void vlapic_set_tpr(struct vlapic *l, u8 tpr);

/* Words of a live page. */
#define VLAPIC_LIVE_WORDS 256

/* Whether a live LAPIC's register (MSR 0x800 + @reg) is read from its page, or written to it. */
bool vlapic_live_reads(u32 reg);
bool vlapic_live_writes(u32 reg);

/* Makes the LAPIC, in x2APIC mode, live in @page. vlapic_reset() ends it: what it held is void. */
void vlapic_live_begin(struct vlapic *l, u32 *page);

/*
 * Moves what has been requested to the page. Returns the highest of it, -1: nothing. *@tmr_changed
 * is set where the page's TMR is another than before. Call it while the guest does not run.
 */
int vlapic_live_post(struct vlapic *l, bool *tmr_changed);

/* Highest vector of the page's IRR and ISR, 0: none, as the CPU has it. */
u8 vlapic_live_requested(const struct vlapic *l);
u8 vlapic_live_in_service(const struct vlapic *l);

/* Whether something is requested above the PPR, in the page or on its way there. */
bool vlapic_live_waits(const struct vlapic *l);

/* The CPU has ended @vector, level-triggered. */
void vlapic_live_eoi(struct vlapic *l, u8 vector);

/* The guest has written register @reg, and the CPU put it into the page and did no more. */
void vlapic_live_written(struct vlapic *l, u32 reg, u64 now_ns);
