// SPDX-License-Identifier: Apache-2.0
/*
 * Looks for memory that is not its own: every 2 MiB of the first 64 GiB, every page near each edge
 * of memory, both ends of each power of two. Nothing is there but its devices: reads give ones,
 * writes are lost. Other guests see to it that they lose nothing. Each of "vcpus=" looks, one after
 * the other.
 */
#include "guest.h"

#define SPAN  (64ULL << 30)
#define NEAR  0x200000ULL
#define BLOCK 0x200000ULL
#define WORD  0xbad0bad0bad0bad0ULL
#define DONE  0x40 /* the vector that tells vCPU 0 */

static u64 memory, looks;
static unsigned vcpu;
static volatile unsigned done;

static bool is_device(u64 a)
{
	return a >> 12 == 0xfee00 || a >> 12 == 0xfec00;
}

static void look(u64 a)
{
	volatile u64 *p = (volatile u64 *)a;

	if (a < memory || is_device(a)) {
		return;
	}
	looks++;
	if (*p != ~0ULL) {
		fail("%lx reads %lx", a, *p);
	}
	*p = WORD;
	if (*p != ~0ULL) {
		fail("%lx keeps %lx", a, *p);
	}
}

static void block_map(u64 a)
{
	a &= ~(BLOCK - 1);
	if (a >= 4ULL << 30) { /* below all is mapped from the start */
		*pte(a, 2) = a | PTE_P | PTE_W | PTE_PS;
		invlpg(a);
	}
}

static void pages_near(u64 edge)
{
	for (u64 a = edge > NEAR ? edge - NEAR : 0; a < edge + NEAR; a += PAGE) {
		block_map(a);
		look(a + (a & 0xff8));
	}
}

static void sweep(void)
{
	unsigned phys_bits = cpuid(0x80000008, 0).eax & 0xff;

	CHECK_EQ(apic_read(APIC_ID) >> 24, vcpu);
	looks = 0;
	for (u64 a = 0; a < SPAN; a += BLOCK) {
		block_map(a);
		look(a + 0x1000);
	}
	pages_near(memory);
	pages_near(0xc0000000);
	pages_near(1ULL << 32);
	for (unsigned bit = 33; bit < phys_bits && bit < 47; bit++) {
		block_map(BIT(bit));
		look(BIT(bit));
		block_map(BIT(bit + 1) - 8);
		look(BIT(bit + 1) - 8);
	}
	print("tiny: vCPU %u: %lu places\n", vcpu, looks);
	done++;
	apic_write(APIC_ICR2, 0);
	apic_write(APIC_ICR, DONE);
}

static void on_done(struct trap *t)
{
	(void)t;
	apic_eoi();
}

void guest_main(void)
{
	unsigned vcpus = (unsigned)option("vcpus", 1);

	apic_init();
	memory = memory_end();
	trap_set(DONE, on_done);
	sweep();
	for (vcpu = 1; vcpu < vcpus; vcpu++) {
		ap_start(vcpu, sweep);
		while (done <= vcpu) { /* leaves it the CPU */
			sti_hlt_cli();
		}
	}
}
