// SPDX-License-Identifier: Apache-2.0
/* Debug registers: kept across exits; breakpoints on execution, data and on what exits. */
#include "guest.h"

static volatile unsigned count;
static volatile u64 rip, dr6;
static u64 flags_or;

static void on_db(struct trap *t)
{
	count++;
	rip = t->rip;
	dr6 = read_dr6();
	write_dr6(0xffff0ff0);
	t->rflags |= flags_or;
}

static volatile u64 data;
extern const u8 at_cpuid[], at_nop[], at_io[];

static __attribute__((noinline)) void code(void)
{
	__asm__ volatile("xor %%eax, %%eax\n\t"
			 ".globl at_cpuid\nat_cpuid:\tcpuid\n\t"
			 ".globl at_nop\nat_nop:\tnop\n\t"
			 ".globl at_io\nat_io:\tout %%al, $0x80"
			 :
			 :
			 : "rax", "rbx", "rcx", "rdx", "memory");
}

static void check_code(const u8 *at)
{
	count = 0;
	flags_or = FLAG_RF;
	write_dr0((u64)at);
	write_dr7(0x402);
	code();
	write_dr7(0x400);
	if (count != 1 || rip != (u64)at || (dr6 & 0xf) != 1) {
		fail("breakpoint at %p: %u, at %lx, dr6 %lx", (const void *)at, count, rip, dr6);
	}
}

void guest_main(void)
{
	trap_set(VEC_DB, on_db);
	CHECK_EQ(read_dr6(), 0xffff0ff0);
	CHECK_EQ(read_dr7(), 0x400);
	write_dr0(0x1111111111111111);
	write_dr1(0x2222222222222222);
	write_dr2(0x3333333333333333);
	write_dr3(0x4444444444444444);
	for (unsigned i = 0; i < 20; i++) {
		vmexit();
	}
	CHECK_EQ(read_dr0(), 0x1111111111111111);
	CHECK_EQ(read_dr1(), 0x2222222222222222);
	CHECK_EQ(read_dr2(), 0x3333333333333333);
	CHECK_EQ(read_dr3(), 0x4444444444444444);
	CHECK_EQ(write_dr7_try(BIT(32)), VEC_GP);
	CHECK_EQ(write_dr6_try(BIT(63)), VEC_GP);

	check_code(at_nop);
	check_code(at_cpuid);
	check_code(at_io);

	/* Data written; behind the instruction. */
	count = 0;
	flags_or = 0;
	write_dr1((u64)&data);
	write_dr7(0x400 | 0xc | 1 << 20 | 2 << 22);
	data = 5;
	write_dr7(0x400);
	CHECK_EQ(count, 1);
	CHECK_EQ(dr6 & 0xf, 2);
}
