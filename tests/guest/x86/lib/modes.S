// SPDX-License-Identifier: Apache-2.0
/*
 * void mode_run(enum mode mode): the probe of struct probe in another mode of the CPU, and back.
 * No exception has a handler there: one is a triple fault.
 */
#define MODE_COMPAT    0
#define MODE_PROTECTED 1
#define MODE_PAGING32  2
#define MODE_PAE       3
#define MODE_REAL      4

#define REAL_BASE 0x7000
#define AP_BASE   0x8000 /* of lib.c, too */
#define REAL(x)   ((x) - real_start + REAL_BASE)

	.text
	.globl	mode_run
mode_run:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%edi, %ebp
	mov	%rsp, saved_rsp
	mov	%cr3, %rax
	mov	%eax, saved_cr3
	mov	%cr4, %rax
	mov	%eax, saved_cr4
	sidt	saved_idt
	pushq	$0x18
	pushq	$compat
	lretq

	/* Where another CPU starts: copied to AP_BASE, straight to 64-bit mode. See ap_start(). */
	.globl	ap_code, ap_code_end
	.code16
ap_code:
	cli
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	ap_gdtr - ap_code + AP_BASE
	mov	ap_cr3 - ap_code + AP_BASE, %eax
	mov	%eax, %cr3
	mov	$0x20, %eax
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x900, %eax
	wrmsr
	mov	$0x80000011, %eax
	mov	%eax, %cr0
	ljmpl	$0x08, $ap64
	.globl	ap_cr3
ap_cr3:	.long	0
ap_gdtr:
	.word	0x57
	.long	gdt
ap_code_end:

	.code64
ap64:	mov	$0x10, %eax
	mov	%eax, %ss
	mov	%eax, %ds
	mov	%eax, %es
	mov	ap_stack, %rsp
	call	*ap_fn
1:	cli
	hlt
	jmp	1b

	.code32
compat:
	mov	$0x10, %eax
	mov	%eax, %ss
	mov	%eax, %ds
	mov	%eax, %es
	mov	$mode_stack_top, %esp
	test	%ebp, %ebp
	jnz	1f
	call	*mode_fn
	jmp	back_to_64

1:	mov	%cr0, %eax		/* paging off leaves long mode */
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	mov	$0xc0000080, %ecx
	rdmsr
	and	$~0x100, %eax
	wrmsr
	cmp	$MODE_PROTECTED, %ebp
	jne	2f
	call	*mode_fn
	jmp	back_to_long

2:	cmp	$MODE_PAGING32, %ebp
	jne	3f
	mov	%cr4, %eax
	and	$~0x20, %eax
	or	$0x10, %eax
	mov	%eax, %cr4
	mov	mode_root, %eax
	jmp	4f
3:	cmp	$MODE_PAE, %ebp
	jne	5f
	mov	mode_root, %eax
4:	mov	%eax, %cr3
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
	call	*mode_fn
	mov	%cr0, %eax
	and	$0x7fffffff, %eax
	mov	%eax, %cr0
	jmp	back_to_long

5:	mov	$real_start, %esi
	mov	$REAL_BASE, %edi
	mov	$real_end - real_start, %ecx
	rep movsb
	ljmp	$0x30, $REAL_BASE

back_to_long:
	mov	saved_cr4, %eax
	mov	%eax, %cr4
	mov	saved_cr3, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax
	wrmsr
	mov	%cr0, %eax
	or	$0x80000000, %eax
	mov	%eax, %cr0
back_to_64:
	ljmp	$0x08, $long

	/* mode_rules.c: one write with an IDT to catch what it raises. */
	.globl	rules32
rules32:
	lidt	idt32_pointer
	mov	rule, %eax
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx
	xor	%edx, %edx
	mov	rule + 4, %eax
	wrmsr
	mov	rule + 8, %eax
	mov	%eax, %cr0
	movl	$-1, rule + 20
	mov	rule + 16, %eax
	mov	rule + 12, %ebx
	cmp	$4, %ebx
	je	2f
	cmp	$8, %ebx
	je	3f
	mov	%eax, %cr0
	mov	%cr0, %eax
	jmp	4f
2:	mov	%eax, %cr4
	mov	%cr4, %eax
	jmp	4f
3:	wrmsr
	rdmsr
4:	mov	%eax, rule + 24
rules_end:
	mov	$0x11, %eax
	mov	%eax, %cr0
	xor	%eax, %eax
	mov	%eax, %cr4
	ret

	/* #GP with its error code, #UD without: both skip to the end. */
	.globl	gp32, ud32
gp32:	add	$4, %esp
	movl	$13, rule + 20
	jmp	1f
ud32:	movl	$6, rule + 20
1:	movl	$rules_end, (%esp)
	iret

	/* The same instructions in every 32-bit mode: results go to struct probe. */
probe32:
	mov	$0x40000000, %eax
	mov	$0xaaaaaaaa, %ebx
	cpuid
	mov	%eax, probe_cpuid
	mov	%ebx, probe_cpuid + 4
	.byte	0x66, 0x0f, 0xa2	/* with prefixes */
	.byte	0x3e, 0xf3, 0x0f, 0xa2
	mov	$0x277, %ecx
	rdmsr
	mov	%eax, probe_msr
	mov	%edx, probe_msr + 4
	mov	$0x80, %edx
	xor	%eax, %eax
	in	(%dx), %al
	mov	%eax, probe_in
	mov	$0x3ff, %edx
	mov	$0x5a, %al
	out	%al, %dx
	mov	$probe_bytes, %esi
	mov	$3, %ecx
	rep outsb
	xor	%eax, %eax
	in	(%dx), %al
	mov	%eax, probe_scratch
	mov	$probe_bytes_in, %edi
	mov	$2, %ecx
	rep insb
	mov	0xfee00030, %eax
	mov	%eax, probe_apic
	movl	$0x1234, 0xfee00380
	addl	$1, 0xfee00380
	mov	$0xfee00300, %ebx
	mov	$0x20, %edi
	mov	(%ebx, %edi, 4), %eax
	mov	%eax, probe_apic + 4
	mov	%cr0, %eax
	mov	%eax, probe_cr0
	mov	%eax, %cr0
	smsw	%eax
	mov	%ax, probe_smsw
	clts
	movl	$7, 0x2400000		/* memory not touched before */
	addl	$1, 0x2400000
	mov	0x2400000, %eax
	mov	%eax, probe_memory
	movl	$1, probe_done
	ret

	.code16
real_start:
	mov	$0x10, %ax
	mov	%ax, %ds
	mov	%ax, %es
	mov	$0x50, %ax
	mov	%ax, %ss
	mov	%cr0, %eax
	and	$~1, %eax
	mov	%eax, %cr0
	ljmp	$0, $REAL(1f)
1:	xor	%ax, %ax
	mov	%ax, %ds		/* bases are 0, limits stay 4 GiB */
	mov	%ax, %es
	mov	%ax, %ss
	mov	$REAL_BASE, %sp
	lidt	REAL(real_idt)
	mov	$probe, %edi		/* 32-bit addresses in 16-bit code */
	mov	$0x40000000, %eax
	cpuid
	mov	%eax, probe_cpuid - probe(%edi)
	mov	%ebx, probe_cpuid - probe + 4(%edi)
	.byte	0x66, 0x0f, 0xa2
	.byte	0x3e, 0xf3, 0x0f, 0xa2
	mov	$0x277, %ecx
	rdmsr
	mov	%eax, probe_msr - probe(%edi)
	mov	%edx, probe_msr - probe + 4(%edi)
	mov	$0x80, %dx
	xor	%eax, %eax
	in	(%dx), %al
	mov	%eax, probe_in - probe(%edi)
	mov	$0x3ff, %dx
	mov	$REAL(real_bytes), %si
	mov	$3, %cx
	rep outsb
	xor	%eax, %eax
	in	(%dx), %al
	mov	%eax, probe_scratch - probe(%edi)
	mov	$REAL(real_bytes), %di
	mov	$2, %cx
	rep insb
	mov	$probe, %edi
	movw	REAL(real_bytes), %ax
	mov	%ax, probe_bytes_in - probe(%edi)
	mov	$0xfee00030, %esi
	mov	(%esi), %eax
	mov	%eax, probe_apic - probe(%edi)
	mov	$0x1235, %eax
	mov	%eax, 0x350(%esi)
	mov	0x350(%esi), %eax
	mov	%eax, probe_apic - probe + 4(%edi)
	mov	%cr0, %eax
	mov	%eax, probe_cr0 - probe(%edi)
	smsw	%ax
	mov	%ax, probe_smsw - probe(%edi)
	clts
	movl	$8, %eax
	mov	$0x2400000, %esi
	mov	%eax, (%esi)
	mov	(%esi), %eax
	mov	%eax, probe_memory - probe(%edi)
	movw	$REAL(real_int), 0x60 * 4
	movw	$0, 0x60 * 4 + 2
	xor	%eax, %eax
	int	$0x60
	mov	%eax, probe_done - probe(%edi)
	mov	$0x1000, %ax		/* a code segment that is not 0 */
	ljmp	$REAL_BASE >> 4, $(2f - real_start)
2:	mov	$0x40000000, %eax
	cpuid
	.byte	0x66, 0x0f, 0xa2
	mov	%cr0, %eax
	or	$1, %al
	mov	%eax, %cr0
	ljmpl	$0x18, $from_real
real_int:
	xor	%eax, %eax
	cpuid
	mov	$1, %eax
	iret
real_bytes:
	.byte	1, 2, 3
real_idt:
	.word	0x3ff
	.long	0
real_end:

	.code32
from_real:
	mov	$0x10, %eax
	mov	%eax, %ss
	mov	%eax, %ds
	mov	%eax, %es
	mov	$mode_stack_top, %esp
	jmp	back_to_long

	.code64
long:
	mov	$0x10, %eax
	mov	%eax, %ss
	mov	%eax, %ds
	mov	%eax, %es
	mov	saved_rsp, %rsp
	lidt	saved_idt
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret

	.data
	.align	8
	.globl	mode_fn
mode_fn:
	.long	probe32
	.globl	idt32
idt32:	.skip	14 * 8
idt32_pointer:
	.word	14 * 8 - 1
	.long	idt32
	.weak	rule
probe_bytes:
	.byte	1, 2, 3

	.bss
	.globl	ap_fn, ap_stack
ap_fn:	.skip	8
ap_stack:
	.skip	8
	.align	16
saved_rsp:
	.skip	8
saved_idt:
	.skip	16
saved_cr3:
	.skip	4
saved_cr4:
	.skip	4
	.globl	mode_root
mode_root:
	.skip	4
	.align	16
	.skip	4096
mode_stack_top:
	.globl	probe
	.align	16
probe:
probe_done:
	.skip	4
probe_cpuid:
	.skip	8
probe_msr:
	.skip	8
probe_in:
	.skip	4
probe_scratch:
	.skip	4
probe_bytes_in:
	.skip	4
probe_apic:
	.skip	8
probe_cr0:
	.skip	4
probe_smsw:
	.skip	4
probe_memory:
	.skip	4

	.section .note.GNU-stack, "", @progbits
