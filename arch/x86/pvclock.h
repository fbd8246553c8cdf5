// SPDX-License-Identifier: Apache-2.0
/* KVM's paravirtual clock, which stock Linux knows: time read without an exit. */
#pragma once

#include "vmm/vcpu.h"

/* MSR_KVM_WALL_CLOCK_NEW: writes the wall clock at VM time 0 to @addr. False: #GP. */
bool pvclock_wall_write(struct vcpu *vcpu, gpa_t addr);

/* MSR_KVM_SYSTEM_TIME_NEW: bit 0 enables, the rest is the address. False: #GP. */
bool pvclock_system_write(struct vcpu *vcpu, u64 val);

/* The guest is told that it did not run for a while: it does not take that for a hang. */
void pvclock_tell_stopped(struct vcpu *vcpu);
