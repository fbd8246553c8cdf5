// SPDX-License-Identifier: Apache-2.0
/*
 * void svm_enter(u64 *gpr, u64 vmcb_pa, u64 host_vmcb_pa): one run of the guest.
 *
 * Called and left with GIF = 0. RAX, RSP, RIP and RFLAGS are in the VMCB; FS, GS, TR, LDTR, the
 * SYSCALL and SYSENTER MSRs and KERNEL_GS_BASE move by VMSAVE and VMLOAD (APM volume 2, "VMSAVE
 * and VMLOAD Instructions"). gpr[] is in hardware order: rax rcx rdx rbx rsp rbp rsi rdi r8..r15.
 */
	.text
	.globl	svm_enter
	.type	svm_enter, @function
svm_enter:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdx
	push	%rdi
	mov	%rsi, %rax
	mov	8(%rdi), %rcx
	mov	16(%rdi), %rdx
	mov	24(%rdi), %rbx
	mov	40(%rdi), %rbp
	mov	48(%rdi), %rsi
	mov	64(%rdi), %r8
	mov	72(%rdi), %r9
	mov	80(%rdi), %r10
	mov	88(%rdi), %r11
	mov	96(%rdi), %r12
	mov	104(%rdi), %r13
	mov	112(%rdi), %r14
	mov	120(%rdi), %r15
	mov	56(%rdi), %rdi
	vmload	%rax
	vmrun	%rax
	vmsave	%rax
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rcx, 8(%rdi)
	mov	%rdx, 16(%rdi)
	mov	%rbx, 24(%rdi)
	mov	%rbp, 40(%rdi)
	mov	%rsi, 48(%rdi)
	pop	%rsi
	mov	%rsi, 56(%rdi)
	mov	%r8, 64(%rdi)
	mov	%r9, 72(%rdi)
	mov	%r10, 80(%rdi)
	mov	%r11, 88(%rdi)
	mov	%r12, 96(%rdi)
	mov	%r13, 104(%rdi)
	mov	%r14, 112(%rdi)
	mov	%r15, 120(%rdi)
	pop	%rdi
	pop	%rax
	vmload	%rax
	/* No guest value is left where speculation could use it as an address. */
	xor	%ecx, %ecx
	xor	%edx, %edx
	xor	%esi, %esi
	xor	%edi, %edi
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbx
	pop	%rbp
	ret
	.size	svm_enter, . - svm_enter

	.section .note.GNU-stack, "", @progbits
