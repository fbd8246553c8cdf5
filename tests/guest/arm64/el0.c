// SPDX-License-Identifier: Apache-2.0
/* Code at EL0: calls, what it may read, what traps to EL1 and with which syndrome. */
#include "guest.h"

/* Of a trapped MSR or MRS: ISS with x1 as register. */
#define ISS_SYSREG(op0, op1, crn, crm, op2, read)                                             \
	((u64)(op0) << 20 | (u64)(op2) << 17 | (u64)(op1) << 14 | (u64)(crn) << 10 | 1 << 5 | \
	 (u64)(crm) << 1 | (read))
#define TRAPPED(...) ((u64)EC_SYSREG << 26 | ESR_IL | ISS_SYSREG(__VA_ARGS__))

static void allowed(u64 v)
{
	sysreg_write(tpidr_el0, v);
	if (sysreg_read(tpidr_el0) != v || sysreg_read(tpidrro_el0) != 0x7788) {
		__asm__ volatile("brk #1");
	}
	__asm__ volatile("mrs x1, nzcv\n\tmsr nzcv, x1\n\tmrs x1, ctr_el0\n\tmrs x1, dczid_el0\n\t"
			 "sevl\n\twfe\n\tyield\n\tisb\n\tdsb sy\n\tmov x7, %0\n\tsvc #7"
			 :
			 : "r"(v)
			 : "x1", "x7");
}

static void trapped(u64 n)
{
	switch (n) {
	case 0:
		__asm__ volatile("mrs x1, ctr_el0" : : : "x1");
		break;
	case 1:
		__asm__ volatile("dc zva, x1");
		break;
	case 2:
		__asm__ volatile("dc cvau, x1");
		break;
	case 3:
		__asm__ volatile("msr daifset, #2");
		break;
	case 4:
		__asm__ volatile("mrs x1, cntvct_el0" : : : "x1");
		break;
	case 5:
		__asm__ volatile("mrs x1, cntv_ctl_el0" : : : "x1");
		break;
	default:
		__asm__ volatile("mrs x1, midr_el1" : : : "x1");
	}
}

static void check_traps(void)
{
	u64 esr;

	sysreg_write(sctlr_el1,
		     sysreg_read(sctlr_el1) & ~(BIT(14) | BIT(15) | BIT(26) | BIT(9))); /* UMA */
	sysreg_write(cntkctl_el1, 0);
	isb();
	CHECK_EQ(user_try(trapped, 0), TRAPPED(3, 3, 0, 0, 1, 1));
	CHECK_EQ(user_try(trapped, 1), TRAPPED(1, 3, 7, 4, 1, 0));
	CHECK_EQ(user_try(trapped, 2), TRAPPED(1, 3, 7, 11, 1, 0));
	esr = user_try(trapped, 3);
	CHECK_EQ(ESR_EC(esr), EC_SYSREG);
	CHECK_EQ(user_try(trapped, 4), TRAPPED(3, 3, 14, 0, 2, 1));
	CHECK_EQ(user_try(trapped, 5), TRAPPED(3, 3, 14, 3, 1, 1));
	esr = user_try(trapped, 6);
	CHECK(esr == ESR_IL || esr == TRAPPED(3, 0, 0, 0, 0, 1)); /* with FEAT_IDST */
}

/* EL0 works on while interrupts come. */
static volatile u64 loops;

static void spin(u64 n)
{
	volatile u64 *count = (volatile u64 *)((u64)&loops | USER_OFFSET);

	for (u64 i = 0; i < n; i++) {
		*count += 1;
	}
	__asm__ volatile("svc #8");
}

static void again(u32 intid)
{
	CHECK_EQ(intid, INTID_VTIMER);
	sysreg_write(cntv_tval_el0, counter_ms(1) / 10);
}

static void interrupted(void)
{
	static u8 stack[PAGE] __attribute__((aligned(16)));

	gic_init();
	irq_hook = again;
	gic_enable(INTID_VTIMER);
	sysreg_write(cntv_tval_el0, counter_ms(1) / 10);
	sysreg_write(cntv_ctl_el0, TIMER_ON);
	CHECK_EQ(state_try((u64)spin + USER_OFFSET, PSTATE_EL0, (u64)stack + PAGE + USER_OFFSET,
			   5000000),
		 (u64)EC_SVC << 26 | ESR_IL | 8);
	CHECK_EQ(loops, 5000000);
	CHECK(irq_count[INTID_VTIMER] > 1);
}

/* PSTATE.PAN: EL1 does not read what EL0 may. */
static void pan(void)
{
	const u64 va = 0x230000000000ULL;

	if (!field(sysreg_read(id_aa64mmfr1_el1), 20)) {
		return;
	}
	map(va, SCRATCH, MAP_USER);
	CHECK_EQ(TRY_ASM("ldr x0, [%0]" : : "r"(va) : "x0", "memory"), 0);
	__asm__ volatile(".inst 0xd500419f"); /* PAN = 1 */
	TRY_ASM("ldr x0, [%0]" : : "r"(va) : "x0", "memory");
	__asm__ volatile(".inst 0xd500409f"); /* PAN = 0 */
	CHECK_EQ(FSC(try_esr), FSC_PERMISSION + 3);
	CHECK(try_trap.pstate & PSTATE_PAN);
}

void guest_main(void)
{
	sysreg_write(tpidrro_el0, 0x7788);
	CHECK_EQ(user_try(allowed, 0x1234), (u64)EC_SVC << 26 | ESR_IL | 7);
	CHECK_EQ(try_trap.x[7], 0x1234);
	interrupted();
	check_traps();
	pan();
}
