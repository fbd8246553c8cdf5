// SPDX-License-Identifier: Apache-2.0
/* AMD SVM as a vendor of arch/x86/ops.h. */
#pragma once

#include "arch/vcpu.h"
#include "arch/x86/ops.h"

extern const struct x86_ops svm_ops;

/* What is intercepted of a guest, as a table: everything that must not reach the host. */
extern const struct vmcb svm_controls;

/* World switch, svm_enter.S. */
void svm_enter(u64 *gpr, u64 vmcb_pa, u64 host_vmcb_pa);

/*
 * Turns the hardware's exit in the VMCB into vcpu->arch.exit and, where an event was being
 * delivered when it happened, into vcpu->arch.event.
 */
void svm_decode(struct vcpu *vcpu);

/* The event of a valid EVENTINJ or EXITINTINFO. */
struct x86_event svm_event_decode(u64 word);

/* EVENTINJ's form of an event: APM volume 2, "Event Injection". */
u64 svm_event_encode(const struct x86_event *event);
