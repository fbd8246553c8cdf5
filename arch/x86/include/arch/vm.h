// SPDX-License-Identifier: Apache-2.0
/* The x86 half of a VM: its PC, its time, its CPUID, its interception bitmaps. */
#pragma once

#include "arch/x86/cpuid.h"
#include "arch/x86/vplatform.h"
#include "mm/types.h"

struct nested_vm;

struct vm_arch {
	struct vplatform platform;
	bool input_waits;      /* typed bytes wait for room in the guest's serial port */
	bool platform_changed; /* a device may have moved its event: ask for the next again */
	u64 platform_event_ns;
	u64 start_ns;   /* host time of VM time 0 */
	u64 tsc_offset; /* guest TSC = host TSC + offset */
	hpa_t iopm, msrpm;
	struct cpuid_table cpuid;
	u64 cr4_allowed, efer_allowed, xcr0_allowed;
	u8 phys_bits;
	struct nested_vm *nested; /* NULL: the guest cannot be a hypervisor */
	u32 wall_version;         /* of the pvclock wall clock page */
};
