// SPDX-License-Identifier: Apache-2.0
/* General registers, flags, segment bases and system MSRs survive exits of every kind. */
#include "guest.h"

static const struct {
	u32 msr;
	u64 v;
} msrs[] = {
	{0x174, 0x1234},
	{0x175, 0xffff800000001111},
	{0x176, 0xffff800000002222},
	{0xc0000081, 0x0023000811112222},
	{0xc0000082, 0xffff800000003333},
	{0xc0000083, 0xffff800000004444},
	{0xc0000084, 0x47701},
	{0xc0000100, 0x00007f0000005555},
	{0xc0000101, 0xffff800000006666},
	{0xc0000102, 0xffff800000007777},
};
#define MSRS (sizeof(msrs) / sizeof(msrs[0]))

static volatile unsigned count;

static void on_interrupt(struct trap *t)
{
	(void)t;
	count++;
	apic_eoi();
}

extern u64 regs_before[16], regs_after[16];
u64 regs_before[16], regs_after[16];

/* All registers but those the instruction changes keep a pattern; flags too. */
#define KEEP(name, setup, insn, changed)                                                          \
	do {                                                                                      \
		__asm__ volatile("push %%rbx\n\tpush %%rbp\n\t"                                   \
				 "mov $0x1111111122222222, %%rbx\n\tmov $0x3333, %%ebp\n\t"       \
				 "mov $0x4444444455555555, %%rsi\n\tmov $0x6666, %%edi\n\t"       \
				 "mov $0x7777777788888888, %%r9\n\tmov $0x9999, %%r10d\n\t"       \
				 "mov $0xaaaaaaaabbbbbbbb, %%r11\n\tmov $0xcccc, %%r12d\n\t"      \
				 "mov $0xddddddddeeeeeeee, %%r13\n\tmov $0xffff, %%r14d\n\t"      \
				 "mov $0x123456789abcdef0, %%r15\n\tmov $0x80, %%edx\n\t"         \
				 "mov $0x277, %%ecx\n\txor %%eax, %%eax\n\t" setup                \
				 "\n\t" SAVE(regs_before) "stc\n\t" insn "\n\t" SAVE(             \
					 regs_after) "pushfq\n\tpop regs_after + 120\n\t"         \
						     "pop %%rbp\n\tpop %%rbx"                     \
				 :                                                                \
				 :                                                                \
				 : "memory", "cc", "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", \
				   "r10", "r11", "r12", "r13", "r14", "r15");                     \
		check(name, changed);                                                             \
	} while (0)

#define SAVE(where)                                                     \
	"mov %%rax, " #where "\n\tmov %%rcx, " #where " + 8\n\t"        \
	"mov %%rdx, " #where " + 16\n\tmov %%rbx, " #where " + 24\n\t"  \
	"mov %%rbp, " #where " + 32\n\tmov %%rsi, " #where " + 40\n\t"  \
	"mov %%rdi, " #where " + 48\n\tmov %%r8, " #where " + 56\n\t"   \
	"mov %%r9, " #where " + 64\n\tmov %%r10, " #where " + 72\n\t"   \
	"mov %%r11, " #where " + 80\n\tmov %%r12, " #where " + 88\n\t"  \
	"mov %%r13, " #where " + 96\n\tmov %%r14, " #where " + 104\n\t" \
	"mov %%r15, " #where " + 112\n\t"

#define RAX 1u
#define RCX 2u
#define RDX 4u
#define RBX 8u

static void check(const char *name, unsigned changed)
{
	for (unsigned i = 0; i < 15; i++) {
		if (!(changed >> i & 1) && regs_before[i] != regs_after[i]) {
			fail("%s: register %u is %lx, was %lx", name, i, regs_after[i],
			     regs_before[i]);
		}
	}
	if (!(regs_after[15] & FLAG_CF)) {
		fail("%s: flags %lx", name, regs_after[15]);
	}
}

static void check_msrs(void)
{
	for (unsigned i = 0; i < MSRS; i++) {
		CHECK_EQ(rdmsr(msrs[i].msr), msrs[i].v);
	}
}

/* A compare, CMPXCHG16B where @with, and then the flags. POPF first: QEMU's are of another kind
 * behind it. */
static u64 flags_of_compare(bool with)
{
	static u64 pair[2] __attribute__((aligned(16)));
	u64 flags, a = 0, d = 0;

	__asm__ volatile(
		"test %[with], %[with]\n\tjz 1f\n\tpushfq\n\tpopfq\n\tcmp %[large], %[small]\n\t"
		"lock cmpxchg16b %[pair]\n\tpushfq\n\tjmp 2f\n"
		"1:\tcmp %[large], %[small]\n\tpushfq\n2:\tpop %[flags]"
		: [flags] "=r"(flags), "+a"(a), "+d"(d), [pair] "+m"(pair)
		: "b"(0ull), "c"(0ull), [large] "r"(0xffff89910186d820), [small] "r"(1ull),
		  [with] "r"((u64)with)
		: "cc");
	return flags;
}

void guest_main(void)
{
	apic_init();
	trap_set(0x51, on_interrupt);
	for (unsigned i = 0; i < MSRS; i++) {
		wrmsr(msrs[i].msr, msrs[i].v);
	}
	KEEP("cpuid", "", "cpuid", RAX | RBX | RCX | RDX);
	KEEP("rdmsr", "", "rdmsr", RAX | RDX);
	KEEP("wrmsr", "rdmsr", "wrmsr", 0);
	KEEP("in", "", "in %%dx, %%al", RAX);
	KEEP("out", "", "out %%al, %%dx", 0);
	if (cpu_is_intel()) {
		KEEP("vmcall", "", "vmcall", RAX);
	} else {
		KEEP("vmmcall", "", "vmmcall", RAX);
	}
	KEEP("wbinvd", "", "wbinvd", 0);
	KEEP("mov cr8", "", "mov %%rax, %%cr8", 0);
	KEEP("mov cr0", "mov %%cr0, %%rax", "mov %%rax, %%cr0", 0);
	KEEP("mov cr3", "mov %%cr3, %%rax", "mov %%rax, %%cr3", 0);
	KEEP("mov cr4", "mov %%cr4, %%rax", "mov %%rax, %%cr4", 0);
	KEEP("clts", "", "clts", 0);
	KEEP("device load", "mov $0xfee00020, %%r8d", "mov (%%r8), %%ecx", RCX);
	KEEP("device store", "mov $0xfee00380, %%r8d", "mov %%ecx, (%%r8)", 0);
	KEEP("fresh memory", "mov $0x2800000, %%r8d", "mov %%ecx, (%%r8)", 0);
	KEEP("interrupt", "mov $0xfee00300, %%r8d; mov $0x40051, %%eax",
	     "mov %%eax, (%%r8); sti; nop; nop; cli", 0);
	CHECK_EQ(count, 1);
	KEEP("hlt", "mov $0xfee00300, %%r8d; mov $0x40051, %%eax",
	     "mov %%eax, (%%r8); sti; hlt; cli", 0);
	CHECK_EQ(count, 2);
	check_msrs();
	if (cpuid(1, 0).ecx & BIT(13)) {
		CHECK_EQ(flags_of_compare(true), flags_of_compare(false) | FLAG_ZF);
	}
	/* SWAPGS exchanges the two without an exit. */
	__asm__ volatile("swapgs");
	vmexit();
	CHECK_EQ(rdmsr(0xc0000101), msrs[9].v);
	CHECK_EQ(rdmsr(0xc0000102), msrs[8].v);
	__asm__ volatile("swapgs");
	check_msrs();
}
