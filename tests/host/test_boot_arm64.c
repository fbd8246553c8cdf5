// SPDX-License-Identifier: Apache-2.0
/* The AArch64 side of the loader, as far as it is pure: CPU verdicts, EL2 registers, tables. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/arm64_cpu.h"
#include "boot/arm64_paging.h"
#include "mm/bits.h"

/* As a Cortex-A72 says it, with a GICv3; and a Neoverse N1. */
static const struct cpu_facts a72 = {
	.level = 2,
	.midr = 0x410fd083,
	.pfr0 = 0x01002222,
	.mmfr = {0x1124, 0, 0},
	.counter_hz = 62500000,
};
static const struct cpu_facts n1 = {
	.level = 2,
	.midr = 0x414fd0c1,
	.pfr0 = 0x1100000011112222,
	.isar0 = 0x0000100010211120,
	.mmfr = {0x101125, 0x10212122, 0x1011},
	.counter_hz = 62500000,
};

static void expect_missing(const struct cpu_facts *facts, const char *needs, const char *found)
{
	struct cpu_need missing[CPU_NEEDS_MAX];

	assert_int_equal(cpu_missing(facts, missing), 1);
	assert_non_null(strstr(missing[0].needs, needs));
	assert_non_null(strstr(missing[0].found, found));
}

static void test_cpu_missing(void **state)
{
	struct cpu_need missing[CPU_NEEDS_MAX];
	struct cpu_facts facts = a72;

	(void)state;
	assert_int_equal(cpu_missing(&a72, missing), 0);
	assert_int_equal(cpu_missing(&n1, missing), 0);
	facts.level = 1;
	expect_missing(&facts, "EL2", "on a CPU that has EL2");
	facts.pfr0 &= ~GENMASK(15, 12);
	expect_missing(&facts, "EL2", "shows no EL2");
	facts = a72;
	facts.pfr0 &= ~GENMASK(27, 24);
	expect_missing(&facts, "GICv3", "none");
	facts = a72;
	facts.counter_hz = 0;
	expect_missing(&facts, "CNTFRQ_EL0", "0");
	facts = a72;
	facts.mmfr[0] |= FIELD_PREP(GENMASK(43, 40), 1);
	expect_missing(&facts, "stage 2", "none");
	facts.mmfr[0] = FIELD_PREP(GENMASK(43, 40), 2) | FIELD_PREP(GENMASK(31, 28), 15);
	expect_missing(&facts, "stage 1", "none");
	facts.mmfr[0] = FIELD_PREP(GENMASK(31, 28), 15); /* stage 2 as stage 1 */
	assert_int_equal(cpu_missing(&facts, missing), 2);
	facts.mmfr[0] = FIELD_PREP(GENMASK(43, 40), 3) | FIELD_PREP(GENMASK(31, 28), 1);
	assert_int_equal(cpu_missing(&facts, missing), 0); /* with 52 bits */
	assert_int_equal(cpu_missing(&(struct cpu_facts){0}, missing), 3);
}

static void test_cpu_facts(void **state)
{
	static const u8 bits[16] = {32, 36, 40, 42, 44, 48, 52, 52, 52, 52, 52, 52, 52, 52, 52, 52};
	struct cpu_facts all = {.isar0 = ~(u64)0, .mmfr = {~(u64)0, ~(u64)0, ~(u64)0}};
	char text[CPU_TEXT_MAX];

	(void)state;
	for (u64 i = 0; i < ARRAY_SIZE(bits); i++) {
		struct cpu_facts facts = {.mmfr = {i}};

		assert_int_equal(cpu_address_bits(&facts), bits[i]);
	}
	assert_false(cpu_has_vhe(&a72));
	assert_true(cpu_has_vhe(&n1));
	assert_int_equal(cpu_vmid_bits(&a72), 8);
	assert_int_equal(cpu_vmid_bits(&n1), 16);
	cpu_name(&a72, text);
	assert_string_equal(text, "Arm Cortex-A72 r0p3");
	cpu_name(&n1, text);
	assert_string_equal(text, "Arm Neoverse N1 r4p1");
	cpu_name(&(struct cpu_facts){.midr = 0x000f0510}, text);
	assert_string_equal(text, "AArch64 CPU, implementer 0x00 part 0x051 r0p0");
	cpu_stage2_features(&a72, text);
	assert_string_equal(text, "no options");
	cpu_stage2_features(&n1, text);
	assert_string_equal(text, "access/dirty bits, XNX");
	cpu_stage2_features(&all, text);
	assert_string_equal(text,
			    "access/dirty bits, XNX, FWB, BBM 2, TTL, TLBI by range, EVT, NV2");
}

static void test_registers(void **state)
{
	struct cpu_facts facts = n1;

	(void)state;
	assert_int_equal(cpu_hcr_el2(&a72), BIT(31));
	assert_int_equal(cpu_hcr_el2(&n1), BIT(31) | BIT(34));
	assert_int_equal(cpu_tcr_el2(&a72), 0x80843510);
	assert_int_equal(cpu_tcr_el2(&n1), 0x5b5903510);
	facts.mmfr[0] = 6; /* 52 bits: not with this descriptor format */
	assert_int_equal(cpu_tcr_el2(&facts), 0x5b5903510);
	facts.mmfr[1] = 0;
	assert_int_equal(cpu_tcr_el2(&facts), 0x80853510);
	facts.mmfr[0] = 0;
	assert_int_equal(cpu_tcr_el2(&facts), 0x80803510);
}

#define MIB  ((u64)1 << 20)
#define GIB  ((u64)1 << 30)
#define CODE 0xffff80000000ULL

#define LEAF    (BIT(0) | BIT(8) | BIT(9) | BIT(10))
#define ADDRESS (BIT(48) - PAGE_SIZE)

static struct page_tables tables_new(size_t count, bool has_e2h)
{
	struct page_tables tables = {
		.pages = aligned_alloc(PAGE_SIZE, count * PAGE_SIZE),
		.page_count = count,
		.has_e2h = has_e2h,
	};

	assert_non_null(tables.pages);
	memset(tables.pages, 0, count * PAGE_SIZE);
	return tables;
}

/* As the CPU walks: the leaf with its address advanced to @virt's page, or 0. */
static u64 walk(const struct page_tables *tables, u64 virt)
{
	const u64 *table = tables->pages;

	for (unsigned level = 4;; level--) {
		unsigned shift = 12 + 9 * (level - 1);
		u64 entry = table[virt >> shift & 511];
		u64 mask = BIT(shift) - 1;

		if (!(entry & BIT(0))) {
			return 0;
		}
		if (level == 1) {
			assert_true(entry & BIT(1)); /* else reserved */
			return entry & ~BIT(1);
		}
		if (!(entry & BIT(1))) {
			assert_true(level <= 3);
			assert_int_equal(entry & ADDRESS & mask, 0);
			return entry | (virt & mask & PAGE_MASK);
		}
		assert_int_equal(entry & ~ADDRESS, 3); /* a table restricts nothing */
		table = (const u64 *)(uintptr_t)(entry & ADDRESS);
	}
}

static u64 flags(bool has_e2h, bool write, bool execute)
{
	u64 never = has_e2h ? BIT(53) : BIT(54);

	return LEAF | (has_e2h ? BIT(54) : BIT(6)) | (write ? 0 : BIT(7)) | (execute ? 0 : never);
}

static struct boot_range ranges[] = {
	{0x4000000, 0x4000000, BOOT_RANGE_MMIO, 0},
	{0x9010000, 0x1000, BOOT_RANGE_MMIO, 0},
	{0x40000000, 0x1000, BOOT_RANGE_ACPI, 0},
	{0x40001000, 0x3fff000, BOOT_RANGE_FREE, 0},
	{0x44000000, 0x1000, BOOT_RANGE_RESERVED, 0},
	{0x44001000, 0x2000, BOOT_RANGE_LOADER, 0},
	{0x44003000, 0x3bffd000, BOOT_RANGE_FREE, 0},
	{0x80000000, 0x40000000, BOOT_RANGE_MODULE, 0},
	{0xc0000000, 0x3000, BOOT_RANGE_CORE, 0},
	{0xc0005000, 0x1000, BOOT_RANGE_RUNTIME, 0},
	{511 * GIB, 1026 * GIB + 0x1000, BOOT_RANGE_FREE, 0},
	{(u64)126 << 40, 2 * MIB, BOOT_RANGE_FREE, 0},
	{(u64)127 << 40, GIB, BOOT_RANGE_MMIO, 0},
};
static const struct memmap map = {.ranges = ranges, .range_count = ARRAY_SIZE(ranges)};

static u64 expected(u64 phys, bool has_e2h)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct boot_range *r = &ranges[i];

		if (phys >= r->base && phys - r->base < r->size) {
			return r->kind == BOOT_RANGE_MMIO || r->kind == BOOT_RANGE_RESERVED
				       ? 0
				       : phys | flags(has_e2h, true, false);
		}
	}
	return 0;
}

static void check_direct(const struct page_tables *tables)
{
	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		u64 base = ranges[i].base, end = base + ranges[i].size;
		u64 probes[] = {base - PAGE_SIZE, base,       base + PAGE_SIZE,
				base + 2 * MIB,   base + GIB, end - GIB,
				end - PAGE_SIZE,  end,        end + PAGE_SIZE};

		for (size_t p = 0; p < ARRAY_SIZE(probes); p++) {
			u64 phys = probes[p];

			if (phys >> 47) {
				continue;
			}
			assert_int_equal(walk(tables, DIRECT_MAP_BASE + phys),
					 expected(phys, tables->has_e2h));
		}
	}
}

static void check_tables(bool has_e2h)
{
	struct page_tables tables = tables_new(page_tables_count(&map, 0x5000), has_e2h);
	struct page_mapping text = {CODE, 0x40200000, 0x3000, PAGE_PROT_X};
	struct page_mapping rodata = {CODE + 0x3000, 0x40203000, 0x1000, 0};
	struct page_mapping data = {CODE + 0x4000, 0x40204000, 0x1000, PAGE_PROT_W};
	struct page_mapping jump = {0x41234000, 0x41234000, 0x1000, PAGE_PROT_X};

	assert_int_equal(page_tables_map_direct(&tables, &map), 0);
	assert_int_equal(page_tables_map(&tables, &text), 0);
	assert_int_equal(page_tables_map(&tables, &rodata), 0);
	assert_int_equal(page_tables_map(&tables, &data), 0);
	assert_int_equal(page_tables_map(&tables, &jump), 0);
	check_direct(&tables);
	assert_int_equal(walk(&tables, 0), 0);
	assert_int_equal(walk(&tables, CODE - 1), 0);
	assert_int_equal(walk(&tables, CODE + 0x2000), 0x40202000 | flags(has_e2h, false, true));
	assert_int_equal(walk(&tables, CODE + 0x3000), 0x40203000 | flags(has_e2h, false, false));
	assert_int_equal(walk(&tables, CODE + 0x4000), 0x40204000 | flags(has_e2h, true, false));
	assert_int_equal(walk(&tables, CODE + 0x5000), 0);
	assert_int_equal(walk(&tables, 0x41234000), 0x41234000 | flags(has_e2h, false, true));
	assert_int_equal(walk(&tables, 0x41235000), 0);
	assert_int_equal(page_tables_map(&tables, &text), -EEXIST);
	free(tables.pages);
}

static void test_tables(void **state)
{
	(void)state;
	check_tables(false);
	check_tables(true);
}

/* Whatever the ranges, the count suffices; one page less than is used does not. */
static void test_tables_count(void **state)
{
	struct boot_range some[8];
	struct memmap random = {.ranges = some};

	(void)state;
	srand(1);
	for (unsigned round = 0; round < 200; round++) {
		struct page_tables tables;
		u64 at = 0;

		for (random.range_count = 0; random.range_count < 8; random.range_count++) {
			unsigned shift = (unsigned)rand() % 30;

			at += PAGE_SIZE * (u64)(1 + rand() % (1 << shift));
			some[random.range_count] = (struct boot_range){
				.base = at,
				.size = PAGE_SIZE * (u64)(1 + rand() % (1 << shift)),
				.kind = (u32)(rand() % 2 ? BOOT_RANGE_FREE : BOOT_RANGE_LOADER),
			};
			at += some[random.range_count].size;
		}
		tables = tables_new(page_tables_count(&random, 0), rand() % 2);
		assert_int_equal(page_tables_map_direct(&tables, &random), 0);
		tables.page_count = tables.page_used - 1;
		tables.page_used = 0;
		memset(tables.pages, 0, tables.page_count * PAGE_SIZE);
		assert_int_equal(page_tables_map_direct(&tables, &random), -ENOMEM);
		free(tables.pages);
	}
}

static enum survey_mark mark_of(const struct cpu_facts *facts, const char *name)
{
	static struct survey survey;

	survey.count = 0;
	cpu_survey(facts, &survey);
	for (size_t i = 0; i < survey.count; i++) {
		if (!strcmp(survey.row[i].name, name)) {
			return survey.row[i].mark;
		}
	}
	fail_msg("no row %s", name);
	return SURVEY_NOTE;
}

static void test_survey(void **state)
{
	struct cpu_facts facts = a72;

	(void)state;
	assert_int_equal(mark_of(&a72, "exception level"), SURVEY_USED);
	assert_int_equal(mark_of(&a72, "VHE"), SURVEY_WITHOUT);
	assert_int_equal(mark_of(&n1, "VHE"), SURVEY_USED);
	assert_int_equal(mark_of(&a72, "TLB tags"), SURVEY_WITHOUT);
	assert_int_equal(mark_of(&n1, "TLB tags"), SURVEY_USED);
	assert_int_equal(mark_of(&a72, "second level"), SURVEY_USED);
	facts.level = 1;
	assert_int_equal(mark_of(&facts, "exception level"), SURVEY_MISSING);
	facts.pfr0 &= ~GENMASK(27, 24);
	assert_int_equal(mark_of(&facts, "interrupts"), SURVEY_MISSING);
	facts.counter_hz = 0;
	assert_int_equal(mark_of(&facts, "clock"), SURVEY_MISSING);
	facts.mmfr[0] |= FIELD_PREP(GENMASK(43, 40), 1);
	assert_int_equal(mark_of(&facts, "second level"), SURVEY_MISSING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_survey),    cmocka_unit_test(test_cpu_missing),
		cmocka_unit_test(test_cpu_facts), cmocka_unit_test(test_registers),
		cmocka_unit_test(test_tables),    cmocka_unit_test(test_tables_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
