// SPDX-License-Identifier: Apache-2.0
/*
 * Host exceptions and interrupts: 256 entries of equal size push (error code,) vector, then one
 * tail saves struct trap_frame and calls C. The frame's layout is asserted in trap.c.
 */
	.text
	.balign	16
	.globl	trap_entries
trap_entries:
	.set	vector, 0
	.rept	256
	.balign	16
	.if	(vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21)
	.else
	push	$0
	.endif
	push	$vector
	jmp	trap_common
	.set	vector, vector + 1
	.endr

	.type	trap_common, @function
trap_common:
	cld
	push	%r15
	push	%r14
	push	%r13
	push	%r12
	push	%r11
	push	%r10
	push	%r9
	push	%r8
	push	%rdi
	push	%rsi
	push	%rbp
	push	%rbx
	push	%rdx
	push	%rcx
	push	%rax
	mov	%rsp, %rdi
	mov	%rsp, %rbx
	and	$-16, %rsp
	call	trap_handle
	mov	%rbx, %rsp
	pop	%rax
	pop	%rcx
	pop	%rdx
	pop	%rbx
	pop	%rbp
	pop	%rsi
	pop	%rdi
	pop	%r8
	pop	%r9
	pop	%r10
	pop	%r11
	pop	%r12
	pop	%r13
	pop	%r14
	pop	%r15
	add	$16, %rsp
	iretq
	.size	trap_common, . - trap_common

/* int rdmsr_safe(u32 msr, u64 *val): a fault at 1: continues at 2: with -EIO. */
	.globl	rdmsr_safe
	.type	rdmsr_safe, @function
rdmsr_safe:
	mov	%edi, %ecx
	movq	$0, (%rsi)
1:	rdmsr
	mov	%eax, (%rsi)
	mov	%edx, 4(%rsi)
	xor	%eax, %eax
	ret
2:	mov	$-5, %eax
	ret
	.size	rdmsr_safe, . - rdmsr_safe
	.pushsection .extable, "a"
	.quad	1b, 2b
	.popsection

/* int wrmsr_safe(u32 msr, u64 val) */
	.globl	wrmsr_safe
	.type	wrmsr_safe, @function
wrmsr_safe:
	mov	%edi, %ecx
	mov	%esi, %eax
	mov	%rsi, %rdx
	shr	$32, %rdx
1:	wrmsr
	xor	%eax, %eax
	ret
2:	mov	$-5, %eax
	ret
	.size	wrmsr_safe, . - wrmsr_safe
	.pushsection .extable, "a"
	.quad	1b, 2b
	.popsection

/* int write_xcr0_safe(u64 val) */
	.globl	write_xcr0_safe
	.type	write_xcr0_safe, @function
write_xcr0_safe:
	xor	%ecx, %ecx
	mov	%edi, %eax
	mov	%rdi, %rdx
	shr	$32, %rdx
1:	xsetbv
	xor	%eax, %eax
	ret
2:	mov	$-5, %eax
	ret
	.size	write_xcr0_safe, . - write_xcr0_safe
	.pushsection .extable, "a"
	.quad	1b, 2b
	.popsection

	.section .note.GNU-stack, "", @progbits
