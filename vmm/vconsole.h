// SPDX-License-Identifier: Apache-2.0
/*
 * The guests' consoles behind the machine's one: the VM in front has the screen and the keyboard,
 * what the others put out is kept and shown when they come to the front. What is typed is for the
 * VM in front, but for keys behind Ctrl-A (vmm/monitor.h).
 *
 * Output and input of a guest are rings: the last VCONSOLE_OUT bytes; what is typed faster than the
 * guest reads, up to VCONSOLE_IN bytes. More waits in the host's
 * port, which holds the sender up; after STUCK_NS it is dropped, so that our keys are always seen.
 */
#pragma once

#include "mm/types.h"

#define VCONSOLE_OUT 16384
#define VCONSOLE_IN  4096

struct vm;

struct vconsole {
	char out[VCONSOLE_OUT];
	u64 out_end; /* bytes ever put; byte n lies at n % VCONSOLE_OUT */
	u8 in[VCONSOLE_IN];
	u32 in_start, in_end; /* counting up */
	u64 full_ns;          /* since when there has been no room, 0: there is */
};

/* A byte from the guest's serial port. */
void vconsole_tx(struct vm *vm, u8 byte);

/* The next byte typed for @vm, -1: none. */
int vconsole_getc(struct vm *vm);

/* A byte typed at any keyboard or line of the machine. On CPU 0. */
void vconsole_input(u8 byte);

/* Brings @vm to the front; who is there. */
void vconsole_switch(struct vm *vm);
struct vm *vconsole_front(void);

/* While @hold, what the VM in front puts out is kept back, to be shown then. On CPU 0. */
void vconsole_hold(bool hold);

/* @vm has ended by itself: if it was in front, another one that is on comes there. */
void vconsole_ended(struct vm *vm);

/* What was typed, and the framebuffer. On CPU 0: at its interrupts, and at the deadline. */
void vconsole_service(u64 now_ns);

/* When vconsole_service() is to be called without an interrupt; ~0: it need not. */
u64 vconsole_deadline(void);
