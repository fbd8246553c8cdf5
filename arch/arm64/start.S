// SPDX-License-Identifier: Apache-2.0
/* First instructions of the core (contract: vmm/boot_info.h): take our own stack, go to C. */
	.section .text.entry, "ax"
	.globl	hv_start
	.type	hv_start, @function
hv_start:
	msr	spsel, #1
	adrp	x1, boot_stack_end
	add	x1, x1, :lo12:boot_stack_end
	mov	sp, x1
	adrp	x1, vectors
	add	x1, x1, :lo12:vectors
	msr	vbar_el2, x1
	isb
	mov	x29, xzr
	mov	x30, xzr
	bl	arm64_start
	udf	#0
	.size	hv_start, . - hv_start

	.bss
	.balign	4096
	.globl	boot_stack
boot_stack:
	.skip	32768
	.globl	boot_stack_end
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
