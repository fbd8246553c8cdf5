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

/* VMPIDR_EL2 of the vCPU. */
u64 vcpu_mpidr(const struct vcpu *vcpu);

/* Reads the CPU and sets the registers of EL2. Errors: -ENODEV, with the reason logged. */
int virt_cpu_init(void) __must_check;
