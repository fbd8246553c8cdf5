/* SPDX-License-Identifier: Apache-2.0 */
/* The exception vectors, and calls that an exception may end. */
#include "frame.h"

/* Everything of the interrupted code is in struct trap on the stack of EL1. */
.macro vector index, robust
	.balign	0x80
	.if	\robust
	/* Code at EL1 may have left anything in SP. */
	msr	tpidrro_el0, x0
	adrp	x0, trap_stack_top
	add	x0, x0, :lo12:trap_stack_top
	mov	sp, x0
	mrs	x0, tpidrro_el0
	.endif
	sub	sp, sp, #FRAME_SIZE
	stp	x0, x1, [sp]
	mov	x0, #\index
	b	trap_common
.endm

.macro vectors name, robust
	.balign	0x800
	.globl	\name
\name:
	.irp	index, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	vector	\index, \robust
	.endr
.endm

	.text
	vectors	trap_vectors, 0
	vectors	trap_vectors_robust, 1

trap_common:
	str	x0, [sp, #FRAME_VECTOR]
	stp	x2, x3, [sp, #16]
	stp	x4, x5, [sp, #32]
	stp	x6, x7, [sp, #48]
	stp	x8, x9, [sp, #64]
	stp	x10, x11, [sp, #80]
	stp	x12, x13, [sp, #96]
	stp	x14, x15, [sp, #112]
	stp	x16, x17, [sp, #128]
	stp	x18, x19, [sp, #144]
	stp	x20, x21, [sp, #160]
	stp	x22, x23, [sp, #176]
	stp	x24, x25, [sp, #192]
	stp	x26, x27, [sp, #208]
	stp	x28, x29, [sp, #224]
	mrs	x1, elr_el1
	mrs	x2, spsr_el1
	mrs	x3, esr_el1
	mrs	x4, far_el1
	mrs	x5, sp_el0
	add	x6, sp, #FRAME_SIZE
	tst	x2, #1			/* at EL1 on its own stack? */
	csel	x5, x6, x5, ne
	stp	x30, x5, [sp, #FRAME_LR]
	stp	x1, x2, [sp, #FRAME_PC]
	stp	x3, x4, [sp, #FRAME_ESR]
	mov	x0, sp
	bl	trap_handle

	ldp	x1, x2, [sp, #FRAME_PC]
	msr	elr_el1, x1
	msr	spsr_el1, x2
	ldp	x30, x5, [sp, #FRAME_LR]
	ldp	x28, x29, [sp, #224]
	ldp	x26, x27, [sp, #208]
	ldp	x24, x25, [sp, #192]
	ldp	x22, x23, [sp, #176]
	ldp	x20, x21, [sp, #160]
	ldp	x18, x19, [sp, #144]
	ldp	x16, x17, [sp, #128]
	ldp	x14, x15, [sp, #112]
	ldp	x12, x13, [sp, #96]
	ldp	x10, x11, [sp, #80]
	ldp	x8, x9, [sp, #64]
	ldp	x6, x7, [sp, #48]
	/* To EL1h: the frame's x0 and x1 move below the stack pointer that it wants. */
	tst	x2, #1
	b.ne	1f
	msr	sp_el0, x5
	ldp	x0, x1, [sp]
	ldp	x2, x3, [sp, #16]
	ldp	x4, x5, [sp, #32]
	add	sp, sp, #FRAME_SIZE
	eret
1:	ldp	x0, x1, [sp]
	ldp	x2, x3, [sp, #32]	/* x4, x5 */
	sub	x5, x5, #32
	stp	x2, x3, [x5]
	ldp	x2, x3, [sp, #16]
	stp	x0, x1, [x5, #16]
	mov	sp, x5
	ldp	x4, x5, [sp]
	ldp	x0, x1, [sp, #16]
	add	sp, sp, #32
	eret

.macro call_enter
	stp	x29, x30, [sp, #-112]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	adrp	x9, call_sp
	ldr	x10, [x9, :lo12:call_sp]
	str	x10, [sp, #96]
	mov	x10, sp
	str	x10, [x9, :lo12:call_sp]
.endm

/* u64 call_try(u64 (*fn)(u64), u64 arg) */
	.globl	call_try
call_try:
	call_enter
	mov	x2, x0
	mov	x0, x1
	blr	x2
	mov	x0, xzr
	.globl	call_return
call_return:
	adrp	x9, call_sp
	ldr	x10, [sp, #96]
	str	x10, [x9, :lo12:call_sp]
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	x29, x30, [sp], #112
	ret

/* u64 state_try(u64 pc, u64 pstate, u64 sp, u64 arg) */
	.globl	state_try
state_try:
	call_enter
	msr	elr_el1, x0
	msr	spsr_el1, x1
	msr	sp_el0, x2
	mov	x0, x3
	isb
	eret

	.bss
	.balign	16
	.skip	16384
trap_stack_top:
