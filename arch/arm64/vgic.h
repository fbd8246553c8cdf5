// SPDX-License-Identifier: Apache-2.0
/*
 * Virtual GICv3 of one VM: distributor, one redistributor per vCPU, list registers. One security
 * state (GICD_CTLR.DS = 1), affinity routing always on, no LPIs, no message-based SPIs, no 1 of N.
 * GICv3 and GICv4 Architecture Specification (IHI 0069), chapters "Programmers' Model" and
 * "Virtual Interrupt Handling and Prioritization".
 *
 * The registers of the CPU interface are the guest's own in hardware. An interrupt that the guest
 * may take lives in a list register (LR) of its vCPU: there the LR holds its pending and active
 * state and the bank only what it was. LRs are read when that state is asked for or no LR is free,
 * not at every exit.
 *
 * Invariants after every call, for a vCPU that is loaded: every active interrupt and every pending,
 * enabled one of an enabled group has an LR; or, with more of them than LRs, those of the highest
 * priority have, at least one of them pending, and a maintenance interrupt announces the guest's
 * progress. A vCPU that is not loaded has no LR in use.
 *
 * Locks: the caller's, one for all calls on a VM.
 */
#pragma once

#include "mm/types.h"

#define VGIC_SPI_FIRST     32u
#define VGIC_SPI_COUNT     64u
#define VGIC_INTIDS        (VGIC_SPI_FIRST + VGIC_SPI_COUNT)
#define VGIC_SPI_BANKS     (VGIC_SPI_COUNT / 32)
#define VGIC_MAX_CPUS      8u
#define VGIC_LR_MAX        16u
#define VGIC_DIST_SIZE     0x10000u
#define VGIC_DIST_CONTROL  0x80u    /* registers below it may be read without the lock */
#define VGIC_REDIST_STRIDE 0x20000u /* the RD frame, then the SGI frame */
#define VGIC_CPU_NONE      0xffu

/* PPIs by their use (Base System Architecture, "PPI assignments"). */
#define VGIC_PPI_MAINTENANCE 25u
#define VGIC_PPI_HYP_TIMER   26u
#define VGIC_PPI_VIRT_TIMER  27u
#define VGIC_PPI_PHYS_TIMER  30u

struct vtimer;
struct vgic;

/*
 * 32 interrupts, one bit each. Pending is @latch, or @line where not @edge. A set bit of @hw is
 * linked to the physical interrupt of the same INTID, and its @line says: acknowledged here at
 * EL2, physically active, owed to the guest.
 */
struct vgic_bank {
	u32 group1, enabled;
	u32 latch; /* an edge, an SGI, or written by the guest; stale while in an LR */
	u32 line;
	u32 edge;
	u32 active; /* stale while in an LR */
	u32 in_lr;
	u32 hw;
	u8 priority[32];
};

struct vgic_cpu {
	struct vgic *vgic;
	struct vtimer *timer; /* whose output is the line of VGIC_PPI_VIRT_TIMER */
	u32 index;
	u32 affinity; /* Aff3.Aff2.Aff1.Aff0 */
	bool loaded;  /* on a physical CPU */
	bool running; /* shared: in the guest, its LRs hold the state of what has @in_lr */
	u32 inbox;    /* shared: SGIs sent to it meanwhile */
	bool asleep;  /* GICR_WAKER.ProcessorSleep: kept, without effect */
	u8 lr_count;
	u32 lr_used;           /* LRs that may not be empty */
	u64 lr[VGIC_LR_MAX];   /* as last written */
	u8 lr_of[VGIC_INTIDS]; /* valid where the bank's @in_lr says so */
	u64 hcr;               /* ICH_HCR_EL2 as last written */
	u64 vmcr;              /* the next three: while not loaded */
	u64 ap0r[4], ap1r[4];
	struct vgic_bank bank;        /* SGIs and PPIs */
	u32 spi_mine[VGIC_SPI_BANKS]; /* SPIs that go to this vCPU */
};

struct vgic {
	bool shared; /* vCPUs run on several physical CPUs: see vgic_guest_enter() */
	u32 ctlr;    /* the two group enables */
	u32 cpu_count;
	struct vgic_cpu *cpu[VGIC_MAX_CPUS];
	struct vgic_bank spi[VGIC_SPI_BANKS];
	/* shared: lines that changed while who has them ran, and to what. */
	u32 line_late[VGIC_SPI_BANKS], line_want[VGIC_SPI_BANKS];
	u32 moved[VGIC_SPI_BANKS]; /* SPIs routed anew while active: they follow when inactive */
	u8 home[VGIC_SPI_COUNT];   /* index of the vCPU, or VGIC_CPU_NONE */
	u64 route[VGIC_SPI_COUNT]; /* GICD_IROUTER */
};

/* An empty distributor in its reset state. */
void vgic_init(struct vgic *vgic, bool shared);

/*
 * Adds a vCPU with the affinity of MPIDR @mpidr and @lr_count (1 to 16) list registers, in reset
 * state; redistributors lie in the order of adding. @cpu stays the caller's memory.
 */
void vgic_cpu_init(struct vgic *vgic, struct vgic_cpu *cpu, u64 mpidr, unsigned lr_count);

/* Back to reset state, all vCPUs; none of them is loaded. Lines keep their level. */
void vgic_reset(struct vgic *vgic);

/*
 * Register frames. @offset counts from the frame's base, for redistributors from the first one's.
 * Any access is safe; what is no register, or not of a register's size, reads 0 and ignores writes.
 */
u64 vgic_dist_read(struct vgic *vgic, u64 offset, unsigned size);
void vgic_dist_write(struct vgic *vgic, u64 offset, unsigned size, u64 val);
u64 vgic_redist_read(struct vgic *vgic, u64 offset, unsigned size);
void vgic_redist_write(struct vgic *vgic, u64 offset, unsigned size, u64 val);

/* Inputs, 32 <= @intid < 96 or 16 <= @intid < 32: the level of the line. */
void vgic_set_spi(struct vgic *vgic, u32 intid, bool level);
void vgic_set_ppi(struct vgic_cpu *cpu, u32 intid, bool level);

/*
 * Links PPI @intid to the physical one: a raised line means that the caller has acknowledged it and
 * dropped its priority, but not deactivated it. The guest's deactivation does that.
 */
void vgic_link_ppi(struct vgic_cpu *cpu, u32 intid);

/* The trapped ICC_SGI1R_EL1, and (@group1 false) ICC_SGI0R_EL1 and ICC_ASGI1R_EL1. */
void vgic_sgi_write(struct vgic_cpu *from, u64 val, bool group1);

static inline void vgic_sgi1r_write(struct vgic_cpu *from, u64 val)
{
	vgic_sgi_write(from, val, true);
}

/* The trapped ICC_DIR_EL1: only while active interrupts have no LR. */
void vgic_dir_write(struct vgic_cpu *cpu, u64 val);

/* Takes the guest's progress out of the LRs and refills them: the maintenance interrupt. */
void vgic_update(struct vgic_cpu *cpu);

/* Whether an interrupt is signalled to the vCPU, PSTATE aside: what ends WFI. */
bool vgic_cpu_has_irq(struct vgic_cpu *cpu);

/*
 * With several physical CPUs (@shared) nobody can read another CPU's LRs. The banks then hold all
 * state but while the vCPU is in the guest, between these two calls on its own CPU; what others do
 * to it meanwhile waits, with a kick, until it leaves. What they write of the pending or active
 * state of an interrupt that it has in an LR just then may be overtaken by what the guest does with
 * it.
 */
void vgic_guest_enter(struct vgic_cpu *cpu);
void vgic_guest_leave(struct vgic_cpu *cpu);

/* Takes the vCPU on this physical CPU's interface, and off it. */
void vgic_cpu_load(struct vgic_cpu *cpu);
void vgic_cpu_put(struct vgic_cpu *cpu);
