// SPDX-License-Identifier: Apache-2.0
/* HLT: a waiting interrupt ends it at once, one that is masked by the TPR does not. */
#include "guest.h"

static volatile unsigned count;
static volatile u64 rip;
extern const u8 behind[];

static void on_interrupt(struct trap *t)
{
	count++;
	rip = t->rip;
	apic_eoi();
}

static __attribute__((noinline)) void halt(void)
{
	__asm__ volatile("sti\n\thlt\n.globl behind\nbehind:\tcli" : : : "memory");
}

void guest_main(void)
{
	u32 start;

	apic_init();
	trap_set(0x51, on_interrupt);
	trap_set(0xa1, on_interrupt);
	apic_self(0x51);
	halt();
	CHECK_EQ(count, 1);
	CHECK_EQ(rip, (u64)behind);

	/* 0x51 waits behind the TPR; the timer's 0xa1 comes. */
	write_cr8(8);
	apic_self(0x51);
	apic_write(APIC_LVTT, 0xa1);
	start = pm_timer();
	apic_write(APIC_TMICT, 10000000);
	halt();
	CHECK_EQ(count, 2);
	CHECK(((pm_timer() - start) & 0xffffff) >= 35000); /* 10 ms */
	write_cr8(0);
	sti();
	cli();
	CHECK_EQ(count, 3);

	/* A prefixed HLT is one too. */
	apic_self(0x51);
	__asm__ volatile("sti\n\t.byte 0xf3, 0xf4\n\tcli" : : : "memory");
	CHECK_EQ(count, 4);
}
