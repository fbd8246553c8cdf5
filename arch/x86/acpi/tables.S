// SPDX-License-Identifier: Apache-2.0
/* The compiled tables, found through -Wa,-I on the directory that acpi.mk fills. */
	.section .rodata.vacpi, "a", @progbits

.macro table name, file
	.balign 8
	.globl vacpi_\name
	.type vacpi_\name, @object
vacpi_\name:
	.incbin "\file"
	.size vacpi_\name, . - vacpi_\name
	.globl vacpi_\name\()_end
vacpi_\name\()_end:
.endm

	table facp, facp.aml
	table facs, facs.aml
	table apic, apic.aml
	table dsdt, dsdt.aml

	.section .note.GNU-stack, "", @progbits
