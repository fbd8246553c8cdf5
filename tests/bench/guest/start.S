// SPDX-License-Identifier: Apache-2.0
/*
 * The file of a bzImage around the bench guest: setup header, 64-bit entry (Linux, "The Linux/x86
 * Boot Protocol"), interrupt handlers. Entered with paging on, memory identity-mapped, RSI at
 * boot_params.
 *
 * The real-mode part, which a BIOS's loader enters, only says when that was by the TSC (in hex).
 */
#define SETUP_SECTORS 7
#define PAYLOAD       0x100000

	.section .header, "a"
header_start:
	.org	0x1f1
	.byte	SETUP_SECTORS
	.org	0x1fe
	.word	0xaa55
	.byte	0xeb, header_end - . - 1
	.ascii	"HdrS"
	.word	0x20f			/* version */
	.org	0x211
	.byte	1			/* loadflags: LOADED_HIGH */
	.org	0x22c
	.long	0x7fffffff		/* initrd_addr_max */
	.long	0x1000			/* kernel_alignment */
	.byte	0, 12			/* not relocatable */
	.word	1			/* xloadflags: XLF_KERNEL_64 */
	.long	0xff			/* cmdline_size */
	.org	0x258
	.quad	PAYLOAD			/* pref_address */
	.long	guest_size		/* init_size */
	.long	0
header_end:
	.code16
	rdtsc
	mov	%edx, %edi
	mov	%eax, %esi
	mov	%cs, %bx
	sub	$0x20, %bx
	mov	%bx, %ds
	mov	$(entry_text - header_start), %bp
1:	mov	%ds:(%bp), %al
	inc	%bp
	test	%al, %al
	jz	2f
	call	print_char16
	jmp	1b
2:	mov	%edi, %ebx
	call	print_hex16
	mov	%esi, %ebx
	call	print_hex16
	mov	$'\n', %al
	call	print_char16
	mov	$0x604, %dx		/* PM1a control: S5 */
	mov	$0x2000, %ax
	out	%ax, %dx
3:	hlt
	jmp	3b

print_hex16:				/* EBX */
	mov	$8, %cx
1:	rol	$4, %ebx
	mov	%bl, %al
	and	$15, %al
	add	$'0', %al
	cmp	$'9', %al
	jbe	2f
	add	$('A' - '9' - 1), %al
2:	call	print_char16
	loop	1b
	ret

print_char16:				/* AL */
	mov	%al, %ah
	mov	$0x3fd, %dx
1:	in	%dx, %al
	test	$0x20, %al
	jz	1b
	mov	%ah, %al
	mov	$0x3f8, %dx
	out	%al, %dx
	ret

entry_text:
	.asciz	"bench: real-mode-entry "
	.code64
	.org	(SETUP_SECTORS + 1) * 512

	.section .entry, "ax"
	.org	0x200
	cld
	lea	stack_end(%rip), %rsp
	xor	%ebp, %ebp
	mov	%rsi, %rdi
	call	guest_main
	ud2

	.text
	/* A vector that counts and ends its interrupt as x2APIC does. */
	.balign	16
	.globl	irq_x2apic
irq_x2apic:
	movb	$1, irq_taken(%rip)
	push	%rax
	push	%rcx
	push	%rdx
	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq

	/* A vector that leaves its interrupt in service: the EOI is what is measured. */
	.balign	16
	.globl	irq_no_eoi
irq_no_eoi:
	movb	$1, irq_taken(%rip)
	iretq

	/* A vector that notes when it came; EOI by x2APIC. */
	.balign	16
	.globl	irq_timer
irq_timer:
	push	%rax
	push	%rcx
	push	%rdx
	rdtsc
	mov	%eax, irq_tsc(%rip)
	mov	%edx, irq_tsc+4(%rip)
	movb	$1, irq_taken(%rip)
	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq

	/* The same for the second vCPU. */
	.balign	16
	.globl	irq_other
irq_other:
	push	%rax
	push	%rcx
	push	%rdx
	rdtsc
	mov	%eax, other_tsc(%rip)
	mov	%edx, other_tsc+4(%rip)
	movb	$1, other_taken(%rip)
	mov	$0x80b, %ecx
	xor	%eax, %eax
	xor	%edx, %edx
	wrmsr
	pop	%rdx
	pop	%rcx
	pop	%rax
	iretq

	/* The second vCPU's way from real mode, to be copied to 0x8000; CR3's value at offset 4. */
	.balign	16
	.globl	other_start, other_end
	.code16
other_start:
	jmp	1f
	.org	other_start + 4
	.long	0
1:	cli
	xor	%ax, %ax
	mov	%ax, %ds
	lgdtl	0x8000 + other_gdt_pointer - other_start
	mov	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	0x8004, %eax
	mov	%eax, %cr3
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax		/* LME */
	wrmsr
	mov	$0x80000011, %eax	/* PG, ET, PE */
	mov	%eax, %cr0
	ljmpl	$0x10, $0x8000 + 2f - other_start
	.code64
2:	mov	$0x18, %eax
	mov	%eax, %ds
	mov	%eax, %ss
	mov	$other_stack_end, %esp
	mov	$other_main, %eax
	call	*%rax
	ud2
	.balign	8
other_gdt:
	.quad	0, 0			/* code is where Socle's boot protocol has it */
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
other_gdt_pointer:
	.short	. - other_gdt - 1
	.long	0x8000 + other_gdt - other_start
other_end:

	/* Exceptions 0..31: a number, then the end. */
	.balign	32
	.globl	exceptions
exceptions:
	.set	vector, 0
	.rept	32
	.balign	32
	mov	$vector, %edi
	mov	(%rsp), %rsi
	mov	8(%rsp), %rdx
	call	exception
	.set	vector, vector + 1
	.endr

	.bss
	.balign	16
	.skip	16384
stack_end:
	.skip	16384
other_stack_end:

	.section .note.GNU-stack, "", @progbits
