// SPDX-License-Identifier: Apache-2.0
/* CR0 by MOV, CLTS, LMSW, SMSW: reserved and impossible combinations, what each may change. */
#include "guest.h"

#define PE BIT(0)
#define MP BIT(1)
#define EM BIT(2)
#define TS BIT(3)
#define ET BIT(4)
#define WP BIT(16)
#define NW BIT(29)
#define CD BIT(30)
#define PG BIT(31)

static void refused(u64 v)
{
	u64 old = read_cr0();

	CHECK_EQ(write_cr0_try(v), VEC_GP);
	CHECK_EQ(try_error, 0);
	CHECK_EQ(read_cr0(), old);
}

static int lmsw(u16 v)
{
	__asm__ volatile(TRY("lmsw %0") : : "r"(v) : "memory");
	return try_vector;
}

static int fninit(void)
{
	__asm__ volatile(TRY("fninit") : : : "memory");
	return try_vector;
}

void guest_main(void)
{
	u64 cr0 = read_cr0();
	static u16 in_memory;
	u64 wide;

	refused(cr0 | BIT(32));
	refused(cr0 | BIT(63));
	refused(cr0 & ~PG); /* in 64-bit code */
	refused(cr0 & ~PE); /* paging without protection */
	refused((cr0 & ~PE) & ~PG);
	refused(cr0 | NW); /* NW without CD */
	write_cr0(cr0 | CD);
	write_cr0(cr0 | CD | NW);
	CHECK_EQ(read_cr0(), cr0 | CD | NW);
	vmexit();
	write_cr0(cr0);
	/* ET is fixed; reserved bits below 32 read as 0. */
	write_cr0(cr0 & ~ET);
	CHECK_EQ(read_cr0(), cr0 | ET);
	write_cr0(cr0 | BIT(6) | BIT(28));
	CHECK_EQ(read_cr0(), cr0);

	/* TS: #NM, until CLTS. */
	write_cr0((cr0 & ~EM) | TS | MP);
	CHECK_EQ(fninit(), VEC_NM);
	__asm__ volatile("clts" : : : "memory");
	CHECK(!(read_cr0() & TS));
	CHECK_EQ(fninit(), -1);
	write_cr0(cr0 | EM);
	CHECK_EQ(fninit(), VEC_NM);
	write_cr0(cr0 & ~EM);

	/* LMSW sets PE, MP, EM, TS and cannot clear PE. */
	cr0 = read_cr0() & ~(MP | EM | TS);
	write_cr0(cr0);
	CHECK_EQ(lmsw(0xfffe), -1);
	CHECK_EQ(read_cr0(), cr0 | MP | EM | TS);
	CHECK_EQ(lmsw(0), -1);
	CHECK_EQ(read_cr0(), cr0);
	in_memory = 2;
	__asm__ volatile(TRY("lmsw %0") : : "m"(in_memory) : "memory");
	CHECK_EQ(try_vector, -1);
	CHECK_EQ(read_cr0(), cr0 | MP);
	write_cr0(cr0);
	__asm__ volatile("smsw %0" : "=r"(wide));
	CHECK_EQ((u16)wide, (u16)cr0);

	/* WP takes effect at once. */
	map(0x3000000, (u64)page_alloc(), PTE_P);
	write_cr0(cr0 & ~WP);
	__asm__ volatile(TRY("movb $1, (%0)") : : "r"(0x3000000ULL) : "memory");
	CHECK_EQ(try_vector, -1);
	write_cr0(cr0 | WP);
	__asm__ volatile(TRY("movb $1, (%0)") : : "r"(0x3000000ULL) : "memory");
	CHECK_EQ(try_vector, VEC_PF);
	CHECK_EQ(try_error, 3);
}
