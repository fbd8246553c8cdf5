// SPDX-License-Identifier: Apache-2.0
/*
 * Self-hosted debug (Arm ARM, "AArch64 Self-hosted Debug"): breakpoints, watchpoints, single
 * steps, at EL1 and EL0; the OS lock.
 */
#include "guest.h"

#define MDSCR_SS  BIT(0)
#define MDSCR_KDE BIT(13)
#define MDSCR_MDE BIT(15)
#define BCR_ON    (BIT(0) | 0xfULL << 5)
#define AT_EL1    (1ULL << 1)
#define AT_EL0    (2ULL << 1)
#define WCR_LOAD  (1ULL << 3)
#define WCR_STORE (2ULL << 3)
#define DEBUG_ON  (PSTATE_DAIF & ~BIT(9))

static volatile u64 watched[4] __attribute__((aligned(32)));

static u64 target(u64 v)
{
	__asm__ volatile("nop");
	return v + 1;
}

static u64 enable_and_call(u64 fn)
{
	__asm__ volatile("msr daifclr, #8\n\tisb" : : : "memory");
	((void (*)(void))fn)();
	__asm__ volatile("msr daifset, #8" : : : "memory");
	return 0;
}

static void breakpoints(void)
{
	unsigned count = field(sysreg_read(id_aa64dfr0_el1), 12) + 1;

	CHECK(count >= 2);
	sysreg_write(mdscr_el1, MDSCR_MDE | MDSCR_KDE);
	sysreg_write(dbgbvr0_el1, (u64)target);
	sysreg_write(dbgbcr0_el1, BCR_ON | AT_EL1);
	isb();
	CHECK_EQ(sysreg_read(dbgbvr0_el1), (u64)target);
	CHECK_EQ(call_try(enable_and_call, (u64)target), (u64)EC_BRK << 26 | ESR_IL | 0x22);
	CHECK_EQ(try_trap.pc, (u64)target);
	/* Masked by PSTATE.D; not at EL0; off. */
	CHECK_EQ(call_try(target, 0), 0);
	sysreg_write(dbgbcr0_el1, BCR_ON | AT_EL0);
	isb();
	CHECK_EQ(call_try(enable_and_call, (u64)target), 0);
	sysreg_write(dbgbvr0_el1, (u64)target + USER_OFFSET);
	isb();
	CHECK_EQ(state_try((u64)target + USER_OFFSET, PSTATE_EL0 | PSTATE_DAIF, 0, 0),
		 (u64)EC_BRK_EL0 << 26 | ESR_IL | 0x22);
	sysreg_write(dbgbcr0_el1, 0);
	isb();
}

static u64 touch(u64 how)
{
	__asm__ volatile("msr daifclr, #8\n\tisb" : : : "memory");
	if (how & 1) {
		watched[2] = 1;
	}
	if (how & 2) {
		(void)watched[2];
	}
	__asm__ volatile("msr daifset, #8" : : : "memory");
	return 0;
}

static void watchpoints(void)
{
	u64 far = (u64)&watched[2];

	sysreg_write(mdscr_el1, MDSCR_MDE | MDSCR_KDE);
	sysreg_write(dbgwvr0_el1, far);
	sysreg_write(dbgwcr0_el1, 1 | 0xffULL << 5 | AT_EL1 | WCR_STORE);
	isb();
	CHECK_EQ(call_try(touch, 2), 0);
	CHECK_EQ(call_try(touch, 1) & ~0x1fffa0ULL, (u64)EC_WATCH << 26 | ESR_IL | 0x2 | ISS_WNR);
	CHECK_EQ(try_trap.far, far);
	sysreg_write(dbgwcr0_el1, 1 | 0xffULL << 5 | AT_EL1 | WCR_LOAD);
	isb();
	CHECK_EQ(call_try(touch, 1), 0);
	CHECK_EQ(call_try(touch, 2) & ~0x1fffa0ULL, (u64)EC_WATCH << 26 | ESR_IL | 0x2);
	sysreg_write(dbgwcr0_el1, 0);
	isb();
}

/* Steps over instructions that exit: each is one step. */
static u64 steps;
static u64 stepped[8];

static void step(struct trap *t)
{
	if (ESR_EC(t->esr) != EC_STEP_EL0) {
		sysreg_write(mdscr_el1, 0);
		isb();
		trap_return(t, t->esr);
		return;
	}
	CHECK(steps < 8);
	stepped[steps++] = t->pc;
	t->pstate |= PSTATE_SS;
}

__asm__(".balign 8\n"
	".globl stepped_code\nstepped_code:\n\tnop\n\tmov x1, #1\n\tldr w2, [x0]\n\tb 1f\n\tnop\n1:\tmrs x3, cntvct_el0\n\t"
	"svc #0x99\n");
extern const u8 stepped_code[];

static void single_step(void)
{
	static const u32 offsets[] = {4, 8, 12, 20, 24};
	u64 code = (u64)stepped_code + USER_OFFSET;

	map(GICD_BASE, GICD_BASE, MAP_DEVICE | PTE_EL0);
	trap_set(VECTOR_EL0 + VECTOR_SYNC, step);
	sysreg_write(cntkctl_el1, 3);
	sysreg_write(mdscr_el1, MDSCR_SS);
	isb();
	CHECK_EQ(state_try(code, PSTATE_EL0 | PSTATE_DAIF | PSTATE_SS, 0, GICD_BASE + GICD_TYPER),
		 (u64)EC_SVC << 26 | ESR_IL | 0x99);
	CHECK_EQ(steps, 5);
	for (unsigned i = 0; i < steps; i++) {
		CHECK_EQ(stepped[i], code + offsets[i]);
	}
	trap_set(VECTOR_EL0 + VECTOR_SYNC, NULL);
}

/* At EL1, over calls to the hypervisor and emulated registers, with debug exceptions unmasked. */
static void step_el1(struct trap *t)
{
	if (ESR_EC(t->esr) != EC_STEP) {
		fail("esr %lx at %lx", t->esr, t->pc);
	}
	CHECK(steps < 8);
	stepped[steps++] = t->pc;
	t->pstate |= PSTATE_SS;
	if (steps == 6) {
		sysreg_write(mdscr_el1, 0);
		isb();
		trap_return(t, 0x66);
	}
}

__asm__(".balign 8\n"
	".globl el1_code\nel1_code:\n\tmov x4, #0x8000000\n\thvc #0\n\tldr w2, [x4, 4]\n\tmrs x3, id_aa64pfr0_el1\n\t"
	"str w2, [x4, 8]\n\t"
	"mrs x3, actlr_el1\n\tnop\n\tb .\n");
extern const u8 el1_code[];

static void single_step_el1(void)
{
	steps = 0;
	trap_set(VECTOR_EL1H + VECTOR_SYNC, step_el1);
	trap_set(VECTOR_EL1T + VECTOR_SYNC, step_el1);
	sysreg_write(mdscr_el1, MDSCR_SS | MDSCR_KDE);
	isb();
	CHECK_EQ(state_try((u64)el1_code, PSTATE_EL1T | (PSTATE_DAIF & ~BIT(9)) | PSTATE_SS,
			   (u64)watched, 0x80000fff),
		 0x66);
	for (unsigned i = 0; i < 6; i++) {
		CHECK_EQ(stepped[i], (u64)el1_code + 4 + i * 4);
	}
	trap_set(VECTOR_EL1H + VECTOR_SYNC, NULL);
	trap_set(VECTOR_EL1T + VECTOR_SYNC, NULL);
}

/* Locked, nothing of it fires. */
static void os_lock(void)
{
	sysreg_write(oslar_el1, 1);
	isb();
	CHECK_EQ(sysreg_read(oslsr_el1) & 2, 2);
	sysreg_write(oslar_el1, 0);
	isb();
	CHECK_EQ(sysreg_read(oslsr_el1) & 2, 0);
	CHECK_EQ(sysreg_read(oslsr_el1) & 9, 8);
}

static void registers(void)
{
	unsigned breakpoints_count = field(sysreg_read(id_aa64dfr0_el1), 12) + 1;
	u64 v = 0;

	for (unsigned i = 0; i < breakpoints_count; i++) {
		CHECK_EQ(sysreg_write_try(SYSREG(2, 0, 0, i, 4), 0x1000 + i * 4), 0);
		CHECK_EQ(sysreg_read_try(SYSREG(2, 0, 0, i, 4), &v), 0);
		CHECK_EQ(v, 0x1000 + i * 4);
		CHECK_EQ(sysreg_read_try(SYSREG(2, 0, 0, i, 5), &v), 0);
		CHECK_EQ(v & 1, 0);
	}
}

void guest_main(void)
{
	os_lock();
	registers();
	breakpoints();
	watchpoints();
	single_step();
	single_step_el1();
}
