// SPDX-License-Identifier: Apache-2.0
/* VMCS field encodings, and control words from capability MSRs: whole, old, and incomplete CPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/vmx_caps.h"
#include "arch/x86/x86.h"

static struct vmx_msrs msrs;
static struct vmx_caps caps;

/* A CPU on which every control is free, with the "default1" bits in the MSRs that are not TRUE. */
static int setup(void **state)
{
	u64 all = GENMASK(63, 32);

	(void)state;
	memset(&msrs, 0, sizeof(msrs));
	msrs.feature_control = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON;
	msrs.vmx[VMX_MSR_BASIC] = 0x12 | 1024ull << 32 | 6ull << 50 | VMX_BASIC_TRUE_CTLS;
	msrs.vmx[VMX_MSR_PIN] = all | 0x16;
	msrs.vmx[VMX_MSR_PROC] = all | 0x401e172;
	msrs.vmx[VMX_MSR_EXIT] = all | 0x36dff;
	msrs.vmx[VMX_MSR_ENTRY] = all | 0x11ff;
	msrs.vmx[VMX_MSR_TRUE_PIN] = all | 0x16;
	msrs.vmx[VMX_MSR_TRUE_PROC] = all | 0x4006172;
	msrs.vmx[VMX_MSR_TRUE_EXIT] = all | 0x36dfb;
	msrs.vmx[VMX_MSR_TRUE_ENTRY] = all | 0x11fb;
	msrs.vmx[VMX_MSR_PROC2] = all;
	msrs.vmx[VMX_MSR_MISC] = BIT(6) | BIT(8) | 4 << 16;
	msrs.vmx[VMX_MSR_CR0_FIXED0] = 0x80000021;
	msrs.vmx[VMX_MSR_CR0_FIXED1] = 0xffffffff;
	msrs.vmx[VMX_MSR_CR4_FIXED0] = CR4_VMXE;
	msrs.vmx[VMX_MSR_CR4_FIXED1] = 0x3767ff;
	msrs.vmx[VMX_MSR_EPT_VPID] = 0xf0106734141;
	return 0;
}

static bool misses(const char *name)
{
	for (unsigned i = 0; i < caps.missing_count; i++) {
		if (!strcmp(caps.missing[i], name)) {
			return true;
		}
	}
	return false;
}

static void test_fields(void **state)
{
	(void)state;
	for (unsigned i = 0; i < VMCS_SLOT_COUNT; i++) {
		const struct vmcs_field_info *f = &vmcs_field_info[i];

		assert_true(!i || f->encoding > f[-1].encoding);
		assert_int_equal(vmcs_field_slot(f->encoding), i);
		assert_int_equal(vmcs_field_slot(f->encoding | 1u),
				 f->width == VMCS_W64 ? (int)i : -1);
		assert_int_equal(vmcs_field_slot(f->encoding | BIT(32)), -1);
		assert_int_equal(vmcs_field_slot(f->encoding | BIT(12)), -1);
	}
	assert_int_equal(vmcs_field_slot(~0ull), -1);
	assert_int_equal(vmcs_field_slot(0x7000), -1);
	/* The ends of each group, against the manual's tables. */
	assert_int_equal(VMCS_GUEST_TR, 0x80e);
	assert_int_equal(VMCS_HOST_TR, 0xc0c);
	assert_int_equal(VMCS_EPTP, 0x201a);
	assert_int_equal(VMCS_TSC_MULTIPLIER, 0x2032);
	assert_int_equal(VMCS_GUEST_PDPTE3, 0x2810);
	assert_int_equal(VMCS_HOST_PERF_GLOBAL, 0x2c04);
	assert_int_equal(VMCS_PROC_CTLS2, 0x401e);
	assert_int_equal(VMCS_EXIT_INSN_INFO, 0x440e);
	assert_int_equal(VMCS_PREEMPTION_TIMER, 0x482e);
	assert_int_equal(VMCS_CR3_TARGET3, 0x600e);
	assert_int_equal(VMCS_GUEST_LINEAR, 0x640a);
	assert_int_equal(VMCS_GUEST_SYSENTER_EIP, 0x6826);
	assert_int_equal(VMCS_HOST_RIP, 0x6c16);
}

/* No control twice, and none that two rows disagree on. */
static void test_table(void **state)
{
	u32 seen[VMX_WORD_COUNT] = {0};

	(void)state;
	for (unsigned i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *c = &vmx_controls[i];

		assert_true(is_power_of_2(c->bit) && c->word < VMX_WORD_COUNT);
		assert_false(seen[c->word] & c->bit);
		seen[c->word] |= c->bit;
	}
}

static void test_whole(void **state)
{
	(void)state;
	assert_true(vmx_caps_compute(&msrs, &caps));
	assert_int_equal(caps.revision, 0x12);
	assert_int_equal(caps.region_size, 1024);
	assert_int_equal(caps.cr3_targets, 4);
	assert_int_equal(caps.activity, 5);
	for (unsigned i = 0; i < VMX_WORD_COUNT; i++) {
		assert_int_equal(caps.must[i] & ~caps.ctl[i], 0);
		assert_int_equal(caps.ctl[i] & ~caps.may[i], 0);
	}
	for (unsigned i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *c = &vmx_controls[i];

		assert_int_equal(!!(caps.ctl[c->word] & c->bit),
				 c->want == VMX_REQUIRED || c->want == VMX_OFFERED);
	}
	assert_true(caps.ept.walk4 && caps.ept.wb && caps.ept.uc && caps.ept.page_2m);
	assert_true(caps.ept.page_1g && caps.ept.ad && caps.ept.exec_only && !caps.ept.walk5);
	assert_true(caps.ept.invept_single && caps.ept.invept_all && caps.ept.invvpid_keep_global);
	assert_int_equal(vmx_cr0_fix(&caps, CR0_WP), 0x80010021);
	assert_int_equal(vmx_cr4_fix(&caps, BIT(31) | CR4_PAE), CR4_VMXE | CR4_PAE);
}

static void test_timer(void **state)
{
	(void)state;
	msrs.vmx[VMX_MSR_MISC] = (msrs.vmx[VMX_MSR_MISC] & ~31ULL) | 5;
	vmx_caps_compute(&msrs, &caps);
	assert_int_equal(caps.timer_rate, 5);
	assert_true(vmx_timer_is_sound(0x50654)); /* Skylake-X */
	assert_false(vmx_timer_is_sound(0x306a8) || vmx_timer_is_sound(0x20655));
}

/* Each required or dynamic control taken away, each unwanted one forced on, is named; no other. */
static void test_each_missing(void **state)
{
	static const u8 msr[] = {VMX_MSR_TRUE_PIN, VMX_MSR_TRUE_PROC, VMX_MSR_PROC2,
				 VMX_MSR_TRUE_EXIT, VMX_MSR_TRUE_ENTRY};

	for (unsigned i = 0; i < vmx_control_count; i++) {
		const struct vmx_control *c = &vmx_controls[i];

		setup(state);
		msrs.vmx[msr[c->word]] &= ~((u64)c->bit << 32);
		vmx_caps_compute(&msrs, &caps);
		assert_int_equal(misses(c->name),
				 c->want == VMX_REQUIRED || c->want == VMX_DYNAMIC);
		assert_false(caps.ctl[c->word] & c->bit);
		setup(state);
		msrs.vmx[msr[c->word]] |= c->bit;
		vmx_caps_compute(&msrs, &caps);
		assert_int_equal(misses(c->name), c->want == VMX_OFF || c->want == VMX_DYNAMIC ||
							  c->want == VMX_AT_TIMES);
		assert_true(caps.ctl[c->word] & c->bit);
	}
}

/* Without TRUE MSRs CR3 exits are forced: such a CPU is refused, by name. */
static void test_old(void **state)
{
	(void)state;
	msrs.vmx[VMX_MSR_BASIC] &= ~VMX_BASIC_TRUE_CTLS;
	assert_false(vmx_caps_compute(&msrs, &caps));
	assert_int_equal(caps.missing_count, 2);
	assert_true(misses("CR3-load exiting") && misses("CR3-store exiting"));
}

static void test_incomplete(void **state)
{
	/* TRUE MSRs promised and absent: the others count. */
	msrs.vmx[VMX_MSR_TRUE_EXIT] = 0;
	assert_true(vmx_caps_compute(&msrs, &caps));
	assert_int_equal(caps.must[VMX_EXIT], 0x36dff);

	/* No secondary controls although the MSR says something. */
	setup(state);
	msrs.vmx[VMX_MSR_TRUE_PROC] &= ~((u64)PROC_CTLS2 << 32);
	assert_false(vmx_caps_compute(&msrs, &caps));
	assert_int_equal(caps.may[VMX_PROC2], 0);
	assert_true(misses("enable EPT") && misses("activate secondary controls"));
	assert_false(caps.ept.walk4);

	/* EPT without what it takes. */
	setup(state);
	msrs.vmx[VMX_MSR_EPT_VPID] = 0;
	assert_false(vmx_caps_compute(&msrs, &caps));
	assert_int_equal(caps.missing_count, 3);
	assert_false(caps.ctl[VMX_PROC2] & PROC2_VPID);

	/* INVEPT's types count only with INVEPT. */
	setup(state);
	msrs.vmx[VMX_MSR_EPT_VPID] &= ~BIT(20);
	assert_false(vmx_caps_compute(&msrs, &caps));
	assert_true(misses("INVEPT") && !caps.ept.invept_single);

	/* Nothing at all. */
	memset(&msrs, 0, sizeof(msrs));
	assert_false(vmx_caps_compute(&msrs, &caps));
	assert_true(misses("IA32_VMX_BASIC"));
	assert_int_equal(caps.cr4_must, CR4_VMXE);
	assert_int_equal(caps.cr0_may, 0xffffffff);
}

/* A LAPIC is the CPU's as a whole or not at all; a CPU that has no such thing is not refused. */
static void test_apicv(void **state)
{
	static const u32 parts[] = {PROC2_X2APIC, PROC2_APIC_REGISTER, PROC2_INTR_DELIVERY};

	assert_true(vmx_caps_compute(&msrs, &caps) && caps.apicv);
	assert_false(caps.ctl[VMX_PROC2] & PROC2_APICV);
	for (unsigned i = 0; i < ARRAY_SIZE(parts); i++) {
		setup(state);
		msrs.vmx[VMX_MSR_PROC2] &= ~((u64)parts[i] << 32);
		assert_true(vmx_caps_compute(&msrs, &caps));
		assert_false(caps.apicv);
	}
	setup(state);
	msrs.vmx[VMX_MSR_TRUE_PROC] |= PROC_CR8_LOAD;
	assert_true(vmx_caps_compute(&msrs, &caps));
	assert_false(caps.apicv);
	setup(state);
	msrs.vmx[VMX_MSR_TRUE_PROC] &= ~((u64)PROC_TPR_SHADOW << 32);
	assert_false(vmx_caps_compute(&msrs, &caps) || caps.apicv);
}

static void test_firmware(void **state)
{
	(void)state;
	assert_int_equal(vmx_firmware_judge(0), VMX_FW_UNLOCKED);
	assert_int_equal(vmx_firmware_judge(4), VMX_FW_UNLOCKED);
	assert_int_equal(vmx_firmware_judge(5), VMX_FW_ENABLED);
	assert_int_equal(vmx_firmware_judge(1), VMX_FW_DISABLED);
	assert_int_equal(vmx_firmware_judge(3), VMX_FW_DISABLED); /* inside SMX only */
	msrs.feature_control = 0;
	assert_true(vmx_caps_compute(&msrs, &caps));
	msrs.feature_control = 1;
	assert_false(vmx_caps_compute(&msrs, &caps));
	assert_int_equal(caps.missing_count, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_table),
		cmocka_unit_test_setup(test_whole, setup),
		cmocka_unit_test_setup(test_timer, setup),
		cmocka_unit_test(test_each_missing),
		cmocka_unit_test_setup(test_old, setup),
		cmocka_unit_test_setup(test_incomplete, setup),
		cmocka_unit_test_setup(test_apicv, setup),
		cmocka_unit_test_setup(test_firmware, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
