// SPDX-License-Identifier: Apache-2.0
/*
 * Instructions of VMX. VMREAD and VMWRITE act on the current VMCS and are given fields that this
 * CPU has; SDM volume 3, "VMX Instruction Reference".
 */
#pragma once

#include "arch/x86/vmcs.h"
#include "mm/types.h"

static inline u64 vmread(enum vmcs_field field)
{
	u64 val;

	__asm__ volatile("vmread %1, %0" : "=r"(val) : "r"((u64)field) : "cc");
	return val;
}

static inline void vmwrite(enum vmcs_field field, u64 val)
{
	__asm__ volatile("vmwrite %1, %0" : : "r"((u64)field), "rm"(val) : "cc", "memory");
}

/* Each returns whether the CPU took it: CF and ZF clear ("Conventions"). */
static inline bool vmxon(hpa_t region)
{
	bool ok;

	__asm__ volatile("vmxon %1" : "=@cca"(ok) : "m"(region.v) : "memory");
	return ok;
}

static inline bool vmclear(hpa_t vmcs)
{
	bool ok;

	__asm__ volatile("vmclear %1" : "=@cca"(ok) : "m"(vmcs.v) : "memory");
	return ok;
}

static inline bool vmptrld(hpa_t vmcs)
{
	bool ok;

	__asm__ volatile("vmptrld %1" : "=@cca"(ok) : "m"(vmcs.v) : "memory");
	return ok;
}

enum inv_type { INV_SINGLE = 1, INV_ALL = 2 };

static inline void invept(enum inv_type type, u64 eptp)
{
	struct {
		u64 eptp, reserved;
	} d = {eptp, 0};

	__asm__ volatile("invept %0, %1" : : "m"(d), "r"((u64)type) : "cc", "memory");
}

static inline void invvpid(enum inv_type type, u16 vpid)
{
	struct {
		u64 vpid, address;
	} d = {vpid, 0};

	__asm__ volatile("invvpid %0, %1" : : "m"(d), "r"((u64)type) : "cc", "memory");
}
