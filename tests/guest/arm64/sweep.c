// SPDX-License-Identifier: Apache-2.0
/*
 * Looks for memory that is not its own: every 2 MiB of the first 64 GiB, every page near each edge
 * of memory, both ends of each power of two. Nothing is there but its devices: all else aborts.
 * Other guests see to it that they lose nothing. Each of "vcpus=" looks, one after the other.
 */
#include "guest.h"

#define SPAN   (64ULL << 30)
#define NEAR   0x200000ULL
#define BLOCK  0x200000ULL
#define WINDOW 0x240000000000ULL
#define WORD   0xbad0bad0bad0bad0ULL

static u64 looks, vcpu, vcpus;
static volatile u64 done;

/* GICD, GICR, and the pages of UART and clock. */
static bool is_device(u64 a)
{
	return a - GICD_BASE < 0x10000 || a - GICR_BASE < 0x20000 * vcpus ||
	       a >> 12 == UART_BASE >> 12 || a >> 12 == RTC_BASE >> 12;
}

static void look(u64 pa)
{
	u64 p = WINDOW + (pa & (PAGE - 1)), v = 0;

	if (pa - ram_base < ram_size || is_device(pa)) {
		return;
	}
	looks++;
	map(WINDOW, pa & ~(PAGE - 1), MAP_DEVICE);
	if (!TRY_ASM("ldr %0, [%1]" : "=r"(v) : "r"(p) : "memory")) {
		fail("%lx reads %lx", pa, v);
	}
	if (!TRY_ASM("str %0, [%1]" : : "r"(WORD), "r"(p) : "memory")) {
		fail("%lx can be written", pa);
	}
	map(WINDOW, pa & ~(PAGE - 1), MAP_RAM);
	if (!TRY_ASM("ldr %0, [%1]" : "=r"(v) : "r"(p) : "memory")) {
		fail("%lx reads %lx as memory", pa, v);
	}
}

static void pages_near(u64 edge)
{
	for (u64 a = edge > NEAR ? edge - NEAR : 0; a < edge + NEAR; a += PAGE) {
		look(a + (a & 0xff8));
	}
}

static void sweep(void)
{
	CHECK_EQ(sysreg_read(mpidr_el1) & 0xff, vcpu);
	looks = 0;
	for (u64 a = 0; a < SPAN; a += BLOCK) {
		look(a + 0x1000);
	}
	pages_near(ram_base);
	pages_near(ram_base + ram_size);
	pages_near(GICD_BASE);
	for (unsigned bit = 33; bit < 48; bit++) {
		look(BIT(bit));
		look(BIT(bit + 1) - 8);
	}
	print("tiny: vCPU %lu: %lu places\n", vcpu, looks);
	done++;
	dsb();
	__asm__ volatile("sev");
}

void guest_main(void)
{
	vcpus = option("vcpus", 1);
	sweep();
	for (vcpu = 1; vcpu < vcpus; vcpu++) {
		cpu_on(vcpu, sweep);
		while (done <= vcpu) {
			__asm__ volatile("wfe");
		}
	}
}
