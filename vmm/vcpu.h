// SPDX-License-Identifier: Apache-2.0
/* A virtual CPU and the loop that runs it. */
#pragma once

#include "arch/vcpu.h"
#include "mm/types.h"

struct vm;

/* What the handler of an exit asks of the run loop. */
enum exit_action {
	EXIT_RESUME,    /* enter again where the guest was */
	EXIT_SKIP_INSN, /* the exiting instruction is done */
	EXIT_HALT,      /* the same, and sleep until an interrupt */
	EXIT_KILL_VM,   /* vm_kill() was called */
};

struct vcpu {
	struct vm *vm;
	u32 id;
	u32 retries; /* faults in a row at retry_pc that changed nothing (rule T8) */
	u64 retry_pc;
	u64 exits;
	struct vcpu_arch arch;
};

/* Runs until the VM is no longer VM_RUNNING. */
void vcpu_run(struct vcpu *vcpu);
