// SPDX-License-Identifier: Apache-2.0
/*
 * V_IRQ, V_INTR_PRIO, V_IGN_TPR and V_TPR: when L2 takes a virtual interrupt, what its CR8 is, the
 * VINTR intercept. APM volume 2, "Injecting Virtual (INTR) Interrupts", "Virtualizing APIC.TPR".
 */
#include "svm.h"

#define VECTOR 0x51

static struct l2 l2;
static volatile unsigned count;
static volatile u64 flags_seen;

static void take(struct trap *t)
{
	count++;
	flags_seen = t->rflags;
}

static void closed(void)
{
	(void)vmmcall(1);
}

static void open(void)
{
	sti();
	cli();
	(void)vmmcall(2);
}

static void open_under_tpr(void)
{
	sti();
	cli();
	(void)vmmcall(3);
	write_cr8(3);
	sti();
	cli();
	(void)vmmcall(read_cr8());
}

static void start(void (*fn)(void), u64 vintr)
{
	count = 0;
	l2_start(&l2, fn);
	l2.vmcb->vintr = vintr | VINTR_MASKING;
}

static void check_taken(void)
{
	start(closed, VINTR(VECTOR, 4));
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 0);
	CHECK(l2.vmcb->vintr & VINTR_IRQ); /* still pending, and told so */
	start(open, VINTR(VECTOR, 4));
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 1);
	CHECK_EQ(l2.vmcb->vintr & VINTR_IRQ, 0);
	CHECK(flags_seen & FLAG_IF);
	/* With IF set at entry: before the first instruction. */
	start(closed, VINTR(VECTOR, 4));
	l2.vmcb->rflags |= FLAG_IF;
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 1);
	/* Not in an interrupt shadow: after the first instruction, which is a CLI. */
	start(closed, 0);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 0);
}

static void check_tpr(void)
{
	start(open_under_tpr, VINTR(VECTOR, 4) | 5);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 0);
	CHECK_EQ(l2.vmcb->vintr & 0xf, 5);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 1);
	CHECK_EQ(l2.vmcb->rax, 3);
	CHECK_EQ(l2.vmcb->vintr & 0xf, 3);
	CHECK_EQ(read_cr8(), 0); /* L1's own */
}

static void check_ignored(void)
{
	start(open, VINTR(VECTOR, 4) | 5);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 0);
	CHECK_EQ(l2.vmcb->vintr & 0xf, 5);
	start(open, VINTR(VECTOR, 4) | VINTR_IGN_TPR | 0xf);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 1);
}

static void check_intercept(void)
{
	intercept(&l2, EXIT_VINTR, true);
	start(open, VINTR(VECTOR, 4));
	l2_expect(&l2, EXIT_VINTR, 0);
	CHECK_EQ(count, 0);
	CHECK(l2.vmcb->vintr & VINTR_IRQ);
	CHECK(l2.vmcb->rflags & FLAG_IF);
	intercept(&l2, EXIT_VINTR, false);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 1);
}

/* Without V_INTR_MASKING CR8 is the local APIC's. */
static void look_at_cr8(void)
{
	u64 before = read_cr8();

	write_cr8(7);
	(void)vmmcall(before);
}

static void check_unmasked(void)
{
	write_cr8(2);
	count = 0;
	l2_start(&l2, look_at_cr8);
	l2.vmcb->vintr = 0;
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(l2.vmcb->rax, 2);
	CHECK_EQ(read_cr8(), 7);
	CHECK_EQ(l2.vmcb->vintr & 0xf, 7);
	write_cr8(0);
	l2_start(&l2, open);
	l2.vmcb->vintr = VINTR(VECTOR, 4);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 1);
	CHECK_EQ(l2.vmcb->vintr & VINTR_IRQ, 0);
}

void guest_main(void)
{
	svm_init();
	apic_init();
	trap_set(VECTOR, take);
	l2_init(&l2, open);
	check_taken();
	check_intercept();
	check_ignored();
	if (option("cr8", 1)) { /* QEMU 7.2 aborts when CR8 is written with V_IRQ set */
		check_tpr();
		check_unmasked();
	}
}
