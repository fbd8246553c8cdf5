// SPDX-License-Identifier: Apache-2.0
/*
 * The first instructions of another CPU: from real mode at a page below 1 MiB, where smp.c has copied
 * this and filled in the parameters, to C. SDM volume 3, "Multiple-Processor (MP) Initialization" and
 * "Switching Modes". EBX holds the page's address throughout.
 */
#define OFFSET(label) (label - trampoline_start)

	.section .rodata
	.balign	16
	.globl	trampoline_start
trampoline_start:
	.code16
	cli
	cld
	xor	%ebx, %ebx
	mov	%cs, %bx
	mov	%bx, %ds
	shl	$4, %ebx
	lgdtl	OFFSET(gdt_pointer)
	mov	%cr0, %eax
	or	$1, %eax
	mov	%eax, %cr0
	ljmpl	*OFFSET(jump32)

	.code32
protected:
	mov	$0x10, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	%ax, %ss
	mov	OFFSET(cr4)(%ebx), %eax
	mov	%eax, %cr4
	mov	OFFSET(low_cr3)(%ebx), %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	xor	%edx, %edx
	mov	OFFSET(efer)(%ebx), %eax
	wrmsr
	mov	$0x80000011, %eax
	mov	%eax, %cr0
	ljmpl	*OFFSET(jump64)(%ebx)

	.code64
long_mode:
	mov	OFFSET(stack)(%rbx), %rsp
	mov	OFFSET(argument)(%rbx), %rdi
	mov	OFFSET(entry)(%rbx), %rax
	mov	OFFSET(host_cr3)(%rbx), %rcx
	xor	%ebp, %ebp
	jmp	*%rax

	.balign	8
gdt:
	.quad	0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff
gdt_pointer:
	.word	31
	.long	OFFSET(gdt)
jump32:
	.long	OFFSET(protected)
	.word	0x08
jump64:
	.long	OFFSET(long_mode)
	.word	0x18
	.balign	8
	/* struct trampoline_parameters of smp.c */
	.globl	trampoline_parameters
trampoline_parameters:
low_cr3:
	.quad	0
host_cr3:
	.quad	0
cr4:
	.quad	0
efer:
	.quad	0
stack:
	.quad	0
argument:
	.quad	0
entry:
	.quad	0
	.globl	trampoline_end
trampoline_end:
	/* Where smp.c adds the page's address, as 32 bits. */
	.globl	trampoline_fixups
trampoline_fixups:
	.word	OFFSET(gdt_pointer) + 2, OFFSET(jump32), OFFSET(jump64), 0

	.text
	.globl	ap_entry
	.type	ap_entry, @function
/* RCX: the core's own tables; from here on nothing of the low page is used. */
ap_entry:
	mov	%rcx, %cr3
	call	x86_ap_start
	ud2
	.size	ap_entry, . - ap_entry

	.section .note.GNU-stack, "", @progbits
