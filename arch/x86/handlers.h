// SPDX-License-Identifier: Apache-2.0
/* Handlers of exits that have a file of their own; exit.c holds the table. */
#pragma once

#include "vmm/vcpu.h"

enum exit_action handle_cpuid(struct vcpu *vcpu);
enum exit_action handle_rdmsr(struct vcpu *vcpu);
enum exit_action handle_wrmsr(struct vcpu *vcpu);
enum exit_action handle_cr_write(struct vcpu *vcpu);
enum exit_action handle_xsetbv(struct vcpu *vcpu);
enum exit_action handle_io(struct vcpu *vcpu);

/* An access to @addr, where there is no memory: emulates the instruction at RIP. */
enum exit_action handle_mmio(struct vcpu *vcpu, gpa_t addr);
