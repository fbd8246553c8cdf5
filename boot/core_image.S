/* SPDX-License-Identifier: Apache-2.0 */
/* The core ELF file, whole, inside the loader: the user copies one file. */
	.section .rodata.core_image, "a", @progbits
	.globl	core_image_start, core_image_end
	.balign	4096
core_image_start:
	.incbin	CORE_IMAGE
core_image_end:

	.section .note.GNU-stack, "", @progbits
