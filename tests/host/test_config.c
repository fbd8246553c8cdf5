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

/* The text lies in a block of its own size, so that ASan sees a read behind it. */
static int parse_bytes(const char *text, size_t size, struct boot_info *info,
		       struct config_error *error)
{
	char *copy = malloc(size ? size : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, text, size);
	memset(info, 0xa5, sizeof(*info));
	result = config_parse(copy, size, info, error);
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
	assert_int_equal(info.config.timeout_s, 0);
	assert_int_equal(info.config.debug_exit_port, 0);
	assert_int_equal(info.config.vms[0].memory, CONFIG_MEMORY_USUAL);
	assert_int_equal(info.config.vms[0].vcpus, 1);
	assert_int_equal(info.config.vms[0].initrd_module, BOOT_NO_MODULE);
	assert_string_equal(info.config.vms[0].options, "");
	assert_string_equal(info.modules[0].path, "k");
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
	expect_error("vm a\nlinux k\nvcpus 2\n", 3, "vcpus", "expected 1, this version's");
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
	expect_error("", 0, "vm", "expected a line `vm NAME`");
	expect_error("# nothing\n", 0, "vm", "expected a line `vm NAME`");
	expect_error("timeout 3\n", 0, "vm", "expected a line `vm NAME`");
	expect_error("linux k\nvm a\n", 1, "linux", "after a line `vm NAME`");
	expect_error("vm a\nlinux k\ntimeout 3\n", 3, "timeout", "before the first vm (line 1)");
	expect_error("\nvm a\nmemory 64M\n", 2, "linux", "expected a line `linux PATH` for vm a");
	expect_error("vm a\nvm b\nlinux k\n", 1, "linux", "for vm a");
	expect_error("vm a\nlinux k\nvm b\nlinux k\n", 3, "vm", "runs one VM, and that is \"a\"");
	expect_error("vm a\nlinux k\nvm a\n", 3, "vm", "expected a new name");
	expect_error("timeout 3\n\ntimeout 3\n", 3, "timeout", "line 1 has it already");
	expect_error("vm a\nlinux k\nlinux l\n", 3, "linux", "line 2 has it already");
	expect_error("colour red\n", 1, "colour", "expected timeout, debug-exit or vm");
	expect_error("Timeout 3\n", 1, "Timeout", "unknown");
	expect_error("vm a\nlinx k\n", 2, "linx", "expected linux, initrd, options, memory, vcpus");
	expect_error("keykeykeykeykeykeykeykeykeykeykeykeykey 1\n", 1,
		     "keykeykeykeykeykeykeykeykeykeyk", "unknown");
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
	assert_int_equal(config_parse(NULL, CONFIG_FILE_MAX + 1, &info, &error), -EINVAL);
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
		cmocka_unit_test(test_line_ends_and_bom),
		cmocka_unit_test(test_same_file_is_one_module),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_wrong_values),
		cmocka_unit_test(test_wrong_structure),
		cmocka_unit_test(test_wrong_bytes),
		cmocka_unit_test(test_longest),
		cmocka_unit_test(test_text_format),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
