// SPDX-License-Identifier: Apache-2.0
/* The other CPUs of the machine. */
#pragma once

#include "arch/percpu.h"

/* The boot CPU is number 0. */
void smp_init(struct percpu *boot_cpu);

/* Whether there are several. */
bool smp_is_on(void);

/* Where each begins in C. */
_Noreturn void arm64_ap_start(struct percpu *cpu);
