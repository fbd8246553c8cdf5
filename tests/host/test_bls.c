// SPDX-License-Identifier: Apache-2.0
/* Entries of the Boot Loader Specification: reading, order, default, and the VM made of one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/bls.h"

static struct bls_entry entries[8];

/* The text lies in a block of its own size, so that ASan sees a read behind it. */
static const char *parse(const char *name, const char *text, struct bls_entry *entry)
{
	size_t size = strlen(text);
	char *copy = malloc(size ? size : 1);
	const char *why;

	assert_non_null(copy);
	memcpy(copy, text, size);
	why = bls_parse(name, copy, size, "x64", entry);
	free(copy);
	return why;
}

static void test_entry(void **state)
{
	struct bls_entry *e = &entries[0];

	(void)state;
	assert_null(
		parse("debian-6.1.conf",
		      "# a comment\r\ntitle   Debian GNU/Linux 12 (bookworm)\r\nversion 6.1.0-18\n"
		      "machine-id 0123456789abcdef0123456789abcdef\nsort-key debian\n"
		      "\tlinux /debian/linux\ninitrd /ucode.img\ninitrd\t/debian/initrd\n"
		      "options root=LABEL=x  quiet\noptions splash\narchitecture X64\nunknown 1\n"
		      "options\n",
		      e));
	assert_string_equal(e->id, "debian-6.1");
	assert_string_equal(e->title, "Debian GNU/Linux 12 (bookworm)");
	assert_string_equal(e->version, "6.1.0-18");
	assert_string_equal(e->machine_id, "0123456789abcdef0123456789abcdef");
	assert_string_equal(e->sort_key, "debian");
	assert_string_equal(e->kernel, "/debian/linux");
	assert_int_equal(e->initrd_count, 2);
	assert_string_equal(e->initrd[0], "/ucode.img");
	assert_string_equal(e->initrd[1], "/debian/initrd");
	assert_string_equal(e->options, "root=LABEL=x  quiet splash");
	assert_false(e->is_bad);
	assert_null(parse("a.CONF", "linux k", e));
	assert_string_equal(e->id, "a");
	assert_string_equal(e->title, "a");
	assert_string_equal(e->options, "");
	assert_int_equal(e->initrd_count, 0);
}

static void test_left_out(void **state)
{
	static char text[2 * BOOT_OPTIONS_MAX];
	struct bls_entry *e = &entries[0];
	size_t used = (size_t)sprintf(text, "linux k\noptions ");

	(void)state;
	assert_string_equal(parse("a.conf", "", e), "it has no `linux` line");
	assert_string_equal(parse("a.conf", "title x\nefi /x.efi\n", e), "it has no `linux` line");
	assert_string_equal(parse("a.conf", "linux k\narchitecture aa64\n", e),
			    "it is for another architecture");
	assert_string_equal(parse("a.conf", "linux k\narchitecture x6\n", e),
			    "it is for another architecture");
	assert_string_equal(bls_parse("a.conf", "linux k\0\n", 9, "x64", e), "it is no text");
	assert_string_equal(parse("a.conf",
				  "linux k\ninitrd 1\ninitrd 2\ninitrd 3\ninitrd 4\n"
				  "initrd 5\n",
				  e),
			    "it has more than four initrds");
	memset(text + used, 'x', BOOT_OPTIONS_MAX - 1);
	assert_null(parse("a.conf", text, e));
	assert_int_equal(strlen(e->options), BOOT_OPTIONS_MAX - 1);
	text[used + BOOT_OPTIONS_MAX - 1] = 'x';
	assert_string_equal(parse("a.conf", text, e), "its options are too long");
	memset(text, 0, sizeof(text));
	used = (size_t)sprintf(text, "linux ");
	memset(text + used, 'x', BOOT_PATH_MAX);
	assert_string_equal(parse("a.conf", text, e), "its path is too long");
}

static void test_names(void **state)
{
	static const struct {
		const char *name, *id;
		bool is_bad;
	} rows[] = {
		{"a+3.conf", "a", false},   {"a+3-2.conf", "a", false},
		{"a+0.conf", "a", true},    {"a+0-5.conf", "a", true},
		{"a+.conf", "a+", false},   {"a+-1.conf", "a+-1", false},
		{"+3.conf", "", false},     {"a-3.conf", "a-3", false},
		{"a+00-1.conf", "a", true}, {"a+b3.conf", "a+b3", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_null(parse(rows[i].name, "linux k", &entries[0]));
		assert_string_equal(entries[0].id, rows[i].id);
		assert_int_equal(entries[0].is_bad, rows[i].is_bad);
	}
	assert_true(bls_name_is_entry("a.conf"));
	assert_true(bls_name_is_entry("a.Conf"));
	assert_false(bls_name_is_entry(".conf"));
	assert_false(bls_name_is_entry("a.conf~"));
	assert_false(bls_name_is_entry(""));
}

/* Each is newer than the one before. */
static void test_versions(void **state)
{
	static const char *const ascending[] = {
		"~",   "",      "1~rc1", "1",
		"1-1", "1^a",   "1.0",   "1.1~x",
		"1.1", "1.2",   "1.10",  "1a",
		"2",   "007.1", "10",    "123456789012345678901234567890",
	};

	(void)state;
	assert_true(bls_version_compare("1", "1-1") < 0);
	assert_true(bls_version_compare("1-1", "1.0") < 0);
	assert_true(bls_version_compare("1^a", "1.0") < 0);
	for (size_t i = 0; i + 1 < ARRAY_SIZE(ascending); i++) {
		if (bls_version_compare(ascending[i], ascending[i + 1]) >= 0 ||
		    bls_version_compare(ascending[i + 1], ascending[i]) <= 0) {
			fail_msg("%s, %s", ascending[i], ascending[i + 1]);
		}
		assert_int_equal(bls_version_compare(ascending[i], ascending[i]), 0);
	}
	assert_int_equal(bls_version_compare("1_2", "12"), -1);
	assert_int_equal(bls_version_compare("01", "1"), 0);
	assert_int_equal(bls_version_compare("a1", "a01"), 0);
	assert_true(bls_version_compare("B", "a") < 0);
	assert_true(bls_version_compare("ab", "abc") < 0);
}

static void expect_order(const char *const *names, size_t count)
{
	bls_sort(entries, count);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(entries[i].id, names[i]);
	}
}

static void test_sort(void **state)
{
	static const char *const order[] = {"new-2",  "new-1", "other-machine", "z", "name-10",
					    "name-9", "bad"};

	(void)state;
	assert_null(parse("name-9.conf", "linux k\nversion 99", &entries[0]));
	assert_null(parse("z.conf", "linux k\nsort-key b", &entries[1]));
	assert_null(
		parse("new-1.conf", "linux k\nsort-key a\nmachine-id 1\nversion 6.9", &entries[2]));
	assert_null(parse("bad+0-3.conf", "linux k\nsort-key a\nversion 7", &entries[3]));
	assert_null(parse("other-machine.conf", "linux k\nsort-key a\nmachine-id 2\nversion 9",
			  &entries[4]));
	assert_null(parse("name-10.conf", "linux k\nversion 1", &entries[5]));
	assert_null(parse("new-2.conf", "linux k\nsort-key a\nmachine-id 1\nversion 6.10",
			  &entries[6]));
	expect_order(order, ARRAY_SIZE(order));
	bls_sort(entries, 0);
	bls_sort(entries, 1);
}

static void test_default(void **state)
{
	(void)state;
	assert_null(parse("arch-6.9.conf", "linux k", &entries[0]));
	assert_null(parse("debian-6.1.conf", "linux k", &entries[1]));
	assert_null(parse("debian-5.10.conf", "linux k", &entries[2]));
	assert_int_equal(bls_default(entries, 3, ""), 0);
	assert_int_equal(bls_default(entries, 3, "debian-*"), 1);
	assert_int_equal(bls_default(entries, 3, "debian-5.10"), 2);
	assert_int_equal(bls_default(entries, 3, "Debian-5.10.conf"), 2);
	assert_int_equal(bls_default(entries, 3, "*-?.10*"), 2);
	assert_int_equal(bls_default(entries, 3, "nothing"), 0);
	assert_int_equal(bls_default(entries, 3, "debian"), 0);
	assert_int_equal(bls_default(entries, 3, "@saved"), 0);
	assert_int_equal(bls_default(entries, 3, "*a*a*a*a*a*a*a*a*b"), 0);
	assert_int_equal(bls_default(entries, 0, "*"), 0);
}

static void test_settings(void **state)
{
	static const char text[] =
		"# x\ntimeout 7\ndefault  debian-* \neditor no\ntimeout menu-force";
	struct bls_settings s;

	(void)state;
	bls_settings_parse(text, sizeof(text) - 1, &s);
	assert_int_equal(s.timeout_s, 7);
	assert_string_equal(s.pattern, "debian-*");
	bls_settings_parse("", 0, &s);
	assert_int_equal(s.timeout_s, BLS_NO_TIMEOUT);
	assert_string_equal(s.pattern, "");
}

static void test_apply(void **state)
{
	static struct boot_info info;
	const struct boot_vm *vm = &info.config.vms[0];

	(void)state;
	memset(&info, 0xa5, sizeof(info));
	info.config.timeout_s = 4;
	assert_null(parse("_De bian-6.1\xc3\xa9.conf", "linux /k\ninitrd /i\ninitrd /j\noptions a",
			  &entries[0]));
	bls_apply(&entries[0], 0, "console=ttyS0", &info);
	assert_int_equal(info.config.timeout_s, 4);
	assert_int_equal(info.config.vm_count, 1);
	assert_int_equal(info.config.front_vm, 0);
	assert_string_equal(vm->name, "Debian-6.1");
	assert_string_equal(vm->options, "a console=ttyS0");
	assert_int_equal(vm->memory, 0);
	assert_int_equal(vm->vcpus, 1);
	assert_int_equal(vm->kind, BOOT_IMAGE_LINUX);
	assert_int_equal(vm->linux_module, 0);
	assert_int_equal(vm->initrd_module, 1);
	assert_int_equal(info.module_count, 2);
	assert_string_equal(info.modules[0].path, "/k");
	assert_string_equal(info.modules[1].path, "/i");
	assert_null(parse("+1.conf", "linux /k\noptions x console=tty0", &entries[0]));
	bls_apply(&entries[0], 32 << 20, "console=ttyS0", &info);
	assert_string_equal(vm->name, "linux");
	assert_string_equal(vm->options, "x console=tty0");
	assert_int_equal(vm->initrd_module, BOOT_NO_MODULE);
	assert_int_equal(info.module_count, 1);
	assert_null(parse("a.conf", "linux /k\noptions myconsole=1", &entries[0]));
	bls_apply(&entries[0], 32 << 20, "console=ttyS0", &info);
	assert_string_equal(vm->options, "myconsole=1 console=ttyS0");
	assert_null(parse("a.conf", "linux /k", &entries[0]));
	bls_apply(&entries[0], 32 << 20, "console=ttyS0", &info);
	assert_string_equal(vm->options, "console=ttyS0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_entry),    cmocka_unit_test(test_left_out),
		cmocka_unit_test(test_names),    cmocka_unit_test(test_versions),
		cmocka_unit_test(test_sort),     cmocka_unit_test(test_default),
		cmocka_unit_test(test_settings), cmocka_unit_test(test_apply),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
