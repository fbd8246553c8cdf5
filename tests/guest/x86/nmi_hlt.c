// SPDX-License-Identifier: Apache-2.0
/* An NMI ends HLT, with interrupts off too. Its source: the 8254 by way of the I/O APIC. */
#include "guest.h"

static volatile unsigned count;
static volatile u64 rip;

static void on_nmi(struct trap *t)
{
	count++;
	rip = t->rip;
}

extern const u8 behind_hlt[];

static __attribute__((noinline)) void halt(void)
{
	__asm__ volatile("hlt\n\t.globl behind_hlt\nbehind_hlt:" : : : "memory");
}

void guest_main(void)
{
	apic_init();
	trap_set(VEC_NMI, on_nmi);
	ioapic_route(2, 4 << 8);
	for (unsigned i = 1; i < 4; i++) {
		pit_set(0, 0, 0x8000);
		halt();
		CHECK_EQ(count, i);
		CHECK_EQ(rip, (u64)behind_hlt);
	}
}
