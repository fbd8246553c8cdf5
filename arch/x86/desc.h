// SPDX-License-Identifier: Apache-2.0
/* Descriptor tables of the host. */
#pragma once

#include "arch/percpu.h"

struct desc_ptr {
	u16 limit;
	u64 base;
} __attribute__((packed));

#define HOST_CS 0x08
#define HOST_DS 0x10
#define HOST_TR 0x18

/* Stacks that an exception switches to whatever the state of the current one. */
enum ist { IST_NONE, IST_DF, IST_NMI, IST_MC };

/* Loads GDT, TSS, IDT and GS base of @cpu on the calling CPU. */
void desc_init(struct percpu *cpu);
