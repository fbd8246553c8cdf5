// SPDX-License-Identifier: Apache-2.0
/* What an architecture gives to vmm/: link-time functions, the only way down. */
#pragma once

#include "vmm/vcpu.h"

struct boot_info;
struct vm;

/* VM: memory layout and devices. Errors: -ENOMEM, -EINVAL; reasons are logged. */
int arch_vm_init(struct vm *vm) __must_check;

/* Where guest memory goes: the next free guest-physical block at or after @addr, its size in *room.
 */
gpa_t arch_vm_memory_next(gpa_t addr, u64 *room);

/* Loads the VM's images and tables into zeroed memory and resets devices and vCPUs. */
int arch_vm_load(struct vm *vm) __must_check;

int arch_vcpu_init(struct vcpu *vcpu) __must_check;

/* Guest state that the CPU keeps across exits (FP, XCR0, debug registers): loaded, saved. */
void arch_vcpu_load(struct vcpu *vcpu);
void arch_vcpu_put(struct vcpu *vcpu);

/* One entry into the guest, up to its next exit, decoded. */
void arch_vcpu_enter(struct vcpu *vcpu);

/* Handles the exit by the one table. */
enum exit_action arch_vcpu_handle(struct vcpu *vcpu) __must_check;

void arch_vcpu_skip_insn(struct vcpu *vcpu);

/* Halts the CPU until an interrupt for @vcpu is pending or the VM ends. */
void arch_vcpu_idle(struct vcpu *vcpu);

/* Logs the guest's registers. */
void arch_vcpu_dump(const struct vcpu *vcpu);

/* Nanoseconds since start. */
u64 arch_uptime_ns(void);

/* Ends the machine: power-off, or @status to a debug-exit port where one is configured. */
_Noreturn void arch_machine_end(const struct boot_info *bi, bool success);
