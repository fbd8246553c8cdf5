// SPDX-License-Identifier: Apache-2.0
/* First instructions of the core (contract: vmm/boot_info.h): take our own stack, go to C. */
	.section .text.entry, "ax"
	.globl	hv_start
	.type	hv_start, @function
hv_start:
	cld
	lea	boot_stack_end(%rip), %rsp
	xor	%ebp, %ebp
	push	%rbp
	push	%rbp
	call	x86_start
	ud2
	.size	hv_start, . - hv_start

	.bss
	.balign	4096
	.globl	boot_stack
boot_stack:
	.skip	32768
	.globl	boot_stack_end
boot_stack_end:

	.section .note.GNU-stack, "", @progbits
