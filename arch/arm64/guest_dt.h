// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's map of devices, which is that of QEMU's machine "virt", and the device tree that
 * tells the guest of it. Pure; built with libfdt.
 *
 * Devicetree Specification 0.4, chapters "Device Node Requirements" and "Device Bindings"; Linux,
 * Documentation/devicetree/bindings: arm/cpus, arm/psci, arm,gic-v3, arm,arch_timer, arm,pl011.
 */
#pragma once

#include "mm/types.h"

#define GUEST_GICD_BASE   0x08000000u
#define GUEST_GICD_SIZE   0x00010000u
#define GUEST_GICR_BASE   0x080a0000u
#define GUEST_GICR_SIZE   0x00020000u /* of one vCPU */
#define GUEST_PL011_BASE  0x09000000u
#define GUEST_PL011_SIZE  0x00001000u
#define GUEST_PL011_INTID 33u
#define GUEST_PL031_BASE  0x09010000u
#define GUEST_PL031_SIZE  0x00001000u
#define GUEST_PL031_INTID 34u
#define GUEST_RAM_BASE    0x40000000u

#define GUEST_PPI_HYP_TIMER  26u /* INTIDs */
#define GUEST_PPI_VIRT_TIMER 27u
#define GUEST_PPI_SEC_TIMER  29u
#define GUEST_PPI_PHYS_TIMER 30u

/* Redistributors end where the UART begins. */
#define GUEST_DT_MAX_VCPUS ((GUEST_PL011_BASE - GUEST_GICR_BASE) / GUEST_GICR_SIZE)

struct guest_dt_range {
	u64 base, size;
};

struct guest_dt_screen {
	struct guest_dt_range memory; /* size 0: none */
	u32 width, height, stride;    /* stride in bytes, of 32 bits a pixel */
	bool red_first;               /* byte order in memory */
};

struct guest_dt {
	const struct guest_dt_range *memory; /* what the guest may use, in order */
	u32 memory_count;
	u32 vcpu_count;
	const char *bootargs;
	u64 initrd_start, initrd_end; /* the same: none */
	struct guest_dt_screen screen;
};

/* MPIDR_EL1's affinity fields of vCPU @id: 16 to a cluster, as an SGI's target list has. */
static inline u64 guest_mpidr(u32 id)
{
	return (u64)(id / 16) << 8 | id % 16;
}

/*
 * Builds the tree into the @size bytes at @buf, 8-byte aligned. Returns the bytes used; -ENOSPC
 * when it does not fit, -EINVAL for a description that makes no sense (no memory, no or too many
 * vCPUs).
 */
int guest_dt_build(const struct guest_dt *dt, void *buf, u32 size) __must_check;
