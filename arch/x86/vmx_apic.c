// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/vmx_apic.h"

#include <string.h>

#include "arch/x86/vmx.h"
#include "arch/x86/vmx_insn.h"
#include "mm/page.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

#define VTPR_OFFSET 0x80 /* in the virtual-APIC page */

/* "MSR-Bitmap Address": low MSRs' reads come first, their writes third. */
#define BITMAP_WRITES 2048

void vmx_apic_bitmap_make(u8 *maps)
{
	u8 *map = maps + PAGE_SIZE;

	memcpy(map, maps, PAGE_SIZE);
	for (u32 reg = 0; reg <= VLAPIC_MSR_LAST - VLAPIC_MSR_FIRST; reg++) {
		u32 msr = VLAPIC_MSR_FIRST + reg;

		if (vlapic_live_reads(reg)) {
			map[msr / 8] &= (u8)~BIT(msr % 8);
		}
		if (vlapic_live_writes(reg)) {
			map[BITMAP_WRITES + msr / 8] &= (u8)~BIT(msr % 8);
		}
	}
}

/* "EOI-Exit Bitmap": who ends a level-triggered interrupt must tell the I/O APIC. */
static void eoi_exits_write(const struct vlapic *l)
{
	for (unsigned i = 0; i < 4; i++) {
		vmwrite((enum vmcs_field)(VMCS_EOI_EXIT0 + 2 * i),
			l->tmr.word[2 * i] | (u64)l->tmr.word[2 * i + 1] << 32);
	}
}

static void live_begin(struct vcpu *vcpu)
{
	struct vlapic *l = &vcpu->arch.lapic;

	vlapic_live_begin(l, phys_ptr(vcpu->arch.vmx.virtual_apic));
	vmwrite(VMCS_GUEST_INTR_STATUS, vlapic_live_requested(l) | (u64)vlapic_live_in_service(l)
									   << 8);
	eoi_exits_write(l);
}

/* A reset of the LAPIC has ended what was live: the controls follow. */
void vmx_apic_mode(struct vcpu *vcpu)
{
	struct vmx_vcpu *v = &vcpu->arch.vmx;
	bool on = vmx_caps.apicv && vlapic_is_x2apic(&vcpu->arch.lapic);

	if (on == v->apicv) {
		return;
	}
	v->apicv = on;
	v->proc_ctl ^= (u32)PROC_CR8_LOAD;
	vmx_use(vcpu);
	vmwrite(VMCS_PROC_CTLS, v->proc_ctl);
	vmwrite(VMCS_PROC_CTLS2, vmx_caps.ctl[VMX_PROC2] | (on ? PROC2_APICV : 0));
	vmwrite(VMCS_MSR_BITMAP, vcpu->vm->arch.msrpm.v + (on ? PAGE_SIZE : 0));
	if (on) {
		live_begin(vcpu);
	}
}

/* "Guest Interrupt Status": RVI is the highest bit of VIRR, or the CPU does not see it. */
void vmx_irq_post(struct vcpu *vcpu)
{
	struct vlapic *l = &vcpu->arch.lapic;
	bool tmr_changed = false;
	int vector = vlapic_live_post(l, &tmr_changed);
	u64 status;

	if (vector < 0) {
		return;
	}
	vmx_use(vcpu);
	status = vmread(VMCS_GUEST_INTR_STATUS);
	if (vector > (u8)status) {
		vmwrite(VMCS_GUEST_INTR_STATUS, (status & ~0xffULL) | (u8)vector);
	}
	if (tmr_changed) {
		eoi_exits_write(l);
	}
}

/* A live TPR is in the page already. */
void vmx_set_tpr(struct vcpu *vcpu, u8 cr8)
{
	u8 *page = phys_ptr(vcpu->arch.vmx.virtual_apic);

	if (!vcpu->arch.lapic.live) {
		page[VTPR_OFFSET] = (u8)(cr8 << 4);
	}
}
