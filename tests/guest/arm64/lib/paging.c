// SPDX-License-Identifier: Apache-2.0
/* Stage 1: 4 KiB granule, 48 bits, the identity. */
#include "guest.h"

#define POOL_PAGES 192
#define PTE_ADDR   0xfffffffff000ULL

#define TCR_T0SZ(bits) (64ULL - (bits))
#define TCR_IRGN_WB    (1ULL << 8)
#define TCR_ORGN_WB    (1ULL << 10)
#define TCR_INNER      (3ULL << 12)
#define TCR_EPD1       BIT(23)
#define TCR_IPS(n)     ((u64)(n) << 32)

#define SCTLR_MMU_OFF 0x30d50980ULL /* RES1, nTWI, nTWE, EOS, EIS, SPAN, LSMAOE, nTLSMD */
#define SCTLR_ON                                                                        \
	(BIT(0) | BIT(2) | BIT(12) | BIT(14) | BIT(15) | BIT(26)) /* M C I; DZE UCT UCI \
								   */

static u8 pool[POOL_PAGES][PAGE] __attribute__((aligned(4096)));
static u64 *root;

void *page_alloc(void)
{
	static unsigned used;

	CHECK(used < POOL_PAGES);
	return pool[used++];
}

static unsigned level_shift(unsigned level)
{
	return 39 - 9 * level;
}

static void split(u64 *entry, unsigned level)
{
	u64 *table = page_alloc(), old = *entry;
	u64 size = 1ULL << level_shift(level + 1);

	for (u64 i = 0; (old & PTE_VALID) && i < 512; i++) {
		table[i] = old + i * size;
		if (level == 2) {
			table[i] |= PTE_PAGE;
		}
	}
	*entry = (u64)table | PTE_PAGE | PTE_VALID;
	dsb();
}

u64 *pte(u64 va, unsigned level)
{
	u64 *table = root;

	for (unsigned l = 0;; l++) {
		u64 *entry = &table[va >> level_shift(l) & 511];

		if (l == level) {
			return entry;
		}
		if ((*entry & 3) != 3) {
			split(entry, l);
		}
		table = (u64 *)(*entry & PTE_ADDR);
	}
}

void tlb_flush(void)
{
	__asm__ volatile("dsb ish\n\ttlbi vmalle1\n\tdsb ish\n\tisb" : : : "memory");
}

void map(u64 va, u64 pa, u64 flags)
{
	*pte(va, 3) = flags ? (pa & PTE_ADDR) | flags | PTE_PAGE : 0;
	__asm__ volatile("dsb ish\n\ttlbi vaae1, %0\n\tdsb ish\n\tisb"
			 :
			 : "r"(va >> 12)
			 : "memory");
}

void map_blocks(u64 va, u64 pa, u64 size, u64 flags)
{
	for (u64 i = 0; i < size; i += 0x200000) {
		*pte(va + i, 2) = flags ? (pa + i) | flags : 0;
	}
	tlb_flush();
}

static void map_all(void)
{
	u64 start = (u64)image_start & ~(PAGE - 1);

	root = page_alloc();
	map_blocks(0x8000000, 0x8000000, 0x2000000, MAP_DEVICE);
	map_blocks(ram_base, ram_base, ram_size & ~0x1fffffULL, MAP_RAM | PTE_UXN);
	for (u64 a = ram_size & ~0x1fffffULL; a < ram_size; a += PAGE) {
		*pte(ram_base + a, 3) = (ram_base + a) | MAP_RAM | PTE_UXN | PTE_PAGE;
	}
	for (u64 a = start; a < (u64)image_end; a += PAGE) {
		*pte(a + USER_OFFSET, 3) = a | MAP_USER | PTE_PXN | PTE_PAGE;
	}
}

void mmu_on(void)
{
	u64 pa_bits = sysreg_read(id_aa64mmfr0_el1) & 0xf;

	if (!root) {
		map_all();
	}
	/* What the caches may hold of these addresses is older than what was written around them.
	 */
	sysreg_write(mair_el1, 0x0444ff00ULL);
	sysreg_write(tcr_el1, TCR_T0SZ(48) | TCR_IRGN_WB | TCR_ORGN_WB | TCR_INNER | TCR_EPD1 |
				      TCR_IPS(pa_bits < 5 ? pa_bits : 5));
	sysreg_write(ttbr0_el1, (u64)root);
	tlb_flush();
	__asm__ volatile("ic iallu\n\tdsb nsh\n\tisb" : : : "memory");
	sysreg_write(sctlr_el1, SCTLR_MMU_OFF | SCTLR_ON);
	isb();
}

void cache_clean(const void *p, u64 size)
{
	u64 line = 4ULL << (sysreg_read(ctr_el0) >> 16 & 0xf);

	for (u64 a = (u64)p & ~(line - 1); a < (u64)p + size; a += line) {
		__asm__ volatile("dc civac, %0" : : "r"(a) : "memory");
	}
	dsb();
}

/*
 * The stack is in the image and stays in use: nothing dirty of it may be left in the caches once
 * they are off, so it goes out right before, in code that does not touch it.
 */
void mmu_off(void)
{
	u64 line = 4ULL << (sysreg_read(ctr_el0) >> 16 & 0xf);

	cache_clean(image_start, (u64)(image_end - image_start));
	__asm__ volatile("mov x9, %0\n"
			 "1:\tdc civac, x9\n\tadd x9, x9, %2\n\tcmp x9, %1\n\tb.lo 1b\n\t"
			 "dsb sy\n\tmsr sctlr_el1, %3\n\tisb"
			 :
			 : "r"(image_start), "r"(image_end), "r"(line), "r"(SCTLR_MMU_OFF)
			 : "memory", "cc", "x9");
}

void code_sync(const void *p, u64 size)
{
	u64 ctr = sysreg_read(ctr_el0), end = (u64)p + size;
	u64 dline = 4ULL << (ctr >> 16 & 0xf), iline = 4ULL << (ctr & 0xf);

	for (u64 a = (u64)p & ~(dline - 1); a < end; a += dline) {
		__asm__ volatile("dc cvau, %0" : : "r"(a) : "memory");
	}
	dsb();
	for (u64 a = (u64)p & ~(iline - 1); a < end; a += iline) {
		__asm__ volatile("ic ivau, %0" : : "r"(a) : "memory");
	}
	dsb();
	isb();
}

u64 user_try(void (*fn)(u64), u64 arg)
{
	static u8 stack[PAGE] __attribute__((aligned(16)));

	return state_try((u64)fn + USER_OFFSET, PSTATE_EL0 | PSTATE_DAIF,
			 (u64)stack + PAGE + USER_OFFSET, arg);
}
