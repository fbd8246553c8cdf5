// SPDX-License-Identifier: Apache-2.0
/*
 * SMC Calling Convention (DEN 0028): unknown functions, what a call preserves, the function's
 * width; with "smc=1" by SMC instead of HVC.
 */
#include "guest.h"

#define NOT_SUPPORTED ~0ULL

static bool by_smc;

static u64 call_filled(u64 function, u64 fill)
{
	struct smc_regs in, out;

	for (unsigned i = 0; i < 18; i++) {
		in.x[i] = fill + i * 0x0101010101010101ULL;
	}
	in.x[0] = function;
	out = smccc(by_smc, in);
	for (unsigned i = 4; i < 18; i++) {
		if (out.x[i] != in.x[i]) {
			fail("function %lx: x%u %lx, was %lx", function, i, out.x[i], in.x[i]);
		}
	}
	return out.x[0];
}

static void unknown(void)
{
	/* Of the owners: Arm, CPU, SiP, OEM, standard, hypervisor, application, trusted OS. */
	for (u64 owner = 0; owner < 64; owner++) {
		CHECK_EQ(call_filled(0xc0000fffULL | owner << 24, 0x1111), NOT_SUPPORTED);
		CHECK_EQ((u32)call_filled(0x80000fffULL | owner << 24, ~0x2222ULL), ~0u);
		/* Yielding calls, and fast calls with a bit set that must be zero. */
		CHECK_EQ((u32)call_filled(0x00000fffULL | owner << 24, 0x3333), ~0u);
		CHECK_EQ((u32)call_filled(0x40000fffULL | owner << 24, 0x4444), ~0u);
		CHECK_EQ((u32)call_filled(0x80ff0fffULL | owner << 24, 0x5555), ~0u);
	}
	CHECK_EQ((u32)call_filled(0xffffffff, 0), ~0u);
	CHECK_EQ((u32)call_filled(0, 0), ~0u);
}

static void call_el0(u64 smc)
{
	if (smc) {
		__asm__ volatile("smc #0");
	} else {
		__asm__ volatile("hvc #0");
	}
}

static void flags_kept(void)
{
	u64 flags;

	__asm__ volatile("mov x0, 0x80000000\n\tmov x1, #0xf0000000\n\tmsr nzcv, x1\n\t"
			 "cbnz %w1, 1f\n\thvc #0\n\tb 2f\n1:\tsmc #0\n2:\tmrs %0, nzcv"
			 : "=r"(flags)
			 : "r"(by_smc)
			 : "x0", "x1", "x2", "x3", "cc", "memory");
	CHECK_EQ(flags, 0xf0000000);
}

void guest_main(void)
{
	by_smc = option("smc", 0);
	CHECK((u32)call_filled(PSCI_VERSION, 0x7777) >= 0x10000);
	unknown();
	flags_kept();
	CHECK_UNDEFINED(user_try(call_el0, by_smc));
	if (bare()) {
		return;
	}
	CHECK((u32)call_filled(SMCCC_VERSION, 0x8888) >= 0x10001);
	/* The function is in W0. */
	CHECK_EQ(call_filled(0xffffffff00000000ULL | PSCI_VERSION, 1),
		 call_filled(PSCI_VERSION, 1));
}
