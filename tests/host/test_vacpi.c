// SPDX-License-Identifier: Apache-2.0
/* Reads the built tables back as an operating system would. */
#include "tests/host/vplatform_fake.h"

#include <stdio.h>

#include "arch/x86/vacpi.h"
#include "arch/x86/vioapic.h"
#include "arch/x86/vlapic.h"
#include "arch/x86/vpmtimer.h"

#define BASE 0xe0000u

static u8 buf[VACPI_SIZE_MAX];
static size_t used;

static u64 get(const u8 *p, unsigned n)
{
	u64 v = 0;

	memcpy(&v, p, n);
	return v;
}

static u8 sum(const u8 *p, size_t n)
{
	u8 s = 0;

	while (n--) {
		s = (u8)(s + *p++);
	}
	return s;
}

/* The table at guest address @addr, checked. */
static const u8 *table(u64 addr, const char *signature)
{
	const u8 *t = buf + (addr - BASE);

	assert_true(addr >= BASE && addr + 36 <= BASE + used);
	assert_memory_equal(t, signature, 4);
	assert_true(addr + get(t + 4, 4) <= BASE + used);
	if (memcmp(signature, "FACS", 4) != 0) {
		assert_int_equal(sum(t, get(t + 4, 4)), 0);
	}
	return t;
}

static const u8 *xsdt_entry(unsigned i, const char *signature)
{
	const u8 *xsdt = table(get(buf + 24, 8), "XSDT");

	assert_int_equal(get(xsdt + 4, 4), 36 + 2 * 8);
	return table(get(xsdt + 36 + 8 * i, 8), signature);
}

static void build(const struct vacpi_config *config)
{
	memset(buf, 0xa5, sizeof(buf));
	used = vacpi_build(buf, sizeof(buf), gpa(BASE), config);
	assert_true(used > 0 && used < sizeof(buf));
	assert_int_equal(buf[used], 0xa5);
}

static void test_root(void **state)
{
	const u8 *rsdt;

	(void)state;
	build(&(struct vacpi_config){.cpu_count = 1});
	assert_memory_equal(buf, "RSD PTR ", 8);
	assert_int_equal(sum(buf, 20), 0);
	assert_int_equal(sum(buf, 36), 0);
	rsdt = table(get(buf + 16, 4), "RSDT");
	for (unsigned i = 0; i < 2; i++) {
		const u8 *t = xsdt_entry(i, i ? "APIC" : "FACP");

		assert_int_equal(get(rsdt + 36 + 4 * i, 4), BASE + (u64)(t - buf));
	}
}

static void test_fadt(void **state)
{
	const u8 *fadt;

	(void)state;
	build(&(struct vacpi_config){.cpu_count = 1});
	fadt = xsdt_entry(0, "FACP");
	assert_int_equal(get(fadt + 36, 4) % 64, 0);
	table(get(fadt + 36, 4), "FACS");
	table(get(fadt + 40, 4), "DSDT");
	assert_int_equal(get(fadt + 140, 8), get(fadt + 40, 4));
	assert_int_equal(get(fadt + 46, 2), VIRQ_SCI);
	assert_int_equal(get(fadt + 48, 4), 0); /* no SMI command port */
	assert_int_equal(get(fadt + 56, 4), VPM_EVT_PORT);
	assert_int_equal(get(fadt + 64, 4), VPM_CNT_PORT);
	assert_int_equal(get(fadt + 76, 4), VPM_TMR_PORT);
	assert_int_equal(get(fadt + 148 + 4, 8), VPM_EVT_PORT);
	assert_int_equal(get(fadt + 172 + 4, 8), VPM_CNT_PORT);
	assert_int_equal(get(fadt + 208 + 4, 8), VPM_TMR_PORT);
	assert_int_equal(get(fadt + 116 + 4, 8), 0xcf9);
	assert_int_equal(fadt[128], 6);
	assert_int_equal(get(fadt + 109, 2) & 2, 0); /* no 8042 */
}

static unsigned madt_count(const u8 *madt, u8 type)
{
	u64 length = get(madt + 4, 4);
	unsigned n = 0;

	for (u64 at = 44; at < length; at += madt[at + 1]) {
		assert_true(madt[at + 1] >= 2 && at + madt[at + 1] <= length);
		n += madt[at] == type;
	}
	return n;
}

static void test_madt(void **state)
{
	static const u32 ids[] = {0, 2, 254, 255, 300};
	const u8 *madt;

	(void)state;
	build(&(struct vacpi_config){.cpu_count = 5, .apic_ids = ids});
	madt = xsdt_entry(1, "APIC");
	assert_int_equal(get(madt + 36, 4), VLAPIC_BASE_DEFAULT);
	assert_int_equal(get(madt + 44 + 4, 4), VIOAPIC_BASE);
	assert_int_equal(madt_count(madt, 0), 3);
	assert_int_equal(madt_count(madt, 9), 2);
	assert_int_equal(madt_count(madt, 2), 2);
	build(&(struct vacpi_config){.cpu_count = 64});
	assert_int_equal(madt_count(xsdt_entry(1, "APIC"), 0), 64);
}

static void test_does_not_fit(void **state)
{
	const struct vacpi_config one = {.cpu_count = 1};
	u8 *small;

	(void)state;
	build(&one);
	for (size_t size = 0; size < used; size++) {
		small = test_malloc(size + 1); /* ASan watches its end */
		assert_int_equal(vacpi_build(small, size, gpa(BASE), &one), 0);
		test_free(small);
	}
	assert_int_equal(vacpi_build(buf, used, gpa(BASE), &one), used);
	assert_int_equal(vacpi_build(buf, sizeof(buf), gpa(BASE + 16), &one), 0);
	assert_int_equal(vacpi_build(buf, sizeof(buf), gpa(BIT(32)), &one), 0);
	assert_int_equal(vacpi_build(buf, sizeof(buf), gpa(BIT(32) - 64), &one), 0);
	assert_int_equal(vacpi_build(buf, sizeof(buf), gpa(BASE), &(struct vacpi_config){0}), 0);
	assert_int_equal(
		vacpi_build(buf, sizeof(buf), gpa(BASE), &(struct vacpi_config){.cpu_count = 65}),
		0);
}

/* With a directory as argument: writes the tables there, for iasl -d and acpiexec. */
static int dump(const char *dir)
{
	char path[256];
	const u8 *fadt;

	build(&(struct vacpi_config){.cpu_count = 2});
	fadt = xsdt_entry(0, "FACP");
	for (unsigned i = 0; i < 3; i++) {
		const u8 *t = i == 0   ? fadt
			      : i == 1 ? xsdt_entry(1, "APIC")
				       : table(get(fadt + 40, 4), "DSDT");
		FILE *f;

		snprintf(path, sizeof(path), "%s/%.4s.dat", dir, (const char *)t);
		f = fopen(path, "wb");
		if (!f || fwrite(t, 1, get(t + 4, 4), f) != get(t + 4, 4) || fclose(f)) {
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_fadt),
		cmocka_unit_test(test_madt),
		cmocka_unit_test(test_does_not_fit),
	};

	return argc > 1 ? dump(argv[1]) : cmocka_run_group_tests(tests, NULL, NULL);
}
