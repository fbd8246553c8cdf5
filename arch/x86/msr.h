// SPDX-License-Identifier: Apache-2.0
/* MSRs of a guest: one policy table (msr.def). */
#pragma once

#include "vmm/vcpu.h"

/* MSRs that a guest reads and writes without an exit; moved with the vCPU. */
extern const u32 msr_guest_owned[];
extern const unsigned msr_guest_owned_count;

/* Values after reset of the MSRs that are kept in struct vcpu. */
void msr_reset(struct vcpu *vcpu);
