// SPDX-License-Identifier: Apache-2.0
/* Where the run loop meets the physical CPU: interrupt windows, timer, idle, input. */
#pragma once

#include "vmm/vcpu.h"
#include "vmm/vm.h"

/* What vcpu->arch.timer_event_ns is when the clock must be looked at. */
#define TIMER_STALE (~1ULL)

/* Whether the serial port interrupts when a byte arrives; else it is polled. */
extern bool host_uart_interrupts;

/* Gives the guest what was typed, as far as its serial port has room. Lock: the VM's is held. */
void host_input_forward(struct vm *vm);

/* Takes the host's pending interrupts, while @vcpu runs. */
void host_irq_window(struct vcpu *vcpu);

/* The time has come that the guest was to be left at. */
void host_timer_due(struct vcpu *vcpu);

/* Every vCPU of @vm drops what the TLB has of its guest before it goes on. */
void vm_tlb_flush(struct vm *vm);

/* VM time now, in nanoseconds. */
u64 vm_time_ns(const struct vm *vm);

/* INIT: the vCPU, which is loaded, waits for a SIPI, or begins at the reset vector if it is vCPU 0.
 */
void vcpu_init_signal(struct vcpu *vcpu);

/* SIPI: it begins in real mode at @page * 4 KiB. */
void vcpu_startup(struct vcpu *vcpu, u8 page);

/* What host_timers() does when the next event is not what the timer is set to. */
void host_timers_update(struct vcpu *vcpu);

/*
 * Runs what is due of the VM's devices and sets the physical timer to the next event. Called
 * before every entry; a few instructions when nothing changed.
 */
static inline void host_timers(struct vcpu *vcpu)
{
	const struct vm_arch *a = &vcpu->vm->arch;
	u64 event_ns = vlapic_next_event(&vcpu->arch.lapic);

	if (vcpu->id == 0) {
		event_ns = min_u64(event_ns, a->platform_event_ns);
	}
	if (a->platform_changed || event_ns != vcpu->arch.timer_event_ns) {
		host_timers_update(vcpu);
	}
}
