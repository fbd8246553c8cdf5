// SPDX-License-Identifier: Apache-2.0
/* The other CPUs of the machine. */
#pragma once

#include "arch/percpu.h"
#include "mm/range.h"
#include "vmm/boot_info.h"

struct acpi_info;

/* The boot CPU is number 0. */
void smp_init(struct percpu *boot_cpu);

/* Two free pages below 640 KiB, for the first code of the others and its tables; or size 0. */
struct range smp_low_pages(const struct boot_info *bi);

/*
 * Starts the CPUs that @acpi tells of, one after the other, with these pages, 0: there are none.
 * Each calls cpu_enter(). Returns how many there are with this one.
 */
u32 smp_start(const struct acpi_info *acpi, u64 low);

/* Ends the other CPUs' work where they are: the machine is about to end. */
void smp_stop(void);

/* Where each begins in C. */
_Noreturn void x86_ap_start(struct percpu *cpu);

/* Control registers as the core wants them, on this CPU. */
void cpu_features_init(void);
