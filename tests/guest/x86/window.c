// SPDX-License-Identifier: Apache-2.0
/*
 * When a waiting interrupt is taken: behind the instruction after STI, at once after POPF and after
 * lowering the TPR, never between STI and CLI; with and without exits on the way.
 */
#include "guest.h"

#define VECTOR 0x51

static volatile u64 rip;
static volatile unsigned count;

static void on_interrupt(struct trap *t)
{
	rip = t->rip;
	count++;
	t->rflags &= ~FLAG_IF;
	apic_eoi();
}

/* Runs the assembly with an interrupt waiting; where it was taken is the label "here". */
#define TAKEN_AT(name, before, after)                                                    \
	do {                                                                             \
		u64 here_;                                                               \
		count = 0;                                                               \
		apic_self(VECTOR);                                                       \
		__asm__ volatile("lea 1f(%%rip), %0\n\t" before "\n1:\t" after "\n\tcli" \
				 : "=&r"(here_)                                          \
				 :                                                       \
				 : "memory", "rax", "rbx", "rcx", "rdx", "r8", "cc");    \
		if (count != 1 || rip != here_) {                                        \
			fail("%s: %u taken, at %lx, not %lx", name, count, rip, here_);  \
		}                                                                        \
	} while (0)

void guest_main(void)
{
	apic_init();
	trap_set(VECTOR, on_interrupt);
	cli();
	TAKEN_AT("sti; nop", "sti; nop", "nop; nop");
	TAKEN_AT("sti; cpuid", "xor %%eax, %%eax; sti; cpuid", "nop; nop");
	TAKEN_AT("sti; out", "sti; out %%al, $0x80", "nop; nop");
	TAKEN_AT("sti; mmio", "mov $0xfee00020, %%r8d; sti; mov (%%r8), %%eax", "nop; nop");
	TAKEN_AT("popf", "pushf; orl $0x200, (%%rsp); popf", "nop; nop");
	TAKEN_AT("mov cr8",
		 "mov $15, %%r8d; mov %%r8, %%cr8; sti; nop; xor %%r8d, %%r8d; mov %%r8, %%cr8",
		 "nop; nop");
	if (x2apic) {
		TAKEN_AT("TPR",
			 "mov $15, %%r8d; mov %%r8, %%cr8; sti; nop; mov $0x808, %%ecx;"
			 "xor %%eax, %%eax; xor %%edx, %%edx; wrmsr",
			 "nop; nop");
	} else {
		TAKEN_AT("TPR",
			 "mov $15, %%r8d; mov %%r8, %%cr8; sti; nop; mov $0xfee00080, %%r8d;"
			 "movl $0, (%%r8)",
			 "nop; nop");
	}
	TAKEN_AT("sti; hlt", "sti; hlt", "nop; nop");

	/* STI; CLI: there is no moment. */
	count = 0;
	apic_self(VECTOR);
	for (unsigned i = 0; i < 10; i++) {
		__asm__ volatile("sti; cli" : : : "memory");
		vmexit();
	}
	CHECK_EQ(count, 0);
	sti();
	CHECK_EQ(count, 1);
}
