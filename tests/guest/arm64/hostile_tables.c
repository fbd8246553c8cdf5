// SPDX-License-Identifier: Apache-2.0
/*
 * Translation tables that point anywhere, at every level, and roots as well; everything through
 * them ends in an abort to EL1, or in memory of the guest.
 */
#include "guest.h"

#define VA 0x250000000000ULL

static u64 faults, reads, other;

static u64 random_address(void)
{
	u64 r = random64();

	switch (r >> 61) {
	case 0:
		return ram_base + ram_size - PAGE;
	case 1:
		return SCRATCH + (r & 0xff000);
	case 2:
		return GICD_BASE + (r & 0x1f000);
	case 3:
		return UART_BASE;
	case 4:
		return r & 0xfffff000;
	case 5:
		return r & 0xfffffff000;
	default:
		return r & 0xfffffffff000;
	}
}

static u64 random_entry(void)
{
	u64 r = random64();

	return random_address() | (r & 0xfff0000000000fff) | (r & BIT(60) ? 3 : 1);
}

/* The scratch memory is itself tables: random entries, so that walks go on from there. */
static void fill(void)
{
	u64 *p = (u64 *)SCRATCH;

	for (unsigned i = 0; i < 0x100000 / 8; i += 1 + (unsigned)(random64() & 7)) {
		p[i] = random_entry();
	}
	dsb();
}

static u64 jump(u64 to)
{
	((void (*)(void))to)();
	return 0;
}

static void try(u64 va)
{
	TRY_ASM("ldr x0, [%0]" : : "r"(va) : "x0", "memory");
	if (try_esr) {
		faults++;
		other += ESR_EC(try_esr) != EC_DABT;
	} else {
		reads++;
	}
	TRY_ASM("at s1e1r, %0\n\tat s1e0w, %0" : : "r"(va) : "memory");
	TRY_ASM("dc civac, %0" : : "r"(va) : "memory");
	TRY_ASM("ic ivau, %0" : : "r"(va) : "memory");
}

static void user_load(u64 va)
{
	__asm__ volatile("ldr x0, [%0]\n\tsvc #0" : : "r"(va) : "x0", "memory");
}

static void one_entry(void)
{
	unsigned level = (unsigned)(random64() & 3);
	u64 va = VA + ((random64() & 3) << 39), entry = random_entry();

	/* The root's own entries for what runs here stay; the levels below are new each time. */
	*pte(va, 0) = 0;
	tlb_flush();
	if (level == 0) {
		*pte(va, 0) = (SCRATCH + (random64() & 0xff000)) | 3;
	} else {
		*(volatile u64 *)(SCRATCH + (va >> (39 - 9 * level) & 511) * 8) = entry;
		*pte(va, 0) = SCRATCH | 3;
	}
	tlb_flush();
	for (unsigned i = 0; i < 4; i++) {
		try(va + (random64() & 0x7ffffffff8));
	}
	user_try(user_load, va);
}

/* The other half's root. */
static void roots(void)
{
	u64 tcr = sysreg_read(tcr_el1);

	sysreg_write(tcr_el1, (tcr & ~BIT(23)) | 16ULL << 16 | 2ULL << 30 | 0x35ULL << 24);
	for (unsigned i = 0; i < 500; i++) {
		sysreg_write(ttbr1_el1, random_address());
		tlb_flush();
		try(0xffff000000000000ULL | random64());
		call_try(jump, 0xffff000000000000ULL | (random64() & ~3ULL));
	}
	sysreg_write(tcr_el1, tcr);
	tlb_flush();
}

void guest_main(void)
{
	u64 rounds = option("rounds", 1500);

	for (u64 i = 0; i < rounds; i++) {
		if (i % 50 == 0) {
			fill();
		}
		one_entry();
	}
	*pte(VA, 0) = 0;
	roots();
	print("%lu faults, %lu reads, %lu others\n", faults, reads, other);
	CHECK(faults > rounds && !other);
}
