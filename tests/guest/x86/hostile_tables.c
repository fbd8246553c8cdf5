// SPDX-License-Identifier: Apache-2.0
/*
 * Page tables of noise, met by the hypervisor's own walk: string I/O and device-to-memory moves at
 * addresses whose tables lie beyond memory, in devices, in themselves, with reserved bits. Each
 * access works or is a fault.
 */
#include "guest.h"

#define BASE 0xffff900000000000ULL /* an entry of the root to itself */

static unsigned done, faults;

static void count(void)
{
	if (try_vector < 0) {
		done++;
	} else {
		CHECK(try_vector == VEC_PF || try_vector == VEC_GP || try_vector == VEC_SS);
		faults++;
	}
}

static void out_from(u64 va)
{
	u64 si = va;

	__asm__ volatile(TRY("outsl") : "+S"(si) : "d"(0x80) : "memory");
	count();
	CHECK_EQ(si, try_vector < 0 ? va + 4 : va);
}

static void in_to(u64 va)
{
	u64 di = va, n = 3;

	__asm__ volatile(TRY("rep insb") : "+D"(di), "+c"(n) : "d"(0x80) : "memory");
	count();
}

static void device_to(u64 va)
{
	u64 si = APIC_BASE + APIC_VERSION, di = va;

	__asm__ volatile(TRY("movsl") : "+S"(si), "+D"(di) : : "memory");
	count();
}

/* Pages that a walk may go through and a store may hit: the guest's own are not among them. */
static u64 arena, arena_pages = 64;

static u64 random_entry(void)
{
	u64 r = random64(), flags = random64() & 0xfff;

	if (r & 7) {
		flags = (flags | 3) & ~((r >> 8 & 3) ? PTE_PS : 0);
	}
	switch (r >> 60) {
	case 0:
		return random64();
	case 1:
		return 0xd0000000 | flags;
	case 2:
		return APIC_BASE | flags;
	case 3:
		return (memory_end() - PAGE) | flags;
	case 4:
		return memory_end() | flags;
	case 5:
		return 0x000ffffffffff000 | flags;
	case 6:
		return BIT(51 - (r & 15)) | flags;
	default:
		return (arena + (r >> 16) % arena_pages * PAGE) | (flags & ~PTE_PS);
	}
}

static u64 random_address(void)
{
	u64 r = random64();

	switch (r >> 62) {
	case 0:
		return BASE | (r & 0x7fffffffff);
	case 1:
		return (BASE | (r & 0x7fffffffff)) | 0xffe; /* into the next page */
	case 2:
		return BASE | (r & 0x1ff) << 12 | (r >> 20 & 0xfff);
	default:
		return r & 1 ? r : ~0ULL - (r & 7); /* not canonical; the end of everything */
	}
}

void guest_main(void)
{
	u64 *entry;

	apic_init();
	arena = (u64)page_alloc();
	for (u64 i = 1; i < arena_pages; i++) {
		(void)page_alloc();
	}
	entry = pte(BASE, 4);
	for (unsigned round = 0; round < 60; round++) {
		for (u64 i = 0; i < arena_pages * 512; i++) {
			((u64 *)arena)[i] = random_entry();
		}
		*entry = (round % 8 ? arena : random_entry()) | 3;
		write_cr3(read_cr3());
		for (unsigned i = 0; i < 60; i++) {
			out_from(random_address());
			in_to(random_address());
			device_to(random_address());
		}
	}
	print("%u done, %u faults\n", done, faults);
	CHECK(done && faults);
}
