// SPDX-License-Identifier: Apache-2.0
/* CR8 and the LAPIC's TPR are one; interrupts at or below its class wait. */
#include "guest.h"

static volatile unsigned count;

static void on_interrupt(struct trap *t)
{
	(void)t;
	count++;
	apic_eoi();
}

void guest_main(void)
{
	apic_init();
	for (u64 v = 0; v < 16; v++) {
		write_cr8(v);
		CHECK_EQ(read_cr8(), v);
		CHECK_EQ(apic_read(APIC_TPR), v << 4);
		vmexit();
		CHECK_EQ(read_cr8(), v);
	}
	for (u32 v = 0; v < 256; v += 17) {
		apic_write(APIC_TPR, v);
		CHECK_EQ(apic_read(APIC_TPR), v);
		CHECK_EQ(read_cr8(), v >> 4);
	}
	CHECK_EQ(write_cr8_try(16), VEC_GP);
	CHECK_EQ(write_cr8_try(BIT(63)), VEC_GP);

	trap_set(0x51, on_interrupt);
	write_cr8(5);
	apic_self(0x51);
	sti();
	vmexit();
	CHECK_EQ(count, 0);
	CHECK_EQ(apic_read(APIC_PPR), 0x50);
	write_cr8(4);
	CHECK_EQ(count, 1);
	write_cr8(15);
	apic_self(0x51);
	vmexit();
	CHECK_EQ(count, 1);
	apic_write(APIC_TPR, 0x4f);
	CHECK_EQ(count, 2);
	cli();
}
