// SPDX-License-Identifier: Apache-2.0
/*
 * The structures are the published guest interface (Linux, "KVM-specific MSRs"). One scale for
 * all: the TSC runs at one rate here, so the page is written once per enable, and the guest may
 * take it as stable across vCPUs.
 */
#include "arch/x86/pvclock.h"

#include "arch/cpu.h"
#include "arch/x86/regs.h"
#include "arch/x86/time.h"
#include "vmm/vm.h"

struct pvclock_time_info {
	u32 version, pad0;
	u64 tsc_timestamp, system_time;
	u32 tsc_to_system_mul;
	s8 tsc_shift;
	u8 flags, pad[2];
};
static_assert(sizeof(struct pvclock_time_info) == 32, "pvclock ABI");

struct pvclock_wall_clock {
	u32 version, sec, nsec;
};
static_assert(sizeof(struct pvclock_wall_clock) == 12, "pvclock ABI");

#define PVCLOCK_ENABLE        BIT(0)
#define PVCLOCK_TSC_STABLE    BIT(0)
#define PVCLOCK_GUEST_STOPPED BIT(1) /* the guest clears it */

bool pvclock_wall_write(struct vcpu *vcpu, gpa_t addr)
{
	struct vm *vm = vcpu->vm;
	struct pvclock_wall_clock wall = {.version = vm->arch.wall_version += 2};
	u64 ns = vm->boot->unix_time * 1000000000ULL + vm->arch.start_ns;

	wall.sec = (u32)(ns / 1000000000);
	wall.nsec = (u32)(ns % 1000000000);
	return addr.v % 4 == 0 && !vm_write(vm, addr, &wall, sizeof(wall));
}

bool pvclock_system_write(struct vcpu *vcpu, u64 val)
{
	struct vm *vm = vcpu->vm;
	struct pvclock_time_info info;

	vcpu->arch.pvclock.msr = val;
	if (!(val & PVCLOCK_ENABLE)) {
		return true;
	}
	/* system_time at tsc_timestamp, both as the guest counts them: VM time 0 is its start. */
	info = (struct pvclock_time_info){
		.version = vcpu->arch.pvclock.version += 2,
		.tsc_timestamp = time_base_tsc() + time_ns_to_tsc(vm->arch.start_ns) +
				 x86_get_reg(vcpu, X86_REG_TSC_OFFSET),
		.tsc_to_system_mul = time_scale.mul,
		.tsc_shift = time_scale.shift,
		.flags = (u8)PVCLOCK_TSC_STABLE,
	};
	return (val & 3) == PVCLOCK_ENABLE &&
	       !vm_write(vm, gpa(val & ~PVCLOCK_ENABLE), &info, sizeof(info));
}

void pvclock_tell_stopped(struct vcpu *vcpu)
{
	u64 msr = vcpu->arch.pvclock.msr;
	u8 flags = PVCLOCK_TSC_STABLE | PVCLOCK_GUEST_STOPPED;
	gpa_t addr = gpa((msr & ~PVCLOCK_ENABLE) + offsetof(struct pvclock_time_info, flags));

	if (msr & PVCLOCK_ENABLE) {
		(void)!vm_write(vcpu->vm, addr, &flags, sizeof(flags)); /* it was there once */
	}
}
