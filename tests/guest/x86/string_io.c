// SPDX-License-Identifier: Apache-2.0
/*
 * INS and OUTS: each width, both directions, REP, address sizes, page crossings, a fault in the
 * middle. The UART in loopback gives back what it is sent, sixteen bytes at a time.
 */
#include "guest.h"

#define UART 0x3f8
#define VA   0x3000000ULL

static u8 *page0, *page1;

static void loopback(bool on)
{
	outb(UART + 2, 7);
	outb(UART + 4, on ? 0x13 : 3);
}

static u64 rep_outsb(const void *from, u64 count)
{
	__asm__ volatile("rep outsb" : "+S"(from), "+c"(count) : "d"(UART) : "memory");
	return (u64)from;
}

static u64 rep_insb(void *to, u64 count)
{
	__asm__ volatile("rep insb" : "+D"(to), "+c"(count) : "d"(UART) : "memory");
	return (u64)to;
}

static void check_bytes(const u8 *p, const char *expected, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		CHECK_EQ(p[i], expected[i]);
	}
}

static void faults(void)
{
	u64 si = VA + PAGE - 4, di, count = 8;

	/* Four bytes go out, the fifth faults; then it goes on from there. */
	memcpy((void *)si, "abcd", 4);
	map(VA + PAGE, 0, 0);
	__asm__ volatile(TRY("rep outsb") : "+S"(si), "+c"(count) : "d"(UART) : "memory");
	CHECK_EQ(try_vector, VEC_PF);
	CHECK_EQ(try_error, 0);
	CHECK_EQ(try_cr2, VA + PAGE);
	CHECK_EQ(count, 4);
	CHECK_EQ(si, VA + PAGE);
	map(VA + PAGE, (u64)page1, PTE_P | PTE_W);
	memcpy((void *)si, "efgh", 4);
	CHECK_EQ(rep_outsb((void *)si, count), VA + PAGE + 4);

	/* Back in, the same way; nothing is read for the byte that cannot be stored. */
	map(VA + PAGE, 0, 0);
	di = VA + PAGE - 4;
	count = 8;
	__asm__ volatile(TRY("rep insb") : "+D"(di), "+c"(count) : "d"(UART) : "memory");
	CHECK_EQ(try_vector, VEC_PF);
	CHECK_EQ(try_error, 2);
	CHECK_EQ(count, 4);
	map(VA + PAGE, (u64)page1, PTE_P | PTE_W);
	CHECK_EQ(rep_insb((void *)di, count), VA + PAGE + 4);
	check_bytes((u8 *)VA + PAGE - 4, "abcdefgh", 8);
}

static void widths(void)
{
	static u8 from[8] = "ABCDEFGH", to[8];
	void *p = from;

	/* A word at the data port is two bytes at two ports: the second is IER, write 0. */
	memcpy(from, "A\0B\0", 4);
	__asm__ volatile("outsw; outsw" : "+S"(p) : "d"(UART) : "memory");
	CHECK_EQ((u64)p, (u64)from + 4);
	p = to;
	__asm__ volatile("insb; insb" : "+D"(p) : "d"(UART) : "memory");
	check_bytes(to, "AB", 2);
	p = to;
	__asm__ volatile("insl" : "+D"(p) : "d"(0x80) : "memory");
	CHECK_EQ(*(u32 *)to, 0xffffffff);
	CHECK_EQ((u64)p, (u64)to + 4);
	p = to;
	__asm__ volatile("insw" : "+D"(p) : "d"(0x80) : "memory");
	CHECK_EQ((u64)p, (u64)to + 2);
}

static void forms(void)
{
	u8 from[] = "wxyz", to[4] = {0};
	u64 si = (u64)from + 3, di = (u64)to, count = 0;

	/* Downwards. */
	__asm__ volatile("std; outsb; outsb; cld" : "+S"(si) : "d"(UART) : "memory");
	CHECK_EQ(si, (u64)from + 1);
	CHECK_EQ(rep_insb(to, 2), (u64)to + 2);
	check_bytes(to, "zy", 2);
	/* No iteration at all. */
	__asm__ volatile("rep insb" : "+D"(di), "+c"(count) : "d"(UART) : "memory");
	CHECK_EQ(di, (u64)to);
	/* 32-bit addresses: the upper halves go to 0. */
	si = (u64)from | 0x7700000000000000;
	count = 2 | 0x6600000000000000;
	__asm__ volatile("addr32 rep outsb" : "+S"(si), "+c"(count) : "d"(UART) : "memory");
	CHECK_EQ(si, (u64)from + 2);
	CHECK_EQ(count, 0);
	/* A segment override: OUTS takes it, INS does not. */
	wrmsr(0xc0000101, (u64)from);
	si = 2;
	__asm__ volatile("outsb %%gs:(%%rsi), %%dx" : "+S"(si) : "d"(UART) : "memory");
	CHECK_EQ(si, 3);
	wrmsr(0xc0000101, 0);
	CHECK_EQ(rep_insb(to, 3), (u64)to + 3);
	check_bytes(to, "wxy", 3);
}

void guest_main(void)
{
	page0 = page_alloc();
	page1 = page_alloc();
	map(VA, (u64)page0, PTE_P | PTE_W);
	map(VA + PAGE, (u64)page1, PTE_P | PTE_W);
	loopback(true);
	faults();
	widths();
	forms();
	loopback(false);
}
