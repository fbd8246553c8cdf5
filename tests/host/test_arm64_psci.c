// SPDX-License-Identifier: Apache-2.0
/* PSCI and SMCCC: each function's cases, then every identifier of every service and convention. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "arch/arm64/psci.h"

#define HIGH 0xabcd000100000000ull /* above a W register */

static const struct psci_cpu cpus[] = {
	{.mpidr = 0x80000000, .power = PSCI_IS_ON}, /* bit 31 of MPIDR_EL1 is RES1, not affinity */
	{.mpidr = 0x80000001, .power = PSCI_IS_OFF},
	{.mpidr = 0x80000102, .power = PSCI_IS_ON_PENDING},
	{.mpidr = 0x3480000100, .power = PSCI_IS_OFF},
};
static struct psci_vm vm = {.cpus = cpus, .cpu_count = 4};
static u64 x[4];
static struct psci_start started;

static enum psci_action call(u64 fn, u64 x1, u64 x2, u64 x3)
{
	enum psci_action action;

	x[0] = fn;
	x[1] = x1;
	x[2] = x2;
	x[3] = x3;
	action = psci_call(&vm, 0, x, &started);
	if ((u32)fn != SMCCC_HYP_UID && (u32)fn != SMCCC_HYP_REVISION) {
		assert_int_equal(x[1], x1);
		assert_int_equal(x[2], x2);
		assert_int_equal(x[3], x3);
	}
	return action;
}

static void assert_result(u64 fn, u64 x1, u64 x2, u64 x3, s64 want)
{
	assert_int_equal(call(fn, x1, x2, x3), PSCI_RESUME);
	assert_int_equal(x[0], want);
}

static void test_simple(void **state)
{
	(void)state;
	assert_result(0x84000000, 1, 2, 3, 0x10001);
	assert_result(HIGH | 0x84000000, 1, 2, 3, 0x10001);
	assert_result(0x84000006, 0, 0, 0, 2);
	assert_int_equal(call(0x84000008, 7, 8, 9), PSCI_VM_OFF);
	assert_int_equal(call(0x84000009, 7, 8, 9), PSCI_VM_RESET);
	assert_int_equal(call(0x84000002, 7, 8, 9), PSCI_CPU_OFF);
	assert_int_equal(x[0], PSCI_DENIED);
}

static void test_suspend(void **state)
{
	(void)state;
	assert_int_equal(call(0x84000001, HIGH, 2, 3), PSCI_SUSPEND);
	assert_int_equal(x[0], 0);
	assert_int_equal(call(0xc4000001, HIGH, 2, 3), PSCI_SUSPEND); /* power_state is 32 bits */
	for (unsigned bit = 0; bit < 32; bit++) {
		assert_result(0x84000001, 1u << bit, 0, 0, PSCI_INVALID_PARAMETERS);
		assert_result(0xc4000001, 1u << bit, 0, 0, PSCI_INVALID_PARAMETERS);
	}
}

static void test_cpu_on(void **state)
{
	(void)state;
	assert_result(0xc4000003, 0, 0x40000000, 1, PSCI_ALREADY_ON);
	assert_result(0xc4000003, 0x102, 0x40000000, 1, PSCI_ON_PENDING);
	assert_result(0xc4000003, 2, 0x40000000, 1, PSCI_INVALID_PARAMETERS);
	assert_result(0xc4000003, 0x80000001, 0x40000000, 1, PSCI_INVALID_PARAMETERS);
	assert_result(0xc4000003, HIGH | 1, 0x40000000, 1, PSCI_INVALID_PARAMETERS);
	assert_result(0xc4000003, 1, 0x40000002, 1, PSCI_INVALID_ADDRESS);
	assert_int_equal(call(0xc4000003, 1, 0x140000000, HIGH), PSCI_CPU_ON);
	assert_int_equal(started.target, 1);
	assert_int_equal(started.entry, 0x140000000);
	assert_int_equal(started.context, HIGH);
	assert_int_equal(x[0], 0);
	assert_int_equal(call(0xc4000003, 0x3400000100, 4, 5), PSCI_CPU_ON);
	assert_int_equal(started.target, 3);
	/* W registers. */
	assert_int_equal(call(0x84000003, HIGH | 1, HIGH | 0x40000000, HIGH | 6), PSCI_CPU_ON);
	assert_int_equal(started.target, 1);
	assert_int_equal(started.entry, 0x40000000);
	assert_int_equal(started.context, 6);
	assert_result(0x84000003, 0x3400000100, 4, 5, PSCI_INVALID_PARAMETERS);
}

static void test_affinity_info(void **state)
{
	(void)state;
	assert_result(0xc4000004, 0, 0, 0, 0);
	assert_result(0xc4000004, 1, 0, 0, 1);
	assert_result(0xc4000004, 0x102, 0, 0, 2);
	assert_result(0xc4000004, 0x3400000100, 0, 0, 1);
	assert_result(0x84000004, HIGH | 1, HIGH, 0, 1);
	assert_result(0xc4000004, 3, 0, 0, PSCI_INVALID_PARAMETERS);
	assert_result(0xc4000004, 0, 1, 0, PSCI_INVALID_PARAMETERS);
	assert_result(0xc4000004, 0, 4, 0, PSCI_INVALID_PARAMETERS);
	assert_result(0xc4000004, 0, HIGH, 0, 0); /* lowest_affinity_level is 32 bits */
}

static void test_reset2(void **state)
{
	(void)state;
	assert_int_equal(call(0x84000012, HIGH, 0, 0), PSCI_VM_RESET);
	assert_int_equal(call(0xc4000012, 0, 0, 0), PSCI_VM_RESET);
	assert_result(0xc4000012, 1, 0, 0, PSCI_INVALID_PARAMETERS);
	assert_result(0x84000012, 0x80000000, 0, 0, PSCI_INVALID_PARAMETERS);
}

/* What is offered, by function number and convention, as a list. */
static bool is_psci_function(u32 fn)
{
	static const u32 offered[] = {
		0x84000000, 0x84000001, 0xc4000001, 0x84000002, 0x84000003, 0xc4000003, 0x84000004,
		0xc4000004, 0x84000006, 0x84000008, 0x84000009, 0x8400000a, 0x84000012, 0xc4000012,
	};

	for (unsigned i = 0; i < sizeof(offered) / sizeof(offered[0]); i++) {
		if (offered[i] == fn) {
			return true;
		}
	}
	return false;
}

static void test_features(void **state)
{
	(void)state;
	for (u32 nr = 0; nr <= 0xffff; nr++) {
		assert_result(0x8400000a, HIGH | 0x84000000 | nr, 0, 0,
			      is_psci_function(0x84000000 | nr) ? 0 : -1);
		assert_result(0x8400000a, 0xc4000000 | nr, 0, 0,
			      is_psci_function(0xc4000000 | nr) ? 0 : -1);
	}
	assert_result(0x8400000a, 0x80000000, 0, 0, 0);
	assert_result(0x8400000a, 0xc0000000, 0, 0, -1);
	assert_result(0x8400000a, 0x80000001, 0, 0, -1);
	assert_result(0x8400000a, 0x04000000, 0, 0, -1);
}

static void test_smccc(void **state)
{
	static const u32 ids[] = {0x80008000, 0x80007fff, 0x80003fff};

	(void)state;
	assert_result(0x80000000, 0, 0, 0, 0x10001);
	assert_result(0x80000001, HIGH | 0x80000000, 0, 0, 0);
	assert_result(0x80000001, 0x80000001, 0, 0, 0);
	assert_result(0x80000001, 0x80000002, 0, 0, -1);
	for (unsigned i = 0; i < 3; i++) {
		vm.unaffected = (u8)(1 << i);
		for (unsigned k = 0; k < 3; k++) {
			assert_result(0x80000001, ids[k], 0, 0, k == i ? 1 : -1);
			assert_result(ids[k], 0, 0, 0, k == i ? 0 : -1);
		}
	}
	vm.unaffected = 0xff;
	assert_result(0x80000001, 0x80000002, 0, 0, -1);
	assert_result(0x80000002, 0, 0, 0, -1);
	vm.unaffected = 0;
	assert_int_equal(call(0x8600ff01, 1, 2, 3), PSCI_RESUME);
	assert_int_equal(x[0], 0x189e837a);
	assert_int_equal(x[1], 0x954982b0);
	assert_int_equal(x[2], 0xf25c0f8b);
	assert_int_equal(x[3], 0x7886aac0);
	assert_int_equal(call(0x8600ff03, 7, 2, 3), PSCI_RESUME);
	assert_int_equal(x[0], 0);
	assert_int_equal(x[1], 1);
}

static bool is_known(u32 fn)
{
	return is_psci_function(fn) || fn == SMCCC_VERSION || fn == SMCCC_ARCH_FEATURES ||
	       fn == SMCCC_HYP_UID || fn == SMCCC_HYP_REVISION;
}

/* Fast and yielding, both conventions, every service, reserved bits set, every number. */
static void test_unknown(void **state)
{
	(void)state;
	for (u32 top = 0; top <= 0xff; top++) {
		for (u32 nr = 0; nr <= 0xffff; nr++) {
			u32 fn = top << 24 | nr;

			if (!is_known(fn)) {
				u64 c[4] = {fn, 1, 2, 3};

				assert_true(psci_call(&vm, 0, c, &started) == PSCI_RESUME &&
					    c[0] == ~(u64)0 && c[1] == 1 && c[2] == 2 && c[3] == 3);
			}
		}
	}
	for (u32 bit = 16; bit < 24; bit++) {
		assert_result(0x84000000 | 1u << bit, 0, 0, 0, -1);
		assert_result(0xc4000003 | 1u << bit, 1, 0, 0, -1);
		assert_result(0x80000000 | 1u << bit, 0, 0, 0, -1);
	}
}

static void test_immediate(void **state)
{
	(void)state;
	for (u32 imm = 1; imm <= 0xffff; imm++) {
		u64 c[4] = {0x84000008, 1, 2, 3};

		assert_int_equal(psci_call(&vm, imm, c, &started), PSCI_RESUME);
		assert_int_equal(c[0], -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_simple),    cmocka_unit_test(test_suspend),
		cmocka_unit_test(test_cpu_on),    cmocka_unit_test(test_affinity_info),
		cmocka_unit_test(test_reset2),    cmocka_unit_test(test_features),
		cmocka_unit_test(test_smccc),     cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_immediate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
