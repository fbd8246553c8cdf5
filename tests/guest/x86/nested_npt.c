// SPDX-License-Identifier: Apache-2.0
/*
 * Nested page faults: EXITINFO1 and EXITINFO2 to the bit, for each kind of fault, at each size of
 * page, on the last access and on a walk of L2's tables; and that what is mapped translates.
 * APM volume 2, "Nested versus Guest Page Faults, Fault Ordering".
 */
#include "svm.h"

#define GPA  0x3400000ULL /* of nothing else, in the 2 MiB that are split here */
#define SELF 0x3600000ULL

static struct l2 l2;
static u64 *npt, *target, *other;

static void read_it(void)
{
	(void)vmmcall(*(volatile u64 *)(GPA + 0x128));
}
static void write_it(void)
{
	*(volatile u64 *)(GPA + 0x130) = 77;
	(void)vmmcall(0);
}
static void run_it(void)
{
	__asm__ volatile("call *%0" : : "r"(GPA + 0x200) : "memory", "rax");
}

static u64 *entry(u64 gpa, unsigned level)
{
	return pte_below(npt, gpa, level);
}

static void flush(void)
{
	l2.vmcb->tlb_control = 1;
}

static void faults(void (*fn)(void), u64 gpa, u64 info1)
{
	flush();
	l2_start(&l2, fn);
	l2_expect(&l2, EXIT_NPF, 0);
	if (l2.vmcb->info1 != info1 || l2.vmcb->info2 != gpa) {
		fail("NPF %lx %lx, expected %lx %lx", l2.vmcb->info1, l2.vmcb->info2, info1, gpa);
	}
}

static void goes(void (*fn)(void), u64 rax)
{
	flush();
	l2_start(&l2, fn);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(l2.vmcb->rax, rax);
}

/* One entry of each level: what it says is what L2 gets. */
static void check_entry(unsigned level)
{
	u64 *e = entry(GPA, level), good = *e, rsvd = NPF_U | NPF_RSV | NPF_FINAL;

	if (!option("emulated", 0)) { /* QEMU leaves it out */
		rsvd |= NPF_P;
	}

	*e = good & ~PTE_P;
	faults(read_it, GPA + 0x128, NPF_U | NPF_FINAL);
	faults(write_it, GPA + 0x130, NPF_U | NPF_W | NPF_FINAL);
	faults(run_it, GPA + 0x200, NPF_U | NPF_X | NPF_FINAL);
	*e = good & ~PTE_W;
	goes(read_it, 0x1000);
	faults(write_it, GPA + 0x130, NPF_P | NPF_U | NPF_W | NPF_FINAL);
	*e = good & ~PTE_U; /* every nested access is a user's */
	faults(read_it, GPA + 0x128, NPF_P | NPF_U | NPF_FINAL);
	*e = good | PTE_NX;
	goes(read_it, 0x1000);
	faults(run_it, GPA + 0x200, NPF_P | NPF_U | NPF_X | NPF_FINAL);
	*e = good | BIT(51); /* beyond the width */
	faults(read_it, GPA + 0x128, rsvd);
	*e = good;
	goes(read_it, 0x1000);
}

/* The same page through 4 KiB, 2 MiB and 1 GiB. */
static void check_sizes(void)
{
	u64 *e = entry(GPA, 1);

	*e = (u64)target | PTE_P | PTE_W | PTE_U;
	target[0x128 / 8] = 0x1000;
	*(u8 *)((u64)target + 0x200) = 0xc3;
	goes(read_it, 0x1000);
	goes(write_it, 0);
	CHECK_EQ(target[0x130 / 8], 77);
	goes(run_it, l2.vmcb->rax);
	check_entry(1);
	check_entry(2);
	*e = (u64)other | PTE_P | PTE_W | PTE_U;
	other[0x128 / 8] = 0x2000;
	goes(read_it, 0x2000);
	*e = (u64)target | PTE_P | PTE_W | PTE_U;
}

static void read_far(void)
{
	(void)vmmcall(*(volatile u64 *)(SELF + 0x40));
}

/* A large page of each size to an address that is not its own. */
static void check_large(void)
{
	u64 *e2 = entry(SELF, 2), *e3, old = *e2, to = (u64)target & ~0x1fffffULL;

	*(volatile u64 *)(to + 0x40); /* whatever is there */
	*e2 = to | PTE_P | PTE_W | PTE_U | PTE_PS;
	goes(read_far, *(volatile u64 *)(to + 0x40));
	*e2 = old;
	e3 = entry(0, 3);
	old = *e3;
	*e3 = 0 | PTE_P | PTE_W | PTE_U | PTE_PS; /* 1 GiB, one to one */
	*(volatile u64 *)(SELF + 0x40) = 0x77;
	goes(read_far, 0x77);
	*e3 = old;
}

/* L2's own tables are in a page that the nested tables do not give: a write, on a walk. */
static void check_walk(void)
{
	u64 root = l2.vmcb->cr3 & ~0xfffull, *e = entry(root, 1), good = *e;
	u64 at = root + (GPA >> 39 & 511) * 8;

	*e = good & ~PTE_P;
	flush();
	l2_start(&l2, read_it);
	l2_expect(&l2, EXIT_NPF, 0);
	CHECK_EQ(l2.vmcb->info1, NPF_U | NPF_W | NPF_WALK);
	CHECK_EQ(l2.vmcb->info2 & ~0xfffull, at & ~0xfffull);
	*e = good & ~PTE_W;
	l2_start(&l2, read_it);
	flush();
	l2_expect(&l2, EXIT_NPF, 0);
	CHECK_EQ(l2.vmcb->info1, NPF_P | NPF_U | NPF_W | NPF_WALK);
	*e = good;
	goes(read_it, 0x1000);
}

/* Accessed and dirty bits of the nested tables are set as L2 reads and writes. */
static void check_accessed(void)
{
	u64 *e = entry(GPA, 1);

	*e &= ~(PTE_A | PTE_D);
	goes(read_it, 0x1000);
	CHECK(*e & PTE_A);
	goes(write_it, 0);
	CHECK(*e & PTE_D);
	CHECK_EQ(*e & ~(PTE_A | PTE_D), (u64)target | PTE_P | PTE_W | PTE_U);
}

/* L2's own fault comes first, and is L2's. */
static void check_order(void)
{
	u64 *own = pte(GPA, 1), good = *own, *e = entry(GPA, 1);

	*e &= ~PTE_P;
	*own = 0;
	flush();
	intercept(&l2, EXIT_EXCP + VEC_PF, true);
	l2_start(&l2, read_it);
	l2_expect(&l2, EXIT_EXCP + VEC_PF, 0);
	CHECK_EQ(l2.vmcb->info2, GPA + 0x128);
	intercept(&l2, EXIT_EXCP + VEC_PF, false);
	*own = good;
	*e |= PTE_P;
	goes(read_it, 0x1000);
}

void guest_main(void)
{
	svm_init();
	target = page_alloc();
	other = page_alloc();
	l2_init(&l2, read_it);
	npt = npt_alloc();
	l2.vmcb->nested = 1;
	l2.vmcb->ncr3 = (u64)npt;
	check_sizes();
	check_large();
	check_walk();
	check_accessed();
	check_order();
}
