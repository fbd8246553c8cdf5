// SPDX-License-Identifier: Apache-2.0
/* The board that a guest sees, as on QEMU's "virt" machine, and its devices in time. */
#pragma once

#include "arch/arm64/guest_dt.h"
#include "mm/types.h"
#include "vmm/vcpu.h"
#include "vmm/vm.h"

struct sysreg_access;

/* Devices in reset state, at VM time 0. */
void platform_reset(struct vm *vm);

/*
 * An access of @size (1 to 8) bytes at @addr by a device register's rules; *@val in or out.
 * Returns false where no device is.
 */
bool platform_write(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 val) __must_check;
bool platform_device_read(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 *val) __must_check;

/* The distributor is what is read most: in line. */
static inline bool platform_read(struct vcpu *vcpu, gpa_t addr, unsigned size, u64 *val)
{
	if (addr.v - GUEST_GICD_BASE < VGIC_DIST_CONTROL) {
		*val = vgic_dist_read(&vcpu->vm->arch.gic, addr.v - GUEST_GICD_BASE, size);
		return true;
	}
	return platform_device_read(vcpu, addr, size, val);
}

/* Whether an access of @addr would be answered. */
bool platform_has_device(const struct vcpu *vcpu, gpa_t addr);

/* A physical interrupt has ended the guest's run or its wait. */
void platform_irq(struct vcpu *vcpu);

/* Due events of emulated timers and of the console happen; the EL2 timer is set to the next. */
void platform_timers(struct vcpu *vcpu);

/* A trapped CNTP_*_EL0 register: SYSREG_CALL_CNTP_*. */
void platform_ptimer(struct vcpu *vcpu, struct sysreg_access *access);

/* From another CPU: look again. */
#define HOST_SGI_KICK 0u

/* The physical interrupts that the core uses, enabled: on the boot CPU, then on each other one. */
void platform_cpu_init(void);
int platform_ap_init(void) __must_check;
