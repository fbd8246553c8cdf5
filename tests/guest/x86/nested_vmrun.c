// SPDX-License-Identifier: Apache-2.0
/*
 * VMRUN to L2 and back by VMMCALL: what is L2's, what is L1's again, what VMRUN and #VMEXIT do to
 * GIF; several L2s by turns.
 */
#include "svm.h"

#define L2S   4
#define TURNS 25

static struct l2 l2, others[L2S];

/* Every register is L2's own, both ways. */
static void registers(void)
{
	__asm__ volatile("xor $0x10, %%rax\n\tadd $1, %%rbx\n\tadd $2, %%rcx\n\tadd $3, %%rdx\n\t"
			 "add $5, %%rbp\n\tadd $6, %%rsi\n\tadd $7, %%rdi\n\tadd $8, %%r8\n\t"
			 "add $9, %%r9\n\tadd $10, %%r10\n\tadd $11, %%r11\n\tadd $12, %%r12\n\t"
			 "add $13, %%r13\n\tadd $14, %%r14\n\tadd $15, %%r15\n\tstc\n\tvmmcall"
			 :
			 :
			 : "memory");
}

static void check_registers(void)
{
	u64 flags, before;

	l2_init(&l2, registers);
	for (u64 i = 0; i < 16; i++) {
		if (i != 4) {
			l2.gpr[i] = 0x1111111111111111 * i;
		}
	}
	l2.vmcb->rax = 0xabcdef0123456789;
	before = l2.vmcb->rsp;
	l2_expect(&l2, EXIT_VMMCALL, 3);
	flags = read_flags();
	CHECK_EQ(l2.vmcb->rax, 0xabcdef0123456799);
	CHECK_EQ(l2.gpr[3], 0x3333333333333334);
	CHECK_EQ(l2.gpr[1], 0x1111111111111113);
	CHECK_EQ(l2.gpr[2], 0x2222222222222225);
	for (u64 i = 5; i < 16; i++) {
		CHECK_EQ(l2.gpr[i], 0x1111111111111111 * i + i);
	}
	CHECK_EQ(l2.vmcb->rsp, before);
	CHECK_EQ(l2.vmcb->rflags & FLAG_CF, FLAG_CF);
	CHECK_EQ(l2.vmcb->cpl, 0);
	CHECK_EQ(flags & ~0xffull, 0);
}

/* Control registers, CR2 and DR7 of L2's do not stay, nor do L1's get lost. */
static void control(void)
{
	write_cr0(read_cr0() | BIT(1));
	write_cr2(0x1234);
	write_cr4(read_cr4() | BIT(7));
	write_dr6(0xffff0ff1);
	write_dr7(0x500);
	(void)vmmcall(read_cr3());
}

static void check_control(void)
{
	u64 cr0 = read_cr0(), cr3 = read_cr3(), cr4 = read_cr4(), efer = rdmsr(MSR_EFER);

	write_cr2(0x777);
	l2_init(&l2, control);
	l2.vmcb->efer &= ~EFER_NXE;
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(read_cr0(), cr0);
	CHECK_EQ(read_cr3(), cr3);
	CHECK_EQ(read_cr4(), cr4);
	CHECK_EQ(rdmsr(MSR_EFER), efer);
	CHECK_EQ(read_dr7(), 0x400); /* "Disables all breakpoints in the host DR7 register" */
	CHECK_EQ(l2.vmcb->rax, cr3);
	CHECK_EQ(l2.vmcb->cr0, cr0 | BIT(1));
	CHECK_EQ(l2.vmcb->cr2, 0x1234);
	CHECK_EQ(l2.vmcb->cr4, cr4 | BIT(7));
	CHECK_EQ(l2.vmcb->dr6 & 0xf, 1);
	CHECK_EQ(l2.vmcb->dr7, 0x500);
	CHECK_EQ(l2.vmcb->efer, efer & ~EFER_NXE);
}

static void count(void)
{
	for (u64 i = 1;; i++) {
		__asm__ volatile("vmmcall" : : "a"(i) : "memory");
	}
}

static void check_several(void)
{
	for (unsigned i = 0; i < L2S; i++) {
		l2_init(&others[i], count);
	}
	for (u64 turn = 1; turn < TURNS; turn++) {
		for (unsigned i = 0; i < L2S; i++) {
			l2_expect(&others[i], EXIT_VMMCALL, 3);
			CHECK_EQ(others[i].vmcb->rax, turn);
		}
	}
}

/* GIF is 0 after an exit, 1 in L2; an event that is injected is used up. */
static void check_flags(void)
{
	l2_init(&l2, count);
	l2.vmcb->exit_code = l2.vmcb->info1 = l2.vmcb->int_info = ~0ull;
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(l2.vmcb->exit_code, EXIT_VMMCALL);
	CHECK_EQ(l2.vmcb->int_info & EVENT_VALID, 0);
	CHECK_EQ(l2.vmcb->shadow & 1, 0);
}

/* An instruction that Socle emulates; what L1 has where other CPUs keep the next RIP is not used.
 */
extern const char emulated_at[];

static void emulated(void)
{
	__asm__ volatile("xor %%eax, %%eax\n\txor %%ecx, %%ecx\nemulated_at:\n\tcpuid\n\t"
			 "mov $7, %%ebp\n\tvmmcall"
			 :
			 :
			 : "memory");
}

static void check_next_rip(void)
{
	for (u64 len = 0; len < 16; len++) {
		l2_init(&l2, emulated);
		l2.vmcb->next_rip = (u64)emulated_at + len;
		l2_expect(&l2, EXIT_VMMCALL, 3);
		CHECK_EQ(l2.gpr[5], 7);
	}
}

void guest_main(void)
{
	svm_init();
	check_registers();
	check_control();
	check_several();
	check_flags();
	check_next_rip();
}
