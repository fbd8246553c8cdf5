// SPDX-License-Identifier: Apache-2.0
/*
 * GIF: interrupts and NMIs wait for STGI, and for L2, where they exit, as L1 asks, or arrive. APM
 * volume 2, "Global Interrupt Flag, STGI and CLGI Instructions", "Interrupt Intercepts".
 */
#include "svm.h"

#define VECTOR 0x61

static struct l2 l2;
static volatile unsigned irqs, nmis;

static void on_irq(struct trap *t)
{
	(void)t;
	irqs++;
	apic_eoi();
}

static void on_nmi(struct trap *t)
{
	(void)t;
	nmis++;
}

static void pause_for(unsigned n)
{
	for (volatile unsigned i = 0; i < n; i++) {
	}
}

static void nothing(void)
{
}

static void with_if(void)
{
	sti();
	pause_for(100);
	cli();
}

static void check_waiting(void)
{
	clgi();
	sti();
	apic_self(VECTOR);
	apic_self_nmi();
	pause_for(1000);
	vmexit();
	CHECK_EQ(irqs, 0);
	CHECK_EQ(nmis, 0);
	stgi();
	pause_for(1000);
	CHECK_EQ(irqs, 1);
	CHECK_EQ(nmis, 1);
	cli();
	clgi(); /* with IF off the NMI alone comes */
	apic_self(VECTOR);
	apic_self_nmi();
	stgi();
	pause_for(1000);
	CHECK_EQ(irqs, 1);
	CHECK_EQ(nmis, 2);
	sti();
	pause_for(100);
	cli();
	CHECK_EQ(irqs, 2);
}

/* Pending at VMRUN, intercepted: L2 does not run, the interrupt is still pending afterwards. */
static void check_intr(void)
{
	irqs = nmis = 0;
	intercept(&l2, EXIT_INTR, true);
	intercept(&l2, EXIT_NMI, true);
	l2_start(&l2, nothing);
	l2.vmcb->vintr = VINTR_MASKING;
	l2.host_if = 1;
	l2.keep_gif = 1;
	clgi();
	apic_self(VECTOR);
	l2_expect(&l2, EXIT_INTR, 0);
	CHECK_EQ(l2.vmcb->rip, (u64)nothing);
	CHECK_EQ(irqs, 0);
	stgi(); /* l2_run() leaves IF off */
	pause_for(100);
	CHECK_EQ(irqs, 0);
	sti();
	pause_for(100);
	cli();
	CHECK_EQ(irqs, 1);
	/* IF off at VMRUN, V_INTR_MASKING on: it waits, whatever L2's IF is. */
	l2.host_if = l2.keep_gif = 0;
	apic_self(VECTOR);
	l2_start(&l2, with_if);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(irqs, 1);
	sti();
	pause_for(100);
	cli();
	CHECK_EQ(irqs, 2);
}

static void check_nmi(void)
{
	l2_start(&l2, nothing);
	l2.keep_gif = 1;
	clgi();
	apic_self_nmi();
	l2_expect(&l2, EXIT_NMI, 0);
	CHECK_EQ(l2.vmcb->rip, (u64)nothing);
	CHECK_EQ(nmis, 0);
	stgi();
	pause_for(100);
	CHECK_EQ(nmis, 1);
	l2.keep_gif = 0;
	/* Not intercepted: L2's own. */
	intercept(&l2, EXIT_NMI, false);
	l2_start(&l2, with_if);
	clgi();
	apic_self_nmi();
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(nmis, 2);
}

/* Neither intercepted nor V_INTR_MASKING: an interrupt is taken by L2, by L2's IF. */
static void check_through(void)
{
	irqs = 0;
	intercept(&l2, EXIT_INTR, false);
	l2.vmcb->vintr = 0;
	l2_start(&l2, nothing);
	apic_self(VECTOR);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(irqs, 0);
	l2_start(&l2, with_if);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(irqs, 1);
	/* Intercepted, without V_INTR_MASKING: L2's IF decides when it exits. */
	intercept(&l2, EXIT_INTR, true);
	apic_self(VECTOR);
	l2_start(&l2, nothing);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	l2_start(&l2, with_if);
	l2_expect(&l2, EXIT_INTR, 0);
	CHECK_EQ(irqs, 1);
	sti();
	pause_for(100);
	cli();
	CHECK_EQ(irqs, 2);
	l2_expect(&l2, EXIT_VMMCALL, 3);
}

void guest_main(void)
{
	svm_init();
	apic_init();
	trap_set(VECTOR, on_irq);
	trap_set(VEC_NMI, on_nmi);
	l2_init(&l2, nothing);
	check_waiting();
	check_intr();
	check_nmi();
	check_through();
}
