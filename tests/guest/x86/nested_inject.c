// SPDX-License-Identifier: Apache-2.0
/*
 * EVENTINJ: each type is delivered through L2's IDT before its first instruction, with its error
 * code. EXITINTINFO: what was being delivered when another intercept came in between.
 */
#include "svm.h"

static struct l2 l2;
static volatile struct trap last;
static volatile unsigned count;
static volatile u64 ran;

static void note(struct trap *t)
{
	memcpy((void *)(u64)&last, t, sizeof(last));
	count++;
	CHECK_EQ(ran, 0);
}

static void run(void)
{
	ran++;
}

static void inject(u64 event, u64 error)
{
	unsigned vector = event & 0xff;

	count = 0;
	ran = 0;
	trap_set(vector, note);
	l2_start(&l2, run);
	l2.vmcb->event_inj = EVENT_VALID | event | error << 32;
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 1);
	CHECK_EQ(last.vector, vector);
	CHECK_EQ(last.rip, (u64)run);
	CHECK_EQ(last.error, event & EVENT_ERROR ? error : 0);
	CHECK_EQ(ran, 1);
	CHECK_EQ(l2.vmcb->int_info & EVENT_VALID, 0);
	l2.vmcb->event_inj = 0;
	trap_set(vector, NULL);
}

/* The event's handler, or its stack, or the table with its gate, is not there. */
static void interrupted(u64 event, u64 error)
{
	const u64 hole = 0x3800000;
	u64 base = l2.vmcb->idtr.base;

	*pte(hole, 1) = 0;
	invlpg(hole);
	ran = 0;
	l2_start(&l2, run);
	l2.vmcb->idtr.base = hole;
	l2.vmcb->event_inj = EVENT_VALID | event | error << 32;
	intercept(&l2, EXIT_EXCP + VEC_PF, true);
	l2_expect(&l2, EXIT_EXCP + VEC_PF, 0);
	CHECK_EQ(l2.vmcb->info2, hole + (event & 0xff) * 16);
	CHECK_EQ(l2.vmcb->info1 & ~4ull, 0);
	CHECK_EQ((u32)l2.vmcb->int_info & ~0x7ffff000u, (u32)(EVENT_VALID | event));
	if (event & EVENT_ERROR) {
		CHECK_EQ(l2.vmcb->int_info >> 32, error);
	}
	CHECK_EQ(l2.vmcb->rip, (u64)run);
	CHECK_EQ(ran, 0);
	/* Injected again, with the table back in place, it is delivered. */
	l2.vmcb->idtr.base = base;
	intercept(&l2, EXIT_EXCP + VEC_PF, false);
	count = 0;
	trap_set(event & 0xff, note);
	l2.vmcb->event_inj = l2.vmcb->int_info;
	l2_expect(&l2, EXIT_VMMCALL, 3);
	CHECK_EQ(count, 1);
	CHECK_EQ(last.vector, event & 0xff);
	CHECK_EQ(last.error, event & EVENT_ERROR ? error : 0);
	l2.vmcb->event_inj = 0;
	trap_set(event & 0xff, NULL);
}

/* The same without injection: an exception of L2's own is being delivered. */
static void raise_ud(void)
{
	__asm__ volatile("ud2");
}

static void own_exception(void)
{
	const u64 hole = 0x3800000;
	u64 base = l2.vmcb->idtr.base;

	l2_start(&l2, raise_ud);
	l2.vmcb->idtr.base = hole;
	intercept(&l2, EXIT_EXCP + VEC_PF, true);
	l2_expect(&l2, EXIT_EXCP + VEC_PF, 0);
	CHECK_EQ((u32)l2.vmcb->int_info & ~0x7ffff000u, (u32)(EVENT_VALID | EVENT_EXCP | VEC_UD));
	intercept(&l2, EXIT_EXCP + VEC_PF, false);
	l2.vmcb->idtr.base = base;
}

void guest_main(void)
{
	svm_init();
	l2_init(&l2, run);
	inject(EVENT_INTR | 0x40, 0);
	inject(EVENT_INTR | 0xff, 0);
	inject(EVENT_NMI | VEC_NMI, 0);
	inject(EVENT_EXCP | VEC_DE, 0);
	inject(EVENT_EXCP | VEC_UD, 0);
	inject(EVENT_EXCP | EVENT_ERROR | VEC_GP, 0x1238);
	inject(EVENT_EXCP | EVENT_ERROR | VEC_PF, 0x7);
	interrupted(EVENT_INTR | 0x40, 0);
	interrupted(EVENT_EXCP | VEC_UD, 0);
	interrupted(EVENT_NMI | VEC_NMI, 0);
	interrupted(EVENT_EXCP | EVENT_ERROR | VEC_GP, 0x1238);
	own_exception();
}
