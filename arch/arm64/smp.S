// SPDX-License-Identifier: Apache-2.0
/*
 * The first instructions of another CPU (PSCI, "CPU_ON"): EL2, MMU off, X0 = the physical address of
 * its struct ap_arguments. This page is mapped one to one meanwhile.
 */
	.section .text.ap, "ax"
	.balign	4096
	.globl	ap_start
	.type	ap_start, @function
ap_start:
	msr	daifset, #15
	msr	spsel, #1
	ldp	x1, x2, [x0]
	ldp	x3, x4, [x0, #16]
	ldp	x5, x6, [x0, #32]
	ldp	x7, x8, [x0, #48]
	ldr	x9, [x0, #64]
	/* E2H first: what the next ones mean depends on it. */
	msr	hcr_el2, x1
	isb
	msr	mair_el2, x2
	msr	tcr_el2, x3
	msr	ttbr0_el2, x4
	msr	vbar_el2, x6
	msr	tpidr_el2, x8
	isb
	tlbi	alle2
	ic	iallu
	dsb	nsh
	isb
	msr	sctlr_el2, x5
	isb
	mov	sp, x7
	mov	x29, xzr
	mov	x30, xzr
	mov	x0, x8
	br	x9
	.size	ap_start, . - ap_start
	.balign	4096

	.section .note.GNU-stack, "", @progbits
