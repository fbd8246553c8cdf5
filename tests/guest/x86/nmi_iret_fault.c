// SPDX-License-Identifier: Apache-2.0
/* The IRET that ends an NMI faults: the guest's flags stay its own, and NMIs work afterwards. */
#include "guest.h"

static volatile unsigned count, faults;
static volatile u64 fault_flags;

static void on_nmi(struct trap *t)
{
	count++;
	if (count == 1) {
		t->cs = 0x500; /* beyond the GDT: IRET raises #GP */
	}
}

static void on_gp(struct trap *t)
{
	extern const u8 resume[];

	faults++;
	fault_flags = t->rflags;
	/* Give up the frame that IRET could not take. */
	t->rip = (u64)resume;
}

void guest_main(void)
{
	apic_init();
	trap_set(VEC_NMI, on_nmi);
	trap_set(VEC_GP, on_gp);
	trap_set_ist(VEC_NMI, 0, 0);
	__asm__ volatile("push %%rbx\n\tpush %%rbp\n\tmov %%rsp, %%r12\n\t"
			 "movl %0, %1\n\t"
			 "cpuid\n\t"
			 ".globl resume\nresume:\tmov %%r12, %%rsp\n\tpop %%rbp\n\tpop %%rbx"
			 :
			 : "i"(4 << 8 | 1 << 18), "m"(*(u32 *)(u64)(APIC_BASE + APIC_ICR))
			 : "memory", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11",
			   "r12", "r13", "r14", "r15");
	CHECK_EQ(count, 1);
	CHECK_EQ(faults, 1);
	CHECK(!(fault_flags & FLAG_TF));
	CHECK(!(read_flags() & FLAG_TF));
	for (unsigned i = 0; i < 10; i++) {
		vmexit();
	}
	/* The handler's IRET of the #GP has ended the blocking. */
	apic_self_nmi();
	for (unsigned i = 0; i < 10; i++) {
		vmexit();
	}
	CHECK_EQ(count, 2);
}
