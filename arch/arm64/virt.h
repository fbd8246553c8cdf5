// SPDX-License-Identifier: Apache-2.0
/* What the CPU gives to guests, found once. */
#pragma once

#include "arch/arm64/el2_controls.h"
#include "arch/arm64/idregs.h"
#include "mm/types.h"
#include "vmm/vcpu.h"

extern u8 cpu_inject_features;
extern struct el2_controls cpu_controls;
extern struct idregs cpu_idregs, guest_idregs; /* as read; as every guest reads them */

/* The loaded vCPU, which is off, as PSCI's CPU_ON has asked for: in reset state at its entry. */
void vcpu_power_on(struct vcpu *vcpu);

/* VMPIDR_EL2 of the vCPU. */
u64 vcpu_mpidr(const struct vcpu *vcpu);

/* The registers of EL2 on another CPU, as the first one has them. */
void virt_cpu_on(void);

/* Reads the CPU and sets the registers of EL2. Errors: -ENODEV, with the reason logged. */
int virt_cpu_init(void) __must_check;
