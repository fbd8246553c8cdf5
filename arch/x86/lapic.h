// SPDX-License-Identifier: Apache-2.0
/* The physical local APIC of this CPU, xAPIC or x2APIC as the firmware left it, and its timer. */
#pragma once

#include "mm/types.h"

/* Enables it, masks what the firmware routed, calibrates the timer against the TSC. */
void lapic_init(void);

/* The same on another CPU, by what the first has found. */
void lapic_cpu_init(void);

/* Interrupts of other CPUs: a vector as it is (fixed), INIT, or SIPI with its page number. */
#define LAPIC_IPI_INIT 0x4500u
#define LAPIC_IPI_SIPI 0x4600u
void lapic_ipi(u32 apic_id, u32 what);
void lapic_ipi_others(u32 what);

void lapic_eoi(void);

/*
 * Makes the APIC look again at what is pending. QEMU changes the CPU's request flags at #VMEXIT
 * without excluding its timer thread and can lose an interrupt that arrives then, while the APIC
 * holds it pending; the write of TPR, harmless elsewhere, has it raised again.
 */
void lapic_recheck(void);

/* One-shot interrupt VECTOR_TIMER in @ns nanoseconds (bounded to what the timer can count). */
void lapic_timer_set(u64 ns);
void lapic_timer_stop(void);

/* Routes an ISA interrupt through the I/O APIC at @ioapic, edge, to this CPU. */
void ioapic_route(hpa_t ioapic, u32 pin, bool active_low, bool level, u8 vector);
