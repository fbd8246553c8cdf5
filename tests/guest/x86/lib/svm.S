// SPDX-License-Identifier: Apache-2.0
/* void svm_enter(struct l2 *l2): VMRUN and what belongs around it. See svm.h. */
#define GPR(n)    (8 + 8 * (n))
#define HOST_VMCB 136
#define HOST_IF   144
#define KEEP_GIF  145

	.text
	.globl	svm_enter
svm_enter:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	clgi
	cmpb	$0, HOST_IF(%rdi)
	je	1f
	sti
1:	mov	(%rdi), %rax
	vmload	%rax
	mov	GPR(1)(%rdi), %rcx
	mov	GPR(2)(%rdi), %rdx
	mov	GPR(3)(%rdi), %rbx
	mov	GPR(5)(%rdi), %rbp
	mov	GPR(6)(%rdi), %rsi
	mov	GPR(8)(%rdi), %r8
	mov	GPR(9)(%rdi), %r9
	mov	GPR(10)(%rdi), %r10
	mov	GPR(11)(%rdi), %r11
	mov	GPR(12)(%rdi), %r12
	mov	GPR(13)(%rdi), %r13
	mov	GPR(14)(%rdi), %r14
	mov	GPR(15)(%rdi), %r15
	mov	GPR(7)(%rdi), %rdi
	vmrun	%rax
	xchg	%rdi, (%rsp)
	mov	%rcx, GPR(1)(%rdi)
	mov	%rdx, GPR(2)(%rdi)
	mov	%rbx, GPR(3)(%rdi)
	mov	%rbp, GPR(5)(%rdi)
	mov	%rsi, GPR(6)(%rdi)
	mov	%r8, GPR(8)(%rdi)
	mov	%r9, GPR(9)(%rdi)
	mov	%r10, GPR(10)(%rdi)
	mov	%r11, GPR(11)(%rdi)
	mov	%r12, GPR(12)(%rdi)
	mov	%r13, GPR(13)(%rdi)
	mov	%r14, GPR(14)(%rdi)
	mov	%r15, GPR(15)(%rdi)
	pop	GPR(7)(%rdi)
	mov	(%rdi), %rax
	vmsave	%rax
	mov	HOST_VMCB(%rdi), %rax
	vmload	%rax
	cmpb	$0, KEEP_GIF(%rdi)
	jne	2f
	stgi
	nop				/* what was pending is taken */
2:	cli
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	/* Where an L2's function returns to. */
	.globl	l2_return
l2_return:
	vmmcall
	ud2

	/*
	 * For mode_run(): VMRUN of svm32_vmcb in a legacy mode, which L2's nested tables then are
	 * in; svm57 makes 5-level paging of a mode without paging first.
	 */
	.code32
	.globl	svm32, svm57
svm57:	mov	%cr4, %eax
	or	$0x1020, %eax		/* LA57, PAE */
	mov	%eax, %cr4
	mov	mode_root, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	call	svm32
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	and	$~0x100, %eax
	wrmsr
	mov	%cr4, %eax
	and	$~0x1000, %eax
	mov	%eax, %cr4
	ret

svm32:	push	%ebp
	mov	svm32_vmcb, %eax
	clgi
	vmrun	%eax
	stgi
	pop	%ebp
	ret
	.code64

	.bss
	.globl	svm32_vmcb
svm32_vmcb:
	.skip	4

	.section .note.GNU-stack, "", @progbits
