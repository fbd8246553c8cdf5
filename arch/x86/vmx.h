// SPDX-License-Identifier: Apache-2.0
/* Intel VMX as a vendor of arch/x86/ops.h. */
#pragma once

#include "arch/x86/ops.h"
#include "arch/x86/vmx_caps.h"

extern const struct x86_ops vmx_ops;

/* What this machine's VMX offers, as its first CPU says; cpu_on() fills it. */
extern struct vmx_caps vmx_caps;

/*
 * World switch, vmx_enter.S: VMLAUNCH, or VMRESUME where @launched. @host_rsp is what the VMCS
 * holds as the host's stack, kept up to date; @verw: overwrite the CPU's buffers first. False: the
 * CPU took neither (VMCS_INSN_ERROR says why), and the guest has not run.
 */
bool vmx_enter(u64 *gpr, bool launched, u64 *host_rsp, bool verw);
extern const u8 vmx_exit[]; /* host RIP */

/* Registers and segments, of any vCPU: its VMCS is made current where it is not. */
u64 vmx_get_reg(const struct vcpu *vcpu, enum x86_reg reg);
void vmx_set_reg(struct vcpu *vcpu, enum x86_reg reg, u64 val);
struct x86_seg vmx_get_seg(const struct vcpu *vcpu, enum x86_seg_name seg);
void vmx_set_seg(struct vcpu *vcpu, enum x86_seg_name seg, struct x86_seg val);

/* The state that the CPU keeps across exits, to the CPU and back. */
void vmx_state_load(struct vcpu *vcpu);
void vmx_state_save(struct vcpu *vcpu);

/* Architectural reset state. The VMCS is current. */
void vmx_state_reset(struct vcpu *vcpu);

/* Makes the VMCS current on this CPU. */
void vmx_use(const struct vcpu *vcpu);

/* Logs which rule of the manual the current VMCS violates. */
void vmx_explain(const struct vcpu *vcpu);
