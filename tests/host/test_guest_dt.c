// SPDX-License-Identifier: Apache-2.0
/* The guest's device tree, read back by libfdt and, where it is installed, by dtc. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "arch/arm64/guest_dt.h"

#define DTB_SIZE 0x10000

static const struct guest_dt_range memory[] = {{GUEST_RAM_BASE, 0x20000000},
					       {0x100000000, 0x40000000}};
static const struct guest_dt good = {
	.memory = memory,
	.memory_count = 2,
	.vcpu_count = 3,
	.bootargs = "console=ttyAMA0 quiet",
	.initrd_start = 0x44000000,
	.initrd_end = 0x44123456,
	.screen = {{0xfff0000000, 0x3e8000}, 1280, 800, 5120, false},
};
static _Alignas(8) char dtb[DTB_SIZE];

static int node_at(const char *path)
{
	int node = fdt_path_offset(dtb, path);

	assert_true(node >= 0);
	return node;
}

static void prop_is(const char *path, const char *name, const void *val, int size)
{
	int n;
	const void *p = fdt_getprop(dtb, node_at(path), name, &n);

	assert_non_null(p);
	assert_int_equal(n, size);
	assert_memory_equal(p, val, (size_t)size);
}

static void prop_is_string(const char *path, const char *name, const char *val)
{
	prop_is(path, name, val, (int)strlen(val) + 1);
}

static void prop_is_cells(const char *path, const char *name, const u32 *val, u32 count)
{
	fdt32_t cells[32];

	for (u32 i = 0; i < count; i++) {
		cells[i] = cpu_to_fdt32(val[i]);
	}
	prop_is(path, name, cells, (int)count * 4);
}

#define CELLS(path, name, ...)                                     \
	do {                                                       \
		static const u32 list[] = {__VA_ARGS__};           \
		prop_is_cells(path, name, list, ARRAY_SIZE(list)); \
	} while (0)

static void build(const struct guest_dt *dt)
{
	int size = guest_dt_build(dt, dtb, sizeof(dtb));

	assert_true(size > 0);
	assert_int_equal(fdt_check_full(dtb, (size_t)size), 0);
}

static void test_tree(void **state)
{
	(void)state;
	build(&good);
	prop_is_string("/", "compatible", "linux,dummy-virt");
	CELLS("/", "#address-cells", 2);
	CELLS("/", "#size-cells", 2);
	assert_non_null(fdt_getprop(dtb, node_at("/"), "dma-coherent", NULL));
	prop_is_string("/chosen", "bootargs", "console=ttyAMA0 quiet");
	assert_true(node_at("/pl011@9000000") > 0);
	prop_is_string("/chosen", "stdout-path", "/pl011@9000000");
	CELLS("/chosen", "linux,initrd-start", 0, 0x44000000);
	CELLS("/chosen", "linux,initrd-end", 0, 0x44123456);
	CELLS("/memory@40000000", "reg", 0, 0x40000000, 0, 0x20000000, 1, 0, 0, 0x40000000);
	prop_is_string("/memory@40000000", "device_type", "memory");
	prop_is_string("/psci", "method", "hvc");
	prop_is("/psci", "compatible", "arm,psci-1.0\0arm,psci-0.2", 26);
	CELLS("/timer", "interrupts", 1, 13, 4, 1, 14, 4, 1, 11, 4, 1, 10, 4);
	CELLS("/pl011@9000000", "reg", 0, 0x9000000, 0, 0x1000);
	CELLS("/pl011@9000000", "interrupts", 0, 1, 4);
	CELLS("/pl031@9010000", "reg", 0, 0x9010000, 0, 0x1000);
	CELLS("/pl031@9010000", "interrupts", 0, 2, 4);
	CELLS("/apb-pclk", "clock-frequency", 24000000);
}

static void test_gic(void **state)
{
	u32 phandle;

	(void)state;
	build(&good);
	prop_is_string("/intc@8000000", "compatible", "arm,gic-v3");
	CELLS("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 0x60000);
	CELLS("/intc@8000000", "#interrupt-cells", 3);
	prop_is("/intc@8000000", "interrupt-controller", "", 0);
	phandle = fdt_get_phandle(dtb, node_at("/intc@8000000"));
	prop_is_cells("/", "interrupt-parent", &phandle, 1);
	phandle = fdt_get_phandle(dtb, node_at("/apb-pclk"));
	prop_is_cells("/pl031@9010000", "clocks", &phandle, 1);
}

static void test_cpus(void **state)
{
	struct guest_dt dt = good;

	(void)state;
	dt.vcpu_count = 18;
	build(&dt);
	CELLS("/cpus/cpu@0", "reg", 0);
	CELLS("/cpus/cpu@f", "reg", 15);
	CELLS("/cpus/cpu@100", "reg", 0x100);
	CELLS("/cpus/cpu@101", "reg", 0x101);
	prop_is_string("/cpus/cpu@101", "enable-method", "psci");
	prop_is_string("/cpus/cpu@101", "device_type", "cpu");
	assert_true(fdt_path_offset(dtb, "/cpus/cpu@102") < 0);
	CELLS("/intc@8000000", "reg", 0, 0x8000000, 0, 0x10000, 0, 0x80a0000, 0, 18 * 0x20000);
}

static void test_without_initrd(void **state)
{
	struct guest_dt dt = good;

	(void)state;
	dt.initrd_start = dt.initrd_end = 0;
	build(&dt);
	assert_null(fdt_getprop(dtb, node_at("/chosen"), "linux,initrd-start", NULL));
	assert_null(fdt_getprop(dtb, node_at("/chosen"), "linux,initrd-end", NULL));
}

static void test_senseless(void **state)
{
	struct guest_dt dt = good;

	(void)state;
	dt.vcpu_count = 0;
	assert_int_equal(guest_dt_build(&dt, dtb, sizeof(dtb)), -EINVAL);
	dt.vcpu_count = GUEST_DT_MAX_VCPUS + 1;
	assert_int_equal(guest_dt_build(&dt, dtb, sizeof(dtb)), -EINVAL);
	dt.vcpu_count = GUEST_DT_MAX_VCPUS;
	build(&dt);
	dt.memory_count = 0;
	assert_int_equal(guest_dt_build(&dt, dtb, sizeof(dtb)), -EINVAL);
}

static void test_screen(void **state)
{
	static const char path[] = "/chosen/framebuffer@fff0000000";
	struct guest_dt dt = good;

	(void)state;
	build(&good);
	prop_is_string(path, "compatible", "simple-framebuffer");
	prop_is_string(path, "format", "x8r8g8b8");
	CELLS(path, "reg", 0xff, 0xf0000000, 0, 0x3e8000);
	CELLS(path, "width", 1280);
	CELLS(path, "height", 800);
	CELLS(path, "stride", 5120);
	prop_is("/chosen", "ranges", "", 0);
	dt.screen.red_first = true;
	build(&dt);
	prop_is_string(path, "format", "x8b8g8r8");
	dt.screen.memory.size = 0;
	build(&dt);
	assert_true(fdt_path_offset(dtb, path) < 0);
}

/* Buffers of every size, each exactly that large, so that a write past it is seen. */
static void test_room(void **state)
{
	int needed = guest_dt_build(&good, dtb, sizeof(dtb));

	(void)state;
	assert_true(needed > 0);
	for (u32 size = 0; size < (u32)needed + 600; size++) {
		char *buf = malloc(size ? size : 1);
		int n;

		memset(buf, 0xff, size);
		n = guest_dt_build(&good, buf, size);
		if (n > 0) {
			assert_true((u32)n <= size);
			assert_int_equal(fdt_check_full(buf, (size_t)n), 0);
		} else {
			assert_int_equal(n, -ENOSPC);
			assert_true(size < (u32)needed + 512); /* libfdt moves the strings last */
		}
		free(buf);
	}
}

/* dtc's own checks: a warning is a failure. */
static void test_dtc(void **state)
{
	char file[] = "/tmp/test_guest_dt.XXXXXX", command[200];
	int fd = mkstemp(file), size;
	FILE *f;

	(void)state;
	assert_true(fd >= 0);
	f = fdopen(fd, "wb");
	assert_non_null(f);
	size = guest_dt_build(&good, dtb, sizeof(dtb));
	assert_true(size > 0);
	assert_int_equal(fwrite(dtb, 1, (size_t)size, f), size);
	fclose(f);
	(void)snprintf(
		command, sizeof(command),
		"if command -v dtc >/dev/null; then test -z \"$(dtc -I dtb -O dts -o /dev/null "
		"%s 2>&1 | tee /dev/stderr)\"; fi",
		file);
	size = system(command);
	remove(file);
	assert_int_equal(size, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tree),      cmocka_unit_test(test_gic),
		cmocka_unit_test(test_cpus),      cmocka_unit_test(test_without_initrd),
		cmocka_unit_test(test_senseless), cmocka_unit_test(test_room),
		cmocka_unit_test(test_dtc),       cmocka_unit_test(test_screen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
