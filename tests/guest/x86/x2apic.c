// SPDX-License-Identifier: Apache-2.0
/* x2APIC: the way in and out, MSRs for registers, no page of memory, self-IPI. */
#include "guest.h"

#define BASE 0x1b

static volatile unsigned count;

static void on_interrupt(struct trap *t)
{
	(void)t;
	count++;
	wrmsr(0x80b, 0);
}

void guest_main(void)
{
	u64 base = rdmsr(BASE), v;

	apic_init();
	trap_set(0x51, on_interrupt);
	CHECK_EQ(base & 0xfff, 0x900);
	CHECK_EQ(rdmsr_try(0x802, &v), VEC_GP);
	CHECK_EQ(wrmsr_try(BASE, (base & ~0x800ULL) | 0x400), VEC_GP); /* EXTD without EN */
	CHECK_EQ(wrmsr_try(BASE, base | 1), VEC_GP);
	apic_write(APIC_TPR, 0x30);
	wrmsr(BASE, base | 0x400);
	CHECK_EQ(rdmsr(BASE) & 0xfff, 0xd00);
	CHECK_EQ(mmio_read(APIC_BASE + APIC_VERSION), 0xffffffff);
	CHECK_EQ(rdmsr(0x802), cpuid(0xb, 0).edx);
	CHECK_EQ(rdmsr(0x803) & 0xff, 0x14);
	CHECK_EQ(rdmsr(0x808), 0x30);
	CHECK_EQ(read_cr8(), 3);
	wrmsr(0x808, 0x50);
	CHECK_EQ(read_cr8(), 5);
	write_cr8(0);
	CHECK_EQ(rdmsr(0x808), 0);
	CHECK_EQ(rdmsr(0x80d) & 0xffff, 1u << (rdmsr(0x802) & 15));

	/* Read-only, write-only, absent, reserved bits. */
	CHECK_EQ(wrmsr_try(0x802, 0), VEC_GP);
	CHECK_EQ(wrmsr_try(0x80d, 0), VEC_GP);
	CHECK_EQ(rdmsr_try(0x80b, &v), VEC_GP);
	CHECK_EQ(wrmsr_try(0x80b, 1), VEC_GP);
	CHECK_EQ(rdmsr_try(0x83f, &v), VEC_GP);
	CHECK_EQ(rdmsr_try(0x80e, &v), VEC_GP);
	CHECK_EQ(rdmsr_try(0x831, &v), VEC_GP);
	CHECK_EQ(wrmsr_try(0x808, 0x100), VEC_GP);
	CHECK_EQ(wrmsr_try(0x832, BIT(63)), VEC_GP);

	/* Self-IPI; ICR in one write. */
	sti();
	wrmsr(0x83f, 0x51);
	vmexit();
	CHECK_EQ(count, 1);
	wrmsr(0x830, 0x51 | rdmsr(0x802) << 32);
	vmexit();
	CHECK_EQ(count, 2);
	wrmsr(0x830, 0x51 | 1 << 18);
	vmexit();
	CHECK_EQ(count, 3);
	/* The timer. */
	wrmsr(0x83e, 0xb);
	wrmsr(0x832, 0x51);
	cli();
	wrmsr(0x838, 1000000);
	sti_hlt_cli();
	CHECK_EQ(count, 4);

	/* Out: only by way of off. */
	CHECK_EQ(wrmsr_try(BASE, base), VEC_GP);
	wrmsr(BASE, base & ~0xc00ULL);
	CHECK_EQ(rdmsr_try(0x802, &v), VEC_GP);
	CHECK(!(cpuid(1, 0).edx & BIT(9)));
	CHECK_EQ(wrmsr_try(BASE, base | 0x400), VEC_GP);
	wrmsr(BASE, base);
	CHECK_EQ(apic_read(APIC_VERSION) & 0xff, 0x14);
	CHECK_EQ(apic_read(APIC_SVR), 0xff);
	CHECK(cpuid(1, 0).edx & BIT(9));
}
