// SPDX-License-Identifier: Apache-2.0
/*
 * Makes the machine one whose firmware leaves 5-level paging on, as firmware of servers with more
 * than 48 bits of physical address may, and starts \EFI\BOOT\SOCLE.EFI. SDM volume 3, "Enabling and
 * Enumeration of Intel 64 Paging Modes": CR4.LA57 changes only while paging is off, in 32-bit code.
 */
#include "tests/system/chain.h"

extern UINT8 la57_start[], la57_end[];
typedef void EFIAPI la57_fn(UINTN page, UINTN root);

/* Runs at a page below 4 GiB, RCX, which EBX holds throughout; RDX: a root of five levels. */
__asm__(".pushsection .text\n"
	".globl la57_start, la57_end\n"
	"la57_start:\n"
	"	push %rbx; push %rbp; push %rsi; push %rdi\n"
	"	push %r12; push %r13; push %r14; push %r15\n"
	"	pushfq\n"
	"	cli\n"
	"	mov %rcx, %rbx\n"
	"	mov %rsp, la57_rsp - la57_start(%rbx)\n"
	"	sgdt la57_old_gdt - la57_start(%rbx)\n"
	"	mov %cs, la57_cs - la57_start(%rbx)\n"
	"	mov %ss, la57_ss - la57_start(%rbx)\n"
	"	lea la57_gdt - la57_start(%rbx), %rax\n"
	"	mov %rax, la57_new_gdt - la57_start + 2(%rbx)\n"
	"	lgdt la57_new_gdt - la57_start(%rbx)\n"
	"	lea la57_back - la57_start(%rbx), %eax\n"
	"	mov %eax, la57_jump - la57_start(%rbx)\n"
	"	lea la57_compat - la57_start(%rbx), %rax\n"
	"	push $0x08\n"
	"	push %rax\n"
	"	lretq\n"
	".code32\n"
	"la57_compat:\n"
	"	mov $0x10, %eax\n"
	"	mov %eax, %ds\n"
	"	mov %eax, %ss\n"
	"	mov %cr0, %eax\n"
	"	and $0x7fffffff, %eax\n"
	"	mov %eax, %cr0\n"
	"	mov %edx, %cr3\n"
	"	mov %cr4, %eax\n"
	"	or $0x1000, %eax\n"
	"	mov %eax, %cr4\n"
	"	mov %cr0, %eax\n"
	"	or $0x80000000, %eax\n"
	"	mov %eax, %cr0\n"
	"	ljmp *la57_jump - la57_start(%ebx)\n"
	".code64\n"
	"la57_back:\n"
	"	lgdt la57_old_gdt - la57_start(%rbx)\n"
	"	mov la57_ss - la57_start(%rbx), %eax\n"
	"	mov %eax, %ss\n"
	"	mov %eax, %ds\n"
	"	mov la57_rsp - la57_start(%rbx), %rsp\n"
	"	mov la57_cs - la57_start(%rbx), %eax\n"
	"	push %rax\n"
	"	lea 1f(%rip), %rax\n"
	"	push %rax\n"
	"	lretq\n"
	"1:	popfq\n"
	"	pop %r15; pop %r14; pop %r13; pop %r12\n"
	"	pop %rdi; pop %rsi; pop %rbp; pop %rbx\n"
	"	ret\n"
	"	.balign 8\n"
	"la57_gdt:\n"
	"	.quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00af9b000000ffff\n"
	"la57_rsp:\n"
	"	.quad 0\n"
	"la57_cs:\n"
	"	.long 0\n"
	"la57_ss:\n"
	"	.long 0\n"
	"la57_jump:\n"
	"	.long 0\n"
	"	.word 0x18\n"
	"la57_new_gdt:\n"
	"	.word 31\n"
	"	.quad 0\n"
	"la57_old_gdt:\n"
	"	.word 0\n"
	"	.quad 0\n"
	"la57_end:\n"
	".popsection\n");

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table);

static UINTN cr3_read(void)
{
	UINTN val;

	__asm__ volatile("mov %%cr3, %0" : "=r"(val));
	return val;
}

static UINTN cr4_read(void)
{
	UINTN val;

	__asm__ volatile("mov %%cr4, %0" : "=r"(val));
	return val;
}

static EFI_STATUS five_levels(void)
{
	EFI_PHYSICAL_ADDRESS pages = 0xffffffff;
	EFI_STATUS status = BS->AllocatePages(AllocateMaxAddress, EfiBootServicesCode, 2, &pages);

	if (EFI_ERROR(status)) {
		return status;
	}
	ZeroMem((void *)pages, 2 * EFI_PAGE_SIZE);
	CopyMem((void *)pages, la57_start, (UINTN)(la57_end - la57_start));
	*(UINT64 *)(pages + EFI_PAGE_SIZE) = (cr3_read() & ~0xfffULL) | 3;
	((la57_fn *)pages)(pages, pages + EFI_PAGE_SIZE);
	return EFI_SUCCESS;
}

EFI_STATUS efi_main(EFI_HANDLE image, EFI_SYSTEM_TABLE *table)
{
	EFI_STATUS status;

	InitializeLib(image, table);
	status = five_levels();
	Print(L"la57: CR4 is %lx\n", cr4_read());
	status = EFI_ERROR(status) ? status : socle_start(image);
	Print(L"la57: %r\n", status);
	return status;
}
