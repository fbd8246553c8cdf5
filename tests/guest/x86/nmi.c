// SPDX-License-Identifier: Apache-2.0
/*
 * NMI: taken with interrupts off; further ones wait for IRET and are one then; IRET of an exception
 * inside the handler unblocks too; HLT is left.
 */
#include "guest.h"

static volatile unsigned count, depth, deepest;
static volatile unsigned sends, traps;

static void on_nmi(struct trap *t)
{
	(void)t;
	count++;
	depth++;
	deepest = depth > deepest ? depth : deepest;
	for (; sends; sends--) {
		apic_self_nmi();
		vmexit();
	}
	if (traps) {
		traps--;
		/* Its IRET ends the blocking: one that waits comes right behind it. */
		__asm__ volatile("int3" : : : "memory");
	}
	vmexit();
	depth--;
}

static void nothing(struct trap *t)
{
	(void)t;
}

static void settle(void)
{
	for (unsigned i = 0; i < 10; i++) {
		vmexit();
	}
}

void guest_main(void)
{
	apic_init();
	trap_set(VEC_NMI, on_nmi);
	trap_set(VEC_BP, nothing);
	trap_set_ist(VEC_NMI, 0, 0);

	apic_self_nmi();
	settle();
	CHECK_EQ(count, 1);

	/* Three sent while blocked are one. */
	count = 0;
	sends = 3;
	apic_self_nmi();
	settle();
	CHECK_EQ(count, 2);
	CHECK_EQ(deepest, 1);

	/* Again and again: blocking ends each time. */
	for (unsigned i = 1; i <= 20; i++) {
		apic_self_nmi();
		settle();
		CHECK_EQ(count, 2 + i);
	}

	count = 0;
	sends = 1;
	traps = 1;
	apic_self_nmi();
	settle();
	CHECK_EQ(count, 2);
	CHECK_EQ(deepest, 2);
	CHECK(!(read_flags() & FLAG_TF));

	/* By the LAPIC's LINT1 as NMI nothing comes: the pin is quiet. */
	count = 0;
	apic_write(APIC_LVT1, 4 << 8);
	settle();
	CHECK_EQ(count, 0);
}
