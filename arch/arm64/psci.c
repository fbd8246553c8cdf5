// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/psci.h"

#include "mm/bits.h"

#define AFFINITY_BITS (GENMASK(39, 32) | GENMASK(23, 0))

#define HYP_MAJOR 0
#define HYP_MINOR 1

static enum psci_action result(u64 *x, s64 val)
{
	x[0] = (u64)val;
	return PSCI_RESUME;
}

/* Functions that pass addresses or CPUs have a 64-bit form beside the 32-bit one. */
static bool has_fn64(u32 fn)
{
	return fn == PSCI_FN_CPU_SUSPEND || fn == PSCI_FN_CPU_ON || fn == PSCI_FN_AFFINITY_INFO ||
	       fn == PSCI_FN_SYSTEM_RESET2;
}

static bool is_offered(u32 fn)
{
	if (fn & SMCCC_FN64) {
		fn &= ~SMCCC_FN64;
		return has_fn64(fn);
	}
	switch (fn) {
	case PSCI_FN_VERSION:
	case PSCI_FN_CPU_SUSPEND:
	case PSCI_FN_CPU_OFF:
	case PSCI_FN_CPU_ON:
	case PSCI_FN_AFFINITY_INFO:
	case PSCI_FN_MIGRATE_INFO_TYPE:
	case PSCI_FN_SYSTEM_OFF:
	case PSCI_FN_SYSTEM_RESET:
	case PSCI_FN_FEATURES:
	case PSCI_FN_SYSTEM_RESET2:
	case SMCCC_VERSION:
		return true;
	default:
		return false;
	}
}

/* Index in vm->cpus, or cpu_count. */
static u32 cpu_find(const struct psci_vm *vm, u64 mpidr)
{
	u32 i = 0;

	while (i < vm->cpu_count && (vm->cpus[i].mpidr & AFFINITY_BITS) != mpidr) {
		i++;
	}
	return i;
}

/* "CPU_ON": an entry that cannot hold an instruction is INVALID_ADDRESS. */
static enum psci_action cpu_on(const struct psci_vm *vm, u64 mask, u64 *x, struct psci_start *start)
{
	u32 target = cpu_find(vm, x[1] & mask);

	if (target == vm->cpu_count) {
		return result(x, PSCI_INVALID_PARAMETERS);
	}
	switch ((enum psci_power)vm->cpus[target].power) {
	case PSCI_IS_ON:
		return result(x, PSCI_ALREADY_ON);
	case PSCI_IS_ON_PENDING:
		return result(x, PSCI_ON_PENDING);
	case PSCI_IS_OFF:
		break;
	}
	if (x[2] & 3) {
		return result(x, PSCI_INVALID_ADDRESS);
	}
	*start = (struct psci_start){x[2] & mask, x[3] & mask, target};
	x[0] = 0;
	return PSCI_CPU_ON;
}

static enum psci_action affinity_info(const struct psci_vm *vm, u64 mask, u64 *x)
{
	u32 target = cpu_find(vm, x[1] & mask);

	if (target == vm->cpu_count || (u32)x[2] != 0) {
		return result(x, PSCI_INVALID_PARAMETERS);
	}
	return result(x, vm->cpus[target].power);
}

/* Only standby of this CPU ("CPU_SUSPEND", power_state in the original format). */
static enum psci_action cpu_suspend(u64 *x)
{
	if ((u32)x[1] != 0) {
		return result(x, PSCI_INVALID_PARAMETERS);
	}
	x[0] = 0;
	return PSCI_SUSPEND;
}

/* Only SYSTEM_WARM_RESET; the types of bit 31 are a vendor's own. */
static enum psci_action system_reset2(u64 *x)
{
	if ((u32)x[1] != 0) {
		return result(x, PSCI_INVALID_PARAMETERS);
	}
	return PSCI_VM_RESET;
}

/* The 32-bit convention passes W registers: "Register use in AArch64 SMC32 and HVC32 calls". */
static enum psci_action psci_function(const struct psci_vm *vm, u32 fn, u64 *x,
				      struct psci_start *start)
{
	u64 mask = fn & SMCCC_FN64 ? ~(u64)0 : GENMASK(31, 0);

	if ((fn & SMCCC_FN64) && !has_fn64(fn & ~SMCCC_FN64)) {
		return result(x, PSCI_NOT_SUPPORTED);
	}
	switch (fn & ~SMCCC_FN64) {
	case PSCI_FN_VERSION:
		return result(x, PSCI_VERSION_1_1);
	case PSCI_FN_CPU_SUSPEND:
		return cpu_suspend(x);
	case PSCI_FN_CPU_OFF:
		x[0] = (u64)PSCI_DENIED;
		return PSCI_CPU_OFF;
	case PSCI_FN_CPU_ON:
		return cpu_on(vm, mask, x, start);
	case PSCI_FN_AFFINITY_INFO:
		return affinity_info(vm, mask, x);
	case PSCI_FN_MIGRATE_INFO_TYPE:
		return result(x, PSCI_MIGRATE_NONE);
	case PSCI_FN_SYSTEM_OFF:
		return PSCI_VM_OFF;
	case PSCI_FN_SYSTEM_RESET:
		return PSCI_VM_RESET;
	case PSCI_FN_FEATURES:
		return result(x, is_offered((u32)x[1]) ? 0 : PSCI_NOT_SUPPORTED);
	case PSCI_FN_SYSTEM_RESET2:
		return system_reset2(x);
	default:
		return result(x, PSCI_NOT_SUPPORTED);
	}
}

static u8 workaround_bit(u32 fn)
{
	switch (fn) {
	case SMCCC_ARCH_WORKAROUND_1:
		return PSCI_UNAFFECTED_1;
	case SMCCC_ARCH_WORKAROUND_2:
		return PSCI_UNAFFECTED_2;
	case SMCCC_ARCH_WORKAROUND_3:
		return PSCI_UNAFFECTED_3;
	default:
		return 0;
	}
}

static s64 arch_features(const struct psci_vm *vm, u32 fn)
{
	if (fn == SMCCC_VERSION || fn == SMCCC_ARCH_FEATURES) {
		return 0;
	}
	return vm->unaffected & workaround_bit(fn) ? 1 : PSCI_NOT_SUPPORTED;
}

static enum psci_action hyp_uid(u64 *x)
{
	static const u32 uid[] = SMCCC_HYP_UID_WORDS;

	for (unsigned i = 0; i < ARRAY_SIZE(uid); i++) {
		x[i] = uid[i];
	}
	return PSCI_RESUME;
}

/* What is not PSCI: "Arm Architecture Calls" and "Vendor Specific Hypervisor Service Calls". */
static enum psci_action smccc_function(const struct psci_vm *vm, u32 fn, u64 *x)
{
	switch (fn) {
	case SMCCC_VERSION:
		return result(x, SMCCC_VERSION_1_1);
	case SMCCC_ARCH_FEATURES:
		return result(x, arch_features(vm, (u32)x[1]));
	case SMCCC_HYP_UID:
		return hyp_uid(x);
	case SMCCC_HYP_REVISION:
		x[1] = HYP_MINOR;
		return result(x, HYP_MAJOR);
	default:
		return result(x, vm->unaffected & workaround_bit(fn) ? 0 : PSCI_NOT_SUPPORTED);
	}
}

enum psci_action psci_call(const struct psci_vm *vm, u32 imm, u64 x[4], struct psci_start *start)
{
	u32 fn = (u32)x[0];

	if (imm != 0) {
		return result(x, PSCI_NOT_SUPPORTED);
	}
	if ((fn & ~SMCCC_FN64) >> 16 != PSCI_FN_VERSION >> 16) {
		return smccc_function(vm, fn, x);
	}
	return psci_function(vm, fn, x, start);
}
