/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bench's exception vectors. Interrupts come only while operations.c waits for them, in code
 * that has given x9 to x11 away: x9 is when the handler's first instruction ran, x11 that it did.
 */
#define ICC_IAR1_EL1  S3_0_C12_C12_0
#define ICC_EOIR1_EL1 S3_0_C12_C12_1
#define TIMER_ON_MASKED 3

	.macro	unexpected index
	.balign	0x80
	mov	x0, #\index
	b	bench_exception
	.endm

	.text
	.balign	0x800
	.globl	bench_vectors
bench_vectors:
	.irp	index, 0, 1, 2, 3, 4
	unexpected \index
	.endr
	.balign	0x80
	mrs	x9, cntvct_el0
	mov	x10, #TIMER_ON_MASKED
	msr	cntv_ctl_el0, x10
	mrs	x10, ICC_IAR1_EL1
	msr	ICC_EOIR1_EL1, x10
	mov	x11, #1
	eret
	.irp	index, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
	unexpected \index
	.endr

	/* The second vCPU; its stack is what PSCI hands over. */
	.globl	other_start
other_start:
	msr	SPSel, #1
	msr	DAIFSet, #0xf
	mov	sp, x0
	b	other_main

	.section .note.GNU-stack, "", @progbits
