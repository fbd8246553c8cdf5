// SPDX-License-Identifier: Apache-2.0
/* A virtual CPU and the loop that runs it. */
#pragma once

#include "arch/vcpu.h"
#include "mm/types.h"
#include "vmm/sched.h"

struct vm;

/* What the handler of an exit asks of the run loop. */
enum exit_action {
	EXIT_RESUME,    /* enter again where the guest was */
	EXIT_SKIP_INSN, /* the exiting instruction is done */
	EXIT_HALT,      /* the same, and sleep until an interrupt */
	EXIT_HALT_DONE, /* sleep; the guest goes on where it is */
	EXIT_KILL_VM,   /* vm_kill() was called */
};

struct vcpu {
	struct vm *vm;
	u32 id;
	bool halted; /* waits for an interrupt */
	u32 retries; /* faults in a row at retry_pc that changed nothing (rule T8) */
	u64 retry_pc;
	u64 exits;
	u64 seen_ns; /* sched_ran_ns(), when the console last showed it */
	struct sched_entity sched;
	struct vcpu_arch arch;
};

/*
 * Runs the vCPU, which is loaded, until it waits, the scheduler wants the CPU or the VM is to
 * stop. *wake_ns: of SCHED_WAIT.
 */
enum sched_how vcpu_run(struct vcpu *vcpu, u64 *wake_ns) __must_check;

/*
 * Something is there for the vCPU to find: it is woken if it waits, and leaves its guest if it runs
 * on another CPU. On its own CPU it looks before it enters or waits.
 */
void vcpu_kick(struct vcpu *vcpu);
