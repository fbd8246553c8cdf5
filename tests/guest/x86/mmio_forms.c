// SPDX-License-Identifier: Apache-2.0
/*
 * All the forms of instruction that may access a device register, with their flags. The register
 * is the LAPIC timer's initial count, all 32 bits of which can be read and written, masked.
 */
#include "guest.h"

#define REG (APIC_BASE + APIC_TMICT)

static u64 flags;

static u32 get(void)
{
	return mmio_read(REG);
}

/* Sets the register, runs the instruction with RDI at it; @out is RAX afterwards. */
#define DO(initial, rax, insn)                                                                \
	({                                                                                    \
		u64 a_ = (rax), d_ = REG, s_ = (u64)buffer, c_ = 2;                           \
		mmio_write(REG, (u32)(initial));                                              \
		__asm__ volatile("mov %%rdi, %%r13\n\tmov $0x10, %%r14d\n\tclc\n\t" insn      \
				 "\n\tpushfq\n\tpop %4"                                       \
				 : "+a"(a_), "+D"(d_), "+S"(s_), "+c"(c_), "=r"(flags)        \
				 :                                                            \
				 : "memory", "cc", "rbx", "rdx", "r12", "r13", "r14", "r15"); \
		a_;                                                                           \
	})

#define WRITES(initial, rax, insn, expected)                                             \
	do {                                                                             \
		(void)DO(initial, rax, insn);                                            \
		if (get() != (u32)(expected)) {                                          \
			fail(insn ": register %x, expected %x", get(), (u32)(expected)); \
		}                                                                        \
	} while (0)

#define READS(initial, rax, insn, expected)                                        \
	do {                                                                       \
		u64 r_ = DO(initial, rax, insn);                                   \
		if (r_ != (u64)(expected)) {                                       \
			fail(insn ": rax %lx, expected %lx", r_, (u64)(expected)); \
		}                                                                  \
		CHECK_EQ(get(), (u32)(initial));                                   \
	} while (0)

/* CF PF ZF SF OF of the last instruction. */
#define FLAGS(expected)                                                      \
	do {                                                                 \
		if ((flags & 0x8c5) != (expected)) {                         \
			fail("line %d: flags %lx", __LINE__, flags & 0x8c5); \
		}                                                            \
	} while (0)
#define CF 1
#define PF 4
#define ZF 0x40
#define SF 0x80
#define OF 0x800

static u32 buffer[4];

static void stores(void)
{
	WRITES(0, 0x11223344, "mov %%eax, (%%rdi)", 0x11223344);
	WRITES(0, 0, "movl $0x55667788, (%%rdi)", 0x55667788);
	WRITES(0, 0, "movl $-2, (%%rdi)", 0xfffffffe);
	WRITES(0, 0, "mov $0x1234, %%r12d; mov %%r12d, (%%r13)", 0x1234);
	WRITES(0, 5, "sub $0x40, %%rdi; mov %%eax, 0x40(%%rdi)", 5);
	WRITES(0, 6, "sub $0x1000, %%rdi; mov %%eax, 0x1000(%%rdi)", 6);
	WRITES(0, 7, "sub $0x80, %%rdi; mov %%eax, (%%rdi,%%r14,8)", 7);
	WRITES(0, 8, "sub $0x90, %%r13; mov %%eax, 0x10(%%r13,%%r14,8)", 8);
	WRITES(0, 9, "mov %%eax, (%%edi)", 9);
	WRITES(0, 10, "movabs %%eax, 0xfee00380", 10);
	WRITES(0, 11, "movnti %%eax, (%%rdi)", 11);
	WRITES(0, 12, "stosl", 12);
	WRITES(0, 0x0a0b0c0d, "push %%rax; movsl; pop %%rax", buffer[0]);
	WRITES(1, 0xffff0000, "mov %%ax, (%%rdi)", 1); /* narrower: ignored */
	WRITES(1, 0xff, "mov %%al, (%%rdi)", 1);
}

static void loads(void)
{
	READS(0x89abcdef, ~0ULL, "mov (%%rdi), %%eax", 0x89abcdef);
	READS(0x89abcdef, ~0ULL, "mov (%%rdi), %%ax", 0xffffffffffffcdef);
	READS(0x89abcdef, ~0ULL, "mov (%%rdi), %%al", 0xffffffffffffffef);
	READS(0x89abcdef, ~0ULL, "mov (%%rdi), %%ah", 0xffffffffffffefff);
	READS(0x89abcdef, ~0ULL, "movzbl (%%rdi), %%eax", 0xef);
	READS(0x89abcdef, ~0ULL, "movzbl 3(%%rdi), %%eax", 0x89);
	READS(0x89abcdef, ~0ULL, "movzwl 2(%%rdi), %%eax", 0x89ab);
	READS(0x89abcdef, 0, "movsbl (%%rdi), %%eax", 0xffffffef);
	READS(0x89abcdef, 0, "movsbq (%%rdi), %%rax", 0xffffffffffffffef);
	READS(0x89abcdef, 0, "movswl (%%rdi), %%eax", 0xffffcdef);
	READS(0x89abcdef, 0, "movslq (%%rdi), %%rax", 0xffffffff89abcdef);
	READS(0x89abcdef, 0, "movabs 0xfee00380, %%eax", 0x89abcdef);
	READS(0x89abcdef, 0, "mov (%%rdi), %%r12d; mov %%r12, %%rax", 0x89abcdef);
	READS(0x89abcdef, ~0ULL, "mov %%rdi, %%rsi; lodsl", 0x89abcdef);
	READS(0x89abcdef, 1,
	      "mov %%rdi, %%rsi; mov $buffer + 4, %%edi; movsl; mov -4(%%rdi), %%eax", 0x89abcdef);
	READS(0x89abcdef, 0x10, "and (%%rdi), %%eax", 0);
	READS(0x0f0f0f0f, 0xf0, "or (%%rdi), %%eax", 0x0f0f0fff);
	READS(3, 4, "add (%%rdi), %%eax", 7);
	READS(3, 4, "sub (%%rdi), %%eax", 1);
	READS(3, 5, "xor (%%rdi), %%eax", 6);
	READS(3, 5, "stc; adc (%%rdi), %%eax", 9);
	READS(3, 5, "stc; sbb (%%rdi), %%eax", 1);
	READS(3, 5, "cmp (%%rdi), %%eax", 5);
	FLAGS(0);
	READS(5, 3, "cmp (%%rdi), %%eax", 3);
	FLAGS(CF | SF);
	READS(5, 5, "cmp %%eax, (%%rdi)", 5);
	FLAGS(ZF | PF);
	READS(0x80000000, 0, "cmpl $1, (%%rdi)", 0);
	FLAGS(OF | PF);
	READS(0x80, 0, "testb $0x80, (%%rdi)", 0);
	FLAGS(SF);
	READS(0x80, 0x7f, "test %%eax, (%%rdi)", 0x7f);
	FLAGS(ZF | PF);
	READS(0x10, 0, "btl $4, (%%rdi)", 0);
	FLAGS(CF | (flags & ~(u64)CF & 0x8c5));
	READS(0x10, 5, "btl %%eax, (%%rdi)", 5);
	CHECK(!(flags & CF));
	READS(7, 7, "scasl", 7);
	FLAGS(ZF | PF);
	READS(7, 0, "mov $buffer, %%esi; movl $7, (%%rsi); cmpsl", 0);
	FLAGS(ZF | PF);
}

static void both(void)
{
	WRITES(3, 4, "add %%eax, (%%rdi)", 7);
	WRITES(0xffffffff, 0, "addl $1, (%%rdi)", 0);
	FLAGS(CF | ZF | PF);
	WRITES(0x7fffffff, 0, "incl (%%rdi)", 0x80000000);
	FLAGS(OF | SF | PF);
	WRITES(0, 0, "decl (%%rdi)", 0xffffffff);
	FLAGS(SF | PF);
	WRITES(1, 0, "negl (%%rdi)", 0xffffffff);
	FLAGS(CF | SF | PF);
	WRITES(1, 0, "notl (%%rdi)", 0xfffffffe);
	WRITES(0xff, 0x0f, "and %%eax, (%%rdi)", 0x0f);
	WRITES(0xf0, 0x0f, "lock or %%eax, (%%rdi)", 0xff);
	WRITES(0xf0, 0, "orl $0x1, (%%rdi)", 0xf1);
	WRITES(0xf0, 0xff, "xor %%eax, (%%rdi)", 0x0f);
	WRITES(10, 3, "sub %%eax, (%%rdi)", 7);
	WRITES(10, 3, "stc; sbb %%eax, (%%rdi)", 6);
	WRITES(10, 3, "stc; adc %%eax, (%%rdi)", 14);
	WRITES(0, 0, "lock btsl $31, (%%rdi)", 0x80000000);
	WRITES(0xff, 3, "btr %%eax, (%%rdi)", 0xf7);
	WRITES(0xff, 8, "btc %%eax, (%%rdi)", 0x1ff);
	CHECK_EQ(DO(0x1234, 0x5678, "xchg %%eax, (%%rdi)"), 0x1234);
	CHECK_EQ(get(), 0x5678);
	CHECK_EQ(DO(3, 4, "lock xadd %%eax, (%%rdi)"), 3);
	CHECK_EQ(get(), 7);
	CHECK_EQ(DO(3, 3, "mov $9, %%edx; lock cmpxchg %%edx, (%%rdi)"), 3);
	CHECK_EQ(get(), 9);
	CHECK(flags & ZF);
	CHECK_EQ(DO(3, 4, "mov $9, %%edx; lock cmpxchg %%edx, (%%rdi)"), 3);
	CHECK_EQ(get(), 3);
	CHECK(!(flags & ZF));
}

static void repeated(void)
{
	u64 count = 4, from = APIC_BASE + APIC_LVTT, to = (u64)buffer;

	/* LVT timer, and the three 32-bit words behind it that are no registers. */
	__asm__ volatile("rep movsl" : "+c"(count), "+S"(from), "+D"(to) : : "memory");
	CHECK_EQ(count, 0);
	CHECK_EQ(from, APIC_BASE + APIC_LVTT + 16);
	CHECK_EQ(to, (u64)(buffer + 4));
	CHECK_EQ(buffer[0], apic_read(APIC_LVTT));
	count = 0;
	__asm__ volatile("rep stosl" : "+c"(count), "+D"(from) : "a"(1) : "memory");
	CHECK_EQ(from, APIC_BASE + APIC_LVTT + 16);
	/* Downwards. */
	count = 2;
	from = REG;
	__asm__ volatile("std; rep stosl; cld" : "+c"(count), "+D"(from) : "a"(0x77) : "memory");
	CHECK_EQ(from, REG - 8);
	CHECK_EQ(get(), 0x77);
}

static void by_segment(void)
{
	u32 v;

	wrmsr(0xc0000101, APIC_BASE);
	mmio_write(REG, 0x4321);
	__asm__ volatile("mov %%gs:0x380, %0" : "=r"(v) : : "memory");
	CHECK_EQ(v, 0x4321);
	__asm__ volatile("movl $0x1111, %%gs:(%1)" : "=m"(v) : "r"(0x380ULL) : "memory");
	CHECK_EQ(get(), 0x1111);
	wrmsr(0xc0000101, 0);
}

/* RIP-relative, with an immediate behind the displacement: code written next to the device page. */
static void by_rip(void)
{
	static const u8 load[] = {0x8b, 0x05, 0x7a, 0xf3, 0xff, 0xff, 0xc3};
	static const u8 store[] = {0xc7, 0x05, 0x76, 0xf3, 0xff, 0xff, 0x57, 0x13, 0, 0, 0xc3};
	const u64 code = 0x3001000;
	u32 v;

	map(code - PAGE, APIC_BASE, PTE_P | PTE_W);
	mmio_write(REG, 0x2468);
	memcpy((u8 *)code, load, sizeof(load));
	__asm__ volatile("call *%1" : "=&a"(v) : "r"(code) : "memory");
	CHECK_EQ(v, 0x2468);
	memcpy((u8 *)code, store, sizeof(store));
	__asm__ volatile("call *%0" : : "r"(code) : "memory");
	CHECK_EQ(get(), 0x1357);
}

void guest_main(void)
{
	apic_init();
	apic_write(APIC_LVTT, APIC_MASKED);
	buffer[0] = 0x600d;
	stores();
	loads();
	both();
	repeated();
	by_segment();
	by_rip();
}
