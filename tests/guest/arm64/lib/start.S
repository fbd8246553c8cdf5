/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image's header (Linux, Documentation/arm64/booting.rst, "Call the kernel image"), and the way
 * to C: EL1, MMU off, the device tree in x0. Position-independent: relocates itself.
 */
#define R_AARCH64_RELATIVE 1027

	.section .head, "ax"
	.globl start
start:
	b	1f
	.long	0
	.quad	0			/* text_offset */
	.quad	image_size
	.quad	0xa			/* little-endian, 4 KiB pages, anywhere in memory */
	.quad	0, 0, 0
	.ascii	"ARM\x64"
	.long	0
1:	msr	SPSel, #1
	msr	DAIFSet, #0xf
	adrp	x1, stack_top
	add	x1, x1, :lo12:stack_top
	mov	sp, x1
	adrp	x1, bss_start
	add	x1, x1, :lo12:bss_start
	adrp	x2, image_end
	add	x2, x2, :lo12:image_end
2:	stp	xzr, xzr, [x1], #16
	cmp	x1, x2
	b.lo	2b
	adr	x3, start
	adrp	x1, rela_start
	add	x1, x1, :lo12:rela_start
	adrp	x2, rela_end
	add	x2, x2, :lo12:rela_end
3:	cmp	x1, x2
	b.hs	4f
	ldp	x4, x5, [x1], #16	/* offset, type */
	ldr	x6, [x1], #8		/* addend */
	cmp	w5, #R_AARCH64_RELATIVE
	b.ne	3b
	add	x6, x6, x3
	str	x6, [x4, x3]
	b	3b
4:	mov	x29, xzr
	mov	x30, xzr
	bl	guest_start
5:	wfi
	b	5b

/* Where another CPU starts: its stack in x0. See cpu_on(). */
	.globl cpu_entry
cpu_entry:
	msr	SPSel, #1
	msr	DAIFSet, #0xf
	mov	sp, x0
	mov	x29, xzr
	mov	x30, xzr
	b	cpu_start

	.bss
	.balign	4096
	.skip	32768
stack_top:
