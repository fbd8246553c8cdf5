// SPDX-License-Identifier: Apache-2.0
/*
 * SVM's instructions where they must fault: #UD without EFER.SVME, #GP at CPL 3, #GP of an address
 * that is not aligned or beyond the width. The MSRs behind them.
 */
#include "svm.h"

#define USER_CODE  0x3000000ULL
#define USER_STACK 0x3002000ULL

struct insn {
	const char *name;
	u8 bytes[3];
};

static const struct insn insns[] = {
	{"vmrun", {0x0f, 0x01, 0xd8}},  {"vmload", {0x0f, 0x01, 0xda}},
	{"vmsave", {0x0f, 0x01, 0xdb}}, {"stgi", {0x0f, 0x01, 0xdc}},
	{"clgi", {0x0f, 0x01, 0xdd}},   {"invlpga", {0x0f, 0x01, 0xdf}},
};

static volatile int user_vector;
static u8 *code;
static u64 back_rip, back_rsp;

static void take(struct trap *t)
{
	if (t->cs & 3) {
		user_vector = (int)t->vector;
		t->rip = back_rip;
		t->rsp = back_rsp;
		t->cs = SEL_CODE64;
		t->ss = SEL_DATA;
		return;
	}
	if (!try_rip) {
		fail("vector %lu at %lx", t->vector, t->rip);
	}
	try_vector = t->rip == (u64)code ? (int)t->vector : -1;
	t->rip = try_rip;
}

/* To CPL 3, at @rip, until its first exception. */
static int user_run(u64 rip)
{
	user_vector = -1;
	__asm__ volatile("movq $1f, %0\n\tmov %%rsp, %1\n\t"
			 "pushq %2\n\tpushq %3\n\tpushfq\n\tpushq %4\n\tpushq %5\n\tiretq\n1:"
			 : "=m"(back_rip), "=m"(back_rsp)
			 : "i"(SEL_UDATA), "r"(USER_STACK), "i"(SEL_UCODE), "r"(rip)
			 : "memory", "rax", "rcx", "rdx", "cc");
	return user_vector;
}

static int kernel_run(u64 rip, u64 rax)
{
	__asm__ volatile(TRY("jmp *%1") : "+a"(rax) : "r"(rip), "c"(0) : "memory", "rdx");
	return try_vector;
}

static void check(bool svme)
{
	for (unsigned i = 0; i < sizeof(insns) / sizeof(insns[0]); i++) {
		int vector;

		memcpy(code, insns[i].bytes, 3);
		vector = user_run(USER_CODE);
		/* With the hardware's SVME on, its #GP comes before any intercept of L0's. */
		if (vector != (svme ? VEC_GP : VEC_UD) &&
		    !(vector == VEC_GP && !option("emulated", 0))) {
			fail("%s at CPL 3, SVME %d: vector %d", insns[i].name, svme, vector);
		}
		if (svme) {
			continue;
		}
		vector = kernel_run((u64)code, (u64)page_alloc());
		if (vector != VEC_UD) {
			fail("%s without SVME: vector %d", insns[i].name, vector);
		}
	}
}

/* VMRUN, VMLOAD, VMSAVE of an address that can be no VMCB's. */
static void check_addresses(void)
{
	u64 width = cpuid(0x80000008, 0).eax & 0xff;
	const u64 bad[] = {(u64)page_alloc() + 8, (u64)page_alloc() + 0x800, BIT(width), BIT(63)};

	for (unsigned k = 0; k < 3; k++) {
		memcpy(code, insns[k].bytes, 3);
		for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			int vector = kernel_run((u64)code, bad[i]);

			if (vector != VEC_GP) {
				fail("%s of %lx: vector %d", insns[k].name, bad[i], vector);
			}
		}
	}
}

static void check_msrs(void)
{
	u64 v, page = (u64)page_alloc();

	trap_set(VEC_GP, NULL);
	CHECK_EQ(rdmsr_try(MSR_VM_CR, &v), -1);
	CHECK_EQ(v & BIT(4), 0); /* SVMDIS */
	wrmsr(MSR_VM_HSAVE_PA, page);
	CHECK_EQ(rdmsr(MSR_VM_HSAVE_PA), page);
	if (!option("emulated", 0)) { /* QEMU takes any address */
		CHECK_EQ(wrmsr_try(MSR_VM_HSAVE_PA, page + 1), VEC_GP);
		CHECK_EQ(rdmsr(MSR_VM_HSAVE_PA), page);
	}
	trap_set(VEC_GP, take);
}

void guest_main(void)
{
	code = page_alloc();
	code[3] = 0x0f; /* UD2, where the instruction has been executed */
	code[4] = 0x0b;
	map(USER_CODE, (u64)code, PTE_P | PTE_W | PTE_U);
	map(USER_STACK - PAGE, (u64)page_alloc(), PTE_P | PTE_W | PTE_U);
	trap_set(VEC_UD, take);
	trap_set(VEC_GP, take);
	CHECK(cpuid(0x80000001, 0).ecx & BIT(2));
	CHECK_EQ(rdmsr(MSR_EFER) & EFER_SVME, 0);
	check(false);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME);
	CHECK(rdmsr(MSR_EFER) & EFER_SVME);
	check(true);
	check_addresses();
	check_msrs();
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) & ~EFER_SVME);
	check(false);
}
