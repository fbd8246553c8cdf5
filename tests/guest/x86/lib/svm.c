// SPDX-License-Identifier: Apache-2.0
/* A small hypervisor: see svm.h. */
#include "svm.h"

#define STACK_PAGES 4

void svm_enter(struct l2 *l2);
extern const char l2_return[];
_Static_assert(offsetof(struct l2, host_vmcb) == 136 && offsetof(struct l2, keep_gif) == 145,
	       "svm.S");

static struct vmcb *host_vmcb;

void svm_init(void)
{
	CHECK(cpuid(0x80000001, 0).ecx & BIT(2));
	CHECK(cpuid(0x8000000a, 0).edx & BIT(0));
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SVME | EFER_NXE);
	wrmsr(MSR_VM_HSAVE_PA, (u64)page_alloc());
	host_vmcb = page_alloc();
	vmsave(host_vmcb);
}

u8 *map_alloc(unsigned pages, u8 fill)
{
	u8 *first = page_alloc();

	for (unsigned i = 1; i < pages; i++) {
		CHECK_EQ(page_alloc(), first + i * PAGE);
	}
	return memset(first, fill, pages * PAGE);
}

u64 *npt_alloc(void)
{
	u64 *root = page_alloc(), *pdpt = page_alloc();

	root[0] = (u64)pdpt | PTE_P | PTE_W | PTE_U;
	for (u64 i = 0; i < 4; i++) {
		u64 *pd = page_alloc();

		pdpt[i] = (u64)pd | PTE_P | PTE_W | PTE_U;
		for (u64 k = 0; k < 512; k++) {
			pd[k] = i << 30 | k << 21 | PTE_P | PTE_W | PTE_U | PTE_PS;
		}
	}
	return root;
}

void l2_start(struct l2 *l2, void (*fn)(void))
{
	u64 *top = (u64 *)(l2->gpr[4] - 8);

	*top = (u64)l2_return;
	l2->vmcb->rip = (u64)fn;
	l2->vmcb->rsp = (u64)top;
	l2->vmcb->rflags = 2;
}

static void set_tables(struct vmcb *v)
{
	struct {
		u16 limit;
		u64 base;
	} __attribute__((packed)) table;

	__asm__ volatile("sgdt %0" : "=m"(table));
	v->gdtr.limit = table.limit;
	v->gdtr.base = table.base;
	__asm__ volatile("sidt %0" : "=m"(table));
	v->idtr.limit = table.limit;
	v->idtr.base = table.base;
}

void l2_init(struct l2 *l2, void (*fn)(void))
{
	static u32 asid;
	struct vmcb *v = page_alloc();

	memset(l2, 0, sizeof(*l2));
	l2->vmcb = v;
	l2->vmcb_pa = (u64)v;
	l2->host_vmcb = (u64)host_vmcb;
	l2->gpr[4] = (u64)map_alloc(STACK_PAGES, 0) + STACK_PAGES * PAGE;
	intercept(l2, EXIT_VMRUN, true);
	intercept(l2, EXIT_VMMCALL, true);
	intercept(l2, EXIT_SHUTDOWN, true);
	vmsave(v);
	v->asid = ++asid % 15 + 1;
	set_tables(v);
	v->cs = (struct vmcb_seg){SEL_CODE64, 0xa9b, ~0u, 0};
	v->ss = v->ds = v->es = (struct vmcb_seg){SEL_DATA, 0xc93, ~0u, 0};
	v->efer = rdmsr(MSR_EFER);
	v->cr0 = read_cr0();
	v->cr3 = read_cr3();
	v->cr4 = read_cr4();
	v->dr6 = 0xffff0ff0;
	v->dr7 = 0x400;
	v->g_pat = 0x0007040600070406;
	if (option("npt", 0)) {
		v->nested = 1;
		v->ncr3 = (u64)npt_alloc();
	}
	l2_start(l2, fn);
}

u32 l2_run(struct l2 *l2)
{
	svm_enter(l2);
	return (u32)l2->vmcb->exit_code;
}

void l2_expect_line(struct l2 *l2, u32 code, unsigned insn_len, int line)
{
	const struct vmcb *v = l2->vmcb;
	u32 got = l2_run(l2);

	if (got != code) {
		fail("line %d: exit %x, expected %x; info %lx %lx rip %lx int_info %lx", line, got,
		     code, v->info1, v->info2, v->rip, v->int_info);
	}
	l2->vmcb->rip += insn_len;
}
