// SPDX-License-Identifier: Apache-2.0
/* Exceptions of instructions: undefined ones, BRK, alignment of PC and SP, illegal state. */
#include "guest.h"

#define SCTLR_SA  BIT(3)
#define SCTLR_SA0 BIT(4)

/* At EL1, with the address and the state that go with it. */
#define UNDEFINED(insn)                                                                            \
	do {                                                                                       \
		u64 pc_;                                                                           \
		TRY_ASM("adr %0, 1f\n\tmsr nzcv, %1\n1:\t" insn                                    \
			: "=&r"(pc_)                                                               \
			: "r"(0x60000000ULL)                                                       \
			: "x0", "memory", "cc");                                                   \
		if (try_esr != ESR_IL || try_trap.pc != pc_) {                                     \
			fail(insn ": esr %lx at %lx, expected at %lx", try_esr, try_trap.pc, pc_); \
		}                                                                                  \
		CHECK_EQ(try_trap.pstate & ~PSTATE_PAN & ~BIT(12),                                 \
			 0x60000000 | PSTATE_DAIF | PSTATE_EL1H);                                  \
	} while (0)

static void at_el1(void)
{
	UNDEFINED("udf #0");
	UNDEFINED("udf #0xffff");
	UNDEFINED("hlt #0");
	UNDEFINED(".inst 0xffffffff");
	UNDEFINED(".inst 0x00010000");
	UNDEFINED("dcps2");
	UNDEFINED("mrs x0, hcr_el2");
	UNDEFINED("msr hcr_el2, x0");
	UNDEFINED("mrs x0, sp_el1");
	UNDEFINED("mrs x0, scr_el3");
	UNDEFINED("msr S3_5_C1_C0_0, x0"); /* SCTLR_EL12 */
	UNDEFINED("tlbi alle1");
	UNDEFINED("at s12e1r, x0");
	UNDEFINED("drps");
	CHECK_EQ(TRY_ASM("brk #0x1234"), (u64)EC_BRK_INSN << 26 | ESR_IL | 0x1234);
	CHECK_EQ(TRY_ASM("svc #0x4321"), (u64)EC_SVC << 26 | ESR_IL | 0x4321);
}

static void el0_insn(u64 n)
{
	switch (n) {
	case 0:
		__asm__ volatile("udf #1");
		break;
	case 1:
		__asm__ volatile("hlt #1");
		break;
	case 2:
		__asm__ volatile("eret");
		break;
	case 3:
		__asm__ volatile("mrs x0, sctlr_el1" : : : "x0");
		break;
	case 4:
		__asm__ volatile("msr vbar_el1, x0");
		break;
	case 5:
		__asm__ volatile("mrs x0, hcr_el2" : : : "x0");
		break;
	case 6:
		__asm__ volatile("tlbi vmalle1");
		break;
	case 7:
		__asm__ volatile("hvc #0");
		break;
	case 8:
		__asm__ volatile("smc #0");
		break;
	case 9:
		__asm__ volatile("msr spsel, #1");
		break;
	case 10:
		__asm__ volatile("mrs x0, S3_0_C12_C12_0" : : : "x0"); /* ICC_IAR1_EL1 */
		break;
	default:
		__asm__ volatile("brk #2");
	}
}

static void at_el0(void)
{
	for (u64 i = 0; i < 11; i++) {
		u64 esr = user_try(el0_insn, i);

		if (esr != ESR_IL) {
			fail("EL0 case %lu: esr %lx", i, esr);
		}
		CHECK_EQ(try_trap.vector, VECTOR_EL0 + VECTOR_SYNC);
		CHECK_EQ(try_trap.pstate & 0xf, PSTATE_EL0);
	}
	CHECK_EQ(user_try(el0_insn, 99), (u64)EC_BRK_INSN << 26 | ESR_IL | 2);
}

static void load(u64 unused)
{
	(void)unused;
	__asm__ volatile("ldr x0, [sp]\n\tsvc #0" : : : "x0");
}

static void check_unaligned(u64 esr, u64 vector)
{
	CHECK(esr == ((u64)EC_SP_ALIGN << 26 | ESR_IL) || ESR_EC(esr) == EC_SVC);
	CHECK_EQ(try_trap.vector, vector + VECTOR_SYNC);
}

static void states(void)
{
	u64 pc = (u64)load + USER_OFFSET, sctlr = sysreg_read(sctlr_el1);

	CHECK_EQ(state_try(pc + 2, PSTATE_EL0 | PSTATE_DAIF, 0, 0),
		 (u64)EC_PC_ALIGN << 26 | ESR_IL);
	CHECK_EQ(try_trap.far, pc + 2);
	CHECK_EQ(try_trap.pc, pc + 2);
	/* A return to EL2, and to a mode that does not exist: the illegal state, at the same EL. */
	CHECK_EQ(state_try((u64)load, 0x9 | PSTATE_DAIF, 0, 0), (u64)EC_ILLEGAL << 26 | ESR_IL);
	CHECK_EQ(try_trap.vector, VECTOR_EL1H + VECTOR_SYNC);
	CHECK(try_trap.pstate & PSTATE_IL);
	CHECK_EQ(state_try((u64)load, 0x2 | PSTATE_DAIF, 0, 0), (u64)EC_ILLEGAL << 26 | ESR_IL);
	CHECK_EQ(state_try(pc, PSTATE_IL | PSTATE_DAIF, 0, 0), (u64)EC_ILLEGAL << 26 | ESR_IL);
	CHECK_EQ(try_trap.vector, VECTOR_EL0 + VECTOR_SYNC);
	sysreg_write(sctlr_el1, sctlr | SCTLR_SA | SCTLR_SA0);
	isb();
	/* Not every emulator checks the stack pointer. */
	check_unaligned(state_try(pc, PSTATE_DAIF, pc | 8, 0), VECTOR_EL0);
	check_unaligned(state_try((u64)load, PSTATE_EL1T | PSTATE_DAIF, pc | 8, 0), VECTOR_EL1T);
	sysreg_write(sctlr_el1, sctlr);
	isb();
	CHECK_EQ(ESR_EC(state_try(pc, PSTATE_DAIF, ((u64)image_start + USER_OFFSET) | 8, 0)),
		 EC_SVC);
}

void guest_main(void)
{
	at_el1();
	at_el0();
	states();
}
