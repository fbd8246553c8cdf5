// SPDX-License-Identifier: Apache-2.0
/*
 * All memory is there, "size=" MiB of it, each page its own; what caches hold and what is behind
 * them are the same after the maintenance that the architecture asks for.
 */
#include "guest.h"

#define MARK(a) ((a)*0x9e3779b97f4a7c15UL + 1)

static bool is_own(u64 a)
{
	return (a >= ((u64)image_start & ~(PAGE - 1)) && a < (u64)image_end);
}

/* A few words of each page; all of its words in every 64th. */
static void pages(u64 from, u64 to, bool write)
{
	for (u64 a = from; a < to; a += PAGE) {
		u64 step = a / PAGE % 64 ? PAGE - 8 : 8;

		if (is_own(a)) {
			continue;
		}
		for (u64 w = a; w < a + PAGE; w += step) {
			volatile u64 *p = (volatile u64 *)w;

			if (write) {
				*p = MARK(w);
			} else if (*p != MARK(w)) {
				fail("%lx: %lx, expected %lx", w, *p, MARK(w));
			}
		}
	}
}

static void caches_off(void)
{
	volatile u64 *p = (volatile u64 *)SCRATCH;

	for (unsigned i = 0; i < 64; i++) {
		p[i] = ~(u64)i;
	}
	cache_clean((const void *)SCRATCH, 512);
	mmu_off();
	for (unsigned i = 0; i < 64; i++) {
		CHECK_EQ(p[i], ~(u64)i);
		p[i] = i * 3;
	}
	CHECK_EQ(*(volatile u64 *)(ram_base + ram_size - 8), MARK(ram_base + ram_size - 8));
	mmu_on();
	/* Lines that speculation may have brought in meanwhile: out, unwritten. */
	for (unsigned i = 0; i < 512; i += 16) {
		__asm__ volatile("dc ivac, %0" : : "r"(SCRATCH + i) : "memory");
	}
	dsb();
	for (unsigned i = 0; i < 64; i++) {
		CHECK_EQ(p[i], i * 3);
	}
}

/* The same memory by two mappings with different attributes. */
static void aliases(void)
{
	const u64 alias = 0x200000000000ULL;
	volatile u64 *cached = (volatile u64 *)SCRATCH, *plain = (volatile u64 *)alias;

	map(alias, SCRATCH, (MAP_RAM & ~PTE_ATTR(3)) | PTE_ATTR(MEM_NC));
	*cached = 0x1111;
	cache_clean((const void *)SCRATCH, 8);
	CHECK_EQ(*plain, 0x1111);
	*plain = 0x2222;
	dsb();
	__asm__ volatile("dc ivac, %0\n\tdsb sy" : : "r"(SCRATCH) : "memory");
	CHECK_EQ(*cached, 0x2222);
}

void guest_main(void)
{
	u64 end = ram_base + ram_size, size = option("size", 0);

	if (size) {
		CHECK_EQ(ram_size, size << 20);
	}
	pages(ram_base, end, true);
	pages(ram_base, end, false);
	cache_clean((const void *)(end - 8), 8);
	caches_off();
	pages(SCRATCH + PAGE, end, false);
	aliases();
}
