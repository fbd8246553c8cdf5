// SPDX-License-Identifier: Apache-2.0
/*
 * What the vGIC model asks of the physical CPU: the ICH_* registers, and the interrupts that are
 * linked to physical ones. vgic_hw.c has the instructions; host tests bring a model instead.
 *
 * No barriers: a direct read sees an earlier direct write of the same register, and the guest is
 * entered by an ERET, which synchronizes context (Arm ARM, "Synchronization requirements for
 * AArch64 System registers").
 */
#pragma once

#include "mm/types.h"

struct vgic_cpu;

/* Once per CPU, behind gic_cpu_init(); @timer_intid is the physical virtual timer interrupt. */
void vgic_hw_init(u32 timer_intid);

/* How many list registers this CPU has: for vgic_cpu_init(). */
unsigned vgic_hw_lr_count(void);

/* ICH_LR<n>_EL2, n below the vCPU's lr_count. */
u64 vgic_hw_lr_read(unsigned n);
void vgic_hw_lr_write(unsigned n, u64 val);

/* ICH_HCR_EL2. */
u64 vgic_hw_hcr_read(void);
void vgic_hw_hcr_write(u64 val);

/* ICH_VMCR_EL2, and the highest active priority of ICH_AP0R and ICH_AP1R (0x100: none). */
u64 vgic_hw_vmcr_read(void);
unsigned vgic_hw_running_priority(void);

/*
 * ICH_VMCR_EL2 and the active priorities, from and to the vCPU's fields; and the physical active
 * state of linked interrupts, which is theirs while loaded: set where @line says so, then cleared.
 */
void vgic_hw_load(struct vgic_cpu *cpu);
void vgic_hw_put(struct vgic_cpu *cpu);

/* The physical INTID that an LR of linked @intid names. */
u32 vgic_hw_intid(u32 intid);

/* Whether the device behind linked @intid asserts its line now; also while not loaded. */
bool vgic_hw_line(const struct vgic_cpu *cpu, u32 intid);

/* Deactivates physical @intid, which is owed no more; nothing while not loaded. */
void vgic_hw_deactivate(struct vgic_cpu *cpu, u32 intid);

/* An interrupt waits for a vCPU that is not loaded. */
void vgic_kick(struct vgic_cpu *cpu);
