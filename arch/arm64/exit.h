// SPDX-License-Identifier: Apache-2.0
/* What the handlers of exits share. */
#pragma once

#include "vmm/vcpu.h"

/* A guest's instruction that is UNDEFINED: the guest gets that exception. */
enum exit_action exit_undefined(struct vcpu *vcpu);

/* handlers[] of exit.c. */
enum exit_action handle_data_abort(struct vcpu *vcpu);
enum exit_action handle_instr_abort(struct vcpu *vcpu);
enum exit_action handle_sysreg(struct vcpu *vcpu);

/* Faults or retries in a row without progress end the VM (rule T8). */
enum exit_action exit_no_progress(struct vcpu *vcpu, const char *what);
