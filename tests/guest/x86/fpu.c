// SPDX-License-Identifier: Apache-2.0
/* x87, SSE and AVX registers and their control words are the guest's across exits of all kinds. */
#include "guest.h"

#define AREA 1024

static u8 before[AREA] __attribute__((aligned(64))), after[AREA] __attribute__((aligned(64)));

static volatile unsigned ticks;

static void on_tick(struct trap *t)
{
	(void)t;
	ticks++;
	apic_eoi();
}

static void exits(void)
{
	for (unsigned i = 0; i < 50; i++) {
		vmexit();
		(void)inb(0x80);
		outb(0x80, 0);
		(void)apic_read(APIC_ID);
		(void)rdmsr(0x277);
		*(volatile u8 *)(0x1000000ULL + i * 0x200000 % 0x2000000) = 1; /* fresh memory */
	}
	apic_write(APIC_LVTT, 0x51);
	apic_write(APIC_TMICT, 1000000);
	sti_hlt_cli();
	CHECK_EQ(ticks, 1);
	print("exits\n"); /* the console, the framebuffer */
}

static void save(u8 *area, bool avx)
{
	memset(area, 0, AREA);
	if (avx) {
		__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(7), "d"(0) : "memory");
	} else {
		__asm__ volatile("fxsave64 (%0)" : : "r"(area) : "memory");
	}
}

void guest_main(void)
{
	bool avx = (cpuid(1, 0).ecx & BIT(28)) && (cpuid(0xd, 0).eax & 4);

	apic_init();
	trap_set(0x51, on_tick);
	write_cr0((read_cr0() & ~0xcULL) | 2);
	write_cr4(read_cr4() | 0x600);
	if (avx) {
		write_cr4(read_cr4() | BIT(18));
		__asm__ volatile("xsetbv" : : "a"(7), "d"(0), "c"(0));
		CHECK(cpuid(0xd, 0).ebx <= AREA);
	}
	/* Fill the image, load it, look again after the exits. */
	save(before, avx);
	for (unsigned i = 32; i < 416; i++) {
		before[i] = (u8)(i * 7 + 3); /* ST0-7, XMM0-15 */
	}
	for (unsigned i = 0; i < 8; i++) {
		before[32 + 16 * i + 9] = 0x40; /* valid x87 numbers */
		before[32 + 16 * i + 7] |= 0x80;
		memset(before + 32 + 16 * i + 10, 0, 6);
	}
	*(u16 *)before = 0x0c7f;
	*(u16 *)(before + 2) = 0x3800;
	before[4] = 0xff;
	*(u32 *)(before + 24) = 0x7fa0;
	if (avx) {
		for (unsigned i = 576; i < 832; i++) {
			before[i] = (u8)(i * 5 + 1); /* upper halves of YMM0-15 */
		}
		*(u64 *)(before + 512) = 7;
		__asm__ volatile("xrstor64 (%0)" : : "r"(before), "a"(7), "d"(0) : "memory");
	} else {
		__asm__ volatile("fxrstor64 (%0)" : : "r"(before) : "memory");
	}
	exits();
	save(after, avx);
	for (unsigned i = 0; i < (avx ? 832 : 416); i++) {
		bool pointers = i >= 6 && i < 24, mask = i >= 28 && i < 32;

		if (!pointers && !mask && (i < 416 || i >= 512) && before[i] != after[i]) {
			fail("byte %u of the image: %x, was %x", i, after[i], before[i]);
		}
	}
	print(avx ? "x87, SSE, AVX\n" : "x87, SSE\n");
}
