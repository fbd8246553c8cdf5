// SPDX-License-Identifier: Apache-2.0
/*
 * The file of a tiny guest is what Linux's 64-bit boot protocol calls a bzImage: two sectors with
 * the setup header, then the image, which is copied to pref_address and entered at its byte 0x200
 * with paging on, an identity map of 4 GiB and RSI at boot_params. Layout: guest.ld.
 *
 * The real-mode entry, which a BIOS's loader takes (QEMU's -kernel), makes all of that itself, so
 * that a guest runs on the bare machine, too. It finds no memory map.
 */
#define TABLES 0x1000			/* six pages */

	.section .setup, "a"
setup:
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
	.org	0x268
	.code16
	cli
	cld
	xor	%esi, %esi
	mov	%cs, %si
	sub	$0x20, %si
	mov	%si, %ds
	shl	$4, %esi		/* boot_params */
	xor	%eax, %eax
	mov	%ax, %es
	mov	$TABLES, %di
	mov	$0x1800, %cx
	rep stosl
	movl	$(TABLES + 0x1003), %es:TABLES
	mov	$(TABLES + 0x2003), %eax
	mov	$(TABLES + 0x1000), %di
1:	mov	%eax, %es:(%di)
	add	$8, %di
	add	$0x1000, %eax
	cmp	$(TABLES + 0x6003), %eax
	jne	1b
	mov	$0x83, %eax		/* present, writable, large */
	mov	$(TABLES + 0x2000), %di
1:	mov	%eax, %es:(%di)
	add	$8, %di
	add	$0x200000, %eax
	jnc	1b
	add	%esi, %ds:(setup_gdtr - setup + 2)
	lgdtl	%ds:(setup_gdtr - setup)
	mov	$TABLES, %eax
	mov	%eax, %cr3
	mov	$0x20, %eax		/* PAE */
	mov	%eax, %cr4
	mov	$0xc0000080, %ecx
	rdmsr
	or	$0x100, %eax		/* LME */
	wrmsr
	mov	$0x80000011, %eax	/* PG, ET, PE */
	mov	%eax, %cr0
	ljmpl	$0x08, $start
	.align	8
setup_gdt:
	.quad	0
	.quad	0x00af9b000000ffff	/* 08 64-bit code */
setup_gdtr:
	.word	setup_gdtr - setup_gdt - 1
	.long	setup_gdt - setup
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
	mov	%esi, %ebx
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
