// SPDX-License-Identifier: Apache-2.0
/*
 * Firmware's description of the machine, broken: even inputs spoil a sound device tree (offset in
 * two bytes, value in one), odd ones are the body of an ACPI table whose frame is right.
 */
#include <libfdt.h>
#include <stdlib.h>
#include <string.h>

#include "arch/arm64/guest_dt.h"
#include "arch/arm64/host_info.h"
#include "vmm/log.h"

#define TREE_MAX 4096
#define TABLE    (36 + 8 + 36) /* behind RSDP and XSDT */
#define BODY_MAX 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct acpi_info acpi;
static struct host_info host;

void log_print(enum log_level level, const char *fmt, ...)
{
	(void)level;
	(void)fmt;
}

static void require(bool condition)
{
	if (!condition) {
		abort();
	}
}

static void check_host(void)
{
	char text[256];

	require(host.gicr_count <= HOST_MAX_GICR);
	require(host.its_count <= HOST_MAX_ITS);
	require(host.cpu_count <= HOST_MAX_CPUS);
	require(host.uart.kind == HOST_UART_NONE || host.uart.reg_width == 1 ||
		host.uart.reg_width == 2 || host.uart.reg_width == 4);
	require(host.uart.reg_shift <= 4);
	require(host_info_missing(&host, text, sizeof(text)) == (text[0] != '\0'));
}

static void spoil_tree(const uint8_t *data, size_t size)
{
	static const struct guest_dt_range memory = {GUEST_RAM_BASE, 0x10000000};
	static const struct guest_dt dt = {
		.memory = &memory, .memory_count = 1, .vcpu_count = 2, .bootargs = "quiet"};
	char *tree = malloc(TREE_MAX), *exact;
	int tree_size = guest_dt_build(&dt, tree, TREE_MAX);

	require(tree_size > 0);
	for (; size >= 3; data += 3, size -= 3) {
		tree[(data[0] | data[1] << 8) % tree_size] = (char)data[2];
	}
	exact = malloc((size_t)tree_size); /* ASan sees a read past its end */
	memcpy(exact, tree, (size_t)tree_size);
	free(tree);
	if (host_info_from_fdt(&host, exact, (u64)tree_size) == 0) {
		check_host();
	}
	free(exact);
}

static void put(u8 *p, u32 width, u64 v)
{
	for (u32 i = 0; i < width; i++) {
		p[i] = (u8)(v >> (8 * i));
	}
}

static void seal(u8 *p, u64 size, u32 checksum_at)
{
	u8 sum = 0;

	p[checksum_at] = 0;
	for (u64 i = 0; i < size; i++) {
		sum = (u8)(sum + p[i]);
	}
	p[checksum_at] = (u8)-sum;
}

static void frame_table(const uint8_t *data, size_t size)
{
	static const char signatures[4][5] = {"APIC", "GTDT", "SPCR", "FACP"};
	const char *signature = signatures[data[0] % 4];
	u64 length = 36 + (--size > BODY_MAX ? BODY_MAX : size);
	u8 *m = calloc(1, TABLE + length);
	struct acpi_window window = {.base = m, .start = 0x1000, .size = TABLE + length};

	memcpy(m, "RSD PTR ", 8);
	m[15] = 2;
	put(m + 24, 8, 0x1000 + 36);
	seal(m, 20, 8);
	seal(m, 36, 32);
	memcpy(m + 36, "XSDT", 4);
	put(m + 40, 4, 44);
	put(m + 72, 8, 0x1000 + TABLE);
	seal(m + 36, 44, 9);
	memcpy(m + TABLE, signature, 4);
	put(m + TABLE + 4, 4, length);
	memcpy(m + TABLE + 36, data + 1, length - 36);
	seal(m + TABLE, length, 9);
	require(acpi_init(&acpi, 0x1000, &window) == 0);
	require(acpi.gicc_count <= ACPI_MAX_CPUS && acpi.gicr_count <= ACPI_MAX_GICRS);
	host_info_from_acpi(&host, &acpi);
	check_host();
	free(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2) {
		return 0;
	}
	if (data[0] & 1) {
		frame_table(data + 1, size - 1);
	} else {
		spoil_tree(data + 1, size - 1);
	}
	return 0;
}
