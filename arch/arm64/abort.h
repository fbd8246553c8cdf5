// SPDX-License-Identifier: Apache-2.0
/* Stage 2 aborts where there is no memory: what the two files of it share. */
#pragma once

#include "vmm/vcpu.h"

/* The bus answers with an error: a synchronous external abort for the guest. */
enum exit_action abort_external(struct vcpu *vcpu, u64 far, bool instruction);

/* The instruction at PC, which the syndrome does not describe, on the device (or none) at @addr. */
enum exit_action abort_emulate(struct vcpu *vcpu, gpa_t addr, u64 far);
