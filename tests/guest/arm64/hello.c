// SPDX-License-Identifier: Apache-2.0
/* The state at the start, as Linux's boot protocol says; MMU and caches; exceptions of both kinds.
 */
#include "guest.h"

static void svc(u64 arg)
{
	__asm__ volatile("mov x1, %0\n\tsvc #0x123" : : "r"(arg) : "x1");
}

void guest_main(void)
{
	print("hello: image %p, device tree %lx, memory %lx + %lx, options \"%s\"\n",
	      (const void *)image_start, fdt_address, ram_base, ram_size, cmdline);
	CHECK_EQ(sysreg_read(CurrentEL), 1 << 2);
	CHECK_EQ(fdt_address & 7, 0);
	CHECK(fdt_address >= ram_base && fdt_address < ram_base + ram_size);
	CHECK((u64)image_start >= ram_base && (u64)image_end <= ram_base + ram_size);
	CHECK_EQ((u64)image_start & 0x1fffff, 0);
	CHECK(sysreg_read(sctlr_el1) & 1);
	CHECK_UNDEFINED(TRY_ASM("udf #7"));
	CHECK_EQ(user_try(svc, 0x456), (u64)EC_SVC << 26 | ESR_IL | 0x123);
	CHECK_EQ(try_trap.x[1], 0x456);
	CHECK_EQ(try_trap.vector, VECTOR_EL0 + VECTOR_SYNC);
	gic_init();
	irq_enable();
	sysreg_write(cntv_tval_el0, counter_ms(1));
	sysreg_write(cntv_ctl_el0, 1);
	gic_enable(INTID_VTIMER);
	WAIT_FOR(irq_count[INTID_VTIMER], 1000);
}
