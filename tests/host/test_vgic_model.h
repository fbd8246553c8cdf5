// SPDX-License-Identifier: Apache-2.0
/*
 * A world for the vGIC: the virtual CPU interface and the physical side of one CPU as IHI 0069
 * describes them, on which two vCPUs take turns; a GIC without list registers as the reference; and
 * random steps of devices, hypervisor and guest, after each of which both must agree.
 */
#pragma once

#include "arch/arm64/vgic.h"

/* What the steps may do. */
#define WORLD_EOIMODE1 1u /* the guest drops priorities and deactivates apart, in any order */
#define WORLD_GROUP0   2u /* both groups, always enabled */
#define WORLD_QEMU     8u /* EOImode 1: EOIcount counts priority drops without an LR */
#define WORLD_HOSTILE  4u /* any register write, any EOI: no reference, only the LRs' rules */

struct world {
	struct vgic vgic;
	struct vgic_cpu cpu[2];
	unsigned flags, lr_count, loaded; /* index of the loaded vCPU */
	/* The CPU interface of the loaded vCPU. */
	u64 lr[VGIC_LR_MAX], hcr, vmcr, ap0r, ap1r;
	/* The physical interrupt of the virtual timer, and each vCPU's timer output. */
	bool phys_active, timer[2];
	unsigned kicks[2];
	/* Counted, so that a test can see that it has tested something. */
	unsigned taken, maintenance, trapped_dir, overflows, lr_reads, lr_writes;
};
extern struct world world;

void world_init(unsigned lr_count, unsigned flags);

/* One random step by @random(), then what hardware does by itself, then all checks. */
void world_step(u32 (*random)(void));

/* The loaded guest: acknowledge (1023: none), EOI, DIR; and the CPU's interrupts to EL2. */
u32 guest_ack(bool group1);
void guest_eoi(u32 intid, bool group1);
void guest_dir(u32 intid);
void world_settle(void);
void world_switch(unsigned to);

/* The rules that LR contents must keep; assert otherwise. */
void world_check_lrs(void);
