// SPDX-License-Identifier: Apache-2.0
/* Software-generated interrupts to the CPU itself, by ICC_SGI1R_EL1 and by the redistributor. */
#include "guest.h"

#define ICC_SGI1R "S3_0_C12_C11_5"
#define IRM       BIT(40)

static u64 target;

static void send(u32 intid, u64 how)
{
	__asm__ volatile("msr " ICC_SGI1R ", %0\n\tisb" : : "r"((u64)intid << 24 | how) : "memory");
}

static void check_taken(u32 intid, u32 count)
{
	irq_enable();
	irq_disable();
	CHECK_EQ(irq_count[intid], count);
}

void guest_main(void)
{
	u64 mpidr = sysreg_read(mpidr_el1);

	target = 1ULL << (mpidr & 0xf) | (mpidr >> 8 & 0xff) << 16 | (mpidr >> 16 & 0xff) << 32 |
		 (mpidr >> 32 & 0xff) << 48;
	gic_init();
	for (u32 i = 0; i < 16; i++) {
		gic_enable(i);
		send(i, target);
		check_taken(i, 1);
		CHECK(!gic_bit(GICD_ISPENDR, i));
	}
	/* All CPUs but this one; nobody; CPUs that do not exist. */
	send(1, IRM);
	send(2, 0);
	send(3, target | 0xffULL << 16);
	send(4, target << 8 & 0xffff);
	for (u32 i = 1; i < 5; i++) {
		CHECK(!gic_bit(GICD_ISPENDR, i));
		check_taken(i, 1);
	}
	/* Two of them before the first is taken are one. */
	send(5, target);
	send(5, target);
	CHECK(gic_bit(GICD_ISPENDR, 5));
	check_taken(5, 2);
	/* By the redistributor, as an interrupt controller is saved and restored. */
	gic_bit_set(GICD_ISPENDR, 6);
	CHECK(gic_bit(GICD_ISPENDR, 6));
	check_taken(6, 2);
	gic_bit_set(GICD_ISPENDR, 7);
	gic_bit_set(GICD_ICPENDR, 7);
	CHECK(!gic_bit(GICD_ISPENDR, 7));
	check_taken(7, 1);
	/* Not enabled: stays pending until it is. */
	gic_disable(8);
	send(8, target);
	check_taken(8, 1);
	CHECK(gic_bit(GICD_ISPENDR, 8));
	gic_enable(8);
	check_taken(8, 2);
	/* With interrupts on all the time. */
	irq_enable();
	for (u32 i = 0; i < 1000; i++) {
		send(9, target);
		WAIT_FOR(irq_count[9] == i + 2, 1000);
	}
	irq_disable();
	CHECK_EQ(irq_count[INTID_SPURIOUS], 0);
	send(10, target);
	CHECK_EQ(sysreg_read(icc_hppir1_el1), 10);
	CHECK_EQ(gic_acknowledge(), 10);
	CHECK_EQ(gic_acknowledge(), INTID_SPURIOUS);
	gic_end(10);
}
