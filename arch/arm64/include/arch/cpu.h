// SPDX-License-Identifier: Apache-2.0
/* The CPU's instructions as C: system registers, barriers, waiting. */
#pragma once

#include "mm/types.h"

/* HCR_EL2.E2H: the guest's EL1 registers then have names of their own (arch/arm64/sysreg.h). */
extern bool cpu_vhe;

#define ARM64_STRING_(x) #x
#define ARM64_STRING(x)  ARM64_STRING_(x)

/* A system register by the assembler's name, or by a macro that is one. */
#define read_sysreg(reg)                                                   \
	({                                                                 \
		u64 v_;                                                    \
		__asm__ volatile("mrs %0, " ARM64_STRING(reg) : "=r"(v_)); \
		v_;                                                        \
	})
#define write_sysreg(val, reg) \
	__asm__ volatile("msr " ARM64_STRING(reg) ", %x0" : : "rZ"((u64)(val)) : "memory")

/* Context synchronization event: what was written to system registers acts on what follows. */
static inline void isb(void)
{
	__asm__ volatile("isb" : : : "memory");
}

/* Completion of all accesses before, for all observers of the system. */
static inline void dsb_sy(void)
{
	__asm__ volatile("dsb sy" : : : "memory");
}

/* The same for the inner shareable domain: all CPUs, and their table walks. */
static inline void dsb_ish(void)
{
	__asm__ volatile("dsb ish" : : : "memory");
}

/* Stores only. */
static inline void dsb_ishst(void)
{
	__asm__ volatile("dsb ishst" : : : "memory");
}

static inline void cpu_relax(void)
{
	__asm__ volatile("yield" : : : "memory");
}

/* Waits for an interrupt; a masked one that is pending ends it, too. */
static inline void cpu_wait(void)
{
	__asm__ volatile("dsb sy\n\twfi" : : : "memory");
}
