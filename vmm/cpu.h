// SPDX-License-Identifier: Apache-2.0
/* What a host CPU does from the start of the first VM to the end of the last. */
#pragma once

#include "mm/types.h"

/* Where other CPUs wait, then run vCPUs. Does not return. */
void cpu_enter(void);

/* Lets them run: the scheduler is there. */
void cpus_release(void);

/* Runs vCPUs. On CPU 0 it returns when vms_are_done(), elsewhere never. */
void cpu_run(void);

/* This CPU has taken its interrupts: serves the console, wakes what is due, ends slices. */
void cpu_interrupted(void);

/* Some deadline has come nearer. */
void cpu_deadline_update(void);
