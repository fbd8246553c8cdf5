// SPDX-License-Identifier: Apache-2.0
/*
 * The host machine from QEMU's device trees (made now, by the QEMU that runs the other tests), from
 * crafted and spoilt trees, and from ACPI's structures.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <libfdt.h>

#include "arch/arm64/host_info.h"
#include "vmm/log.h"

#define TREE_MAX 0x200000

static struct host_info host;
static u32 warnings;
static u8 *tree;
static size_t tree_size;

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

/* Runs QEMU for its device tree; @options end up in -machine virt,... */
static void make_qemu_tree(const char *options)
{
	char file[] = "/tmp/test_host_info.XXXXXX", command[300];
	int fd = mkstemp(file);
	FILE *f;

	assert_true(fd >= 0);
	(void)snprintf(command, sizeof(command),
		       "qemu-system-aarch64 -machine virt,%s,dumpdtb=%s -cpu max -smp 3 "
		       "-display none >/dev/null 2>&1",
		       options, file);
	assert_int_equal(system(command), 0);
	close(fd);
	f = fopen(file, "rb"); /* QEMU has replaced it */
	assert_non_null(f);
	tree_size = fread(tree, 1, TREE_MAX, f);
	fclose(f);
	remove(file);
	assert_true(tree_size > 0 && fdt_totalsize(tree) <= tree_size);
	assert_int_equal(fdt_pack(tree), 0); /* QEMU pads it to 1 MiB */
	tree_size = fdt_totalsize(tree);
}

static int parse(void)
{
	memset(&host, 0xff, sizeof(host));
	warnings = 0;
	return host_info_from_fdt(&host, tree, tree_size);
}

static void expect_missing(const char *expected)
{
	char text[200];

	assert_int_equal(host_info_missing(&host, text, sizeof(text)), expected[0] != '\0');
	assert_string_equal(text, expected);
}

static void test_qemu_gicv3(void **state)
{
	(void)state;
	make_qemu_tree("virtualization=on,gic-version=3");
	assert_int_equal(parse(), 0);
	assert_int_equal(host.gic_version, 3);
	assert_int_equal(host.gicd.base, 0x8000000);
	assert_int_equal(host.gicd.size, 0x10000);
	assert_int_equal(host.gicr_count, 1);
	assert_int_equal(host.gicr[0].base, 0x80a0000);
	assert_int_equal(host.gicr[0].size, 0xf60000);
	assert_int_equal(host.gicr_stride, 0);
	assert_int_equal(host.its_count, 1);
	assert_int_equal(host.its[0], 0x8080000);
	assert_int_equal(host.maintenance_irq, 25);
	assert_int_equal(host.timer_hyp_irq, 26);
	assert_int_equal(host.timer_virt_irq, 27);
	assert_int_equal(host.timer_phys_irq, 30);
	assert_int_equal(host.uart.kind, HOST_UART_PL011);
	assert_int_equal(host.uart.base, 0x9000000);
	assert_int_equal(host.uart.irq, 33);
	assert_int_equal(host.uart.reg_width, 4);
	assert_int_equal(host.psci, HOST_PSCI_SMC);
	assert_int_equal(host.cpu_count, 3);
	assert_int_equal(host.cpu_mpidr[2], 2);
	assert_int_equal(warnings, 0);
	expect_missing("");
}

static void test_qemu_secure(void **state)
{
	(void)state;
	make_qemu_tree("virtualization=on,secure=on,gic-version=3");
	assert_int_equal(parse(), 0);
	assert_int_equal(host.uart.base, 0x9000000); /* not the secure world's */
	assert_int_equal(host.psci, HOST_PSCI_NONE);
}

static void test_qemu_gicv2(void **state)
{
	(void)state;
	make_qemu_tree("virtualization=on,gic-version=2");
	assert_int_equal(parse(), 0);
	assert_int_equal(host.gic_version, 2);
	expect_missing("GICv3 (found: GICv2)");
}

static void test_qemu_without_el2(void **state)
{
	(void)state;
	make_qemu_tree("gic-version=3");
	assert_int_equal(parse(), 0);
	assert_int_equal(host.psci, HOST_PSCI_HVC);
	expect_missing("GIC maintenance interrupt");
}

/* A board's tree, written here. */
struct board {
	const char *stdout_path;
	const char *uart_compatible;
	bool uart_off, names, extended;
};

static void cells(const char *name, const u32 *val, u32 count)
{
	fdt32_t out[32];

	assert_true(count <= ARRAY_SIZE(out));
	for (u32 i = 0; i < count; i++) {
		out[i] = cpu_to_fdt32(val[i]);
	}
	assert_int_equal(fdt_property(tree, name, out, (int)count * 4), 0);
}

#define CELLS(name, ...)                             \
	do {                                         \
		const u32 list[] = {__VA_ARGS__};    \
		cells(name, list, ARRAY_SIZE(list)); \
	} while (0)

static void begin(const char *name)
{
	assert_int_equal(fdt_begin_node(tree, name), 0);
}

static void end(void)
{
	assert_int_equal(fdt_end_node(tree), 0);
}

static void string(const char *name, const char *val)
{
	assert_int_equal(fdt_property(tree, name, val, (int)strlen(val) + 1), 0);
}

static void add_timer(const struct board *b)
{
	begin("timer");
	string("compatible", "arm,armv8-timer");
	if (b->names) { /* no secure timer, another order */
		static const char names[] = "virt\0hyp-phys\0phys";

		CELLS("interrupts", 1, 11, 4, 1, 10, 4, 1, 14, 4);
		assert_int_equal(fdt_property(tree, "interrupt-names", names, sizeof(names)), 0);
	} else if (b->extended) {
		CELLS("interrupts-extended", 7, 1, 13, 4, 7, 1, 14, 4, 7, 1, 11, 4, 7, 1, 10, 4);
	} else {
		CELLS("interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
	}
	end();
}

/* Behind a bus at 0x10_0000_0000 on which addresses have one cell, and one more without a shift. */
static void add_soc(const struct board *b)
{
	begin("soc");
	CELLS("#address-cells", 1);
	CELLS("#size-cells", 1);
	CELLS("ranges", 0x0, 0x10, 0x0, 0x80000000, 0xc0000000, 0x1, 0x0, 0x1000);
	begin("interrupt-controller");
	string("compatible", "arm,gic-v3");
	CELLS("phandle", 7);
	CELLS("#interrupt-cells", 3);
	CELLS("interrupts", 1, 9, 4);
	CELLS("#redistributor-regions", 2);
	CELLS("redistributor-stride", 0, 0x40000);
	CELLS("reg", 0x1000000, 0x10000, 0x2000000, 0x80000, 0x3000000, 0x40000);
	end();
	begin("bus");
	CELLS("#address-cells", 1);
	CELLS("#size-cells", 1);
	string("compatible", "simple-bus");
	assert_int_equal(fdt_property(tree, "ranges", "", 0), 0);
	begin("serial@5000");
	string("compatible", b->uart_compatible);
	string("status", b->uart_off ? "disabled" : "okay");
	CELLS("reg", 0x5000, 0x100);
	CELLS("reg-shift", 2);
	CELLS("reg-io-width", 4);
	CELLS("interrupts", 0, 40, 4);
	end();
	begin("serial@c0000010");
	string("compatible", "ns16550a");
	CELLS("reg", 0xc0000010, 0x100);
	CELLS("interrupts", 0, 988, 4);
	end();
	end();
	end();
}

static void make_board(const struct board *b)
{
	memset(tree, 0, TREE_MAX);
	assert_int_equal(fdt_create(tree, TREE_MAX), 0);
	assert_int_equal(fdt_finish_reservemap(tree), 0);
	begin("");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 2);
	CELLS("interrupt-parent", 7);
	begin("aliases");
	string("serial0", "/soc/bus/serial@5000");
	string("serial1", "serial1");
	end();
	begin("chosen");
	if (b->stdout_path) {
		string("stdout-path", b->stdout_path);
	}
	end();
	begin("cpus");
	CELLS("#address-cells", 2);
	CELLS("#size-cells", 0);
	begin("cpu@0");
	string("device_type", "cpu");
	CELLS("reg", 0, 0);
	end();
	begin("cpu@1");
	string("device_type", "cpu");
	string("status", "fail");
	CELLS("reg", 0, 1);
	end();
	begin("cpu@100000100");
	string("device_type", "cpu");
	CELLS("reg", 1, 0x100);
	end();
	end();
	add_timer(b);
	add_soc(b);
	end();
	assert_int_equal(fdt_finish(tree), 0);
	tree_size = fdt_totalsize(tree);
}

static void test_board(void **state)
{
	struct board b = {.stdout_path = "serial0:115200n8", .uart_compatible = "snps,dw-apb-uart"};

	(void)state;
	make_board(&b);
	assert_int_equal(parse(), 0);
	assert_int_equal(warnings, 0);
	expect_missing("");
	assert_int_equal(host.gicd.base, 0x1001000000);
	assert_int_equal(host.gicr_count, 2);
	assert_int_equal(host.gicr[1].base, 0x1003000000);
	assert_int_equal(host.gicr[1].size, 0x40000);
	assert_int_equal(host.gicr_stride, 0x40000);
	assert_int_equal(host.timer_hyp_irq, 26);
	assert_int_equal(host.cpu_count, 2);
	assert_int_equal(host.cpu_mpidr[1], 0x100000100);
	assert_int_equal(host.psci, HOST_PSCI_NONE);
	assert_int_equal(host.uart.kind, HOST_UART_16550);
	assert_int_equal(host.uart.base, 0x1000005000);
	assert_int_equal(host.uart.irq, 72);
	assert_int_equal(host.uart.reg_width, 4);
	assert_int_equal(host.uart.reg_shift, 2);
}

static void test_board_timers(void **state)
{
	struct board b = {.uart_compatible = "arm,pl011", .names = true};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		make_board(&b);
		assert_int_equal(parse(), 0);
		assert_int_equal(host.timer_virt_irq, 27);
		assert_int_equal(host.timer_phys_irq, 30);
		assert_int_equal(host.timer_hyp_irq, 26);
		b = (struct board){.uart_compatible = "arm,pl011", .extended = true};
	}
}

/* The console's port: the one that is named, or the first; nothing in place of an unknown one. */
static void test_board_uarts(void **state)
{
	static const struct {
		struct board board;
		u64 base;
		u32 kind, irq;
	} rows[] = {
		{{NULL, "arm,pl011", false, 0, 0}, 0x1000005000, HOST_UART_PL011, 72},
		{{NULL, "arm,sbsa-uart", false, 0, 0}, 0x1000005000, HOST_UART_SBSA, 72},
		{{NULL, "arm,pl011", true, 0, 0}, 0x100000010, HOST_UART_16550, 0},
		{{"/soc/bus/serial@c0000010:9600", "arm,pl011", false, 0, 0},
		 0x100000010,
		 HOST_UART_16550,
		 0},
		{{"/soc/bus/serial@5000", "arm,pl011", false, 0, 0},
		 0x1000005000,
		 HOST_UART_PL011,
		 72},
		{{"/soc/bus/serial@5000", "acme,uart", false, 0, 0}, 0, HOST_UART_NONE, 0},
		{{"/soc/bus/serial@5000", "arm,pl011", true, 0, 0}, 0, HOST_UART_NONE, 0},
		{{"serial1", "arm,pl011", false, 0, 0}, 0x1000005000, HOST_UART_PL011, 72},
		{{"", "arm,pl011", false, 0, 0}, 0x1000005000, HOST_UART_PL011, 72},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		make_board(&rows[i].board);
		assert_int_equal(parse(), 0);
		assert_int_equal(host.uart.kind, rows[i].kind);
		assert_int_equal(host.uart.base, rows[i].base);
		assert_int_equal(host.uart.irq, rows[i].irq);
	}
}

static void test_no_tree(void **state)
{
	struct board b = {.uart_compatible = "arm,pl011"};

	(void)state;
	make_board(&b);
	for (size_t size = 0; size < tree_size; size += 1 + size / 16) {
		u8 *cut = malloc(size ? size : 1);

		memcpy(cut, tree, size);
		assert_int_equal(host_info_from_fdt(&host, cut, size), -EINVAL);
		free(cut);
	}
	expect_missing("GICv3 (found: no GIC)");
	fdt_set_off_dt_struct(tree, fdt_off_dt_struct(tree) + 2);
	assert_int_equal(parse(), -EINVAL);
	make_board(&b);
	fdt_set_off_mem_rsvmap(tree, fdt_off_mem_rsvmap(tree) + 4);
	assert_int_equal(parse(), -EINVAL);
}

/* Any nonsense that libfdt lets through; the copy is exact, so that a read past it is seen. */
static void test_spoilt(void **state)
{
	struct board b = {.stdout_path = "serial0:115200n8", .uart_compatible = "arm,pl011"};
	unsigned sound = 0;

	(void)state;
	srandom(1);
	make_board(&b);
	for (unsigned i = 0; i < 30000; i++) {
		u8 *copy = malloc(tree_size);

		memcpy(copy, tree, tree_size);
		for (unsigned n = 1 + (unsigned)random() % 6; n; n--) {
			size_t at = 56 + (size_t)random() % (tree_size - 56);

			copy[at] = (u8)(random() % 2 ? random() : random() % 4);
		}
		sound += host_info_from_fdt(&host, copy, tree_size) == 0;
		assert_true(host.gicr_count <= HOST_MAX_GICR);
		assert_true(host.cpu_count <= HOST_MAX_CPUS);
		free(copy);
	}
	assert_true(sound > 1000);
}

static void test_acpi(void **state)
{
	static struct acpi_info acpi;

	(void)state;
	acpi = (struct acpi_info){
		.has_spcr = true,
		.gicd_base = 0x8000000,
		.gic_version = 3,
		.gicc_count = 2,
		.giccs = {{.mpidr = 0x80000000, .maintenance_gsi = 25},
			  {.mpidr = 0x0000000181000001, .maintenance_gsi = 25}},
		.gicr_count = 1,
		.gicrs = {{0x80a0000, 0xf60000}},
		.its_count = 1,
		.its = {0x8080000},
		.timer_phys_gsi = 30,
		.timer_virt_gsi = 27,
		.timer_hyp_gsi = 26,
		.has_psci = true,
		.serial = {.address = 0x9000000, .bit_width = 8, .access_bytes = 4},
		.serial_type = 3,
		.serial_gsi = 33,
	};
	host_info_from_acpi(&host, &acpi);
	expect_missing("");
	assert_int_equal(host.gic_version, 3);
	assert_int_equal(host.gicr[0].size, 0xf60000);
	assert_int_equal(host.cpu_count, 2);
	assert_int_equal(host.cpu_mpidr[0], 0);
	assert_int_equal(host.cpu_mpidr[1], 0x100000001);
	assert_int_equal(host.psci, HOST_PSCI_SMC);
	assert_int_equal(host.uart.kind, HOST_UART_PL011);
	assert_int_equal(host.uart.irq, 33);

	acpi.gicr_count = 0; /* each CPU names its own */
	acpi.giccs[0].gicr_base = 0x1000000;
	acpi.giccs[1].gicr_base = 0x2000000;
	acpi.gic_version = 0;
	host_info_from_acpi(&host, &acpi);
	assert_int_equal(host.gic_version, 3);
	assert_int_equal(host.gicr_count, 2);
	assert_int_equal(host.gicr[1].base, 0x2000000);

	acpi.giccs[0].gicr_base = acpi.giccs[1].gicr_base = 0;
	acpi.giccs[0].maintenance_gsi = acpi.giccs[1].maintenance_gsi = 0;
	host_info_from_acpi(&host, &acpi);
	expect_missing("GICv3 (found: GICv2)");
	acpi.gic_version = 3;
	acpi.timer_hyp_gsi = 0;
	host_info_from_acpi(&host, &acpi);
	expect_missing("GIC redistributors, GIC maintenance interrupt, EL2 timer interrupt");
}

static void test_acpi_uarts(void **state)
{
	static const struct {
		u8 type, space, access, bits;
		u32 kind, width, shift;
	} rows[] = {
		{3, 0, 4, 32, HOST_UART_PL011, 4, 0},    {0xe, 0, 2, 32, HOST_UART_SBSA, 4, 0},
		{0xd, 0, 0, 0, HOST_UART_SBSA, 4, 0},    {0, 0, 1, 8, HOST_UART_16550, 1, 0},
		{0, 0, 4, 32, HOST_UART_16550, 4, 2},    {0x12, 0, 2, 16, HOST_UART_16550, 2, 1},
		{1, 0, 0, 32, HOST_UART_16550, 4, 2},    {1, 0, 0, 8, HOST_UART_16550, 1, 0},
		{0, 1, 1, 8, HOST_UART_NONE, 0, 0},      {0xf, 0, 4, 32, HOST_UART_NONE, 0, 0},
		{0x12, 0, 8, 64, HOST_UART_16550, 4, 2},
	};
	static struct acpi_info acpi;

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		acpi = (struct acpi_info){.has_spcr = true,
					  .serial = {.address = 0x9000000,
						     .space = rows[i].space,
						     .access_bytes = rows[i].access,
						     .bit_width = rows[i].bits},
					  .serial_type = rows[i].type};
		host_info_from_acpi(&host, &acpi);
		assert_int_equal(host.uart.kind, rows[i].kind);
		assert_int_equal(host.uart.reg_width, rows[i].width);
		assert_int_equal(host.uart.reg_shift, rows[i].shift);
	}
}

/* A text cut at any length still ends. */
static void test_short_text(void **state)
{
	char text[100];

	(void)state;
	memset(&host, 0, sizeof(host));
	for (size_t size = 1; size < sizeof(text); size++) {
		memset(text, 'x', sizeof(text));
		assert_true(host_info_missing(&host, text, size));
		assert_true(strlen(text) < size);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_qemu_gicv3),  cmocka_unit_test(test_qemu_secure),
		cmocka_unit_test(test_qemu_gicv2),  cmocka_unit_test(test_qemu_without_el2),
		cmocka_unit_test(test_board),       cmocka_unit_test(test_board_timers),
		cmocka_unit_test(test_board_uarts), cmocka_unit_test(test_no_tree),
		cmocka_unit_test(test_spoilt),      cmocka_unit_test(test_acpi),
		cmocka_unit_test(test_acpi_uarts),  cmocka_unit_test(test_short_text),
	};
	int failed;

	tree = malloc(TREE_MAX);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(tree);
	return failed;
}
