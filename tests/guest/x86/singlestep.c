// SPDX-License-Identifier: Apache-2.0
/* RFLAGS.TF over instructions that exit: each gives one #DB behind it, DR6.BS set. */
#include "guest.h"

static u64 rips[64];
static volatile unsigned count;
static volatile u64 dr6;

static void on_db(struct trap *t)
{
	if (count < 64) {
		rips[count] = t->rip;
	}
	count++;
	dr6 = read_dr6();
	write_dr6(0xffff0ff0);
}

/* The assembly is entered with TF on and has a label "2" behind the instruction of interest. */
#define STEP(name, n, insn)                                                                  \
	do {                                                                                 \
		u64 at_;                                                                     \
		count = 0;                                                                   \
		__asm__ volatile("lea 2f(%%rip), %0\n\tmov $0xfee00020, %%r8d\n\t"           \
				 "xor %%eax, %%eax\n\tmov $0x10, %%ecx\n\t"                  \
				 "pushf\n\torl $0x100, (%%rsp)\n\tpopf\n\t" insn             \
				 "\n2:\tnop\n\tpushf\n\tandl $~0x100, (%%rsp)\n\tpopf"       \
				 : "=&r"(at_)                                                \
				 :                                                           \
				 : "memory", "rax", "rbx", "rcx", "rdx", "rsi", "r8", "cc"); \
		check(name, n, at_);                                                         \
	} while (0)

/* @n traps up to the label; then NOP, PUSHF, AND, POPF. */
static void check(const char *name, unsigned n, u64 at)
{
	if (count != n + 4 || rips[n - 1] != at || !(dr6 & BIT(14))) {
		for (unsigned i = 0; i < count && i < 64; i++) {
			print("%lx ", rips[i]);
		}
		fail("%s: %u traps, not %u; the last %lx, not %lx; dr6 %lx", name, count, n + 4,
		     rips[n - 1], at, dr6);
	}
}

void guest_main(void)
{
	apic_init();
	trap_set(VEC_DB, on_db);
	STEP("nop", 1, "nop");
	STEP("cpuid", 1, "cpuid");
	STEP("rdmsr", 1, "rdmsr");
	STEP("in", 1, "in $0x80, %%al");
	STEP("out", 1, "out %%al, $0x80");
	STEP("wbinvd", 1, "wbinvd");
	if (cpu_is_intel()) {
		STEP("vmcall", 1, "vmcall");
	} else {
		STEP("vmmcall", 1, "vmmcall");
	}
	STEP("mov cr8", 1, "mov %%rax, %%cr8");
	STEP("clts", 1, "clts");
	STEP("load from a device", 1, "mov (%%r8), %%eax");
	STEP("store to a device", 1, "movl $0, 0x60(%%r8)");
	/* Each iteration of a repeated instruction is a step: two before, five of them. */
	STEP("rep outsb", 8, "mov $0x80, %%edx; mov $0x100000, %%esi; mov $5, %%ecx; rep outsb");
}
