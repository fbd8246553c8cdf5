// SPDX-License-Identifier: Apache-2.0
/*
 * An L1 that means harm: nested tables that point at themselves, at devices, at nothing; maps at
 * the edge of memory and outside; a VMCB, VM_HSAVE_PA and tables in one page; VMRUN storms; random
 * VMCBs. "part=" says which. Nothing that L1 gets is wrong; it may die of it, Socle may not.
 */
#include "svm.h"

#define GPA    0x3400000ULL
#define STORM  3000
#define RANDOM 1500

static struct l2 l2;
static u64 *npt;

static void look(void)
{
	(void)vmmcall(*(volatile u64 *)GPA);
}
static void store(void)
{
	*(volatile u64 *)GPA = 0x4141414141414141;
	(void)vmmcall(0);
}
static void work(void)
{
	(void)cpuid(0, 0);
	outb(0x80, 0);
	(void)rdmsr(0x277);
	(void)vmmcall(0);
}

/* One run, whose end is the VMCB's own; never more than a few exits. */
static u32 try_run(void (*fn)(void))
{
	l2_start(&l2, fn);
	l2.vmcb->tlb_control = 1;
	return l2_run(&l2);
}

/* The table's own page as a table, at every level; then as the page that L2 writes to. */
static void part_self(void)
{
	for (unsigned level = 4; level >= 1; level--) {
		u64 *e, old;

		npt = npt_alloc();
		l2.vmcb->ncr3 = (u64)npt;
		e = pte_below(npt, GPA, level);
		old = *e;
		*e = ((u64)e & ~0xfffull) | PTE_P | PTE_W | PTE_U;
		(void)try_run(look);
		(void)try_run(store);
		for (unsigned i = 0; i < 512; i++) {
			((u64 *)((u64)e & ~0xfffull))[i] = *e;
		}
		(void)try_run(look);
		(void)try_run(store);
		(void)old;
	}
	/* nCR3 is the VMCB, L2's own root, and the host save area. */
	l2.vmcb->ncr3 = l2.vmcb_pa;
	(void)try_run(look);
	l2.vmcb->ncr3 = l2.vmcb->cr3 & ~0xfffull;
	(void)try_run(look);
	l2.vmcb->ncr3 = rdmsr(MSR_VM_HSAVE_PA);
	(void)try_run(look);
}

/* Leaves and tables at the local APIC, the I/O APIC, the first MiB, beyond memory, beyond all. */
static void part_places(void)
{
	static const u64 places[] = {0xfee00000,      0xfec00000,  0xa0000,
				     0xffff0000,      0x100000000, 0x7fffffffff000,
				     0xffffffffff000, 0xfffff000,  0};
	u64 end = memory_end();

	for (unsigned i = 0; i <= sizeof(places) / sizeof(places[0]); i++) {
		u64 at = i ? places[i - 1] : end;

		for (unsigned level = 4; level >= 1; level--) {
			npt = npt_alloc();
			l2.vmcb->ncr3 = (u64)npt;
			*pte_below(npt, GPA, level) = at | PTE_P | PTE_W | PTE_U;
			(void)try_run(look);
			(void)try_run(store);
		}
		l2.vmcb->ncr3 = at;
		(void)try_run(look);
	}
}

static void part_maps(void)
{
	u64 end = memory_end() ? memory_end() : 64 << 20, width = cpuid(0x80000008, 0).eax & 0xff;
	const u64 places[] = {end - PAGE,
			      end - 2 * PAGE,
			      end,
			      end - 3 * PAGE,
			      0xfee00000,
			      0xfec00000,
			      0xffffe000,
			      BIT(width) - 3 * PAGE,
			      BIT(width - 1),
			      0};

	intercept(&l2, EXIT_IOIO, true);
	intercept(&l2, EXIT_MSR, true);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		l2.vmcb->iopm = l2.vmcb->msrpm = places[i];
		(void)try_run(work);
		l2.vmcb->iopm = l2.vmcb_pa;
		(void)try_run(work);
	}
}

/* VMCBs where no memory is, or where L1's other things are. */
static void part_vmcbs(void)
{
	static const u64 places[] = {0xfee00000, 0xfec00000, 0xa0000, 0x100000000, 0x7ffffff000};
	u64 pa = l2.vmcb_pa;

	wrmsr(MSR_VM_HSAVE_PA, pa);
	(void)try_run(work);
	l2_start(&l2, work);
	for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		__asm__ volatile(TRY("vmload %0") : : "a"(places[i]) : "memory");
		__asm__ volatile(TRY("vmsave %0") : : "a"(places[i]) : "memory");
		l2.vmcb_pa = pa;
		__asm__ volatile(TRY("clgi\n\tvmrun %%rax")
				 :
				 : "a"(places[i])
				 : "memory", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10",
				   "r11", "r12", "r13", "r14", "r15");
		stgi();
	}
}

static void part_storm(void)
{
	for (unsigned i = 0; i < STORM; i++) {
		l2.vmcb->asid = (u32)(random64() >> 40) | 1;
		l2.vmcb->tlb_control = (u8)random64();
		l2_start(&l2, i & 1 ? work : look);
		l2.vmcb->ncr3 = i % 16 ? (u64)npt : random64();
		(void)l2_run(&l2);
	}
}

/*
 * A good VMCB with a few words of chance in it. What L2 does then is anything; an interrupt, or at
 * worst Socle's own limit, gets it out again.
 */
static void spoil(struct vmcb *v)
{
	static const u16 spots[] = {0x90,  0xb0,  0x00,  0x08,  0x10,  0x40,  0x48,  0x50,  0x58,
				    0x60,  0x68,  0x88,  0xa8,  0xb8,  0xc0,  0x400, 0x410, 0x418,
				    0x420, 0x428, 0x460, 0x480, 0x4c8, 0x4d0, 0x548, 0x550, 0x558,
				    0x560, 0x568, 0x570, 0x578, 0x5d8, 0x5f8, 0x600, 0x640, 0x668};
	const unsigned count = sizeof(spots) / sizeof(spots[0]);
	unsigned first = option("wild", 0) ? 0 : 2; /* NP_ENABLE and nCR3: only then */
	unsigned n = 1 + (unsigned)(random64() % 3);

	while (n--) {
		u16 at = spots[first + random64() % (count - first)];
		u64 *word = (u64 *)(void *)((char *)v + at);

		switch (random64() % 4) {
		case 0:
			*word ^= BIT(random64() % 64);
			break;
		case 1:
			*word = random64();
			break;
		case 2:
			*word = 0;
			break;
		default:
			*word ^= BIT(random64() % 64) | BIT(random64() % 64);
		}
	}
}

static void on_tick(struct trap *t)
{
	(void)t;
	apic_eoi();
}

static void part_random(void)
{
	static struct vmcb good;
	u64 codes[4] = {0};

	for (u64 at = 64 << 20; !option("wild", 0) && at < 4ull << 30; at += 2 << 20) {
		*pte_below(npt, at, 2) = 0; /* what is no memory is L1's to hear of */
	}
	apic_init();
	trap_set(0x71, on_tick);
	l2.host_if = 1;
	l2.vmcb->idtr.limit = 0; /* what L2 delivers ends it: its handlers are L1's */
	l2.vmcb->vintr = VINTR_MASKING;
	intercept(&l2, EXIT_INTR, true);
	for (u32 code = EXIT_EXCP; code < EXIT_EXCP + 32; code++) {
		intercept(&l2, code, code != EXIT_EXCP + VEC_NMI);
	}
	intercept(&l2, EXIT_HLT, true);
	good = *l2.vmcb;
	for (unsigned i = 0; i < RANDOM; i++) {
		u32 code;

		*l2.vmcb = good;
		l2_start(&l2, random64() & 1 ? work : look);
		spoil(l2.vmcb);
		l2.vmcb->intercept[3] |= 1; /* else L2 may keep the CPU: that is no crime */
		l2.vmcb->vintr |= VINTR_MASKING;
		apic_write(APIC_LVTT, 0x71);
		apic_write(APIC_TMICT, 300000);
		code = l2_run(&l2);
		codes[code == EXIT_INVALID   ? 0
		      : code == EXIT_VMMCALL ? 1
		      : code == EXIT_NPF     ? 2
					     : 3]++;
	}
	print("invalid %lu vmmcall %lu npf %lu others %lu\n", codes[0], codes[1], codes[2],
	      codes[3]);
}

void guest_main(void)
{
	static void (*const parts[])(void) = {part_self,  part_places, part_maps,
					      part_vmcbs, part_storm,  part_random};

	svm_init();
	l2_init(&l2, look);
	npt = npt_alloc();
	l2.vmcb->nested = 1;
	l2.vmcb->ncr3 = (u64)npt;
	parts[option("part", 0)]();
}
