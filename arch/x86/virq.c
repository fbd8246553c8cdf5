// SPDX-License-Identifier: Apache-2.0
/* Interrupt routing between the devices, the two controllers and the LAPICs. */
#include "arch/x86/virq.h"

#include "arch/x86/vlapic_int.h"
#include "arch/x86/vplatform.h"

#define PIC_INPUTS  16
#define PIC_CASCADE 2
#define IOAPIC_PIT  2

void vplatform_irq_set(struct vplatform *vp, unsigned gsi, bool level)
{
	if (gsi >= VIRQ_GSI_COUNT || gsi == PIC_CASCADE) {
		return;
	}
	if (gsi < PIC_INPUTS) {
		vpic_set_irq(&vp->pic, gsi, level);
	}
	vioapic_set_pin(&vp->ioapic, gsi == VIRQ_PIT ? IOAPIC_PIT : gsi, level);
}

void vplatform_intr_set(struct vplatform *vp, bool level)
{
	for (unsigned i = 0; i < vp->lapic_count; i++) {
		vlapic_lint_set(vp->lapics[i], 0, level);
	}
}

void vplatform_eoi_broadcast(struct vplatform *vp, u8 vector)
{
	vioapic_eoi(&vp->ioapic, vector);
}

static u32 ppr_of(const struct vlapic *l)
{
	return l->live ? l->live[REG_PPR * 4] : l->ppr;
}

/* Lowest priority: the addressed LAPIC with the lowest PPR; equals take turns. */
static bool send_lowest(struct vplatform *vp, const struct apic_msg *msg)
{
	struct vlapic *best = NULL;
	unsigned best_turn = 0;

	for (unsigned n = 0; n < vp->lapic_count; n++) {
		unsigned i = (vp->lapic_turn + n) % vp->lapic_count;
		struct vlapic *l = vp->lapics[i];

		if (vlapic_is_sw_enabled(l) && vlapic_match(l, msg) &&
		    (!best || ppr_of(l) < ppr_of(best))) {
			best = l;
			best_turn = i + 1;
		}
	}
	if (!best) {
		return false;
	}
	vp->lapic_turn = best_turn;
	return vlapic_deliver(best, msg);
}

bool vplatform_apic_send(struct vplatform *vp, const struct apic_msg *msg)
{
	bool taken = false;

	if (msg->mode == APIC_MODE_LOWEST) {
		return send_lowest(vp, msg);
	}
	for (unsigned i = 0; i < vp->lapic_count; i++) {
		if (vlapic_match(vp->lapics[i], msg)) {
			taken |= vlapic_deliver(vp->lapics[i], msg);
		}
	}
	return taken;
}

int vplatform_ack_irq(struct vplatform *vp, struct vlapic *l)
{
	return l->extint ? vpic_ack(&vp->pic) : vlapic_accept(l);
}
