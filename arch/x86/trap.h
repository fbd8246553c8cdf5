// SPDX-License-Identifier: Apache-2.0
/* Host exceptions and interrupts. */
#pragma once

#include "mm/types.h"

/* Vectors of the host's own interrupts. */
#define VECTOR_TIMER    0x30
#define VECTOR_UART     0x31
#define VECTOR_KICK     0x32 /* from another CPU: look again */
#define VECTOR_SPURIOUS 0xff

struct trap_frame {
	u64 rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15;
	u64 vector, error_code;
	u64 rip, cs, rflags, rsp, ss;
};
static_assert(offsetof(struct trap_frame, vector) == 15 * 8, "trap.S pushes 15 registers");

/* Called by trap.S with interrupts off; returns to resume, panics on an exception of our own. */
void trap_handle(struct trap_frame *f);
