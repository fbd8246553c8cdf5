// SPDX-License-Identifier: Apache-2.0
/*
 * LAPIC core: interrupt acceptance and priorities, messages, LINT pins, modes. Registers are in
 * vlapic_reg.c, the timer in vlapic_timer.c. Intel SDM vol. 3, "Advanced Programmable Interrupt
 * Controller (APIC)", "Handling Interrupts" and "Extended XAPIC (x2APIC)".
 */
#include "arch/x86/vlapic.h"

#include <errno.h>

#include "arch/x86/vlapic_int.h"
#include "arch/x86/vplatform.h"

#define ICR_VECTOR(icr)    ((u8)(icr))
#define ICR_MODE           GENMASK(10, 8)
#define ICR_LOGICAL        BIT(11)
#define ICR_ASSERT         BIT(14)
#define ICR_LEVEL          BIT(15)
#define ICR_SHORTHAND      GENMASK(19, 18)
#define APIC_CLASS         0xf0u
#define APIC_DFR_FLAT      0xfu
#define APIC_BASE_RESERVED (GENMASK(7, 0) | BIT(9))

enum { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };

static void pending_update(struct vlapic *l)
{
	unsigned service;
	int isr, irr;

	if (!(l->isr.nonzero | l->irr.nonzero)) { /* the usual EOI */
		l->ppr = l->tpr;
		pending_set(l, -1);
		return;
	}
	isr = vectors_highest(&l->isr);
	irr = vectors_highest(&l->irr);
	service = isr < 0 ? 0 : (unsigned)isr & APIC_CLASS;
	l->ppr = (l->tpr & APIC_CLASS) >= service ? l->tpr : (u8)service;
	pending_set(l, irr >= 0 && ((unsigned)irr & APIC_CLASS) > (l->ppr & APIC_CLASS) ? irr : -1);
}

bool vlapic_set_irr(struct vlapic *l, u8 vector, bool level)
{
	if (!vlapic_is_sw_enabled(l) || !vlapic_is_enabled(l)) {
		return false;
	}
	if (vector < 16) {
		vlapic_error(l, APIC_ESR_RECV_VECTOR);
		return false;
	}
	vectors_set(&l->irr, vector);
	if (level) {
		vectors_set(&l->tmr, vector);
	} else if (l->tmr.nonzero) {
		vectors_clear(&l->tmr, vector);
	}
	if (vector > l->pending && (vector & APIC_CLASS) > (l->ppr & APIC_CLASS)) {
		pending_set(l, vector);
		vplatform_kick(l->platform, l);
	}
	return true;
}

int vlapic_highest_irr(const struct vlapic *l)
{
	return vectors_highest(&l->irr);
}

int vlapic_accept(struct vlapic *l)
{
	int vector = l->pending;

	if (vector >= 0) {
		vectors_clear(&l->irr, (unsigned)vector);
		vectors_set(&l->isr, (unsigned)vector);
		/* Its class is above the old PPR, and nothing requested is above it. */
		l->ppr = (u8)((unsigned)vector & APIC_CLASS);
		pending_set(l, -1);
	}
	return vector;
}

void vlapic_eoi(struct vlapic *l)
{
	int vector = vectors_highest(&l->isr);

	if (vector < 0) {
		return;
	}
	vectors_clear(&l->isr, (unsigned)vector);
	pending_update(l);
	if (l->tmr.nonzero && vectors_test(&l->tmr, (unsigned)vector)) {
		vplatform_eoi_broadcast(l->platform, (u8)vector);
	}
}

void vlapic_set_tpr(struct vlapic *l, u8 tpr)
{
	l->tpr = tpr;
	pending_update(l);
}

/* An INIT, NMI or SIPI: not maskable by TPR or by software disable. */
static void event_set(struct vlapic *l, bool *event)
{
	if (!*event) {
		*event = true;
		vplatform_kick(l->platform, l);
	}
}

void vlapic_error(struct vlapic *l, u32 bit)
{
	u32 lvt = l->lvt[LVT_ERROR];

	l->esr_new |= bit;
	/* An error vector that is itself illegal must not recurse. */
	if (!(lvt & APIC_LVT_MASKED) && (u8)lvt >= 16) {
		vlapic_set_irr(l, (u8)lvt, false);
	}
}

void vlapic_lvt_deliver(struct vlapic *l, enum vlapic_lvt i)
{
	u32 lvt = l->lvt[i];

	if (lvt & APIC_LVT_MASKED) {
		return;
	}
	switch (FIELD_GET(APIC_LVT_MODE, lvt)) {
	case APIC_MODE_FIXED:
		vlapic_set_irr(l, (u8)lvt, false);
		break;
	case APIC_MODE_NMI:
		event_set(l, &l->nmi_pending);
		break;
	case APIC_MODE_INIT:
		event_set(l, &l->init_pending);
		break;
	default: /* SMI: no SMM; ExtINT: a level, see vlapic_extint_update() */
		break;
	}
}

void vlapic_extint_update(struct vlapic *l)
{
	u32 lvt = l->lvt[LVT_LINT0];
	bool through =
		!(lvt & APIC_LVT_MASKED) && FIELD_GET(APIC_LVT_MODE, lvt) == APIC_MODE_EXTINT;
	bool extint = l->lint_level[0] && (through || !vlapic_is_enabled(l));
	bool rose = extint && !l->extint;

	__atomic_store_n(&l->extint, extint, __ATOMIC_RELAXED);
	if (rose) {
		vplatform_kick(l->platform, l);
	}
}

void vlapic_lint_set(struct vlapic *l, unsigned pin, bool level)
{
	bool rose;

	if (pin > 1) {
		return;
	}
	rose = level && !l->lint_level[pin];
	l->lint_level[pin] = level;
	if (pin == 0) {
		vlapic_extint_update(l);
	}
	if (!rose) {
		return;
	}
	if (vlapic_is_enabled(l)) {
		vlapic_lvt_deliver(l, pin == 0 ? LVT_LINT0 : LVT_LINT1);
	} else if (pin == 1) {
		event_set(l, &l->nmi_pending); /* without an APIC the pin is NMI */
	}
}

static bool match_logical(const struct vlapic *l, u32 dest)
{
	u32 logical = l->ldr >> 24;

	if (vlapic_is_x2apic(l)) {
		return dest >> 16 == l->apic_id >> 4 && dest >> (l->apic_id & 15) & 1;
	}
	if (dest > 0xff) {
		return false;
	}
	if (l->dfr >> 28 == APIC_DFR_FLAT) {
		return (dest & logical) != 0;
	}
	return dest >> 4 == logical >> 4 && (dest & logical & 15) != 0;
}

bool vlapic_match(const struct vlapic *l, const struct apic_msg *msg)
{
	if (!vlapic_is_enabled(l)) {
		return false;
	}
	if (msg->dest == (msg->wide ? 0xffffffffu : 0xffu)) {
		return true;
	}
	return msg->logical ? match_logical(l, msg->dest) : msg->dest == l->apic_id;
}

bool vlapic_deliver(struct vlapic *l, const struct apic_msg *msg)
{
	switch (msg->mode) {
	case APIC_MODE_FIXED:
	case APIC_MODE_LOWEST:
		return vlapic_set_irr(l, msg->vector, msg->level);
	case APIC_MODE_NMI:
		event_set(l, &l->nmi_pending);
		return true;
	case APIC_MODE_INIT:
		l->sipi_pending = false; /* it was for the life that ends */
		event_set(l, &l->init_pending);
		return true;
	case APIC_MODE_SIPI:
		l->sipi_vector = msg->vector;
		event_set(l, &l->sipi_pending);
		return true;
	default: /* SMI: no SMM; ExtINT by message: the 8259 sits on LINT0 */
		return false;
	}
}

static void ipi_shorthand(struct vlapic *l, const struct apic_msg *msg, bool self)
{
	struct vplatform *vp = l->platform;

	for (unsigned i = 0; i < vp->lapic_count; i++) {
		struct vlapic *target = vp->lapics[i];

		if (vlapic_is_enabled(target) && (self || target != l)) {
			vlapic_deliver(target, msg);
		}
	}
}

static void ipi_send(struct vlapic *l, u64 icr)
{
	struct apic_msg msg = {
		.dest = vlapic_is_x2apic(l) ? (u32)(icr >> 32) : (u32)(icr >> 56),
		.vector = ICR_VECTOR(icr),
		.mode = (u8)FIELD_GET(ICR_MODE, icr),
		.logical = (icr & ICR_LOGICAL) != 0,
		.wide = vlapic_is_x2apic(l),
	};

	/* INIT level de-assert only set arbitration ids, on a bus that is gone. */
	if (msg.mode == APIC_MODE_INIT && (icr & (ICR_ASSERT | ICR_LEVEL)) == ICR_LEVEL) {
		return;
	}
	switch (FIELD_GET(ICR_SHORTHAND, icr)) {
	case SHORTHAND_NONE:
		vplatform_apic_send(l->platform, &msg);
		break;
	case SHORTHAND_SELF:
		vlapic_deliver(l, &msg);
		break;
	default:
		ipi_shorthand(l, &msg, FIELD_GET(ICR_SHORTHAND, icr) == SHORTHAND_ALL);
		break;
	}
}

/* Whether @icr can mean nobody but @l: by shorthand or by physical id. */
static bool ipi_is_self(const struct vlapic *l, u64 icr)
{
	u32 dest = (u32)(icr >> (vlapic_is_x2apic(l) ? 32 : 56));

	if (icr & ICR_SHORTHAND) {
		return FIELD_GET(ICR_SHORTHAND, icr) == SHORTHAND_SELF;
	}
	return !(icr & ICR_LOGICAL) && dest == l->apic_id && dest < 0xff;
}

void vlapic_ipi(struct vlapic *l, u64 icr)
{
	u64 mode = FIELD_GET(ICR_MODE, icr);

	if (mode <= APIC_MODE_LOWEST && ICR_VECTOR(icr) < 16) {
		vlapic_error(l, APIC_ESR_SEND_VECTOR);
	} else if (mode == APIC_MODE_FIXED && ipi_is_self(l, icr)) {
		vlapic_set_irr(l, ICR_VECTOR(icr), false);
	} else {
		ipi_send(l, icr);
	}
}

void vlapic_reset(struct vlapic *l)
{
	l->tpr = 0;
	l->svr = 0xff;
	l->ldr = 0;
	l->dfr = 0xffffffff;
	l->esr = 0;
	l->esr_new = 0;
	l->icr = 0;
	l->irr = (struct vlapic_vectors){0};
	l->isr = (struct vlapic_vectors){0};
	l->tmr = (struct vlapic_vectors){0};
	l->live = NULL;
	for (unsigned i = 0; i < LVT_COUNT; i++) {
		l->lvt[i] = APIC_LVT_MASKED;
	}
	vlapic_timer_reset(l);
	pending_update(l);
	vlapic_extint_update(l);
}

void vlapic_init(struct vlapic *l, struct vplatform *vp, u32 apic_id, bool bsp, u8 phys_bits)
{
	*l = (struct vlapic){
		.platform = vp,
		.apic_id = apic_id,
		.phys_bits = phys_bits,
		.base = VLAPIC_BASE_DEFAULT | APIC_BASE_EN | (bsp ? APIC_BASE_BSP : 0),
	};
	vlapic_reset(l);
	if (bsp) {
		/* MultiProcessor Specification 1.4, "Virtual Wire Mode" */
		l->svr |= APIC_SVR_ENABLE;
		l->lvt[LVT_LINT0] = FIELD_PREP(APIC_LVT_MODE, APIC_MODE_EXTINT);
		l->lvt[LVT_LINT1] = FIELD_PREP(APIC_LVT_MODE, APIC_MODE_NMI);
	}
}

/* SDM, "Local APIC State After a Software (INIT) Reset" and "x2APIC State Transitions". */
int vlapic_set_base(struct vlapic *l, u64 value)
{
	u64 mode = value & (APIC_BASE_EN | APIC_BASE_EXTD);
	u64 old = l->base & (APIC_BASE_EN | APIC_BASE_EXTD);

	if ((value & APIC_BASE_RESERVED) || value >> l->phys_bits) {
		return -EINVAL;
	}
	if (mode == APIC_BASE_EXTD || (mode == APIC_BASE_EN && (old & APIC_BASE_EXTD)) ||
	    ((mode & APIC_BASE_EXTD) && !old)) {
		return -EINVAL;
	}
	l->base = value;
	if (!mode && old) {
		vlapic_reset(l);
	}
	vlapic_extint_update(l);
	return 0;
}
