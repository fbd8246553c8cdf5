// SPDX-License-Identifier: Apache-2.0
/*
 * Reads and writes all over the guest-physical space: around each gibibyte of the first 512, at
 * each power of two, and every 256 KiB of the device hole. Outside memory reads give ones, or a
 * device's register; writes are lost; the guest's own memory stays as it is.
 */
#include "guest.h"

#define GIB BIT(30)

static u64 size_of_memory, accesses;

static u32 checksum(void)
{
	const u32 *p = (const u32 *)0x100000;
	u32 sum = 0;

	for (unsigned i = 0; i < 0x2000 / 4; i++) {
		sum = sum * 31 + p[i];
	}
	return sum;
}

/* Where touch_around() goes in a gibibyte: all of it by one page, or its ends by 2 MiB pages. */
static void map_gib(u64 addr, bool has_1g_pages)
{
	const u64 flags = PTE_P | PTE_W | PTE_PS;

	if (has_1g_pages) {
		*pte(addr, 3) = addr | flags;
	} else {
		*pte(addr, 2) = addr | flags;
		*pte(addr + GIB - 0x200000, 2) = (addr + GIB - 0x200000) | flags;
	}
}

/* Maps 512 GiB and more at their own addresses; the first 4 GiB stay. */
static void map_all(unsigned phys_bits)
{
	bool has_1g_pages = cpuid(0x80000001, 0).edx & BIT(26);

	for (u64 i = 4; i < 512; i++) {
		map_gib(i * GIB, has_1g_pages);
	}
	for (unsigned bit = 39; bit < phys_bits && bit < 47; bit++) {
		map_gib(BIT(bit), has_1g_pages);
		map_gib(BIT(bit + 1) - GIB, has_1g_pages);
	}
	write_cr3(read_cr3());
}

static void touch(u64 addr)
{
	volatile u8 *p = (volatile u8 *)addr;
	bool memory = addr < size_of_memory;
	bool device = addr >> 12 == 0xfee00 || addr >> 12 == 0xfec00;
	u64 v = *(volatile u64 *)p;

	accesses++;
	if (memory) {
		return;
	}
	if (!device && v != ~0ULL) {
		fail("%lx reads %lx", addr, v);
	}
	(void)*(volatile u32 *)p;
	(void)*(volatile u16 *)p;
	(void)*p;
	*(volatile u64 *)p = 0;
	*(volatile u32 *)p = 0x12345678;
	*(volatile u16 *)(p + 3) = 0xffff;
	*p = 1;
	if (!device && *(volatile u64 *)p != ~0ULL) {
		fail("%lx keeps what is written", addr);
	}
}

static void touch_around(u64 addr)
{
	touch(addr);
	touch(addr + 0xffc); /* the last of them crosses into the next page */
	touch(addr + GIB - 8);
}

/* Across the end of memory: one half is memory, the other is not. */
static void touch_end(void)
{
	volatile u64 *p = (volatile u64 *)(size_of_memory - 4);

	*(volatile u32 *)p = 0x11223344;
	CHECK_EQ(*p, 0xffffffff11223344);
	*p = 0xaabbccdd55667788;
	CHECK_EQ(*(volatile u32 *)p, 0x55667788);
	for (unsigned i = 1; i < 8; i++) {
		p = (volatile u64 *)(size_of_memory - i);
		*p = random64();
		(void)*p;
	}
}

void guest_main(void)
{
	unsigned phys_bits = cpuid(0x80000008, 0).eax & 0xff;
	u32 sum = checksum();

	pic_mask();
	size_of_memory = memory_end();
	map_all(phys_bits);
	for (u64 a = 0; a < 511; a++) {
		touch_around(a * GIB);
	}
	for (unsigned bit = 39; bit < phys_bits && bit < 47; bit++) {
		touch_around(BIT(bit));
		touch(BIT(bit + 1) - 8);
	}
	for (u64 a = 0xc0000000; a < 0x100000000; a += 0x40000) {
		touch(a);
	}
	touch(0xfffffff0);
	touch_end();
	CHECK_EQ(checksum(), sum);
	print("%lu addresses\n", accesses);
}
