// SPDX-License-Identifier: Apache-2.0
/* 256 entry stubs of 16 bytes each; all meet in trap_handle(struct trap *). */
	.text
	.align	16
	.globl	trap_stubs
trap_stubs:
	.set	vector, 0
	.rept	256
	.align	16
	/* Vectors that bring an error code: 8, 10 to 14, 17, 21, 29, 30. */
	.if	!(vector == 8 || (vector >= 10 && vector <= 14) || vector == 17 || vector == 21 || vector == 29 || vector == 30)
	pushq	$0
	.endif
	pushq	$vector
	jmp	trap_common
	.set	vector, vector + 1
	.endr

trap_common:
	push	%rax
	push	%rcx
	push	%rdx
	push	%rbx
	push	%rbp
	push	%rsi
	push	%rdi
	push	%r8
	push	%r9
	push	%r10
	push	%r11
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	cld
	mov	%rsp, %rdi
	mov	%rsp, %rbp
	and	$-16, %rsp
	call	trap_handle
	mov	%rbp, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%r11
	pop	%r10
	pop	%r9
	pop	%r8
	pop	%rdi
	pop	%rsi
	pop	%rbp
	pop	%rbx
	pop	%rdx
	pop	%rcx
	pop	%rax
	add	$16, %rsp
	iretq

/* int call_try(void (*fn)(void *), void *arg): see guest.h. */
	.globl	call_try
call_try:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	sub	$8, %rsp
	mov	%rsp, call_rsp
	movq	$1f, call_rip
	movl	$-1, call_vector
	mov	%rdi, %rax
	mov	%rsi, %rdi
	call	*%rax
1:	movq	$0, call_rip
	mov	call_vector, %eax
	add	$8, %rsp
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

/* void user_enter(u64 rip, u64 rsp): to CPL 3 with interrupts as they are. */
	.globl	user_enter
user_enter:
	pushq	$0x23
	push	%rsi
	pushfq
	pushq	$0x2b
	push	%rdi
	iretq

	.section .note.GNU-stack, "", @progbits
