// SPDX-License-Identifier: Apache-2.0
/*
 * Nested tables are in the format of the mode that L1 executes VMRUN in: "mode=" 2 32-bit paging,
 * 3 PAE, 5 five levels. L2 is in 64-bit mode all the time. APM volume 2, "Enabling Nested Paging".
 */
#include "svm.h"

#define GPA  0x3400000u
#define PAE  3
#define LA57 5

extern u32 mode_root, mode_fn, svm32_vmcb;
extern const char svm32[], svm57[];
void mode_run(u32 mode);

static struct l2 l2;
static u32 mode;
static u64 *pages[2];
static u64 *entry64; /* of GPA, 4 KiB */
static u32 *entry32;

static void look(void)
{
	(void)vmmcall(*(volatile u64 *)(u64)GPA);
}
static void store(void)
{
	*(volatile u64 *)(u64)(GPA + 8) = 99;
	(void)vmmcall(0);
}

static u32 *tables_32(bool small)
{
	u32 *pd = page_alloc();

	for (u32 i = 0; i < 1024; i++) {
		pd[i] = i << 22 | 0x87;
	}
	if (small) {
		u32 *pt = page_alloc();

		for (u32 i = 0; i < 1024; i++) {
			pt[i] = (GPA & ~0x3fffffu) + (i << 12) + 7;
		}
		pd[GPA >> 22] = (u32)(u64)pt | 7;
		entry32 = &pt[GPA >> 12 & 1023];
	}
	return pd;
}

/* The directories of a 4-level table, which PAE and 5 levels have, too. */
static u64 *tables_64(void)
{
	u64 *pml4 = npt_alloc(), *root = page_alloc();

	entry64 = pte_below(pml4, GPA, 1);
	if (mode == PAE) {
		const u64 *pdpt = (u64 *)(pml4[0] & ~0xfffull);

		for (unsigned i = 0; i < 4; i++) {
			root[i] = (pdpt[i] & ~0xfffull) | PTE_P; /* W and U are reserved */
		}
	} else {
		root[0] = (u64)pml4 | PTE_P | PTE_W | PTE_U;
	}
	return root;
}

static void set(u64 val)
{
	if (entry32) {
		*entry32 = (u32)val;
	} else {
		*entry64 = val;
	}
	l2.vmcb->tlb_control = 1;
}

static void expect(void (*fn)(void), u32 code)
{
	l2_start(&l2, fn);
	mode_run(mode == LA57 ? 1 : mode);
	if ((u32)l2.vmcb->exit_code != code) {
		fail("exit %lx, expected %x: info %lx %lx rip %lx", l2.vmcb->exit_code, code,
		     l2.vmcb->info1, l2.vmcb->info2, l2.vmcb->rip);
	}
}

static void expect_npf(void (*fn)(void), u64 gpa, u64 info1)
{
	expect(fn, EXIT_NPF);
	CHECK_EQ(l2.vmcb->info1, info1);
	CHECK_EQ(l2.vmcb->info2, gpa);
}

void guest_main(void)
{
	mode = (u32)option("mode", 2);
	svm_init();
	l2_init(&l2, look);
	l2.vmcb->nested = 1;
	if (mode == 2) {
		mode_root = (u32)(u64)tables_32(false);
		l2.vmcb->ncr3 = (u64)tables_32(true);
	} else {
		mode_root = (u32)(u64)tables_64();
		l2.vmcb->ncr3 = (u64)tables_64();
	}
	mode_fn = (u32)(u64)(mode == LA57 ? svm57 : svm32);
	svm32_vmcb = (u32)l2.vmcb_pa;
	for (unsigned i = 0; i < 2; i++) {
		pages[i] = page_alloc();
		pages[i][0] = 0x1000 + i;
	}
	for (unsigned i = 0; i < 6; i++) {
		set((u64)pages[i % 2] | PTE_P | PTE_W | PTE_U);
		expect(look, EXIT_VMMCALL);
		CHECK_EQ(l2.vmcb->rax, 0x1000 + i % 2);
		expect(store, EXIT_VMMCALL);
		CHECK_EQ(pages[i % 2][1], 99);
		set((u64)pages[0] | PTE_P | PTE_U);
		expect_npf(store, GPA + 8, NPF_P | NPF_W | NPF_U | NPF_FINAL);
		set((u64)pages[0] | PTE_P | PTE_W);
		expect_npf(look, GPA, NPF_P | NPF_U | NPF_FINAL);
		set(0);
		expect_npf(look, GPA, NPF_U | NPF_FINAL);
	}
}
