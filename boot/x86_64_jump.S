/* SPDX-License-Identifier: Apache-2.0 */
/*
 * machine_jump(rdi = boot_info, rsi = entry, rdx = root table): from the firmware's tables to the
 * loader's, then into the core. Runs at the same address under both; uses no stack.
 */
#define CR0_WP_BIT  16
#define CR4_PGE_BIT 7

	.text
	.globl	machine_jump
	.type	machine_jump, @function
	.balign	64
machine_jump:
	/* Clearing PGE drops the firmware's global translations, which a CR3 load would keep. */
	mov	%cr4, %rax
	btr	$CR4_PGE_BIT, %rax
	mov	%rax, %cr4
	mov	%rdx, %cr3
	mov	%cr0, %rax
	bts	$CR0_WP_BIT, %rax
	mov	%rax, %cr0
	xor	%ebp, %ebp
	cld
	jmp	*%rsi
machine_jump_end:
	.size	machine_jump, . - machine_jump
	/* One cache line, hence one page. */
	.if	machine_jump_end - machine_jump > 64
	.error	"machine_jump may straddle a page"
	.endif

	.section .note.GNU-stack, "", @progbits
