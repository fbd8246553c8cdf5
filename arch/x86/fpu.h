// SPDX-License-Identifier: Apache-2.0
/*
 * FP, SIMD, XCR0 and debug registers belong to the guest while it is on a CPU: the core has no
 * instruction that touches them, so an exit saves nothing. They move when the vCPU does.
 */
#pragma once

#include "vmm/vcpu.h"

/* Errors: -ENOMEM. */
int fpu_init(struct vcpu *vcpu) __must_check;

/* Gives back what fpu_init() took, if anything. */
void fpu_fini(struct vcpu *vcpu);

/* The state after reset. */
void fpu_reset(struct vcpu *vcpu);

void fpu_load(struct vcpu *vcpu);
void fpu_save(struct vcpu *vcpu);
