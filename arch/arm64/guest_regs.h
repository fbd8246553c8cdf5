// SPDX-License-Identifier: Apache-2.0
/* A loaded vCPU's registers by number, exceptions put into it, and its calls. */
#pragma once

#include "arch/arm64/inject.h"
#include "vmm/vcpu.h"

/* X0 to X30; 31 is XZR. */
static inline u64 guest_x(const struct vcpu *vcpu, unsigned nr)
{
	return nr < 31 ? vcpu->arch.gpr[nr] : 0;
}

static inline void guest_set_x(struct vcpu *vcpu, unsigned nr, u64 val)
{
	if (nr < 31) {
		vcpu->arch.gpr[nr] = val;
	}
}

/* The stack pointer that the guest's instructions use now. */
u64 guest_sp(const struct vcpu *vcpu);
void guest_set_sp(struct vcpu *vcpu, u64 val);

void guest_undef(struct vcpu *vcpu);
void guest_data_abort(struct vcpu *vcpu, const struct inject_abort *abort);
void guest_instr_abort(struct vcpu *vcpu, const struct inject_abort *abort);
