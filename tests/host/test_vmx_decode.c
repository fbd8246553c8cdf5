// SPDX-License-Identifier: Apache-2.0
/* VMX exits as values: every reason, the qualifications, and which fields are read, once each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "arch/x86/vmx_decode.h"
#include "arch/x86/vmx_insn.h"
#include "arch/x86/x86.h"
#include "mm/pt_format.h"

static u64 vmcs[VMCS_SLOT_COUNT];
static unsigned reads[VMCS_SLOT_COUNT], total_reads;
static struct x86_exit out;
static struct vmx_exit_event event;

u64 vmread(enum vmcs_field field)
{
	int slot = vmcs_field_slot(field);

	assert_true(slot >= 0);
	reads[slot]++;
	total_reads++;
	return vmcs[slot];
}

static void set(enum vmcs_field field, u64 val)
{
	vmcs[vmcs_field_slot(field)] = val;
}

static int setup(void **state)
{
	(void)state;
	memset(vmcs, 0, sizeof(vmcs));
	return 0;
}

/* Decodes over an exit left by another, so that nothing of it may show through. */
static void decode(u64 reason, u64 rip)
{
	memset(reads, 0, sizeof(reads));
	total_reads = 0;
	memset(&out, 0xa5, sizeof(out));
	memset(&event, 0xff, sizeof(event));
	set(VMCS_EXIT_REASON, reason);
	vmx_decode(rip, &out, &event);
	for (unsigned i = 0; i < VMCS_SLOT_COUNT; i++) {
		assert_true(reads[i] <= 1);
	}
}

static void test_reasons(void **state)
{
	static const struct {
		u8 reason, why;
		bool len;
		u8 reads;
	} rows[] = {
		{1, X86_INTERRUPT, false, 1},  {2, X86_SHUTDOWN, false, 1},
		{3, X86_INTERRUPT, false, 1},  {4, X86_UNKNOWN, false, 3},
		{6, X86_INTERRUPT, false, 1},  {7, X86_INTERRUPT_WINDOW, false, 1},
		{8, X86_NMI_WINDOW, false, 1}, {9, X86_TASK_SWITCH, false, 3},
		{10, X86_CPUID, true, 2},      {11, X86_UNDEFINED, false, 1},
		{12, X86_HLT, true, 2},        {13, X86_CACHE, true, 2},
		{14, X86_UNKNOWN, false, 3},   {15, X86_PRIVILEGED, false, 1},
		{16, X86_UNKNOWN, false, 3},   {18, X86_HYPERCALL, true, 2},
		{19, X86_UNDEFINED, false, 1}, {24, X86_UNDEFINED, false, 1},
		{27, X86_UNDEFINED, false, 1}, {29, X86_UNKNOWN, false, 3},
		{31, X86_RDMSR, true, 2},      {32, X86_WRMSR, true, 2},
		{35, X86_UNKNOWN, false, 3},   {36, X86_UNDEFINED, false, 1},
		{37, X86_UNKNOWN, false, 3},   {39, X86_UNDEFINED, false, 1},
		{40, X86_PAUSE, true, 2},      {43, X86_UNKNOWN, false, 3},
		{49, X86_UNKNOWN, false, 3},   {50, X86_UNDEFINED, false, 1},
		{52, X86_TIMER, false, 1},     {53, X86_UNDEFINED, false, 1},
		{54, X86_CACHE, true, 2},      {55, X86_XSETBV, true, 2},
		{59, X86_UNDEFINED, false, 1}, {60, X86_UNDEFINED, false, 1},
		{77, X86_UNDEFINED, false, 1}, {78, X86_UNKNOWN, false, 3},
		{255, X86_UNKNOWN, false, 3},
	};

	(void)state;
	set(VMCS_EXIT_INSN_LEN, 3);
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		decode(rows[i].reason, 0x1000);
		assert_int_equal(out.why, rows[i].why);
		assert_int_equal(out.insn_len, rows[i].len ? 3 : 0);
		assert_int_equal(out.code, rows[i].reason);
		assert_int_equal(total_reads, rows[i].reads);
		assert_false(event.again.valid || event.nmi_unblocked);
		if (rows[i].len) {
			assert_int_equal(out.next_rip, 0x1003);
		}
	}
	decode(0xffff, 0);
	assert_int_equal(out.why, X86_UNKNOWN);
}

/* Trap-like: the instruction is done, and nothing else is read. */
static void test_apic(void **state)
{
	(void)state;
	set(VMCS_EXIT_QUALIFICATION, 0x71);
	decode(VMX_REASON_EOI, 0x1000);
	assert_true(out.why == X86_APIC_EOI && out.apic.vector == 0x71 && !out.insn_len);
	assert_int_equal(total_reads, 2);
	set(VMCS_EXIT_QUALIFICATION, 0x3f0);
	decode(VMX_REASON_APIC_WRITE, 0x1000);
	assert_true(out.why == X86_APIC_WRITE && out.apic.reg == 0x3f && !out.insn_len);
	assert_int_equal(total_reads, 2);
	assert_false(event.again.valid || event.nmi_unblocked);
}

static void test_next_rip(void **state)
{
	(void)state;
	set(VMCS_EXIT_INSN_LEN, 2);
	decode(VMX_REASON_CPUID, 0xffffffff81000000);
	assert_true(out.next_rip == 0xffffffff81000002 && total_reads == 2);
	decode(VMX_REASON_CPUID, 0xfffffffe); /* 32-bit code: it wraps */
	assert_true(out.next_rip == 0);
	set(VMCS_GUEST_CS_AR, AR_L);
	decode(VMX_REASON_CPUID, 0xfffffffe); /* L says nothing outside long mode */
	assert_true(out.next_rip == 0);
	set(VMCS_GUEST_EFER, EFER_LMA);
	decode(VMX_REASON_CPUID, 0xfffffffe);
	assert_true(out.next_rip == 0x100000000);
	set(VMCS_GUEST_CS_AR, AR_DB);
	decode(VMX_REASON_CPUID, 0xffffffff);
	assert_true(out.next_rip == 1);
}

static void test_cr(void **state)
{
	(void)state;
	set(VMCS_EXIT_INSN_LEN, 3);
	set(VMCS_EXIT_QUALIFICATION, 4 | 9 << 8);
	decode(VMX_REASON_CR, 0);
	assert_int_equal(out.why, X86_CR_WRITE);
	assert_int_equal(out.cr.kind, X86_CR_MOV);
	assert_int_equal(out.cr.nr, 4);
	assert_int_equal(out.cr.gpr, 9);
	assert_int_equal(out.insn_len, 3);
	set(VMCS_EXIT_QUALIFICATION, 8 | 1 << 4);
	decode(VMX_REASON_CR, 0);
	assert_int_equal(out.why, X86_UNKNOWN);
	set(VMCS_EXIT_QUALIFICATION, 2 << 4);
	decode(VMX_REASON_CR, 0);
	assert_true(out.why == X86_CR_WRITE && out.cr.kind == X86_CR_CLTS && out.cr.nr == 0);
	set(VMCS_EXIT_QUALIFICATION, 3 << 4 | BIT(6) | 0xbeefull << 16);
	decode(VMX_REASON_CR, 0);
	assert_true(out.why == X86_CR_WRITE && out.cr.kind == X86_CR_LMSW_DATA);
	assert_true(out.cr.data == 0xbeef && !out.cr.mem && out.cr.nr == 0);
}

static void test_io(void **state)
{
	(void)state;
	set(VMCS_EXIT_QUALIFICATION, 0x3f8ull << 16 | BIT(6)); /* OUT imm, AL */
	set(VMCS_EXIT_INSN_LEN, 1);
	decode(VMX_REASON_IO, 0x10);
	assert_true(out.why == X86_IO && out.io.port == 0x3f8 && out.io.size == 1);
	assert_true(!out.io.in && !out.io.string && !out.io.rep && out.next_rip == 0x11);
	set(VMCS_EXIT_QUALIFICATION, 0xffffull << 16 | 3 | BIT(3) | BIT(4) | BIT(5));
	decode(VMX_REASON_IO, 0x10);
	assert_true(out.io.port == 0xffff && out.io.size == 4);
	assert_true(out.io.in && out.io.string && out.io.rep);
	set(VMCS_EXIT_QUALIFICATION, 2); /* no such size */
	decode(VMX_REASON_IO, 0x10);
	assert_int_equal(out.why, X86_UNKNOWN);
}

static void test_ept(void **state)
{
	(void)state;
	set(VMCS_GUEST_PHYS, 0xfee000b0);
	set(VMCS_EXIT_QUALIFICATION, BIT(1) | BIT(7) | BIT(8));
	decode(VMX_REASON_EPT_VIOLATION, 0x10);
	assert_true(out.why == X86_TDP_FAULT && out.tdp.gpa.v == 0xfee000b0);
	assert_true(out.tdp.access == PT_W && !out.tdp.on_walk && !out.insn_len);
	assert_int_equal(out.info2, 0xfee000b0);
	set(VMCS_EXIT_QUALIFICATION, BIT(0) | BIT(1) | BIT(7)); /* A/D: a walk reads and writes */
	decode(VMX_REASON_EPT_VIOLATION, 0x10);
	assert_true(out.tdp.access == PT_W && out.tdp.on_walk);
	set(VMCS_EXIT_QUALIFICATION, BIT(0) | BIT(8)); /* PDPTEs: bit 8 means nothing */
	decode(VMX_REASON_EPT_VIOLATION, 0x10);
	assert_true(out.tdp.access == PT_R && out.tdp.on_walk);
	set(VMCS_EXIT_QUALIFICATION, BIT(2) | BIT(7) | BIT(8) | BIT(12));
	decode(VMX_REASON_EPT_VIOLATION, 0x10);
	assert_true(out.tdp.access == PT_X && !out.tdp.on_walk && event.nmi_unblocked);
	/* In a delivery bit 12 means nothing, and the event goes again; also of a software one. */
	set(VMCS_IDT_VECTORING_INFO, INTR_INFO_VALID | 4 << 8 | 0x80);
	decode(VMX_REASON_EPT_VIOLATION, 0x10);
	assert_false(event.nmi_unblocked || event.again.valid);
	set(VMCS_IDT_VECTORING_INFO, INTR_INFO_VALID | 0xec);
	decode(VMX_REASON_EPT_VIOLATION, 0x10);
	assert_true(!event.nmi_unblocked && event.again.valid && event.again.vector == 0xec);
	assert_int_equal(event.again.type, INTR_TYPE_EXTERNAL);
}

static void test_exception(void **state)
{
	(void)state;
	set(VMCS_EXIT_INTR_INFO, INTR_INFO_VALID | 2 << 8 | 2);
	decode(VMX_REASON_EXCEPTION, 0);
	assert_int_equal(out.why, X86_NMI);
	set(VMCS_EXIT_QUALIFICATION, BIT(14));
	set(VMCS_EXIT_INTR_INFO, INTR_INFO_VALID | 3 << 8 | 1);
	decode(VMX_REASON_EXCEPTION, 0);
	assert_true(out.why == X86_EXCEPTION && out.exception.vector == 1);
	assert_true(out.info1 == BIT(14) && out.info2 == 0 && out.exception.error == 0);
	set(VMCS_EXIT_QUALIFICATION, 0x7fff00001000);
	set(VMCS_EXIT_INTR_ERROR, 6);
	set(VMCS_EXIT_INTR_INFO, INTR_INFO_VALID | BIT(12) | BIT(11) | 3 << 8 | 14);
	decode(VMX_REASON_EXCEPTION, 0);
	assert_true(out.exception.vector == 14 && out.exception.error == 6);
	assert_true(out.info2 == 0x7fff00001000 && event.nmi_unblocked);
	set(VMCS_EXIT_INTR_INFO, INTR_INFO_VALID | BIT(12) | BIT(11) | 3 << 8 | 8);
	decode(VMX_REASON_EXCEPTION, 0);
	assert_false(event.nmi_unblocked); /* undefined of #DF */
	/* #AC while delivering #PF. */
	set(VMCS_EXIT_INTR_INFO, INTR_INFO_VALID | BIT(11) | 3 << 8 | 17);
	set(VMCS_IDT_VECTORING_INFO, INTR_INFO_VALID | BIT(11) | 3 << 8 | 14);
	set(VMCS_IDT_VECTORING_ERROR, 5);
	decode(VMX_REASON_EXCEPTION, 0);
	assert_int_equal(out.exception.vector, 17);
	assert_true(event.again.valid && event.again.type == 3 && event.again.vector == 14);
	assert_true(event.again.has_error && event.again.error == 5);
	assert_int_equal(vmx_event_encode(&event.again), 0x80000b0e);
	/* INT3 and INT1 execute again by themselves. */
	for (u64 type = INTR_TYPE_SOFT_INTERRUPT; type <= INTR_TYPE_OTHER; type++) {
		set(VMCS_IDT_VECTORING_INFO, INTR_INFO_VALID | type << 8 | 3);
		decode(VMX_REASON_EXCEPTION, 0);
		assert_false(event.again.valid);
	}
	set(VMCS_IDT_VECTORING_INFO, 3 << 8 | 14);
	decode(VMX_REASON_EXCEPTION, 0);
	assert_false(event.again.valid);
}

static void test_failed_entry(void **state)
{
	(void)state;
	set(VMCS_EXIT_QUALIFICATION, 4); /* the link pointer */
	set(VMCS_IDT_VECTORING_INFO, INTR_INFO_VALID);
	decode(EXIT_REASON_FAILED | VMX_REASON_ENTRY_STATE, 0);
	assert_true(out.why == X86_INVALID_STATE && out.info1 == 4 && out.code == 0x80000021);
	assert_false(event.again.valid);
	decode(EXIT_REASON_FAILED | VMX_REASON_ENTRY_MSR, 0);
	assert_int_equal(out.why, X86_INVALID_STATE);
	decode(EXIT_REASON_FAILED | VMX_REASON_ENTRY_MC, 0);
	assert_true(out.why == X86_EXCEPTION && out.exception.vector == VEC_MC);
	decode(EXIT_REASON_FAILED | 0xffff, 0);
	assert_int_equal(out.why, X86_INVALID_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_reasons, setup),
		cmocka_unit_test_setup(test_apic, setup),
		cmocka_unit_test_setup(test_next_rip, setup),
		cmocka_unit_test_setup(test_cr, setup),
		cmocka_unit_test_setup(test_io, setup),
		cmocka_unit_test_setup(test_ept, setup),
		cmocka_unit_test_setup(test_exception, setup),
		cmocka_unit_test_setup(test_failed_entry, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
