// SPDX-License-Identifier: Apache-2.0
/* Device accesses and page protection: #PF as for memory, and accesses that leave the page. */
#include "guest.h"

#define VA 0x3000000ULL

static int write_try(u64 va, u32 v)
{
	__asm__ volatile(TRY("mov %0, (%1)") : : "r"(v), "r"(va) : "memory");
	return try_vector;
}

static int read_try(u64 va, u64 *v)
{
	__asm__ volatile(TRY("mov (%1), %0") : "=r"(*v) : "r"(va) : "memory");
	return try_vector;
}

void guest_main(void)
{
	u64 v = 0;

	apic_init();
	apic_write(APIC_LVTT, APIC_MASKED);
	write_cr0(read_cr0() | BIT(16));
	map(VA, APIC_BASE, PTE_P | PTE_W);
	map(VA + PAGE, (u64)page_alloc(), PTE_P | PTE_W);
	CHECK_EQ(write_try(VA + APIC_TMICT, 5), -1);
	CHECK_EQ(apic_read(APIC_TMICT), 5);

	/* Read-only, with CR0.WP. */
	map(VA, APIC_BASE, PTE_P);
	CHECK_EQ(write_try(VA + APIC_TMICT, 6), VEC_PF);
	CHECK_EQ(try_error, 3);
	CHECK_EQ(try_cr2, VA + APIC_TMICT);
	CHECK_EQ(apic_read(APIC_TMICT), 5);
	/* A read-modify-write that may read. */
	__asm__ volatile(TRY("addl $1, (%0)") : : "r"(VA + APIC_TMICT) : "memory");
	CHECK_EQ(try_vector, VEC_PF);
	CHECK_EQ(apic_read(APIC_TMICT), 5);

	/* Gone. */
	map(VA, 0, 0);
	CHECK_EQ(read_try(VA + APIC_TMICT, &v), VEC_PF);
	CHECK_EQ(try_error, 0);

	/* Eight bytes over the end of a device page into memory. */
	map(VA, APIC_BASE, PTE_P | PTE_W);
	*(volatile u64 *)(VA + PAGE) = 0x1122334455667788;
	CHECK_EQ(read_try(VA + PAGE - 4, &v), -1);
	CHECK_EQ(v >> 32, 0x55667788);
	/* And into nothing: #PF at the second page, whichever is the device. */
	map(VA + PAGE, 0, 0);
	CHECK_EQ(read_try(VA + PAGE - 4, &v), VEC_PF);
	CHECK_EQ(try_cr2, VA + PAGE);
	map(VA + PAGE, APIC_BASE, PTE_P | PTE_W);
	map(VA, 0, 0);
	CHECK_EQ(read_try(VA + PAGE - 4, &v), VEC_PF);
	CHECK_EQ(try_cr2, VA + PAGE - 4);

	/* Accessed and dirty bits are set for what the hypervisor accesses. */
	map(VA, APIC_BASE, PTE_P | PTE_W);
	(void)mmio_read(VA + APIC_TMICT);
	CHECK(*pte(VA, 1) & PTE_A);
	CHECK_EQ(write_try(VA + APIC_TMICT, 7), -1);
	CHECK(*pte(VA, 1) & PTE_D);

	/* Memory to device where the memory side faults: nothing happens. */
	map(VA + PAGE, 0, 0);
	__asm__ volatile(TRY("movsl") : : "S"(VA + PAGE), "D"(VA + APIC_TMICT) : "memory");
	CHECK_EQ(try_vector, VEC_PF);
	CHECK_EQ(try_cr2, VA + PAGE);
	CHECK_EQ(apic_read(APIC_TMICT), 7);
	__asm__ volatile(TRY("movsl") : : "S"(VA + APIC_TMICT), "D"(VA + PAGE) : "memory");
	CHECK_EQ(try_vector, VEC_PF);
	CHECK_EQ(try_error, 2);
}
