// SPDX-License-Identifier: Apache-2.0
/* Calls of every owner's functions, and of any number, with any arguments, by HVC and by SMC. */
#include "guest.h"

static u64 calls, supported;

/* Those that end the VM or wait. */
static bool ends(u32 function)
{
	u32 low = function & ~0x40000000u;

	return low == PSCI_SYSTEM_OFF || low == PSCI_SYSTEM_RESET || low == PSCI_CPU_OFF ||
	       low == 0x84000012u /* SYSTEM_RESET2 */ || low == 0x84000001u /* CPU_SUSPEND */ ||
	       low == 0x8400000eu /* SYSTEM_SUSPEND */ || low == 0x8400000cu ||
	       low == 0x84000015u /* SYSTEM_OFF2 */;
}

static u64 random_argument(void)
{
	u64 r = random64();

	switch (r >> 61) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return ram_base + (r & 0xffffff);
	case 3:
		return 1ULL << (r & 63);
	case 4:
		return r & 0xff;
	case 5:
		return 0x84000000u + (r & 0x1f);
	default:
		return r;
	}
}

static void call(u64 function)
{
	struct smc_regs in, out;
	bool by_smc = (random64() & 1) && !bare();

	if (ends((u32)function)) {
		return;
	}
	for (unsigned i = 1; i < 18; i++) {
		in.x[i] = random_argument();
	}
	in.x[0] = function;
	out = smccc(by_smc, in);
	calls++;
	supported += (int)out.x[0] >= 0;
	for (unsigned i = 4; i < 18; i++) {
		if (out.x[i] != in.x[i] && (u32)function >> 31) {
			fail("function %lx changed x%u", function, i);
		}
	}
}

/* The immediate says something else than the convention's 0. */
static void immediates(void)
{
	TRY_ASM("mov x0, %0\n\thvc #1" : : "r"(0x84000008ULL) : "x0", "x1", "x2", "x3", "memory");
	TRY_ASM("mov x0, %0\n\thvc #0xffff"
		:
		: "r"(0x84000008ULL)
		: "x0", "x1", "x2", "x3", "memory");
	TRY_ASM("mov x0, %0\n\thvc #0x4a48" : : "r"(0ULL) : "x0", "x1", "x2", "x3", "memory");
}

void guest_main(void)
{
	for (u64 owner = 0; owner < 64; owner++) {
		for (u64 number = 0; number < 0x80; number++) {
			for (u64 kind = 0; kind < 4; kind++) {
				call(kind << 30 | owner << 24 | number);
			}
		}
		call(0xc0000000u | owner << 24 | 0xff01);
		call(0x80000000u | owner << 24 | 0xff03);
	}
	for (unsigned i = 0; i < 20000; i++) {
		call(random64());
		call(0x84000000u | (random64() & 0x4000003f) | random64() << 32);
	}
	print("%lu calls, %lu answered\n", calls, supported);
	if (option("immediates", 0)) {
		immediates();
	}
}
