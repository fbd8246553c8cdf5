// SPDX-License-Identifier: Apache-2.0
/* RDMSR and WRMSR: kept values, read-only ones, reserved bits, and #GP for what does not exist. */
#include "guest.h"

static void check_kept(u32 msr, u64 v)
{
	u64 old = rdmsr(msr);

	wrmsr(msr, v);
	CHECK_EQ(rdmsr(msr), v);
	wrmsr(msr, old);
}

static void check_refused(u32 msr, u64 v)
{
	u64 old = rdmsr(msr);

	CHECK_EQ(wrmsr_try(msr, v), VEC_GP);
	CHECK_EQ(try_error, 0);
	CHECK_EQ(rdmsr(msr), old);
}

static void check_unknown(u32 msr)
{
	u64 v;

	CHECK_EQ(rdmsr_try(msr, &v), VEC_GP);
	CHECK_EQ(try_error, 0);
	CHECK_EQ(wrmsr_try(msr, 0), VEC_GP);
}

void guest_main(void)
{
	check_kept(0x174, 0x8);                     /* SYSENTER_CS */
	check_kept(0x175, 0xffff800012345678);      /* SYSENTER_ESP */
	check_kept(0x176, 0xffff8000deadbeef);      /* SYSENTER_EIP */
	check_kept(0xc0000081, 0x0023001000000000); /* STAR */
	check_kept(0xc0000082, 0xffff800012345678); /* LSTAR */
	check_kept(0xc0000084, 0x47700);            /* SFMASK */
	check_kept(0xc0000100, 0x00007fff12345678); /* FS_BASE */
	check_kept(0xc0000101, 0xffff800012345678); /* GS_BASE */
	check_kept(0xc0000102, 0xffff800087654321); /* KERNEL_GS_BASE */
	check_kept(0x277, 0x0001040500070406);      /* PAT */
	check_kept(0x200, 0x80000006);              /* variable MTRR */
	check_kept(0x26f, 0x0505050505050505);      /* fixed MTRR */
	check_refused(0x277, 0x0002040500070406);   /* type 2 */
	check_refused(0x277, 0x0008040500070406);
	check_refused(0x200, 0x80000002);
	check_refused(0x2ff, BIT(63));
	check_refused(0xfe, 0); /* MTRRCAP, read-only */
	check_unknown(0x3);
	check_unknown(0x48f);
	check_unknown(0xc0000fff);
	check_unknown(0xc0010114); /* VM_CR: there is no SVM */
	check_unknown(0xc0010117);
	check_unknown(0x4b564dff);
}
