// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/cache.h"

#include "arch/cpu.h"
#include "mm/bits.h"

#define CTR_DMINLINE GENMASK(19, 16) /* log2 of the line's words */

void dcache_clean_inval_poc(const void *start, u64 size)
{
	u64 line = (u64)4 << FIELD_GET(CTR_DMINLINE, read_sysreg(ctr_el0));
	u64 end = (u64)(uintptr_t)start + size;

	for (u64 a = align_down((u64)(uintptr_t)start, line); a < end; a += line) {
		__asm__ volatile("dc civac, %0" : : "r"(a) : "memory");
	}
	dsb_sy();
}

void icache_inval_all(void)
{
	/* "Instruction cache maintenance": complete after a DSB, seen after an ISB. */
	__asm__ volatile("ic ialluis" : : : "memory");
	dsb_ish();
	isb();
}
