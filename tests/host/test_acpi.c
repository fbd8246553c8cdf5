// SPDX-License-Identifier: Apache-2.0
/* The host's ACPI tables: crafted ones, wrong ones, and thousands spoilt at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <stdio.h>

#include <cmocka.h>

#include "vmm/acpi.h"
#include "vmm/log.h"

#define BASE      0x7fe00000u
#define SIZE      4096u
#define RSDP      0x000u
#define XSDT      0x080u
#define RSDT      0x100u
#define FADT      0x200u
#define MADT      0x400u
#define SPCR      0x600u
#define DSDT      0x700u
#define MADT_SIZE 134u

static u8 *memory;
static u32 warnings;
static struct acpi_info info;

void log_print(enum log_level level, const char *fmt, ...)
{
	char text[LOG_LINE_MAX];
	va_list args;

	assert_int_equal(level, LOG_WARN);
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args); /* so that ASan sees what it reads */
	va_end(args);
	warnings++;
}

static void put(u32 at, u32 width, u64 value)
{
	for (u32 i = 0; i < width; i++) {
		memory[at + i] = (u8)(value >> (8 * i));
	}
}

static void seal(u32 at, u32 size, u32 checksum_at)
{
	u8 sum = 0;

	memory[at + checksum_at] = 0;
	for (u32 i = 0; i < size; i++) {
		sum = (u8)(sum + memory[at + i]);
	}
	memory[at + checksum_at] = (u8)-sum;
}

static void begin_table(u32 at, const char *signature, u32 length)
{
	memcpy(memory + at, signature, 4);
	put(at + 4, 4, length);
}

static void seal_table(u32 at)
{
	u32 length = memory[at + 4] | (u32)memory[at + 5] << 8;

	seal(at, length, 9);
}

static void make_rsdp(u8 revision)
{
	memcpy(memory + RSDP, "RSD PTR ", 8);
	memory[RSDP + 15] = revision;
	put(RSDP + 16, 4, BASE + RSDT);
	put(RSDP + 20, 4, 36);
	put(RSDP + 24, 8, BASE + XSDT);
	seal(RSDP, 20, 8);
	seal(RSDP, 36, 32);
}

static void make_root(u32 at, const char *signature, u32 width)
{
	static const u32 tables[] = {FADT, MADT, SPCR};

	begin_table(at, signature, 36 + 3 * width);
	for (u32 i = 0; i < 3; i++) {
		put(at + 36 + i * width, width, BASE + tables[i]);
	}
	seal_table(at);
}

static void make_fadt(void)
{
	begin_table(FADT, "FACP", 276);
	put(FADT + 46, 2, 9);
	put(FADT + 76, 4, 0x608);
	put(FADT + 40, 4, BASE + DSDT);
	put(FADT + 48, 4, 0xb2);
	memory[FADT + 52] = 0xf1;
	put(FADT + 64, 4, 0x604);
	memory[FADT + 91] = 4;
	put(FADT + 112, 4, 1u << 8 | 1u << 10);
	memory[FADT + 116] = 1; /* reset register: I/O, 8 bits, 0xcf9 */
	memory[FADT + 117] = 8;
	put(FADT + 120, 8, 0xcf9);
	memory[FADT + 128] = 0x0f;
	seal_table(FADT);
}

static void make_madt(void)
{
	static const u8 entries[MADT_SIZE - 44] = {
		0, 8,  0, 0, 1,  0, 0,    0,                               /* LAPIC 0 */
		0, 8,  1, 2, 1,  0, 0,    0,                               /* LAPIC 2 */
		0, 8,  2, 4, 0,  0, 0,    0,                               /* LAPIC 4, disabled */
		9, 16, 0, 0, 0,  1, 0,    0,    1,    0, 0, 0, 3, 0, 0, 0, /* x2APIC 0x100 */
		9, 16, 0, 0, 2,  0, 0,    0,    1,    0, 0, 0, 1, 0, 0, 0, /* x2APIC 2: again */
		1, 12, 5, 0, 0,  0, 0xc0, 0xfe, 0,    0, 0, 0,             /* IOAPIC */
		2, 10, 0, 4, 20, 0, 0,    0,    0x0d, 0,                   /* IRQ 4 is GSI 20 */
		5, 12, 0, 0, 0,  0, 0xe0, 0xfe, 1,    0, 0, 0,             /* LAPIC address */
	};

	begin_table(MADT, "APIC", MADT_SIZE);
	put(MADT + 36, 4, 0xfee00000);
	memcpy(memory + MADT + 44, entries, sizeof(entries));
	seal_table(MADT);
}

static void make_spcr(void)
{
	begin_table(SPCR, "SPCR", 80);
	memory[SPCR + 40] = 1;
	memory[SPCR + 41] = 8;
	put(SPCR + 44, 8, 0x3f8);
	memory[SPCR + 52] = 3;
	put(SPCR + 54, 4, 20);
	seal_table(SPCR);
}

/* A table of the name @before "_S5_" and what follows. */
static void make_aml(u32 at, const char *signature, const char *before, const u8 *after, u32 size)
{
	u32 length = (u32)strlen(before);

	begin_table(at, signature, 36 + length + 4 + size);
	memcpy(memory + at + 36, before, length);
	memcpy(memory + at + 36 + length, "_S5_", 4);
	memcpy(memory + at + 36 + length + 4, after, size);
	seal_table(at);
}

static void make_dsdt(const char *before, const u8 *after, u32 size)
{
	make_aml(DSDT, "DSDT", before, after, size);
}

static const u8 s5_package[] = {0x12, 0x08, 0x04, 0x0a, 0x05, 0x0a, 0x07, 0x00, 0x00};

static void make_all(void)
{
	memset(memory, 0, SIZE);
	warnings = 0;
	make_rsdp(2);
	make_root(XSDT, "XSDT", 8);
	make_root(RSDT, "RSDT", 4);
	make_fadt();
	make_madt();
	make_spcr();
	make_dsdt("\x08", s5_package, sizeof(s5_package));
}

static u64 reached;

static void reach(u64 address, u64 size)
{
	assert_true(address >= BASE && size <= SIZE && address + size <= BASE + SIZE);
	reached += size;
}

static int parse(void)
{
	struct acpi_window window = {.base = memory, .start = BASE, .size = SIZE, .reach = reach};

	reached = 0;
	return acpi_init(&info, BASE + RSDP, &window);
}

static void expect_everything(void)
{
	u16 flags;

	assert_true(info.has_fadt && info.has_madt && info.has_spcr);
	assert_int_equal(info.pm_timer_port, 0x608);
	assert_int_equal(info.pm_timer_bits, 32);
	assert_int_equal(info.sci_irq, 9);
	assert_int_equal(info.pm1_control[0], 0x604);
	assert_int_equal(info.pm1_control[1], 0);
	assert_int_equal(info.smi_command, 0xb2);
	assert_int_equal(info.acpi_enable, 0xf1);
	assert_true(info.has_s5);
	assert_int_equal(info.s5_type[0], 5);
	assert_int_equal(info.s5_type[1], 7);
	assert_int_equal(info.reset_register.address, 0xcf9);
	assert_int_equal(info.reset_register.space, ACPI_SPACE_IO);
	assert_int_equal(info.reset_value, 0x0f);
	assert_int_equal(info.lapic_base, 0x1fee00000);
	assert_int_equal(info.cpu_count, 3);
	assert_int_equal(info.cpu_apic_ids[0], 0);
	assert_int_equal(info.cpu_apic_ids[1], 2);
	assert_int_equal(info.cpu_apic_ids[2], 0x100);
	assert_int_equal(info.ioapic_count, 1);
	assert_int_equal(info.ioapics[0].id, 5);
	assert_int_equal(info.ioapics[0].address, 0xfec00000);
	assert_int_equal(acpi_isa_gsi(&info, 4, &flags), 20);
	assert_int_equal(flags, 0x0d);
	assert_int_equal(acpi_isa_gsi(&info, 3, &flags), 3);
	assert_int_equal(flags, 0);
	assert_int_equal(info.serial.address, 0x3f8);
	assert_int_equal(info.serial_gsi, 20);
}

static void reads_good_tables(void **state)
{
	(void)state;
	make_all();
	assert_int_equal(parse(), 0);
	expect_everything();
	assert_int_equal(warnings, 0);
	/* What was read was asked for: headers and tables, RSDP twice. */
	assert_int_equal(reached, 20 + 36 + 5 * 36 + (36 + 24) + 276 + MADT_SIZE + 80 +
					  (36 + 5 + sizeof(s5_package)));
}

/* Forms of \_S5 that are seen, and those that are none: never beyond the table. */
static void finds_s5(void **state)
{
	static const struct {
		const char *before;
		u8 after[8];
		u32 size;
		int type; /* -1: none */
	} forms[] = {
		{"\x08\\", {0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00}, 7, 0},
		{"\x08", {0x12, 0x06, 0x04, 0x01, 0x01, 0x00, 0x00}, 7, 1},
		{"\x08", {0x12, 0x46, 0x00, 0x02, 0x0a, 0x05, 0x00}, 7, 5},
		{"\x08", {0x12, 0x04, 0x02, 0x0a, 0x05, 0x0a}, 6, -1},
		{"\x08", {0x12, 0x04, 0x02, 0x0a}, 4, -1},
		{"\x08", {0x12, 0x04, 0x01, 0x0a, 0x05}, 5, -1},
		{"\x08", {0x12}, 1, -1},
		{"\x08", {0}, 0, -1},
		{"\x08", {0x0a, 0x06, 0x04, 0x00, 0x00}, 5, -1},
		{"\x14", {0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00}, 7, -1},
		{"", {0x12, 0x06, 0x04, 0x00, 0x00, 0x00, 0x00}, 7, -1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
		make_all();
		make_dsdt(forms[i].before, forms[i].after, forms[i].size);
		assert_int_equal(parse(), 0);
		assert_int_equal(info.has_s5, forms[i].type >= 0);
		if (info.has_s5) {
			assert_int_equal(info.s5_type[0], forms[i].type);
		}
	}
	make_all();
	put(FADT + 40, 4, BASE + SIZE - 30);
	seal_table(FADT);
	assert_int_equal(parse(), 0);
	assert_false(info.has_s5);
	/* SeaBIOS has it in an SSDT. */
	memset(memory + SPCR, 0, 80);
	make_aml(SPCR, "SSDT", "\x08\\", s5_package, sizeof(s5_package));
	assert_int_equal(parse(), 0);
	assert_true(info.has_s5 && info.s5_type[0] == 5 && info.s5_type[1] == 7);
}

static void falls_back_to_rsdt(void **state)
{
	(void)state;
	make_all();
	memory[XSDT + 40]++; /* wrong checksum */
	assert_int_equal(parse(), 0);
	expect_everything();
	assert_int_equal(warnings, 1);

	make_all();
	make_rsdp(0); /* ACPI 1.0: what follows byte 20 means nothing */
	memset(memory + XSDT, 0xff, 64);
	assert_int_equal(parse(), 0);
	expect_everything();
	assert_int_equal(warnings, 0);
}

static void ignores_bad_tables(void **state)
{
	(void)state;
	make_all();
	memory[FADT + 77]++;
	put(SPCR + 4, 4, 0xffffffff);
	assert_int_equal(parse(), 0);
	assert_false(info.has_fadt || info.has_spcr);
	assert_true(info.has_madt);
	assert_int_equal(info.pm_timer_port, 0);
	assert_int_equal(warnings, 2);

	make_all();
	put(XSDT + 36, 8, BASE + SIZE - 35); /* FADT: header cut by the window's end */
	put(XSDT + 44, 8, 0);
	put(XSDT + 52, 8, ~(u64)0);
	seal_table(XSDT);
	assert_int_equal(parse(), 0);
	assert_false(info.has_fadt || info.has_madt || info.has_spcr);
	assert_int_equal(warnings, 3);
}

static void refuses_bad_roots(void **state)
{
	struct acpi_window window = {.base = memory, .start = BASE, .size = SIZE};

	(void)state;
	make_all();
	memory[RSDP]++;
	assert_int_equal(parse(), -ENOENT);
	make_all();
	memory[XSDT + 40]++;
	memory[RSDT + 40]++;
	assert_int_equal(parse(), -ENOENT);
	make_all();
	assert_int_equal(acpi_init(&info, 0, &window), -ENOENT);
	assert_int_equal(acpi_init(&info, BASE + SIZE - 19, &window), -ENOENT);
	assert_int_equal(acpi_init(&info, ~(u64)0, &window), -ENOENT);
}

static void short_fadt_and_memory_timer(void **state)
{
	(void)state;
	make_all();
	put(FADT + 4, 4, 116); /* ACPI 1.0's: no reset register, no X_ fields */
	seal_table(FADT);
	assert_int_equal(parse(), 0);
	assert_int_equal(info.pm_timer_port, 0x608);
	assert_int_equal(info.reset_register.address, 0);

	make_all();
	memory[FADT + 208] = ACPI_SPACE_MEMORY;
	put(FADT + 212, 8, 0xfed40000);
	seal_table(FADT);
	assert_int_equal(parse(), 0);
	assert_int_equal(info.pm_timer_port, 0);
}

static void madt_entries_end_in_time(void **state)
{
	(void)state;
	make_all();
	memory[MADT + 44 + 8 + 1] = 0; /* an entry of length 0 */
	seal_table(MADT);
	assert_int_equal(parse(), 0);
	assert_int_equal(info.cpu_count, 1);
	assert_int_equal(warnings, 1);

	make_all();
	put(MADT + 4, 4, MADT_SIZE - 1); /* the last entry is cut */
	seal_table(MADT);
	assert_int_equal(parse(), 0);
	assert_int_equal(info.lapic_base, 0xfee00000);
	assert_int_equal(info.cpu_count, 3);
	assert_int_equal(warnings, 1);
}

/* An Arm server's tables, in place of a PC's. */
static void make_arm(void)
{
	static const u8 gicc_sizes[] = {80, 82, 76};
	u32 at = MADT + 44;

	make_all();
	begin_table(FADT, "GTDT", 104);
	put(FADT + 56, 4, 30);
	put(FADT + 64, 4, 27);
	put(FADT + 72, 4, 26);
	seal_table(FADT);
	for (u32 i = 0; i < 3; i++) {
		memset(memory + at, 0, gicc_sizes[i]);
		memory[at] = 0xb;
		memory[at + 1] = gicc_sizes[i];
		memory[at + 12] = i != 1; /* the second one is disabled */
		put(at + 56, 4, 25);
		put(at + 60, 8, i == 2 ? 0x1230000 : 0);
		put(at + 68, 8, 0x100000000 + i);
		at += gicc_sizes[i];
	}
	put(at, 8, 0x180c); /* GICD */
	put(at + 8, 8, 0x8000000);
	put(at + 16, 8, 3ull << 32);
	put(at + 24, 4, 0x100e); /* GICR */
	put(at + 28, 8, 0x80a0000);
	put(at + 36, 4, 0xf60000);
	put(at + 40, 8, 0x140f); /* ITS */
	put(at + 48, 8, 0x8080000);
	put(at + 56, 4, 0);
	begin_table(MADT, "APIC", at + 60 - MADT);
	seal_table(MADT);
	begin_table(SPCR, "SPCR", 80);
	memory[SPCR + 36] = 3;
	put(SPCR + 40, 4, 0x03002000); /* memory, 32 bits, doubleword */
	put(SPCR + 44, 8, 0x9000000);
	memory[SPCR + 52] = 8;
	put(SPCR + 54, 4, 33);
	seal_table(SPCR);
}

static void reads_arm_tables(void **state)
{
	(void)state;
	make_arm();
	assert_int_equal(parse(), 0);
	assert_int_equal(warnings, 0);
	assert_true(info.has_gtdt && info.has_madt && info.has_spcr && !info.has_fadt);
	assert_int_equal(info.timer_phys_gsi, 30);
	assert_int_equal(info.timer_virt_gsi, 27);
	assert_int_equal(info.timer_hyp_gsi, 26);
	assert_int_equal(info.gicc_count, 2);
	assert_int_equal(info.giccs[0].mpidr, 0x100000000);
	assert_int_equal(info.giccs[0].gicr_base, 0);
	assert_int_equal(info.giccs[1].mpidr, 0x100000002);
	assert_int_equal(info.giccs[1].gicr_base, 0x1230000);
	assert_int_equal(info.giccs[1].maintenance_gsi, 25);
	assert_int_equal(info.gicd_base, 0x8000000);
	assert_int_equal(info.gic_version, 3);
	assert_int_equal(info.gicr_count, 1);
	assert_int_equal(info.gicrs[0].base, 0x80a0000);
	assert_int_equal(info.gicrs[0].size, 0xf60000);
	assert_int_equal(info.its_count, 1);
	assert_int_equal(info.its[0], 0x8080000);
	assert_int_equal(info.cpu_count, 0);
	assert_int_equal(info.serial_type, 3);
	assert_int_equal(info.serial.address, 0x9000000);
	assert_int_equal(info.serial.space, ACPI_SPACE_MEMORY);
	assert_int_equal(info.serial.access_bytes, 4);
	assert_int_equal(info.serial_gsi, 33);
}

static void reads_arm_boot_flags(void **state)
{
	(void)state;
	for (u32 flags = 0; flags < 4; flags++) {
		make_all();
		put(FADT + 129, 2, flags);
		seal_table(FADT);
		assert_int_equal(parse(), 0);
		assert_int_equal(info.has_psci, flags & 1);
		assert_int_equal(info.psci_by_hvc, flags >> 1);
	}
}

/* A short GICC is an older revision's, without what is read of it here. */
static void refuses_short_gic_entries(void **state)
{
	static const u8 rows[][2] = {{0xb, 75}, {0xc, 23}, {0xe, 15}, {0xf, 19}};

	(void)state;
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		make_arm();
		memory[MADT + 44] = rows[i][0];
		memory[MADT + 45] = rows[i][1];
		seal_table(MADT);
		assert_int_equal(parse(), 0);
		assert_int_equal(info.gicc_count, 0);
		assert_int_equal(info.gicd_base, 0);
		assert_int_equal(warnings, 1);
	}
}

/* More entries than there is room for are left out. */
static void counts_are_capped(void **state)
{
	u32 entries = (SIZE - MADT - 44) / 16;

	(void)state;
	make_all();
	begin_table(MADT, "APIC", 44 + entries * 16);
	for (u32 i = 0; i < entries; i++) {
		u32 at = MADT + 44 + i * 16;

		memset(memory + at, 0, 16);
		memory[at] = i % 4 == 2 ? 0xe : (u8)(1 + i % 2);
		memory[at + 1] = 16;
	}
	seal_table(MADT);
	assert_int_equal(parse(), 0);
	assert_int_equal(info.ioapic_count, ACPI_MAX_IOAPICS);
	assert_int_equal(info.override_count, ACPI_MAX_OVERRIDES);
	assert_int_equal(info.gicr_count, ACPI_MAX_GICRS);
}

static void survives_spoilt_tables(void **state)
{
	static const u32 tables[] = {XSDT, RSDT, FADT, MADT, SPCR};

	(void)state;
	srandom(1);
	for (int round = 0; round < 50000; round++) {
		if (round & 1) {
			make_arm();
		} else {
			make_all();
		}
		for (int i = 0; i < 4; i++) {
			memory[random() % 0x700] = (u8)random();
		}
		/* Right checksums let the nonsense through to the parsers. */
		for (u32 i = 0; round % 4 && i < ARRAY_SIZE(tables); i++) {
			u32 length = memory[tables[i] + 4] | (u32)memory[tables[i] + 5] << 8;

			if (length >= 36 && length <= SIZE - tables[i]) {
				seal_table(tables[i]);
			}
		}
		seal(RSDP, 20, 8);
		seal(RSDP, 36, 32);
		(void)parse();
		assert_true(info.cpu_count <= ACPI_MAX_CPUS);
		assert_true(info.ioapic_count <= ACPI_MAX_IOAPICS);
		assert_true(info.gicc_count <= ACPI_MAX_CPUS);
		assert_true(info.gicr_count <= ACPI_MAX_GICRS);
		assert_true(info.its_count <= ACPI_MAX_ITS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_good_tables),
		cmocka_unit_test(finds_s5),
		cmocka_unit_test(falls_back_to_rsdt),
		cmocka_unit_test(ignores_bad_tables),
		cmocka_unit_test(refuses_bad_roots),
		cmocka_unit_test(short_fadt_and_memory_timer),
		cmocka_unit_test(madt_entries_end_in_time),
		cmocka_unit_test(reads_arm_tables),
		cmocka_unit_test(reads_arm_boot_flags),
		cmocka_unit_test(refuses_short_gic_entries),
		cmocka_unit_test(counts_are_capped),
		cmocka_unit_test(survives_spoilt_tables),
	};
	int failed;

	memory = malloc(SIZE); /* exact: ASan guards both ends */
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(memory);
	return failed;
}
