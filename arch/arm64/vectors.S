// SPDX-License-Identifier: Apache-2.0
/*
 * EL2's exception vectors (Arm ARM, "Exception vectors") and the way into a guest.
 *
 * void arm64_enter(struct vcpu_arch *arch): one run of the guest; leaves in @arch which vector
 * ended it (enum arm64_event), the syndrome, and a record in the log of last exits. A run is a function call: the callee-saved registers and the pointer wait on
 * our stack, which SP_EL2 still shows when the exception comes. Guest EL1 state is not touched.
 *
 * Exceptions from EL2 itself are our bugs: their registers become a struct trap_frame. Interrupts
 * are masked at EL2, always.
 */
#include "arch/arm64/offsets.h"

	.text
	.globl	arm64_enter
	.type	arm64_enter, @function
arm64_enter:
	stp	x29, x30, [sp, #-112]!
	mov	x29, sp
	stp	x27, x28, [sp, #16]
	stp	x25, x26, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x21, x22, [sp, #64]
	stp	x19, x20, [sp, #80]
	str	x0, [sp, #96]
	ldp	x1, x2, [x0, #VCPU_PC]
	msr	elr_el2, x1
	msr	spsr_el2, x2
	ldp	x2, x3, [x0, #16]
	ldp	x4, x5, [x0, #32]
	ldp	x6, x7, [x0, #48]
	ldp	x8, x9, [x0, #64]
	ldp	x10, x11, [x0, #80]
	ldp	x12, x13, [x0, #96]
	ldp	x14, x15, [x0, #112]
	ldp	x16, x17, [x0, #128]
	ldp	x18, x19, [x0, #144]
	ldp	x20, x21, [x0, #160]
	ldp	x22, x23, [x0, #176]
	ldp	x24, x25, [x0, #192]
	ldp	x26, x27, [x0, #208]
	ldp	x28, x29, [x0, #224]
	ldr	x30, [x0, #240]
	ldp	x0, x1, [x0]
	eret
	/* Nothing is to be speculated past ERET with guest registers. */
	dsb	nsh
	isb

	.macro	guest_exit event
	stp	x0, x1, [sp, #-16]!
	ldr	x0, [sp, #112]
	mov	x1, #\event
	b	guest_left
	.endm

guest_left:
	stp	x2, x3, [x0, #16]
	stp	x4, x5, [x0, #32]
	stp	x6, x7, [x0, #48]
	stp	x8, x9, [x0, #64]
	stp	x10, x11, [x0, #80]
	stp	x12, x13, [x0, #96]
	stp	x14, x15, [x0, #112]
	stp	x16, x17, [x0, #128]
	stp	x18, x19, [x0, #144]
	stp	x20, x21, [x0, #160]
	stp	x22, x23, [x0, #176]
	stp	x24, x25, [x0, #192]
	stp	x26, x27, [x0, #208]
	stp	x28, x29, [x0, #224]
	ldp	x2, x3, [sp], #16
	mrs	x4, elr_el2
	mrs	x5, spsr_el2
	mrs	x6, esr_el2
	str	x30, [x0, #240]
	stp	x2, x3, [x0]
	stp	x4, x5, [x0, #VCPU_PC]
	ldr	w7, [x0, #VCPU_EXIT_NEXT]
	str	x6, [x0, #VCPU_ESR]
	add	w2, w7, #1
	and	w7, w7, #(EXIT_LOG_SIZE - 1)
	str	w1, [x0, #VCPU_EVENT]
	str	w2, [x0, #VCPU_EXIT_NEXT]
	add	x7, x0, x7, lsl #4
	stp	x6, x4, [x7, #VCPU_EXIT_LOG]
	ldp	x27, x28, [sp, #16]
	ldp	x25, x26, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x21, x22, [sp, #64]
	ldp	x19, x20, [sp, #80]
	ldp	x29, x30, [sp], #112
	ret
	.size	arm64_enter, . - arm64_enter

	.macro	host_fault event
	sub	sp, sp, #TRAP_FRAME_SIZE
	stp	x0, x1, [sp]
	mov	x1, #\event
	b	host_trap
	.endm

host_trap:
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
	add	x2, sp, #TRAP_FRAME_SIZE
	stp	x30, x2, [sp, #240]
	mrs	x2, elr_el2
	mrs	x3, spsr_el2
	stp	x2, x3, [sp, #256]
	mrs	x2, esr_el2
	mrs	x3, far_el2
	stp	x2, x3, [sp, #272]
	mov	x0, sp
	bl	trap_handle
	udf	#0

	.macro	vector what, event
	.balign	128
	\what	\event
	.endm

	.balign	2048
	.globl	vectors
vectors:
	/* Current EL with SP_EL0: never selected. */
	vector	host_fault, 0
	vector	host_fault, 1
	vector	host_fault, 2
	vector	host_fault, 3
	/* Current EL with SP_EL2. */
	vector	host_fault, 0
	vector	host_fault, 1
	vector	host_fault, 2
	vector	host_fault, 3
	/* Lower EL in AArch64: synchronous, IRQ, FIQ, SError. */
	vector	guest_exit, 0
	vector	guest_exit, 1
	vector	guest_exit, 2
	vector	guest_exit, 3
	/* Lower EL in AArch32. */
	vector	guest_exit, 0
	vector	guest_exit, 1
	vector	guest_exit, 2
	vector	guest_exit, 3

	.section .note.GNU-stack, "", @progbits
