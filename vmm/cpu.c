// SPDX-License-Identifier: Apache-2.0
/*
 * The loop of a host CPU: choose a vCPU, run it, stop it. A vCPU's registers stay in the CPU after
 * its run until another one's are loaded, so that halting and waking a lone vCPU moves nothing.
 */
#include "vmm/cpu.h"

#include "arch/percpu.h"
#include "mm/bits.h"
#include "mm/lock.h"
#include "vmm/arch.h"
#include "vmm/vconsole.h"
#include "vmm/vm.h"

static atomic_bool released;

void cpu_enter(void)
{
	while (!atomic_load(&released)) {
		LOCK_RELAX();
	}
	cpu_run();
}

void cpus_release(void)
{
	atomic_store(&released, true);
}

u32 *lock_held_ranks(void)
{
	return &this_cpu()->lock_ranks;
}

static void deadline_set(u64 deadline)
{
	if (this_cpu()->id == 0) {
		deadline = min_u64(deadline, vconsole_deadline());
	}
	arch_cpu_deadline(deadline);
}

void cpu_deadline_update(void)
{
	deadline_set(sched_tick(this_cpu()->id, arch_uptime_ns()));
}

void cpu_interrupted(void)
{
	if (this_cpu()->id == 0) {
		vconsole_service(arch_uptime_ns());
	}
	cpu_deadline_update();
}

/* This CPU itself sees @leave, or chooses anew, before it does anything else. */
void sched_kick_cpu(u32 cpu)
{
	if (cpu != this_cpu()->id) {
		arch_cpu_kick(cpu);
	}
}

static void unload(struct percpu *cpu)
{
	struct vcpu *vcpu = cpu->vcpu;

	if (vcpu) {
		u64 wake_ns = arch_vcpu_put(vcpu);

		cpu->vcpu = NULL;
		sched_unloaded(&vcpu->sched, arch_uptime_ns(), wake_ns);
	}
}

static void load(struct percpu *cpu, struct vcpu *vcpu)
{
	if (cpu->vcpu != vcpu) {
		unload(cpu);
		cpu_deadline_update(); /* the other's wake-up has to be told now */
		sched_loaded(&vcpu->sched);
		cpu->vcpu = vcpu;
		arch_vcpu_load(vcpu);
	}
}

static void run(struct percpu *cpu, struct vcpu *vcpu)
{
	struct vm *vm = vcpu->vm;
	u64 wake_ns = SCHED_NEVER;
	enum sched_how how;

	if (vm->state == VM_LOADING) {
		unload(cpu); /* the guest's CPUs are set up here, one after the other */
		how = vm_load_step(vm);
	} else {
		load(cpu, vcpu);
		how = vcpu_run(vcpu, &wake_ns);
		vm_run_ended(vcpu, how == SCHED_PARK);
	}
	if (how == SCHED_PARK && cpu->vcpu == vcpu) {
		unload(cpu);
	}
	sched_stop(&vcpu->sched, how, arch_uptime_ns(), wake_ns);
	if (how == SCHED_PARK) {
		vm_parked(vm);
	}
}

/* The loaded vCPU's timer may be the hardware's: it looks after every interrupt. */
static void idle(struct percpu *cpu)
{
	arch_cpu_idle();
	cpu_interrupted();
	if (cpu->vcpu) {
		(void)sched_wake(&cpu->vcpu->sched, arch_uptime_ns());
	}
}

void cpu_run(void)
{
	struct percpu *cpu = this_cpu();
	struct sched_entity *next;
	u64 deadline;

	while (cpu->id != 0 || !vms_are_done()) {
		next = sched_next(cpu->id, arch_uptime_ns(), &deadline);
		deadline_set(deadline);
		if (next) {
			run(cpu, container_of(next, struct vcpu, sched));
		} else {
			idle(cpu);
		}
	}
	unload(cpu);
}
