// SPDX-License-Identifier: Apache-2.0
/*
 * Another vCPU changes what this one runs L2 with: "part=" 0 the nested tables, 1 the VMCB itself.
 * L2 sees a page that some entry named, or L1 a fault or VMEXIT_INVALID; nothing else.
 */
#include "svm.h"

#define GPA   0x3400000ULL
#define PAGES 4
#define TURNS 3000

static struct l2 l2;
static u64 *pages[PAGES], *volatile entry, *volatile middle;
static volatile u64 turns;
static volatile bool stop;

static void look(void)
{
	(void)vmmcall(*(volatile u64 *)GPA);
}

static void change_tables(void)
{
	u64 table = *middle, n = 0;

	while (!stop) {
		*entry = (u64)pages[n % PAGES] | PTE_P | PTE_W | PTE_U;
		*middle = n % 3 ? table : 0;
		*entry = n % 5 ? (u64)pages[n % PAGES] | PTE_P | PTE_U : 0;
		*middle = n % 7 ? table : table | BIT(51);
		*middle = table;
		turns = ++n;
	}
}

/* Words that are checked, and decide on what hardware does, flip between good and bad. */
static void change_vmcb(void)
{
	volatile struct vmcb *v = l2.vmcb;
	const struct vmcb good = {.iopm = v->iopm, .cr4 = v->cr4, .efer = v->efer, .cr0 = v->cr0};
	u64 n = 0;

	while (!stop) {
		v->cr4 = n & 1 ? good.cr4 : good.cr4 | BIT(63);
		v->efer = n & 2 ? good.efer : 0;
		v->asid = n & 4 ? 1 : 0;
		v->iopm = n & 8 ? good.iopm : ~0ull;
		v->cr0 = n & 16 ? good.cr0 : good.cr0 | BIT(40);
		v->event_inj = n & 32 ? 0 : EVENT_VALID | 5 << 8;
		v->intercept[4] = n & 64 ? 3 : 2;
		turns = ++n;
	}
}

void guest_main(void)
{
	u64 *npt, seen = 0, faults = 0, invalid = 0;

	svm_init();
	apic_init();
	l2_init(&l2, look);
	npt = npt_alloc();
	l2.vmcb->nested = 1;
	l2.vmcb->ncr3 = (u64)npt;
	for (unsigned i = 0; i < PAGES; i++) {
		pages[i] = page_alloc();
		pages[i][0] = 0x5000 + i;
	}
	entry = pte_below(npt, GPA, 1);
	middle = pte_below(npt, GPA, 2);
	*entry = (u64)pages[0] | PTE_P | PTE_W | PTE_U;
	ap_start(1, option("part", 0) ? change_vmcb : change_tables);
	WAIT_FOR(turns, 5000);
	for (unsigned i = 0; i < TURNS; i++) {
		u32 code;

		l2_start(&l2, look);
		l2.vmcb->tlb_control = 1;
		code = l2_run(&l2);
		seen += code == EXIT_VMMCALL;
		faults += code == EXIT_NPF;
		invalid += code == EXIT_INVALID;
		if (code == EXIT_VMMCALL) {
			CHECK(l2.vmcb->rax - 0x5000 < PAGES);
		} else if (code == EXIT_NPF) {
			CHECK_EQ(l2.vmcb->info2, GPA);
		} else {
			CHECK_EQ(code, EXIT_INVALID);
		}
	}
	stop = true;
	print("seen %lu faults %lu invalid %lu, %lu turns\n", seen, faults, invalid, turns);
}
