// SPDX-License-Identifier: Apache-2.0
/*
 * A LAPIC in x2APIC mode kept by the CPU, where it can: SDM volume 3, "APIC Virtualization and
 * Virtual Interrupts". In xAPIC mode and on other CPUs it is all arch/x86/vlapic.c's.
 */
#pragma once

#include "arch/x86/ops.h"

/* MSR bitmaps of a VM: the usual one, and behind it that of vCPUs whose LAPIC is live. */
#define VMX_MSR_BITMAP_ORDER 1

/* Makes the second of @maps from the first. */
void vmx_apic_bitmap_make(u8 *maps);

/* struct x86_ops: apic_mode, irq_post, set_tpr. After a reset of the VMCS's controls, too. */
void vmx_apic_mode(struct vcpu *vcpu);
void vmx_irq_post(struct vcpu *vcpu);
void vmx_set_tpr(struct vcpu *vcpu, u8 cr8);
