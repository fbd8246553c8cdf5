// SPDX-License-Identifier: Apache-2.0
/*
 * bool vmx_enter(u64 *gpr, bool launched, u64 *host_rsp, bool verw): one run of the guest.
 *
 * RSP, RIP and RFLAGS are in the VMCS. gpr[] is in hardware order: rax rcx rdx rbx rsp rbp rsi rdi
 * r8..r15. VMWRITE of the host's RSP only where it has changed. VERW (SDM volume 3, "Processor
 * Buffer Overwriting"; any form of it does) comes after the last load of the host's data.
 */
#define VMCS_HOST_RSP 0x6c14

	.text
	.globl	vmx_enter
	.type	vmx_enter, @function
vmx_enter:
	push	%rbp
	push	%rbx
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	push	%rdi
	cmp	%rsp, (%rdx)
	je	1f
	mov	%rsp, (%rdx)
	mov	$VMCS_HOST_RSP, %eax
	vmwrite	%rsp, %rax
1:	test	%cl, %cl
	jz	2f
	verw	host_ds(%rip)
2:	test	%sil, %sil
	mov	(%rdi), %rax
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
	jz	3f
	vmresume
	jmp	4f
3:	vmlaunch
	/* Refused: the registers are the guest's still, as in gpr[]. */
4:	pop	%rdi
	xor	%eax, %eax
	jmp	5f

	.globl	vmx_exit
vmx_exit:
	push	%rdi
	mov	8(%rsp), %rdi
	mov	%rax, (%rdi)
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
	mov	$1, %eax
	/* No guest value is left where speculation could use it as an address. */
5:	xor	%ecx, %ecx
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
	.size	vmx_enter, . - vmx_enter

	.section .rodata
	.balign	2
host_ds:
	.word	0x10

	.section .note.GNU-stack, "", @progbits
