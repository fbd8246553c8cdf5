// SPDX-License-Identifier: Apache-2.0
/* The arm64 half of a VM: its devices, its time, its TLB tag. */
#pragma once

#include "arch/arm64/psci.h"
#include "arch/arm64/vgic.h"
#include "arch/arm64/vmid.h"
#include "arch/arm64/vpl011.h"
#include "arch/arm64/vpl031.h"
#include "mm/types.h"

struct vm_arch {
	struct vgic gic;
	struct vpl011 uart;
	struct vpl031 rtc;
	struct vmid vmid;
	struct psci_vm psci;
	struct psci_cpu psci_cpus[VGIC_MAX_CPUS];
	bool input_waits; /* typed bytes wait for room in the guest's serial port */
	u64 start_ns;     /* host time of VM time 0 */
};
