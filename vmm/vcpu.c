// SPDX-License-Identifier: Apache-2.0
#include "vmm/vcpu.h"

#include "vmm/arch.h"
#include "vmm/vm.h"

void vcpu_run(struct vcpu *vcpu)
{
	arch_vcpu_load(vcpu);
	while (vcpu->vm->state == VM_RUNNING) {
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
			arch_vcpu_idle(vcpu);
			break;
		}
	}
	arch_vcpu_put(vcpu);
}
