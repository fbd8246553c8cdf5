// SPDX-License-Identifier: Apache-2.0
/* The guest's own page tables: those it was entered with, refined where asked. */
#include "guest.h"

#define ADDR 0x000ffffffffff000ULL

#define BP_E820_COUNT 0x1e8
#define BP_E820       0x2d0

extern const u8 *boot_params;
extern u8 bss_end[];

void *page_alloc(void)
{
	static u64 next;
	void *page;

	if (!next) {
		next = ((u64)bss_end + PAGE - 1) & ~(PAGE - 1);
	}
	page = (void *)next;
	next += PAGE;
	memset(page, 0, PAGE);
	return page;
}

/* The table that @entry, of @level, points to; made when there is none. */
static u64 *table_below(u64 *entry, unsigned level)
{
	u64 *table;

	if ((*entry & PTE_P) && !(level < 4 && (*entry & PTE_PS))) {
		*entry |= PTE_W | PTE_U;
		return (u64 *)(*entry & ADDR);
	}
	table = page_alloc();
	if (*entry & PTE_P) {
		u64 step = PAGE << 9 * (level - 2), old = level == 2 ? *entry & ~PTE_PS : *entry;

		for (u64 i = 0; i < 512; i++) {
			table[i] = old + i * step;
		}
	}
	*entry = (u64)table | PTE_P | PTE_W | PTE_U;
	return table;
}

u64 *pte_below(u64 *table, u64 va, unsigned level)
{
	for (unsigned l = 4; l > level; l--) {
		table = table_below(&table[va >> (12 + 9 * (l - 1)) & 511], l);
	}
	return &table[va >> (12 + 9 * (level - 1)) & 511];
}

u64 *pte(u64 va, unsigned level)
{
	return pte_below((u64 *)(read_cr3() & ADDR), va, level);
}

void map(u64 va, u64 pa, u64 flags)
{
	*pte(va, 1) = pa | flags;
	invlpg(va);
}

u64 memory_end(void)
{
	u64 end = 0;

	for (unsigned i = 0; i < boot_params[BP_E820_COUNT]; i++) {
		const u8 *e = boot_params + BP_E820 + i * 20;
		u64 base, size;
		u32 type;

		memcpy(&base, e, 8);
		memcpy(&size, e + 8, 8);
		memcpy(&type, e + 16, 4);
		if (type == 1 && base + size > end) {
			end = base + size;
		}
	}
	return end;
}
