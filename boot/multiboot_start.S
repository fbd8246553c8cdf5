/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entered by a Multiboot loader in 32-bit protected mode, EAX = magic number, EBX = information;
 * goes on in 64-bit mode under an identity map of the first 4 GiB. Multiboot Specification 0.6.96
 * and Multiboot2 Specification 2.0, "Header layout", "Machine state"; AMD64 Architecture Programmer's Manual volume 2, "Enabling and
 * Activating Long Mode".
 */
#define HEADER_MAGIC 0x1badb002
#define HEADER_FLAGS 0x3 /* modules on pages; memory information */

#define HEADER2_MAGIC      0xe85250d6
#define HEADER2_I386       0 /* entered in 32-bit protected mode */
#define HEADER2_SIZE       (header2_end - header2)
#define TAG_FRAMEBUFFER    5
#define TAG_IS_OPTIONAL    1
#define FRAMEBUFFER_SIZE   1024, 768 /* wished for: without a size GRUB ignores the depth */
#define FRAMEBUFFER_BITS   32

#define CPUID_EXTENDED 0x80000000
#define CPUID_FEATURES 0x80000001
#define EDX_LM_BIT     29
#define CR4_PAE        0x20
#define MSR_EFER       0xc0000080
#define EFER_LME       0x100
#define CR0_PG_BIT     31
#define ENTRY_LINK     0x3  /* present, writable */
#define ENTRY_2M       0x83 /* and a page */
#define CODE_64        0x08
#define DATA           0x10
#define COM1           0x3f8
#define VGA_TEXT       0xb8000
#define VGA_WHITE      0x0f

	.section .multiboot, "a", @progbits
	.balign	4
	.long	HEADER_MAGIC, HEADER_FLAGS, -(HEADER_MAGIC + HEADER_FLAGS)
	.balign	8
header2:
	.long	HEADER2_MAGIC, HEADER2_I386, HEADER2_SIZE
	.long	-(HEADER2_MAGIC + HEADER2_I386 + HEADER2_SIZE)
	.short	TAG_FRAMEBUFFER, TAG_IS_OPTIONAL
	.long	20, FRAMEBUFFER_SIZE, FRAMEBUFFER_BITS
	.balign	8
	.short	0, 0 /* the end */
	.long	8
header2_end:

	.section .text.multiboot_start, "ax", @progbits
	.code32
	.globl	multiboot_start
	.type	multiboot_start, @function
multiboot_start:
	cli
	cld
	mov	%eax, %ebp
	mov	%ebx, %edi
	mov	$CPUID_EXTENDED, %eax
	cpuid
	cmp	$CPUID_FEATURES, %eax
	jb	no_long_mode
	mov	$CPUID_FEATURES, %eax
	cpuid
	bt	$EDX_LM_BIT, %edx
	jnc	no_long_mode

	/* One entry, four entries, 2048 pages; the high halves are 0. */
	movl	$(third + ENTRY_LINK), root
	mov	$(second + ENTRY_LINK), %eax
	xor	%ecx, %ecx
1:	mov	%eax, third(,%ecx,8)
	add	$4096, %eax
	inc	%ecx
	cmp	$4, %ecx
	jb	1b
	mov	$ENTRY_2M, %eax
	xor	%ecx, %ecx
2:	mov	%eax, second(,%ecx,8)
	add	$0x200000, %eax
	inc	%ecx
	cmp	$2048, %ecx
	jb	2b

	mov	%cr4, %eax
	or	$CR4_PAE, %eax
	mov	%eax, %cr4
	mov	$root, %eax
	mov	%eax, %cr3
	mov	$MSR_EFER, %ecx
	rdmsr
	or	$EFER_LME, %eax
	wrmsr
	mov	%cr0, %eax
	bts	$CR0_PG_BIT, %eax
	mov	%eax, %cr0
	lgdt	gdt_pointer
	ljmp	$CODE_64, $start_64

	.code64
start_64:
	mov	$DATA, %eax
	mov	%eax, %ds
	mov	%eax, %es
	mov	%eax, %ss
	mov	$stack_end, %esp
	mov	%edi, %esi
	mov	%ebp, %edi
	xor	%ebp, %ebp
	call	multiboot_main
3:	hlt
	jmp	3b

	/* No C yet: the first line of the screen, and the serial port as it is. */
	.code32
no_long_mode:
	mov	$no_long_mode_text, %esi
	mov	$VGA_TEXT, %edi
	mov	$COM1, %edx
	mov	$VGA_WHITE, %ah
4:	lodsb
	test	%al, %al
	jz	5f
	out	%al, %dx
	stosw
	jmp	4b
5:	hlt
	jmp	5b
	.size	multiboot_start, . - multiboot_start

	.section .rodata.multiboot_start, "a", @progbits
no_long_mode_text:
	.asciz	"Socle cannot start: it needs a 64-bit CPU.\r\n"
	.balign	8
gdt:
	.quad	0
	.quad	0x00af9b000000ffff
	.quad	0x00cf93000000ffff
gdt_pointer:
	.short	. - gdt - 1
	.long	gdt

	.bss
	.balign	4096
root:
	.skip	4096
third:
	.skip	4096
second:
	.skip	4 * 4096
	.skip	32768
stack_end:

	.section .note.GNU-stack, "", @progbits
