// SPDX-License-Identifier: Apache-2.0
/*
 * L1 changes its nested tables and does just what the architecture asks for: another ASID, or
 * TLB_CONTROL for all or for this ASID, or nothing where a permission grows or a page appears; and
 * INVLPGA, TLB_CONTROL where L2 runs on L1's own page tables. Hundreds of times; two roots share a
 * table. APM volume 2, "TLB Control".
 */
#include "svm.h"

#define GPA   0x3400000ULL
#define PAGES 5
#define TURNS 300

static struct l2 l2;
static u64 *root[2], *pages[PAGES];
static u32 next_asid = 20;

static void look(void)
{
	(void)vmmcall(*(volatile u64 *)GPA);
}

static void change(void)
{
	*(volatile u64 *)(GPA + 8) += 1;
	(void)vmmcall(0);
}

static u64 seen(void)
{
	l2_start(&l2, look);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	l2.vmcb->tlb_control = 0;
	return l2.vmcb->rax;
}

static void use_root(unsigned i, u32 asid)
{
	l2.vmcb->ncr3 = (u64)root[i];
	l2.vmcb->asid = asid;
}

static u64 page_entry(unsigned i)
{
	return (u64)pages[i] | PTE_P | PTE_W | PTE_U;
}

/* The number of ASIDs may be as low as 16: after that many, all are flushed. */
static u32 fresh_asid(void)
{
	u32 asids = cpuid(0x8000000a, 0).ebx;

	if (++next_asid >= asids) {
		next_asid = 3;
		l2.vmcb->tlb_control = 1;
	}
	return next_asid;
}

static void check_changes(void)
{
	u64 *e = pte_below(root[0], GPA, 1);

	use_root(0, 1);
	for (unsigned i = 0; i < TURNS; i++) {
		unsigned page = i % PAGES;

		*e = page_entry(page);
		switch (i % 3) {
		case 0:
			l2.vmcb->asid = fresh_asid();
			break;
		case 1:
			l2.vmcb->tlb_control = 1;
			break;
		default: /* of this ASID, where there is that */
			l2.vmcb->tlb_control = cpuid(0x8000000a, 0).edx & BIT(6) ? 3 : 1;
		}
		CHECK_EQ(seen(), page);
		CHECK_EQ(seen(), page);
	}
}

/* A page that appears, and a permission that is given, need no flush. */
static void check_growth(void)
{
	u64 *e = pte_below(root[0], GPA, 1);

	for (unsigned i = 0; i < 50; i++) {
		u64 before = pages[i % PAGES][1];

		*e = 0;
		l2.vmcb->tlb_control = 1;
		l2_start(&l2, look);
		l2_expect(&l2, EXIT_NPF, 0);
		l2.vmcb->tlb_control = 0;
		*e = page_entry(i % PAGES) & ~PTE_W;
		CHECK_EQ(seen(), i % PAGES);
		l2_start(&l2, change);
		l2_expect(&l2, EXIT_NPF, 0);
		CHECK_EQ(l2.vmcb->info1, NPF_P | NPF_W | NPF_U | NPF_FINAL);
		*e |= PTE_W;
		l2_expect(&l2, EXIT_VMMCALL, 3);
		CHECK_EQ(pages[i % PAGES][1], before + 1);
	}
}

/*
 * A table under two roots: unlinked from both, one of them flushed, filled anew, linked there
 * again. The other root, flushed only then, must not see anything of old.
 */
static void check_shared(void)
{
	u64 *link[2], table;

	for (unsigned r = 0; r < 2; r++) {
		(void)pte_below(root[r], GPA, 1);
		link[r] = pte_below(root[r], GPA, 2);
	}
	table = *link[0];
	*link[1] = table;
	for (unsigned i = 0; i < 50; i++) {
		*pte_below(root[0], GPA, 1) = page_entry(i % PAGES);
		for (unsigned r = 0; r < 2; r++) {
			use_root(r, r + 1);
			l2.vmcb->tlb_control = 1;
			CHECK_EQ(seen(), i % PAGES);
		}
		*link[0] = *link[1] = 0;
		use_root(0, 1);
		l2.vmcb->tlb_control = 3;
		if (!(cpuid(0x8000000a, 0).edx & BIT(6))) {
			l2.vmcb->tlb_control = 1;
		}
		l2_start(&l2, look);
		l2_expect(&l2, EXIT_NPF, 0);
		*link[0] = table;
		*pte_below(root[0], GPA, 1) = page_entry((i + 1) % PAGES);
		l2.vmcb->tlb_control = 0;
		CHECK_EQ(seen(), (i + 1) % PAGES);
		use_root(1, 2);
		l2.vmcb->tlb_control = 1;
		l2_start(&l2, look);
		l2_expect(&l2, EXIT_NPF, 0);
		*link[1] = table;
		l2.vmcb->tlb_control = 0;
		CHECK_EQ(seen(), (i + 1) % PAGES);
	}
}

/* Without nested paging: L2's CR3 names tables that L1 edits. */
static void check_flat(void)
{
	u64 *e;

	map(GPA, (u64)pages[0], PTE_P | PTE_W);
	e = pte(GPA, 1);
	l2.vmcb->nested = 0;
	l2.vmcb->asid = 2;
	for (unsigned i = 0; i < TURNS; i++) {
		*e = (u64)pages[i % PAGES] | PTE_P | PTE_W;
		switch (i % 3) {
		case 0:
			invlpga(GPA, l2.vmcb->asid);
			break;
		case 1:
			l2.vmcb->tlb_control = 1;
			break;
		default:
			l2.vmcb->asid = fresh_asid();
		}
		CHECK_EQ(seen(), i % PAGES);
	}
	*e = GPA | PTE_P | PTE_W;
	invlpg(GPA);
}

void guest_main(void)
{
	svm_init();
	for (unsigned i = 0; i < PAGES; i++) {
		pages[i] = page_alloc();
		pages[i][0] = i;
	}
	l2_init(&l2, look);
	root[0] = npt_alloc();
	root[1] = npt_alloc();
	l2.vmcb->nested = 1;
	check_changes();
	check_growth();
	check_shared();
	check_flat();
}
