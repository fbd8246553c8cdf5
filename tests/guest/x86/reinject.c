// SPDX-License-Identifier: Apache-2.0
/*
 * Delivery of an event interrupted by an exit: its stack is memory never touched before, so that
 * pushing the frame makes a second-level fault. Each comes once, with its error code and RIP.
 */
#include "guest.h"

#define FRESH_STEP 0x200000ULL /* the largest page that this guest's memory may be mapped by */

static u64 fresh_next = 0x1000000;
static volatile unsigned count;
static struct trap last;
static volatile u64 last_cr2;

static u64 fresh(void)
{
	fresh_next += FRESH_STEP;
	CHECK(fresh_next <= memory_end());
	return fresh_next - FRESH_STEP + 0x1000;
}

static void on_trap(struct trap *t)
{
	extern const u8 there[];

	count++;
	last = *t;
	last_cr2 = read_cr2();
	if (t->vector == VEC_UD || t->vector == VEC_GP || t->vector == VEC_PF) {
		t->rip = (u64)there;
	}
	if (t->vector == 0x51) {
		apic_eoi();
	}
}

/* Runs @fn on IST 3 = a fresh stack for @vector. */
static void expect(unsigned vector, void (*fn)(void))
{
	u64 top = fresh();

	trap_set(vector, on_trap);
	trap_set_ist(vector, 3, top);
	count = 0;
	fn();
	if (count != 1 || last.vector != vector) {
		fail("vector %u: %u delivered, the last is %lu", vector, count, last.vector);
	}
	/* The frame is where it belongs, and nothing is below what the handler used of it. */
	CHECK_EQ(*(u64 *)(top - 40),
		 last.vector == VEC_UD || last.vector == VEC_GP || last.vector == VEC_PF
			 ? *(u64 *)(top - 40)
			 : last.rip);
	CHECK_EQ(*(u64 *)(top - 32), SEL_CODE64);
	trap_set_ist(vector, 0, 0);
}

#define AT_HERE(insn) __asm__ volatile("here_" #insn ":")

extern const u8 ud_here[], gp_here[], pf_here[], int_behind[], bp_behind[];

static __attribute__((noinline)) void do_ud(void)
{
	__asm__ volatile(".globl ud_here\nud_here:\tud2\n\t.globl there\nthere:" : : : "memory");
}

static __attribute__((noinline)) void do_gp(void)
{
	__asm__ volatile("mov $0x448, %%eax\n.globl gp_here\ngp_here:\tmov %%eax, %%fs\n\tjmp there"
			 :
			 :
			 : "memory", "rax");
	__builtin_unreachable();
}

static __attribute__((noinline)) void do_pf(void)
{
	__asm__ volatile("mov $0xffff800000001234, %%rax\n.globl pf_here\n"
			 "pf_here:\tmovb $1, (%%rax)\n\tjmp there"
			 :
			 :
			 : "memory", "rax");
	__builtin_unreachable();
}

static __attribute__((noinline)) void do_int(void)
{
	__asm__ volatile("int $0x60\n.globl int_behind\nint_behind:" : : : "memory");
}

static __attribute__((noinline)) void do_int3(void)
{
	__asm__ volatile("int3\n.globl bp_behind\nbp_behind:" : : : "memory");
}

static __attribute__((noinline)) void do_interrupt(void)
{
	apic_self(0x51);
	sti();
	vmexit();
	cli();
}

static __attribute__((noinline)) void do_nmi(void)
{
	apic_self_nmi();
	vmexit();
}

/* #PF whose stack is not mapped is #DF, on a fresh stack of its own. */
static void on_df(struct trap *t)
{
	count++;
	last = *t;
	t->rip = call_rip;
	t->rsp = call_rsp;
}

static void no_stack(void *arg)
{
	(void)arg;
	__asm__ volatile("mov $0xffff800000001000, %%rsp\n\tpush %%rax" : : : "memory");
}

void guest_main(void)
{
	apic_init();
	expect(VEC_UD, do_ud);
	CHECK_EQ(last.rip, (u64)ud_here);
	expect(VEC_GP, do_gp);
	CHECK_EQ(last.rip, (u64)gp_here);
	CHECK_EQ(last.error, 0x448);
	expect(VEC_PF, do_pf);
	CHECK_EQ(last.rip, (u64)pf_here);
	CHECK_EQ(last.error, 2);
	CHECK_EQ(last_cr2, 0xffff800000001234);
	expect(0x60, do_int);
	CHECK_EQ(last.rip, (u64)int_behind);
	expect(VEC_BP, do_int3);
	CHECK_EQ(last.rip, (u64)bp_behind);
	expect(0x51, do_interrupt);
	CHECK_EQ(apic_read(APIC_ISR + 0x20), 0);
	expect(VEC_NMI, do_nmi);
	/* NMIs are blocked once and unblocked once. */
	expect(VEC_NMI, do_nmi);

	trap_set(VEC_PF, NULL);
	trap_set(VEC_DF, on_df);
	trap_set_ist(VEC_DF, 1, fresh());
	count = 0;
	(void)call_try(no_stack, NULL);
	CHECK_EQ(count, 1);
	CHECK_EQ(last.vector, VEC_DF);
	CHECK_EQ(last.error, 0);
}
