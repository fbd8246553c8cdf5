// SPDX-License-Identifier: Apache-2.0
/* Guest memory and registers before Linux' first instruction on arm64, and what does not fit. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <libfdt.h>

#include "arch/arm64/guest_dt.h"
#include "arch/arm64/linux_boot.h"
#include "mm/page.h"
#include "vmm/log.h"

#define MIB      0x100000u
#define RAM_SIZE (64u * MIB)

uintptr_t phys_offset; /* 0: an hpa is a pointer */

static u8 *ram;
static u64 kernel_file[0x1000 / 8], initrd_file[0x3000 / 8];
static struct boot_info boot;
static struct boot_vm config;
static struct vm vm;
static char message[LOG_LINE_MAX];

void log_vm(enum log_level level, const char *name, const char *fmt, ...)
{
	va_list args;

	assert_int_equal(level, LOG_WARN);
	assert_string_equal(name, "test");
	va_start(args, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, args);
	va_end(args);
}

int vm_write(const struct vm *v, gpa_t addr, const void *buf, size_t size)
{
	assert_ptr_equal(v, &vm);
	assert_true(addr.v >= GUEST_RAM_BASE && addr.v - GUEST_RAM_BASE <= RAM_SIZE);
	assert_true(size <= RAM_SIZE - (addr.v - GUEST_RAM_BASE));
	memcpy(ram + (addr.v - GUEST_RAM_BASE), buf, size);
	return 0;
}

static void add_module(u32 index, const char *path, const void *file, u64 size)
{
	(void)snprintf(boot.modules[index].path, BOOT_PATH_MAX, "%s", path);
	boot.modules[index].base = (uintptr_t)file;
	boot.modules[index].size = size;
}

static void put(u32 offset, u64 val)
{
	memcpy((u8 *)kernel_file + offset, &val, sizeof(val));
}

static int setup(void **state)
{
	(void)state;
	memset(&vm, 0, sizeof(vm));
	memset(ram, 0, RAM_SIZE);
	message[0] = '\0';
	memset(kernel_file, 0x11, sizeof(kernel_file));
	memset(initrd_file, 0x22, sizeof(initrd_file));
	put(0x08, 0);
	put(0x10, 8 * MIB + 1);
	put(0x18, 0xa);
	put(0x38, 0x644d5241);
	add_module(0, "\\guests\\Image", kernel_file, sizeof(kernel_file));
	add_module(1, "\\guests\\initrd", initrd_file, sizeof(initrd_file) - 5);
	config = (struct boot_vm){.name = "test", .options = "quiet", .initrd_module = 1};
	vm.config = &config;
	vm.boot = &boot;
	vm.vcpu_count = 1;
	for (u32 i = 0; i < 2; i++) { /* two slots that touch */
		vm.slots.slot[i].base = gpa(GUEST_RAM_BASE + (u64)i * RAM_SIZE / 2);
		vm.slots.slot[i].size = RAM_SIZE / 2;
	}
	vm.slots.count = 2;
	return 0;
}

static u64 dt_cell_pair(const char *path, const char *name, int index)
{
	const fdt32_t *p = fdt_getprop(ram, fdt_path_offset(ram, path), name, NULL);

	assert_non_null(p);
	return (u64)fdt32_ld(p + 2 * index) << 32 | fdt32_ld(p + 2 * index + 1);
}

static void test_loads(void **state)
{
	struct linux_entry entry;

	(void)state;
	assert_int_equal(linux_boot_load(&vm, &entry), 0);
	assert_int_equal(entry.pc, GUEST_RAM_BASE + 2 * MIB);
	assert_int_equal(entry.x0, GUEST_RAM_BASE);
	assert_int_equal(entry.pstate, 0x3c5);
	assert_memory_equal(ram + 2 * MIB, kernel_file, sizeof(kernel_file));
	assert_memory_equal(ram + 12 * MIB, initrd_file, sizeof(initrd_file) - 5);
	assert_int_equal(ram[12 * MIB + sizeof(initrd_file) - 5], 0);
	assert_int_equal(fdt_check_full(ram, 2 * MIB), 0);
	assert_int_equal(dt_cell_pair("/chosen", "linux,initrd-start", 0),
			 GUEST_RAM_BASE + 12 * MIB);
	assert_int_equal(dt_cell_pair("/chosen", "linux,initrd-end", 0),
			 GUEST_RAM_BASE + 12 * MIB + sizeof(initrd_file) - 5);
	assert_int_equal(dt_cell_pair("/memory@40000000", "reg", 0), GUEST_RAM_BASE);
	assert_int_equal(dt_cell_pair("/memory@40000000", "reg", 1), RAM_SIZE);
	assert_string_equal(fdt_getprop(ram, fdt_path_offset(ram, "/chosen"), "bootargs", NULL),
			    "quiet");
	assert_string_equal(message, "");
}

static void test_without_initrd(void **state)
{
	struct linux_entry entry;

	(void)state;
	config.initrd_module = BOOT_NO_MODULE;
	assert_int_equal(linux_boot_load(&vm, &entry), 0);
	assert_null(fdt_getprop(ram, fdt_path_offset(ram, "/chosen"), "linux,initrd-end", NULL));
}

static void test_refuses(void **state)
{
	struct linux_entry entry;

	(void)state;
	put(0x38, 0);
	assert_int_equal(linux_boot_load(&vm, &entry), -ENOEXEC);
	assert_string_equal(message, "\\guests\\Image: expected an arm64 Image (magic \"ARM\\x64\" "
				     "at 0x38)");
	setup(state);
	put(0x10, 62 * MIB + 1);
	assert_int_equal(linux_boot_load(&vm, &entry), -ENOMEM);
	assert_string_equal(message, "\\guests\\Image: needs 65 MiB of memory, has 64");
	put(0x10, 62 * MIB);
	assert_int_equal(linux_boot_load(&vm, &entry), -ENOMEM);
	assert_string_equal(message, "\\guests\\initrd: needs 1 MiB of memory behind the kernel's "
				     "64 MiB, has 64 MiB");
	boot.modules[1].size = ~(u64)0;
	assert_int_equal(linux_boot_load(&vm, &entry), -ENOMEM);
	config.initrd_module = BOOT_NO_MODULE;
	assert_int_equal(linux_boot_load(&vm, &entry), 0);
}

/* A hole in memory: only what is in one piece from the base up holds the images. */
static void test_hole(void **state)
{
	struct linux_entry entry;

	(void)state;
	vm.slots.slot[1].base = gpa(0x100000000);
	put(0x10, 30 * MIB);
	config.initrd_module = BOOT_NO_MODULE;
	assert_int_equal(linux_boot_load(&vm, &entry), 0);
	assert_int_equal(dt_cell_pair("/memory@40000000", "reg", 1), RAM_SIZE / 2);
	assert_int_equal(dt_cell_pair("/memory@40000000", "reg", 2), 0x100000000);
	put(0x10, 30 * MIB + 1);
	assert_int_equal(linux_boot_load(&vm, &entry), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_loads, setup),
		cmocka_unit_test_setup(test_without_initrd, setup),
		cmocka_unit_test_setup(test_refuses, setup),
		cmocka_unit_test_setup(test_hole, setup),
	};
	int failed;

	ram = malloc(RAM_SIZE);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	free(ram);
	return failed;
}
