// SPDX-License-Identifier: Apache-2.0
/*
 * The file of a tiny guest is what Linux's 64-bit boot protocol calls a bzImage: two sectors with
 * the setup header, then the image, which is copied to pref_address and entered at its byte 0x200
 * with paging on, an identity map of 4 GiB and RSI at boot_params. Layout: guest.ld.
 */
	.section .setup, "a"
	.org	0x1f1
	.byte	1			/* setup_sects, the boot sector not counted */
	.org	0x1fe
	.word	0xaa55
	.byte	0xeb, 0x66		/* a jump: tells where the header ends */
	.ascii	"HdrS"
	.word	0x20f			/* protocol 2.15 */
	.org	0x211
	.byte	1			/* LOADED_HIGH */
	.org	0x22c
	.long	0x7fffffff		/* initrd_addr_max */
	.org	0x236
	.word	1			/* XLF_KERNEL_64 */
	.long	2047			/* cmdline_size */
	.org	0x258
	.quad	image_start		/* pref_address */
	.long	image_size		/* init_size */
	.org	0x400

	.section .head, "ax"
	.code32
	ud2				/* the 32-bit entry: not ours */
	.org	0x200
	.code64
	.globl	start
start:
	cli
	cld
	mov	$stack_top, %esp
	mov	%rsi, %rbx
	xor	%eax, %eax
	mov	$bss_start, %edi
	mov	$bss_end, %ecx
	sub	%edi, %ecx
	rep stosb
	lgdt	gdtr
	mov	$0x10, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	xor	%eax, %eax
	mov	%eax, %fs
	mov	%eax, %gs
	push	$0x08
	push	$1f
	lretq
1:	mov	%rbx, %rdi
	call	guest_start
	ud2

	.data
	.align	8
gdtr:	.word	gdt_end - gdt - 1
	.quad	gdt
	/* Selectors: lib/guest.h. The TSS's descriptor is filled in by trap_init(). */
	.globl	gdt
gdt:	.quad	0
	.quad	0x00af9b000000ffff	/* 08 64-bit code */
	.quad	0x00cf93000000ffff	/* 10 data */
	.quad	0x00cf9b000000ffff	/* 18 32-bit code */
	.quad	0x00cff3000000ffff	/* 20 user data */
	.quad	0x00affb000000ffff	/* 28 64-bit user code */
	.quad	0x000f9b000000ffff	/* 30 16-bit code, base 0 */
	.quad	0x00cffb000000ffff	/* 38 32-bit user code */
	.quad	0, 0			/* 40 TSS */
	.quad	0x000f93000000ffff	/* 50 16-bit data */
gdt_end:

	.bss
	.align	16
	.skip	32768
	.globl	stack_top
stack_top:

	.section .note.GNU-stack, "", @progbits
