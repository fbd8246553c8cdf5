// SPDX-License-Identifier: Apache-2.0
/* The configuration parser: what it accepts, and for each mistake the line, field and hint. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/config.h"
#include "boot/text.h"
#include "mm/bits.h"

/* More than any version runs: what is refused is refused for what it is. */
static const struct config_limits all = {
	.vms = BOOT_MAX_VMS,
	.vcpus = CONFIG_CPUS_MAX,
	.kinds = BIT(BOOT_IMAGE_KINDS) - 1,
	.cpus = true,
	.nested = true,
	.framebuffer = true,
	.waiting = true,
	.front = true,
	.debug_port = true,
};

static const struct config_limits least = {.vms = 1, .vcpus = 1, .kinds = BIT(BOOT_IMAGE_LINUX)};

static const struct config_limits *limits = &all;

/* The text lies in a block of its own size, so that ASan sees a read behind it. */
static int parse_bytes(const char *text, size_t size, struct boot_info *info,
		       struct config_error *error)
{
	char *copy = malloc(size ? size : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, size);
	memset(info, 0xa5, sizeof(*info));
	result = config_parse(copy, size, limits, info, error);
	free(copy);
	return result;
}

static void expect_good(const char *text, struct boot_info *info)
{
	struct config_error error;

	if (parse_bytes(text, strlen(text), info, &error)) {
		fail_msg("line %u, %s: %s", error.line, error.field, error.message);
	}
}

static void expect_error(const char *text, unsigned line, const char *field, const char *hint)
{
	static struct boot_info info;
	struct config_error error;

	if (!parse_bytes(text, strlen(text), &info, &error)) {
		fail_msg("accepted: %s", text);
	}
	if (error.line != line || strcmp(error.field, field) || !strstr(error.message, hint)) {
		fail_msg("%s\ngave line %u, field %s: %s", text, error.line, error.field,
			 error.message);
	}
}

static void test_whole(void **state)
{
	static struct boot_info info;
	const struct boot_vm *vm = &info.config.vms[0];

	(void)state;
	expect_good("# comment\n\ntimeout 7\n debug-exit 0xf4 \nvm debian-12.x_y\n"
		    "\tlinux    \\guests\\vmlinuz\n\tinitrd /guests/initrd.img\n"
		    "\toptions console=ttyS0 a=#b\n\toptions\tquiet  x\n\tmemory 256M\n\tvcpus 1\n",
		    &info);
	assert_int_equal(info.config.timeout_s, 7);
	assert_int_equal(info.config.debug_exit_port, 0xf4);
	assert_int_equal(info.config.vm_count, 1);
	assert_string_equal(vm->name, "debian-12.x_y");
	assert_string_equal(vm->options, "console=ttyS0 a=#b quiet  x");
	assert_int_equal(vm->memory, 256 << 20);
	assert_int_equal(vm->vcpus, 1);
	assert_int_equal(vm->line, 5);
	assert_int_equal(vm->linux_module, 0);
	assert_int_equal(vm->initrd_module, 1);
	assert_int_equal(info.module_count, 2);
	assert_string_equal(info.modules[0].path, "\\guests\\vmlinuz");
	assert_string_equal(info.modules[1].path, "/guests/initrd.img");
	assert_int_equal(info.magic, 0xa5a5a5a5a5a5a5a5);
}

static void test_defaults(void **state)
{
	static struct boot_info info;

	(void)state;
	expect_good("vm a\nlinux k", &info);
	assert_int_equal(info.config.timeout_s, CONFIG_NO_TIMEOUT);
	assert_int_equal(info.config.debug_exit_port, 0);
	assert_int_equal(info.config.vms[0].memory, CONFIG_MEMORY_USUAL);
	assert_int_equal(info.config.vms[0].vcpus, 1);
	assert_int_equal(info.config.vms[0].initrd_module, BOOT_NO_MODULE);
	assert_string_equal(info.config.vms[0].options, "");
	assert_string_equal(info.modules[0].path, "k");
}

/* Settings alone: they are the menu's. */
static void test_no_vm(void **state)
{
	static struct boot_info info;

	(void)state;
	expect_good("", &info);
	assert_int_equal(info.config.vm_count, 0);
	assert_int_equal(info.module_count, 0);
	expect_good("# nothing\ntimeout 0", &info);
	assert_int_equal(info.config.timeout_s, 0);
	assert_int_equal(info.config.vm_count, 0);
}

static void test_line_ends_and_bom(void **state)
{
	static struct boot_info info;

	(void)state;
	expect_good("\xef\xbb\xbf# \xc3\xa9\r\ntimeout 1\r\n\r\nvm a\r\n\tlinux k\r\n", &info);
	assert_int_equal(info.config.timeout_s, 1);
	assert_int_equal(info.config.vms[0].line, 4);
	expect_good("vm a\nlinux k\r", &info);
	assert_string_equal(info.modules[0].path, "k");
}

static void test_same_file_is_one_module(void **state)
{
	static struct boot_info info;

	(void)state;
	expect_good("vm a\nlinux \\Guests\\K\ninitrd guests/k\n", &info);
	assert_int_equal(info.module_count, 1);
	assert_int_equal(info.config.vms[0].linux_module, 0);
	assert_int_equal(info.config.vms[0].initrd_module, 0);
	assert_string_equal(info.modules[0].path, "\\Guests\\K");
	expect_good("vm a\nlinux \\guests\\k\ninitrd guests/k2\n", &info);
	assert_int_equal(info.module_count, 2);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *text;
		u64 bytes;
	} good[] = {
		{"32M", 32 << 20},    {"0x2000000", 32 << 20}, {"33554432", 32 << 20},
		{"65536k", 64 << 20}, {"1g", (u64)1 << 30},    {"1024G", (u64)1 << 40},
	};
	static const char *const bad[] = {
		"30M",
		"33M",
		"0",
		"-64M",
		"64 M",
		"64MB",
		"64T",
		"M",
		"0x",
		"1025G",
		"1.5G",
		"512M,",
		"18446744073709551616",
		"99999999999999999999G",
		"17179869184G",
		"64M # half",
	};
	static struct boot_info info;
	char text[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		snprintf(text, sizeof(text), "vm a\nlinux k\nmemory %s\n", good[i].text);
		expect_good(text, &info);
		assert_int_equal(info.config.vms[0].memory, good[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "vm a\nlinux k\nmemory %s\n", bad[i]);
		expect_error(text, 3, "memory", "expected a size such as 512M");
	}
	expect_error("vm a\nlinux k\nmemory 64M # half\n", 3, "memory", "its own line");
}

static void test_wrong_values(void **state)
{
	(void)state;
	expect_error("timeout soon\n", 1, "timeout",
		     "expected seconds from 0 to 3600, found \"soon\"");
	expect_error("timeout 3601\n", 1, "timeout", "3600");
	expect_error("timeout\n", 1, "timeout", "found nothing");
	expect_error("debug-exit 0\n", 1, "debug-exit", "I/O port");
	expect_error("debug-exit 0x10000\n", 1, "debug-exit", "I/O port");
	expect_error("debug-exit f4\n", 1, "debug-exit", "I/O port");
	expect_error("vm a\nlinux k\nvcpus 65\n", 3, "vcpus", "expected a number from 1 to 64");
	expect_error("vm a\nlinux k\nvcpus 0\n", 3, "vcpus", "found \"0\"");
	expect_error("vm\nlinux k\n", 1, "vm", "found nothing");
	expect_error("vm a b\n", 1, "vm", "expected a name");
	expect_error("vm -a\n", 1, "vm", "expected a name");
	expect_error("vm a\\b\n", 1, "vm", "expected a name");
	expect_error("vm b\xc3\xa9\n", 1, "vm", "expected a name");
	expect_error("vm aaaaaaaabbbbbbbbccccccccdddddddd\n", 1, "vm", "1 to 31");
	expect_error("vm a\noptions\n", 2, "options", "found nothing");
	expect_error("vm a\nlinux\n", 2, "linux", "expected the path of a kernel");
	expect_error("vm a\nlinux \\\n", 2, "linux", "path");
	expect_error("vm a\nlinux \\a\\\n", 2, "linux", "path");
	expect_error("vm a\nlinux a\\\\b\n", 2, "linux", "path");
	expect_error("vm a\nlinux a*\n", 2, "linux", "path");
	expect_error("vm a\nlinux fs0:\\a\n", 2, "linux", "path");
	expect_error("vm a\nlinux \xc3\xa9\n", 2, "linux", "ASCII");
	expect_error("vm a\nlinux k # mine\n", 2, "linux", "its own line");
}

static void test_wrong_structure(void **state)
{
	(void)state;
	expect_error("linux k\nvm a\n", 1, "linux", "after a line `vm NAME`");
	expect_error("vm a\nlinux k\ntimeout 3\n", 3, "timeout", "before the first vm (line 1)");
	expect_error("\nvm a\nmemory 64M\n", 2, "linux",
		     "expected a line `linux PATH`, or another kind of kernel, for vm a");
	expect_error("vm a\nvm b\nlinux k\n", 1, "linux", "for vm a");
	expect_error("vm a\nlinux k\nvm a\n", 3, "vm", "expected a new name");
	expect_error("timeout 3\n\ntimeout 3\n", 3, "timeout", "line 1 has it already");
	expect_error("vm a\nlinux k\nlinux l\n", 3, "linux", "line 2 has it already");
	expect_error("colour red\n", 1, "colour", "expected timeout, debug-exit or vm");
	expect_error("Timeout 3\n", 1, "Timeout", "unknown");
	expect_error("vm a\nlinx k\n", 2, "linx",
		     "expected debug-exit, linux, elf, multiboot, pvh, raw");
	expect_error("keykeykeykeykeykeykeykeykeykeykeykeykey 1\n", 1,
		     "keykeykeykeykeykeykeykeykeykeyk", "unknown");
}

static void test_several(void **state)
{
	static struct boot_info info;
	const struct boot_vm *a = &info.config.vms[0], *b = &info.config.vms[1];

	(void)state;
	expect_good("debug-exit 0x501\nvm a\nlinux k\nvcpus 4\ncpus 0-1,3\nnested on\n"
		    "vm b\nmultiboot \\kut\\apic.flat\nmodule \\kut\\env  NR_CPUS=1 x\nmodule k\n"
		    "autostart no\nconsole front\ndebug-exit 0xf4\ncpus 63\nmemory 64M\n",
		    &info);
	assert_int_equal(info.config.vm_count, 2);
	assert_int_equal(info.config.front_vm, 1);
	assert_int_equal(info.config.debug_exit_port, 0x501);
	assert_int_equal(a->vcpus, 4);
	assert_int_equal(a->cpus, 0xb);
	assert_int_equal(a->flags, BOOT_VM_NESTED);
	assert_int_equal(a->kind, BOOT_IMAGE_LINUX);
	assert_int_equal(a->debug_exit_port, 0);
	assert_int_equal(a->module_count, 0);
	assert_int_equal(b->kind, BOOT_IMAGE_MULTIBOOT);
	assert_int_equal(b->flags, BOOT_VM_WAITING);
	assert_int_equal(b->debug_exit_port, 0xf4);
	assert_int_equal(b->cpus, BIT(63));
	assert_int_equal(b->vcpus, 1);
	assert_int_equal(b->memory, 64 << 20);
	assert_int_equal(b->module_count, 2);
	assert_string_equal(info.modules[b->modules[0].module].path, "\\kut\\env");
	assert_string_equal(b->modules[0].text, "NR_CPUS=1 x");
	assert_int_equal(b->modules[1].module, a->linux_module);
	assert_string_equal(b->modules[1].text, "");
	assert_int_equal(info.module_count, 3);
	expect_good("vm a\nlinux k\nframebuffer off\nvm b\nlinux k\nframebuffer on\n", &info);
	assert_int_equal(a->flags, 0);
	assert_int_equal(b->flags, BOOT_VM_FRAMEBUFFER);
	expect_good("vm a\nlinux k\nnested off\nautostart yes\n", &info);
	assert_int_equal(a->flags, 0);
	assert_int_equal(a->cpus, 0);
	assert_int_equal(info.config.front_vm, 0);
}

static void test_most(void **state)
{
	static struct boot_info info;
	static char text[8192];
	size_t used = 0;

	(void)state;
	for (unsigned i = 0; i < BOOT_MAX_VMS; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 "vm v%u\npvh k%u\nmodule a%u\nmodule b%u\nmodule c%u\n"
					 "module d%u\n",
					 i, i, i, i, i, i);
	}
	expect_good(text, &info);
	assert_int_equal(info.config.vm_count, BOOT_MAX_VMS);
	assert_int_equal(info.module_count, 5 * BOOT_MAX_VMS);
	snprintf(text + used, sizeof(text) - used, "module e\n");
	expect_error(text, 6 * BOOT_MAX_VMS + 1, "module", "at most 4 modules");
	snprintf(text + used, sizeof(text) - used, "vm v\nlinux k\n");
	expect_error(text, 6 * BOOT_MAX_VMS + 1, "vm", "at most 8 VMs");
}

static void test_wrong_vm_fields(void **state)
{
	static const char *const bad_cpus[] = {"",
					       "64",
					       "0-64",
					       "3-1",
					       "a",
					       "0,",
					       ",0",
					       "0,,1",
					       "1-",
					       "-1",
					       "0 1",
					       "0-1-2",
					       "99999999999999999999"};
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad_cpus); i++) {
		snprintf(text, sizeof(text), "vm a\nlinux k\ncpus %s\n", bad_cpus[i]);
		expect_error(text, 3, "cpus", "expected numbers from 0 to 63");
	}
	expect_error("vm a\nlinux k\nnested yes\n", 3, "nested", "expected on or off");
	expect_error("vm a\nlinux k\nautostart\n", 3, "autostart", "expected yes or no");
	expect_error("vm a\nlinux k\nframebuffer 1\n", 3, "framebuffer", "expected on or off");
	expect_error("vm a\nlinux k\nframebuffer on\nvm b\nlinux k\nframebuffer on\n", 6,
		     "framebuffer", "line 3 has it");
	expect_error("vm a\nlinux k\nconsole back\n", 3, "console", "expected front");
	expect_error("vm a\nlinux k\nconsole front\nvm b\nlinux k\nconsole front\n", 6, "console",
		     "expected for one VM, line 3 has it");
	expect_error("vm a\nlinux k\nelf l\n", 3, "elf", "one kernel for vm a, line 2");
	expect_error("vm a\nlinux k\nmodule m\n", 3, "module", "no module with this kind");
	expect_error("vm a\nmodule m\nmodule n\nlinux k\nvm b\n", 2, "module", "for vm a");
	expect_error("vm a\ninitrd i\nmultiboot k\n", 2, "initrd", "`module PATH` in place of");
	expect_error("vm a\npvh k\nmodule\n", 3, "module", "found nothing");
	expect_error("vm a\npvh k\nmodule a* b\n", 3, "module", "expected the path of a module");
	expect_error("vm a\npvh k\nmodule m "
		     "0123456789012345678901234567890123456789012345678901234567890123\n",
		     3, "module", "at most 63 characters");
	expect_error("vm a\nlinux k\ndebug-exit 0\n", 3, "debug-exit", "I/O port");
}

/* Each field that a version may not have is refused where it stands; what asks nothing is not. */
static void test_limits(void **state)
{
	static struct boot_info info;

	(void)state;
	limits = &least;
	expect_good("vm a\nlinux k\nvcpus 1\nnested off\nautostart yes\n", &info);
	expect_error("vm a\nlinux k\nvm b\nlinux k\n", 3, "vm", "runs one VM, and that is \"a\"");
	expect_error("vm a\nlinux k\nvcpus 2\n", 3, "vcpus",
		     "at most 1, which is what this version");
	expect_error("vm a\nlinux k\ncpus 0\n", 3, "cpus", "does not pin");
	expect_error("vm a\nlinux k\nnested on\n", 3, "nested", "expected off");
	expect_error("vm a\nlinux k\nframebuffer on\n", 3, "framebuffer", "expected off");
	expect_error("vm a\nlinux k\nautostart no\n", 3, "autostart", "expected yes");
	expect_error("vm a\nlinux k\nconsole front\n", 3, "console", "one VM at the console");
	expect_error("vm a\nlinux k\ndebug-exit 0xf4\n", 3, "debug-exit", "before the first vm");
	expect_error("vm a\nraw k\n", 2, "raw", "expected linux: guests of this machine");
	limits = &(const struct config_limits){.vms = 2,
					       .kinds = BIT(BOOT_IMAGE_LINUX) |
							BIT(BOOT_IMAGE_ELF) | BIT(BOOT_IMAGE_PVH)};
	expect_error("vm a\nraw k\n", 2, "raw", "expected linux, elf or pvh:");
	limits = &all;
}

static void test_wrong_bytes(void **state)
{
	static struct boot_info info;
	struct config_error error;

	(void)state;
	expect_error("timeout 3\nvm a\x01\n", 2, "", "found the byte 0x01");
	expect_error("timeout 3\rvm a\r", 1, "", "found the byte 0x0d");
	expect_error("\xff\xfet\n", 0, "", "found UTF-16");
	assert_int_equal(parse_bytes("vm a\nlinux k\0\n", 14, &info, &error), -EINVAL);
	assert_int_equal(error.line, 2);
	assert_non_null(strstr(error.message, "0x00"));
	assert_int_equal(config_parse(NULL, CONFIG_FILE_MAX + 1, &all, &info, &error), -EINVAL);
	assert_int_equal(error.line, 0);
	assert_string_equal(error.message, "expected at most 64 KiB, found 65537 bytes");
}

static void test_longest(void **state)
{
	static char text[2 * BOOT_OPTIONS_MAX];
	static char line[BOOT_OPTIONS_MAX + 1];
	static struct boot_info info;

	(void)state;
	memset(line, 'x', BOOT_PATH_MAX - 1);
	snprintf(text, sizeof(text), "vm a\nlinux %s\n", line);
	expect_good(text, &info);
	assert_string_equal(info.modules[0].path, line);
	line[BOOT_PATH_MAX - 1] = 'x';
	snprintf(text, sizeof(text), "vm a\nlinux %s\n", line);
	expect_error(text, 2, "linux", "at most 127");

	memset(line, 'x', BOOT_OPTIONS_MAX - 3);
	snprintf(text, sizeof(text), "vm a\nlinux k\noptions %s\noptions y\n", line);
	expect_good(text, &info);
	assert_int_equal(strlen(info.config.vms[0].options), BOOT_OPTIONS_MAX - 1);
	snprintf(text, sizeof(text), "vm a\nlinux k\noptions %s\noptions yy\n", line);
	expect_error(text, 4, "options", "at most 1023");
}

static void test_text_format(void **state)
{
	char ours[64], theirs[64];
	size_t length;

	(void)state;
	length = text_format(ours, sizeof(ours), "%s|%5s|%-5s|%.2s|%*s|%.*s|%c|%%", "a", "bc", "de",
			     "fgh", 4, "i", 1, "jk", 'l');
	snprintf(theirs, sizeof(theirs), "%s|%5s|%-5s|%.2s|%*s|%.*s|%c|%%", "a", "bc", "de", "fgh",
		 4, "i", 1, "jk", 'l');
	assert_string_equal(ours, theirs);
	assert_int_equal(length, strlen(theirs));
	text_format(ours, sizeof(ours), "%u %lu %zu %04x %lx %6u %-6u.", 0u, ~0ul, (size_t)1, 0xabu,
		    ~0ul, 12u, 34u);
	snprintf(theirs, sizeof(theirs), "%u %lu %zu %04x %lx %6u %-6u.", 0u, ~0ul, (size_t)1,
		 0xabu, ~0ul, 12u, 34u);
	assert_string_equal(ours, theirs);
	assert_int_equal(text_format(ours, 4, "%s", "abcdef"), 3);
	assert_string_equal(ours, "abc");
	assert_int_equal(text_format(ours, 1, "%u", 5u), 0);
	assert_string_equal(ours, "");
	assert_int_equal(text_format(NULL, 0, "%u", 5u), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_no_vm),
		cmocka_unit_test(test_line_ends_and_bom),
		cmocka_unit_test(test_same_file_is_one_module),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_wrong_structure),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_most),
		cmocka_unit_test(test_wrong_vm_fields),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_wrong_bytes),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_text_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
