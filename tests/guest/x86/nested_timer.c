// SPDX-License-Identifier: Apache-2.0
/*
 * The local APIC's timer is L1's while L2 spins: each tick exits, is taken by L1 at STGI, and L2
 * goes on where it was. Then a tick that L2 takes itself; and one out of L2's HLT.
 */
#include "svm.h"

#define VECTOR 0x71
#define TICKS  20

static struct l2 l2;
static volatile unsigned ticks;
static volatile u64 spins;

static void on_tick(struct trap *t)
{
	(void)t;
	ticks++;
	apic_eoi();
}

static void spin(void)
{
	for (;;) {
		spins++;
	}
}

static void until_tick(void)
{
	unsigned before = ticks;

	sti();
	while (ticks == before) {
	}
	cli();
}

static void halt(void)
{
	sti_hlt_cli();
}

static void arm(void)
{
	apic_write(APIC_LVTT, VECTOR);
	apic_write(APIC_TMICT, 1000000);
}

void guest_main(void)
{
	svm_init();
	apic_init();
	trap_set(VECTOR, on_tick);
	l2_init(&l2, spin);
	l2.vmcb->vintr = VINTR_MASKING;
	l2.host_if = 1;
	intercept(&l2, EXIT_INTR, true);
	for (unsigned i = 1; i <= TICKS; i++) {
		arm();
		l2_expect(&l2, EXIT_INTR, 0);
		CHECK_EQ(ticks, i); /* by the STGI behind the exit */
	}
	CHECK(spins); /* an emulator may be slower than a tick, not than all */
	/* L2's own, with neither control. */
	intercept(&l2, EXIT_INTR, false);
	l2.vmcb->vintr = 0;
	l2.host_if = 0;
	arm();
	l2_start(&l2, until_tick);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(ticks, TICKS + 1);
	arm();
	l2_start(&l2, halt);
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(ticks, TICKS + 2);
	/* A halted L2 whose interrupts are L1's. */
	intercept(&l2, EXIT_INTR, true);
	l2.vmcb->vintr = VINTR_MASKING;
	l2.host_if = 1;
	arm();
	l2_start(&l2, halt);
	l2_expect(&l2, EXIT_INTR, 0);
	CHECK_EQ(ticks, TICKS + 3);
}
