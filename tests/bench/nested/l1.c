// SPDX-License-Identifier: Apache-2.0
/*
 * A hypervisor as small as one can be, to count what nesting costs: the same L1 and L2 on whatever
 * nests them. Rows as of the bench guest, `bench: NAME MIN MEAN`; L1's own instructions are in
 * them. Built with the library of the tiny guests.
 */
#include "svm.h"

#define RUNS  500
#define PAGES 2048
#define FRESH 0x8000000ULL /* 128 MiB, memory that nobody has touched */

static struct l2 l2;
static u64 min, sum;

static inline u64 ticks(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (u64)hi << 32;
}

static void add(u64 took)
{
	min = took < min ? took : min;
	sum += took;
}

static void row(const char *name, u64 count)
{
	print("bench: %s %lu %lu\n", name, min, sum / count);
	min = ~0ull;
	sum = 0;
}

/* VMRUN to #VMEXIT and nothing else: only RAX and RBX are L2's. */
static inline void vmrun_bare(void)
{
	__asm__ volatile("vmrun %%rax"
			 :
			 : "a"(l2.vmcb_pa)
			 : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12",
			   "r13", "r14", "r15", "memory", "cc");
}

/* ---- L2 ---- */

static void l2_hypercalls(void)
{
	__asm__ volatile("1: vmmcall\n\tjmp 1b" : : : "memory");
}

/* Measures a CPUID itself, tells by VMMCALL. */
static void l2_cpuid(void)
{
	for (;;) {
		u64 before, after;
		u32 a = 0, b, c = 0, d;

		before = ticks();
		__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d) : : "memory");
		after = ticks();
		(void)vmmcall(after - before);
	}
}

static void l2_touch(void)
{
	for (u64 at = FRESH;; at += PAGE) {
		u64 before = ticks();

		*(volatile u8 *)at = 1;
		(void)vmmcall(ticks() - before);
	}
}

/* ---- L1 ---- */

/* With @tlb_control L1 has L2's TLB entries flushed each time: L2's code is found anew. */
static void exits(const char *name, u8 tlb_control)
{
	l2.vmcb->tlb_control = tlb_control;
	l2_start(&l2, l2_hypercalls);
	for (unsigned i = 0; i < RUNS; i++) {
		u64 before = ticks();

		vmrun_bare();
		add(ticks() - before);
		l2.vmcb->rip += 3;
	}
	l2.vmcb->tlb_control = 0;
	row(name, RUNS);
}

/* CPUID handled by L1; @whole: with what a hypervisor has around VMRUN. */
static void cpuid_by_l1(const char *name, bool whole)
{
	intercept(&l2, EXIT_CPUID, true);
	l2_start(&l2, l2_cpuid);
	for (unsigned i = 0; i < 2 * RUNS; i++) {
		if (whole) {
			(void)l2_run(&l2);
		} else {
			vmrun_bare();
		}
		if (l2.vmcb->exit_code == EXIT_CPUID) {
			l2.vmcb->rip += 2;
			l2.vmcb->rax = 0;
		} else {
			add(l2.vmcb->rax);
			l2.vmcb->rip += 3;
		}
	}
	row(name, RUNS);
	intercept(&l2, EXIT_CPUID, false);
}

static void cpuid_by_l0(void)
{
	l2_start(&l2, l2_cpuid);
	for (unsigned i = 0; i < RUNS; i++) {
		l2_expect(&l2, EXIT_VMMCALL, 3);
		add(l2.vmcb->rax);
	}
	row("l2-cpuid-l0", RUNS);
}

/* First touch of memory that L1's nested tables give: L0 alone fills its own. */
static void touch(const char *name, u64 *npt, bool by_l1)
{
	for (u64 i = 0; i < PAGES; i++) { /* L1's tables, 4 KiB, and the memory itself */
		u64 at = FRESH + i * PAGE;

		*pte_below(npt, at, 1) = by_l1 ? 0 : at | PTE_P | PTE_W | PTE_U;
		*(volatile u8 *)at = 0;
	}
	l2.vmcb->nested = 1;
	l2.vmcb->ncr3 = (u64)npt;
	l2.vmcb->tlb_control = 1;
	l2_start(&l2, l2_touch);
	for (unsigned i = 0; i < PAGES;) {
		u32 code = l2_run(&l2);

		l2.vmcb->tlb_control = 0;
		if (code == EXIT_NPF) {
			u64 at = l2.vmcb->info2 & ~0xfffull;

			*pte_below(npt, at, 1) = at | PTE_P | PTE_W | PTE_U;
			continue;
		}
		add(l2.vmcb->rax);
		l2.vmcb->rip += 3;
		i++;
	}
	row(name, PAGES);
}

#define INSTRUCTION(name, insn)                                        \
	for (unsigned i = 0; i < RUNS; i++) {                          \
		u64 before = ticks();                                  \
                                                                       \
		__asm__ volatile(insn : : "a"(l2.vmcb_pa) : "memory"); \
		add(ticks() - before);                                 \
	}                                                              \
	row(name, RUNS)

void guest_main(void)
{
	min = ~0ull;
	svm_init();
	print("bench: l1 %lu %lu\n", option("npt", 0), (u64)cpuid(0x8000000a, 0).edx);
	l2_init(&l2, l2_hypercalls);
	l2.vmcb->nested = 1;
	l2.vmcb->ncr3 = (u64)npt_alloc();
	exits("vmrun-vmmcall", 0);
	exits("vmrun-flush", 1);
	cpuid_by_l1("l2-cpuid-l1", false);
	cpuid_by_l1("l2-cpuid-l1-whole", true);
	cpuid_by_l0();
	INSTRUCTION("vmsave", "vmsave %%rax");
	INSTRUCTION("vmload", "vmload %%rax");
	INSTRUCTION("clgi", "clgi");
	INSTRUCTION("stgi", "stgi");
	touch("l2-page-l0", npt_alloc(), false);
	touch("l2-page-l1", npt_alloc(), true);
}
