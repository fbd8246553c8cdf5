// SPDX-License-Identifier: Apache-2.0
/*
 * The instructions that exit, in another mode of the CPU: "mode=" 0 compatibility, 1 protected
 * without paging, 2 32-bit paging, 3 PAE, 4 real.
 */
#include "guest.h"

enum mode { COMPAT, PROTECTED, PAGING32, PAE, REAL };

struct probe {
	u32 done, cpuid[2], msr[2], in, scratch, bytes, apic[2], cr0, smsw, memory;
};

extern struct probe probe;
extern u32 mode_root;
void mode_run(enum mode mode);

static void tables_32(void)
{
	u32 *pd = page_alloc();

	for (u32 i = 0; i < 1024; i++) {
		pd[i] = i << 22 | (u32)(PTE_P | PTE_W | PTE_PS);
	}
	mode_root = (u32)(u64)pd;
}

static void tables_pae(void)
{
	u64 *pdpt = page_alloc();

	for (u64 i = 0; i < 4; i++) {
		u64 *pd = page_alloc();

		pdpt[i] = (u64)pd | PTE_P;
		for (u64 j = 0; j < 512; j++) {
			pd[j] = i << 30 | j << 21 | PTE_P | PTE_W | PTE_PS;
		}
	}
	mode_root = (u32)(u64)pdpt;
}

static void check(enum mode mode)
{
	u64 pat = rdmsr(0x277);

	CHECK_EQ(probe.done, 1);
	CHECK_EQ(probe.cpuid[0], cpuid(0x40000000, 0).eax);
	CHECK_EQ(probe.cpuid[1], cpuid(0x40000000, 0).ebx);
	CHECK_EQ(probe.msr[0] | (u64)probe.msr[1] << 32, pat);
	CHECK_EQ(probe.in, 0xff);
	CHECK_EQ(probe.scratch, 3);
	CHECK_EQ(probe.bytes & 0xffff, 0x0303);
	CHECK_EQ(probe.apic[0], apic_read(APIC_VERSION));
	CHECK_EQ(probe.apic[1], 0x1235);
	CHECK_EQ(probe.memory, 8);
	CHECK_EQ(probe.smsw, probe.cr0 & 0xffff);
	CHECK_EQ(probe.cr0 >> 31, mode == COMPAT || mode == PAGING32 || mode == PAE);
	CHECK_EQ(probe.cr0 & 1, mode != REAL);
}

void guest_main(void)
{
	enum mode mode = (enum mode)option("mode", 0);

	apic_init();
	apic_write(APIC_LVTT, APIC_MASKED);
	tables_32();
	if (mode == PAE) {
		tables_pae();
	}
	for (unsigned i = 0; i < 3; i++) {
		memset(&probe, 0, sizeof(probe));
		mode_run(mode);
		check(mode);
		CHECK_EQ(rdmsr(0xc0000080) & 0x500, 0x500);
	}
}
