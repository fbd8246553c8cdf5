// SPDX-License-Identifier: Apache-2.0
/*
 * Calls of a guest by HVC and SMC: power control, and who is here. The same answer by both
 * instructions. Power State Coordination Interface (DEN 0022), version 1.1, and SMC Calling
 * Convention (DEN 0028), version 1.1.
 *
 * Decisions where the documents leave a choice:
 * - An immediate other than 0 is "reserved" ("SMC and HVC immediate value"): NOT_SUPPORTED.
 * - CPU_SUSPEND knows one state, standby of the CPU alone, power_state 0; in the original format.
 * - AFFINITY_INFO at affinity level 0 only, as since PSCI 1.0 it may.
 * - Of the workarounds for speculation only the answer "this CPU is not affected" is given, where
 *   the host's firmware says so: a mitigation that has not been done is never promised.
 * - Results are sign-extended to X0; X1 to X3 are preserved but for calls that return values there.
 */
#pragma once

#include "mm/types.h"

#define PSCI_VERSION_1_1  0x10001
#define SMCCC_VERSION_1_1 0x10001

/* Function identifiers, 32-bit convention. */
#define SMCCC_FN64                0x40000000u
#define SMCCC_VERSION             0x80000000u
#define SMCCC_ARCH_FEATURES       0x80000001u
#define SMCCC_ARCH_WORKAROUND_3   0x80003fffu
#define SMCCC_ARCH_WORKAROUND_2   0x80007fffu
#define SMCCC_ARCH_WORKAROUND_1   0x80008000u
#define PSCI_FN_VERSION           0x84000000u
#define PSCI_FN_CPU_SUSPEND       0x84000001u
#define PSCI_FN_CPU_OFF           0x84000002u
#define PSCI_FN_CPU_ON            0x84000003u
#define PSCI_FN_AFFINITY_INFO     0x84000004u
#define PSCI_FN_MIGRATE_INFO_TYPE 0x84000006u
#define PSCI_FN_SYSTEM_OFF        0x84000008u
#define PSCI_FN_SYSTEM_RESET      0x84000009u
#define PSCI_FN_FEATURES          0x8400000au
#define PSCI_FN_SYSTEM_RESET2     0x84000012u
#define SMCCC_HYP_UID             0x8600ff01u
#define SMCCC_HYP_REVISION        0x8600ff03u

/* "Return error codes"; the first is SMCCC's too. */
#define PSCI_NOT_SUPPORTED      (-1)
#define PSCI_INVALID_PARAMETERS (-2)
#define PSCI_DENIED             (-3)
#define PSCI_ALREADY_ON         (-4)
#define PSCI_ON_PENDING         (-5)
#define PSCI_INTERNAL_FAILURE   (-6)
#define PSCI_INVALID_ADDRESS    (-9)

#define PSCI_MIGRATE_NONE 2 /* no trusted OS, or one that needs no migration */

/* 7a839e18-b082-4995-8b0f-5cf2c0aa8678: the first four bytes in W0, the first of them lowest. */
#define SMCCC_HYP_UID_WORDS                                    \
	{                                                      \
		0x189e837a, 0x954982b0, 0xf25c0f8b, 0x7886aac0 \
	}

/* Bits of psci_vm.unaffected. */
#define PSCI_UNAFFECTED_1 ((u8)1 << 0)
#define PSCI_UNAFFECTED_2 ((u8)1 << 1)
#define PSCI_UNAFFECTED_3 ((u8)1 << 2)

/* AFFINITY_INFO's values. */
enum psci_power { PSCI_IS_ON, PSCI_IS_OFF, PSCI_IS_ON_PENDING };

struct psci_cpu {
	u64 mpidr; /* affinity bits: 39..32, 23..0 */
	u8 power;  /* enum psci_power */
};

struct psci_vm {
	const struct psci_cpu *cpus;
	unsigned cpu_count;
	u8 unaffected; /* PSCI_UNAFFECTED_* */
};

enum psci_action {
	PSCI_RESUME,  /* x[] has the result */
	PSCI_SUSPEND, /* wait as in WFI, then resume with x[] */
	/*
	 * Start cpus[target] at entry in EL1h, MMU off, interrupts masked, X0 = context; then
	 * resume with x[], which says SUCCESS, or with x[0] = PSCI_INTERNAL_FAILURE.
	 */
	PSCI_CPU_ON,
	PSCI_CPU_OFF,  /* does not return; with x[0] = PSCI_DENIED if that cannot be */
	PSCI_VM_OFF,   /* does not return */
	PSCI_VM_RESET, /* does not return */
};

/* Of PSCI_CPU_ON. */
struct psci_start {
	u64 entry, context;
	u32 target;
};

/*
 * @imm: the instruction's immediate; @x: X0 to X3, in and out; @start: written with PSCI_CPU_ON
 * alone.
 */
__must_check enum psci_action psci_call(const struct psci_vm *vm, u32 imm, u64 x[4],
					struct psci_start *start);
