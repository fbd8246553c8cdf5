// SPDX-License-Identifier: Apache-2.0
/* What an architecture gives to vmm/: link-time functions, the only way down. */
#pragma once

#include "vmm/vcpu.h"

struct boot_info;
struct guest_paging;
struct vm;

/* VM: memory layout and devices. Errors: -ENOMEM, -EINVAL; reasons are logged. */
int arch_vm_init(struct vm *vm) __must_check;

/* Gives back what arch_vm_init() took, and the second-level tables; also after its error. */
void arch_vm_fini(struct vm *vm);

/* Where guest memory goes: the next free guest-physical block at or after @addr, its size in *room.
 */
gpa_t arch_vm_memory_next(gpa_t addr, u64 *room);

/* Where a VM has the machine's framebuffer: no memory is there, and room for ARCH_SCREEN_SIZE_MAX.
 */
gpa_t arch_vm_screen_base(void);
#define ARCH_SCREEN_SIZE_MAX ((u64)256 << 20)

/* No vCPU runs any more, and none will with what is in the VM's memory. */
void arch_vm_stopped(struct vm *vm);

/*
 * Loads the VM's images and tables into zeroed memory and resets devices and vCPUs, none of which
 * is loaded.
 */
int arch_vm_load(struct vm *vm) __must_check;

/* Typed bytes wait (vconsole_getc()): the guest's serial port takes what it has room for. */
void arch_vm_input(struct vm *vm);

/* The VM, none of whose vCPUs runs, goes on after a pause: a guest that can be told is told. */
void arch_vm_resumed(struct vm *vm);

int arch_vcpu_init(struct vcpu *vcpu) __must_check;
void arch_vcpu_fini(struct vcpu *vcpu);

/*
 * The guest's state goes on this CPU, and off it: what stays in the CPU across exits (FP, XCR0,
 * debug registers; EL1). The CPU may be another one than last time. Put returns when to poll a
 * vCPU that waits, which so far the CPU itself would have told, ~0: not for that.
 */
void arch_vcpu_load(struct vcpu *vcpu);
u64 arch_vcpu_put(struct vcpu *vcpu);

/*
 * What is due of the loaded vCPU's devices happens, and it starts or ends as others have asked.
 * Returns whether it has instructions to run: not while it is off, or halted and nothing is
 * pending. *wake_ns: when to ask again.
 */
bool arch_vcpu_poll(struct vcpu *vcpu, u64 *wake_ns) __must_check;

/* One entry into the guest, up to its next exit, decoded. */
void arch_vcpu_enter(struct vcpu *vcpu);

/* Handles the exit by the one table. */
enum exit_action arch_vcpu_handle(struct vcpu *vcpu) __must_check;

void arch_vcpu_skip_insn(struct vcpu *vcpu);

/* Logs the guest's registers. The vCPU is loaded on this CPU. */
void arch_vcpu_dump(const struct vcpu *vcpu);

/* How the vCPU, which is loaded on this CPU, translates now. */
void arch_vcpu_paging(const struct vcpu *vcpu, struct guest_paging *p);

/* What vcpu->arch.exit_count[@reason] counts; @reason is below VCPU_EXIT_REASONS. */
const char *arch_exit_name(u32 reason);

/* Nanoseconds since start. */
u64 arch_uptime_ns(void);

/* Starts the machine's other CPUs; each calls cpu_enter(). Returns how many run, with this one. */
u32 arch_cpus_start(const struct boot_info *bi);

/* This CPU is to be interrupted at @ns at the latest, whatever it does then; ~0: it need not. */
void arch_cpu_deadline(u64 ns);

/* Halts this CPU until an interrupt, at its deadline at the latest, and takes it. */
void arch_cpu_idle(void);

/* Has CPU @cpu leave its guest or its halt. Nothing for this CPU itself. */
void arch_cpu_kick(u32 cpu);

/* Bytes at the host's serial port are left there (@hold), or are not any more: its interrupt rests.
 */
void arch_uart_hold(bool hold);

/* Whether no interrupt tells of bytes at the host's serial port. */
bool arch_uart_is_polled(void);

/* Ends the machine: power-off, or @status to a debug-exit port where one is configured. */
_Noreturn void arch_machine_end(const struct boot_info *bi, bool success);
