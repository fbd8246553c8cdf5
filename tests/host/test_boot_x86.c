// SPDX-License-Identifier: Apache-2.0
/* The x86 side of the loader, as far as it is pure: CPU verdicts, bzImage checks, first tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/image.h"
#include "boot/x86_64_cpu.h"
#include "boot/x86_64_paging.h"
#include "mm/bits.h"
#include "vmm/boot_info.h"

/* An AMD CPU with all that is needed. */
static const struct cpu_facts able = {
	.extended_ecx = BIT(2),
	.extended_edx = BIT(20) | BIT(26) | BIT(29),
	.svm_edx = BIT(0),
};

/* The missing thing that is reported by these words, or NULL. */
static const struct cpu_need *need_find(const struct cpu_facts *facts, const char *needs)
{
	static struct cpu_verdict verdict;

	cpu_judge(facts, &verdict);
	for (size_t i = 0; i < min_u64(verdict.missing_count, CPU_NEEDS_MAX); i++) {
		if (strstr(verdict.missing[i].needs, needs)) {
			return &verdict.missing[i];
		}
	}
	return NULL;
}

static size_t missing_count(const struct cpu_facts *facts)
{
	static struct cpu_verdict verdict;

	cpu_judge(facts, &verdict);
	return verdict.missing_count;
}

static void expect_missing(const struct cpu_facts *facts, const char *needs, const char *found)
{
	const struct cpu_need *need = need_find(facts, needs);

	assert_int_equal(missing_count(facts), 1);
	assert_non_null(need);
	assert_non_null(strstr(need->found, found));
}

static void test_cpu(void **state)
{
	struct cpu_facts facts = able;

	(void)state;
	assert_int_equal(missing_count(&able), 0);
	facts.features_ecx = BIT(5); /* with VMX, too, which offers nothing here */
	assert_int_equal(missing_count(&facts), 0);
	facts.features_ecx = 0;
	facts.extended_ecx = 0;
	expect_missing(&facts, "AMD SVM", "no SVM: the CPU lacks it");
	memcpy(facts.vendor, "GenuineIntel", 12);
	expect_missing(&facts, "Intel VMX", "no VMX: the CPU lacks it");
	facts.features_ecx = BIT(31);
	expect_missing(&facts, "Intel VMX", "nested virtualisation");
	facts = able;
	facts.vm_cr = BIT(4);
	expect_missing(&facts, "VM_CR", "enable \"SVM Mode\"");
	facts.svm_edx |= BIT(2);
	expect_missing(&facts, "VM_CR", "locked with a key");
	facts = able;
	facts.svm_edx = 0;
	expect_missing(&facts, "NPT", "without nested paging");
	facts = able;
	facts.extended_edx = BIT(29);
	expect_missing(&facts, "NX", "none");
	assert_int_equal(missing_count(&(struct cpu_facts){0}), 3);
}

/* An Intel CPU on which every control is free. */
static struct cpu_facts able_vmx(void)
{
	struct cpu_facts facts = {
		.vendor = "GenuineIntel",
		.features_ecx = BIT(5),
		.extended_edx = BIT(20) | BIT(26) | BIT(29),
	};
	u64 *vmx = facts.vmx.vmx;

	facts.vmx.feature_control = FEATURE_CONTROL_LOCK | FEATURE_CONTROL_VMXON;
	vmx[VMX_MSR_BASIC] = 0x12 | BIT(42);
	for (unsigned i = VMX_MSR_PIN; i <= VMX_MSR_ENTRY; i++) {
		vmx[i] = GENMASK(63, 32);
	}
	vmx[VMX_MSR_PROC2] = GENMASK(63, 32);
	vmx[VMX_MSR_EPT_VPID] = 0xf0106734141;
	return facts;
}

static void test_vmx_firmware(void **state)
{
	struct cpu_facts facts = able_vmx();

	(void)state;
	assert_int_equal(missing_count(&facts), 0);
	facts.vmx.feature_control = 0;
	assert_int_equal(missing_count(&facts), 0);
	facts.vmx.feature_control = FEATURE_CONTROL_LOCK;
	expect_missing(&facts, "IA32_FEATURE_CONTROL", "disabled by the firmware and locked");
}

static void test_vmx_controls(void **state)
{
	struct cpu_facts facts = able_vmx();
	u64 *proc2 = &facts.vmx.vmx[VMX_MSR_PROC2];

	(void)state;
	*proc2 &= ~((u64)PROC2_VPID << 32);
	assert_int_equal(missing_count(&facts), 0);
	*proc2 &= ~((u64)PROC2_UNRESTRICTED << 32);
	expect_missing(&facts, "unrestricted guest", "before Westmere");
	*proc2 &= ~((u64)PROC2_EPT << 32);
	assert_int_equal(missing_count(&facts), 2);
	assert_non_null(need_find(&facts, "EPT"));
	facts = able_vmx();
	facts.vmx.vmx[VMX_MSR_PIN] &= ~((u64)PIN_VIRTUAL_NMIS << 32);
	expect_missing(&facts, "virtual NMIs", "do not offer this");
	facts = able_vmx();
	facts.vmx.vmx[VMX_MSR_EXIT] |= EXIT_ACK_INTR;
	expect_missing(&facts, "acknowledge interrupt on exit", "insist on it");
	facts = able_vmx();
	memset(facts.vmx.vmx, 0, sizeof(facts.vmx.vmx)); /* more than are listed */
	assert_true(missing_count(&facts) > CPU_NEEDS_MAX);
	assert_non_null(need_find(&facts, "IA32_VMX_BASIC"));
}

/* The report's row of this name. */
static const struct survey_row *row_find(const struct survey *survey, const char *name)
{
	for (size_t i = 0; i < survey->count; i++) {
		if (!strcmp(survey->row[i].name, name)) {
			return &survey->row[i];
		}
	}
	fail_msg("no row %s", name);
	return NULL;
}

/* Row @name of a CPU with @facts is marked @mark and its words contain @words. */
static void expect_row(const struct cpu_facts *facts, const char *name, enum survey_mark mark,
		       const char *words)
{
	static struct cpu_verdict verdict;
	static struct survey survey;
	const struct survey_row *row;

	survey.count = 0;
	cpu_judge(facts, &verdict);
	cpu_survey(facts, &verdict, &survey);
	row = row_find(&survey, name);
	assert_int_equal(row->mark, mark);
	assert_true(strstr(row->found, words) || strstr(row->says, words));
	/* What is missing for the verdict has a mark of its own, and the other way round. */
	for (size_t i = 0; i < survey.count; i++) {
		if (survey.row[i].mark == SURVEY_MISSING) {
			assert_true(verdict.missing_count);
			return;
		}
	}
	assert_false(verdict.missing_count);
}

static void test_survey_svm(void **state)
{
	struct cpu_facts facts = able;

	(void)state;
	expect_row(&facts, "virtualisation", SURVEY_USED, "AMD SVM");
	expect_row(&facts, "who locked it", SURVEY_USED, "SVMDIS clear");
	expect_row(&facts, "its pages", SURVEY_USED, "4 KiB, 2 MiB, 1 GiB");
	expect_row(&facts, "exits decoded", SURVEY_WITHOUT, "100 instructions more");
	facts.svm_edx |= BIT(3);
	expect_row(&facts, "exits decoded", SURVEY_USED, "next-RIP yes, decode assists no");
	facts.svm_asids = 32768;
	expect_row(&facts, "TLB tags", SURVEY_USED, "32768 ASIDs");
	expect_row(&facts, "clock", SURVEY_WITHOUT, "not invariant");
	facts.vm_cr = BIT(4);
	expect_row(&facts, "who locked it", SURVEY_MISSING, "SVM Mode");
	facts = able;
	facts.svm_edx = 0;
	expect_row(&facts, "second level", SURVEY_MISSING, "could not be given memory");
	facts = able;
	facts.extended_edx = BIT(29);
	expect_row(&facts, "no-execute", SURVEY_MISSING, "NX");
	expect_row(&(struct cpu_facts){0}, "virtualisation", SURVEY_MISSING, "none");
}

static void test_survey_vmx(void **state)
{
	struct cpu_facts facts = able_vmx();
	u64 *proc2 = &facts.vmx.vmx[VMX_MSR_PROC2];

	(void)state;
	expect_row(&facts, "virtualisation", SURVEY_USED, "Intel VMX");
	expect_row(&facts, "who locked it", SURVEY_USED, "locked, VMX on");
	expect_row(&facts, "TLB tags", SURVEY_USED, "VPID");
	expect_row(&facts, "interrupts", SURVEY_USED, "APIC virtualisation");
	facts.vmx.feature_control = 0;
	expect_row(&facts, "who locked it", SURVEY_USED, "left open");
	facts.vmx.feature_control = FEATURE_CONTROL_LOCK;
	expect_row(&facts, "who locked it", SURVEY_MISSING, "VMX off");
	facts = able_vmx();
	*proc2 &= ~((u64)PROC2_VPID << 32);
	expect_row(&facts, "TLB tags", SURVEY_WITHOUT, "empties the TLB");
	*proc2 &= ~((u64)PROC2_UNRESTRICTED << 32);
	expect_row(&facts, "other controls", SURVEY_MISSING, "\"unrestricted guest\" first");
}

static void test_survey_text(void **state)
{
	struct platform_facts facts = {.firmware = "A firmware", .memory = BIT(30), .cpus = 4};
	static struct survey survey;
	static char text[SURVEY_TEXT_MAX];
	char *line = text;
	size_t size, longest = 0;

	(void)state;
	survey.count = 0;
	facts.has_acpi = facts.has_ivrs = true;
	platform_survey(&facts, &survey);
	assert_int_equal(row_find(&survey, "CPUs")->mark, SURVEY_USED);
	assert_int_equal(row_find(&survey, "machine tables")->mark, SURVEY_USED);
	assert_int_equal(row_find(&survey, "screen")->mark, SURVEY_WITHOUT);
	size = survey_text(&survey, text, sizeof(text));
	assert_int_equal(size, strlen(text));
	assert_non_null(strstr(text, "AMD-Vi (table IVRS)"));
	for (char *end; (end = strchr(line, '\n')); line = end + 1) {
		longest = max_u64(longest, (size_t)(end - line));
	}
	assert_int_equal(*line, '\0');
	assert_true(longest > 60 && longest <= 78);
	facts.has_acpi = false;
	facts.needs_tables = true;
	survey.count = 0;
	platform_survey(&facts, &survey);
	assert_int_equal(row_find(&survey, "machine tables")->mark, SURVEY_MISSING);
	for (unsigned i = 0; i < 2 * SURVEY_ROWS_MAX; i++) { /* more than there is room for */
		survey_note(&survey, "row", "");
	}
	assert_int_equal(survey.count, SURVEY_ROWS_MAX);
	assert_int_equal(survey_text(&survey, text, 100), 99); /* cut, not written beyond */
}

/* What KVM of Linux 6.12 offers a guest on Bochs' Skylake: its KVM_GET_MSRS. */
static void test_vmx_nested(void **state)
{
	static const u64 kvm[VMX_MSR_COUNT] = {
		0x00d8100011e57ed0, 0x000000ff00000016, 0xfff9fffe0401e172, 0x007fffff00036dff,
		0x0000f3ff000011ff, 0x0000000020000165, 0x0000000080000021, 0x00000000ffffffff,
		0x0000000000002000, 0x0000000000372fff, 0x0000000000000032, 0x021273ff00000000,
		0x00000f0106334041, 0x000000ff00000016, 0xfff9fffe04006172, 0x007fffff00036dfb,
		0x0000f3ff000011fb, 0x0000000000000001,
	};
	struct cpu_facts facts = able_vmx();

	(void)state;
	facts.features_ecx |= BIT(31);
	facts.vmx.feature_control = 0;
	memcpy(facts.vmx.vmx, kvm, sizeof(kvm));
	assert_int_equal(missing_count(&facts), 0);
}

/* Of a CPU whose MSRs end with VMX_MSR_VMCS_ENUM. */
static u64 oldest[VMX_MSR_VMCS_ENUM + 1];

static u64 oldest_read(u32 msr)
{
	if (msr == MSR_FEATURE_CONTROL) {
		return FEATURE_CONTROL_LOCK;
	}
	assert_in_range(msr, MSR_VMX_FIRST, MSR_VMX_FIRST + VMX_MSR_VMCS_ENUM);
	return oldest[msr - MSR_VMX_FIRST];
}

static u64 everything_read(u32 msr)
{
	return GENMASK(63, 32) | BIT(55) | msr;
}

/* Reads everything but VPID, EPT, and VM functions, whose MSRs do not exist. */
static u64 plain_proc2_read(u32 msr)
{
	assert_int_not_equal(msr, MSR_VMX_FIRST + VMX_MSR_EPT_VPID);
	assert_int_not_equal(msr, MSR_VMX_FIRST + VMX_MSR_VMFUNC);
	return msr == MSR_VMX_FIRST + VMX_MSR_PROC2 ? (u64)PROC2_WBINVD << 32
						    : everything_read(msr);
}

static void test_vmx_msrs(void **state)
{
	struct vmx_msrs msrs;

	(void)state;
	oldest[VMX_MSR_VMCS_ENUM] = 0x2a;
	vmx_msrs_read(oldest_read, &msrs);
	assert_int_equal(msrs.feature_control, FEATURE_CONTROL_LOCK);
	assert_int_equal(msrs.vmx[VMX_MSR_VMCS_ENUM], 0x2a);
	assert_int_equal(msrs.vmx[VMX_MSR_PROC2], 0);
	vmx_msrs_read(everything_read, &msrs);
	for (u32 i = 0; i < VMX_MSR_COUNT; i++) {
		assert_true(msrs.vmx[i] == everything_read(MSR_VMX_FIRST + i));
	}
	vmx_msrs_read(plain_proc2_read, &msrs);
	assert_int_equal(msrs.vmx[VMX_MSR_EPT_VPID], 0);
}

#define KERNEL_SIZE (5 * 512 + 100 * 16)

static u8 kernel[KERNEL_SIZE];

static void kernel_put(size_t at, u32 value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		kernel[at + i] = (u8)(value >> (8 * i));
	}
}

static void kernel_make(void)
{
	memset(kernel, 0, sizeof(kernel));
	kernel_put(0x1f1, 4, 1);
	kernel_put(0x1f4, 100, 4);
	kernel_put(0x1fe, 0xaa55, 2);
	kernel_put(0x202, 0x53726448, 4);
	kernel_put(0x206, 0x20f, 2);
	kernel_put(0x236, 1, 2);
	kernel_put(0x260, 0x123000, 4);
}

static int kernel_check(size_t size, struct image_facts *facts, struct image_error *error)
{
	u8 *copy = malloc(size ? size : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, kernel, size);
	result = image_check(copy, size, facts, error);
	free(copy);
	return result;
}

static void expect_image_error(size_t size, const char *field, const char *hint)
{
	struct image_error error;
	struct image_facts facts;

	assert_int_equal(kernel_check(size, &facts, &error), -EINVAL);
	assert_string_equal(error.field, field);
	assert_non_null(strstr(error.message, hint));
}

static void test_image(void **state)
{
	static const struct {
		size_t at, bytes;
		u32 value;
		const char *field, *hint;
	} cases[] = {
		{0x1fe, 2, 0, "boot_flag", "expected 0xaa55"},
		{0x202, 4, 0, "header", "HdrS"},
		{0x206, 2, 0x20b, "version", "2.12 or later (Linux 3.8), found 2.11"},
		{0x236, 2, 2, "xloadflags", "XLF_KERNEL_64"},
		{0x1f1, 1, 65, "setup_sects", "at most 64 sectors, found 65"},
		{0x1f4, 4, 101, "syssize", "expected 4176 bytes, found 4160: the file is cut off"},
		{0x1f4, 4, 0xffffffff, "syssize", "cut off"},
	};
	struct image_error error;
	struct image_facts facts;

	(void)state;
	kernel_make();
	assert_int_equal(kernel_check(sizeof(kernel), &facts, &error), 0);
	assert_int_equal(facts.memory, 0x223000);
	assert_int_equal(facts.packed_size, 0);
	kernel_put(0x1f1, 0, 1); /* means 4 */
	assert_int_equal(kernel_check(sizeof(kernel), &facts, &error), 0);
	expect_image_error(sizeof(kernel) - 1, "syssize", "cut off");
	expect_image_error(0x267, "size", "found 615");
	expect_image_error(0, "size", "found 0");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		kernel_make();
		kernel_put(cases[i].at, cases[i].value, cases[i].bytes);
		expect_image_error(sizeof(kernel), cases[i].field, cases[i].hint);
	}
}

static struct page_tables tables_new(size_t count, unsigned levels, bool has_1g_pages)
{
	struct page_tables tables = {
		.pages = aligned_alloc(PAGE_SIZE, count * PAGE_SIZE),
		.page_count = count,
		.levels = levels,
		.has_1g_pages = has_1g_pages,
	};

	assert_non_null(tables.pages);
	memset(tables.pages, 0, count * PAGE_SIZE);
	return tables;
}

/* As the CPU walks: the physical address with the leaf's flags, or 0; *@level is the leaf's. */
static u64 walk(const struct page_tables *tables, u64 virt, unsigned *level)
{
	const u64 *table = tables->pages;

	for (*level = tables->levels;; --*level) {
		unsigned shift = 12 + 9 * (*level - 1);
		u64 entry = table[virt >> shift & 511];
		u64 mask = BIT(shift) - 1;

		if (!(entry & PAGE_ENTRY_PRESENT)) {
			return 0;
		}
		if (*level == 1 || (entry & PAGE_ENTRY_LARGE)) {
			assert_true(*level <= 3);
			assert_int_equal(entry & PAGE_ENTRY_ADDRESS & mask, 0);
			return (entry & ~(u64)PAGE_ENTRY_LARGE) | (virt & mask & PAGE_MASK);
		}
		assert_false(entry & PAGE_ENTRY_NX);
		assert_true(entry & PAGE_ENTRY_WRITE);
		table = (const u64 *)(uintptr_t)(entry & PAGE_ENTRY_ADDRESS);
	}
}

#define CODE 0xffffffff80000000ULL
#define LEAF (PAGE_ENTRY_PRESENT | PAGE_ENTRY_ACCESSED | PAGE_ENTRY_DIRTY)

static void check_tables(unsigned levels, bool has_1g_pages, u64 end)
{
	size_t count = page_tables_count(end, 0x5000, has_1g_pages);
	struct page_tables tables = tables_new(count, levels, has_1g_pages);
	struct page_mapping text = {CODE, 0x7654000, 0x3000, 0, 1};
	struct page_mapping data = {CODE + 0x3000, 0x7657000, 0x2000,
				    PAGE_ENTRY_WRITE | PAGE_ENTRY_NX, 1};
	struct page_mapping jump = {0x1234000, 0x1234000, 0x1000, 0, 1};
	unsigned level;

	assert_int_equal(page_tables_map_direct(&tables, end), 0);
	assert_int_equal(page_tables_map(&tables, &text), 0);
	assert_int_equal(page_tables_map(&tables, &data), 0);
	assert_int_equal(page_tables_map(&tables, &jump), 0);
	for (u64 at = 0; at < end; at += at < 4 * BIT(30) ? 0x1ff000 : 0x3ffff000) {
		assert_int_equal(walk(&tables, DIRECT_MAP_BASE + at, &level),
				 at | LEAF | PAGE_ENTRY_WRITE | PAGE_ENTRY_NX);
		assert_int_equal(level, at < BIT(21)                        ? 1
					: at < 4 * BIT(30) || !has_1g_pages ? 2
									    : 3);
	}
	assert_int_not_equal(walk(&tables, DIRECT_MAP_BASE + end - 1, &level), 0);
	assert_int_equal(walk(&tables, DIRECT_MAP_BASE + end, &level), 0);
	assert_int_equal(walk(&tables, CODE - 1, &level), 0);
	assert_int_equal(walk(&tables, CODE + 0x2000, &level), 0x7656000 | LEAF);
	assert_int_equal(walk(&tables, CODE + 0x4000, &level),
			 0x7658000 | LEAF | PAGE_ENTRY_WRITE | PAGE_ENTRY_NX);
	assert_int_equal(walk(&tables, CODE + 0x5000, &level), 0);
	assert_int_equal(walk(&tables, 0x1234000, &level), 0x1234000 | LEAF);
	assert_int_equal(walk(&tables, 0x1235000, &level), 0);
	assert_int_equal(page_tables_map(&tables, &text), -EEXIST);
	free(tables.pages);
}

static void test_tables(void **state)
{
	static const u64 ends[] = {4, 5, 64, 511, 512, 513, 1024};

	(void)state;
	for (unsigned levels = 4; levels <= 5; levels++) {
		for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
			check_tables(levels, true, ends[i] << 30);
			check_tables(levels, false, ends[i] << 30);
		}
	}
}

static void test_tables_no_memory(void **state)
{
	(void)state;
	for (size_t count = 1; count < 8; count++) {
		struct page_tables tables = tables_new(count, 4, true);
		int expected =
			count < 7 ? -ENOMEM : 0; /* root, level 3, 4 of level 2, 1 of level 1 */

		assert_int_equal(page_tables_map_direct(&tables, 5 * BIT(30)), expected);
		free(tables.pages);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_survey_svm),
		cmocka_unit_test(test_survey_vmx),
		cmocka_unit_test(test_survey_text),
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_vmx_firmware),
		cmocka_unit_test(test_vmx_controls),
		cmocka_unit_test(test_vmx_nested),
		cmocka_unit_test(test_vmx_msrs),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_tables_no_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
