// SPDX-License-Identifier: Apache-2.0
#include "vmm/vcpu.h"

#include "arch/percpu.h"
#include "vmm/arch.h"
#include "vmm/vm.h"

static enum sched_how stopped(const struct vcpu *vcpu)
{
	return vm_is_stopping(vcpu->vm) ? SCHED_PARK : SCHED_YIELD;
}

/* Whether it has something to run. */
static bool awake(struct vcpu *vcpu, u64 *wake_ns)
{
	if (!arch_vcpu_poll(vcpu, wake_ns)) {
		return false;
	}
	vcpu->halted = false;
	return true;
}

enum sched_how vcpu_run(struct vcpu *vcpu, u64 *wake_ns)
{
	if (vm_is_stopping(vcpu->vm)) {
		return SCHED_PARK;
	}
	if (!awake(vcpu, wake_ns)) {
		return SCHED_WAIT;
	}
	while (!atomic_load_explicit(&vcpu->sched.leave, memory_order_relaxed)) {
		arch_vcpu_enter(vcpu);
		vcpu->exits++;
		switch (arch_vcpu_handle(vcpu)) {
		case EXIT_RESUME:
		case EXIT_KILL_VM:
			break;
		case EXIT_SKIP_INSN:
			arch_vcpu_skip_insn(vcpu);
			break;
		case EXIT_HALT:
			arch_vcpu_skip_insn(vcpu);
			__attribute__((fallthrough));
		case EXIT_HALT_DONE:
			vcpu->halted = true;
			if (!awake(vcpu, wake_ns)) {
				return SCHED_WAIT;
			}
			break;
		}
	}
	return stopped(vcpu);
}

void vcpu_kick(struct vcpu *vcpu)
{
	u32 here = this_cpu()->id;
	int cpu;

	if (this_cpu()->vcpu == vcpu && vcpu->sched.state == SCHED_RUNNING) {
		return;
	}
	cpu = sched_wake(&vcpu->sched, arch_uptime_ns());
	if (cpu >= 0 && (u32)cpu != here) {
		arch_cpu_kick((u32)cpu);
	}
}
