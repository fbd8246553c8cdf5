// SPDX-License-Identifier: Apache-2.0
/*
 * The physical GICv3 or GICv4 as EL2 uses it: distributor, this CPU's redistributor, the system
 * register interface. Works with one security state and as the Non-secure side of two. Only
 * Group 1; EOImode 1: the priority drops at EL2, deactivation may be left to a guest.
 *
 * Locks: none; enabling and routing SPIs is for one CPU at a time.
 */
#pragma once

#include "mm/types.h"

#define GIC_INTID_SPURIOUS 1020u /* and above, up to 1023: nothing to handle */

/*
 * Distributor at mapped @base: everything off, then forwarding Group 1 with affinity routing. Once.
 * Errors: -ENODEV: no GICv3 or v4; -EIO: does not settle.
 */
int gic_dist_init(void *base) __must_check;

/*
 * This CPU's redistributor, searched in mapped @region of @size bytes, and its CPU interface.
 * Errors: -ENOENT: it is in another region; -ENODEV: no system registers; -EIO: does not wake;
 * -EACCES: secure firmware masks all Non-secure interrupts.
 */
int gic_cpu_init(void *region, u64 size) __must_check;

/* Whether there is such an SGI, PPI or SPI. The functions below ignore others. */
bool gic_intid_is_valid(u32 intid);

/* PPIs are this CPU's. A disabled one is no more forwarded when the call returns. */
void gic_enable(u32 intid);
void gic_disable(u32 intid);

/* SGI @intid to the CPU with affinity @mpidr. */
void gic_sgi(u64 mpidr, u32 intid);

/* Level-sensitive or edge-triggered, while disabled. PPIs may be fixed. */
void gic_set_trigger(u32 intid, bool edge);

/* SPI @intid to this CPU. */
void gic_route_here(u32 intid);

bool gic_is_pending(u32 intid);

/* The active state of @intid, which exists, from outside of acknowledging and deactivating. */
void gic_set_active(u32 intid, bool active);

/* Acknowledges the highest pending interrupt: its INTID, or GIC_INTID_SPURIOUS and above. */
u32 gic_ack(void);

/* Drops the priority of acknowledged @intid, which stays active. */
void gic_eoi(u32 intid);

/* Ends its active state: it may come again. */
void gic_deactivate(u32 intid);
