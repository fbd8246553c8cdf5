// SPDX-License-Identifier: Apache-2.0
/* The PC keyboard's scan codes as a terminal's bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mm/bits.h"
#include "vmm/keyboard.h"

static struct keyboard k;

/* What the codes type. */
static void expect(const char *codes, size_t count, const char *typed)
{
	char out[64];
	size_t len = 0;
	int c;

	for (size_t i = 0; i < count; i++) {
		keyboard_scan(&k, (u8)codes[i]);
		while ((c = keyboard_getc(&k)) >= 0) {
			assert_true(len < sizeof(out) - 1);
			out[len++] = (char)c;
		}
	}
	out[len] = '\0';
	assert_int_equal(len, strlen(typed));
	assert_string_equal(out, typed);
}

#define EXPECT(codes, typed) expect(codes, sizeof(codes) - 1, typed)

static void test_characters(void **state)
{
	(void)state;
	memset(&k, 0, sizeof(k));
	EXPECT("\x1e\x9e\x30\xb0\x02\x82\x39\xb9\x1c\x9c\x0e\x8e\x0f\x8f\x01\x81",
	       "ab1 \r\x7f\t\x1b");
	EXPECT("\x2a\x1e\x9e\x02\xaa\x1e", "A!a");
	EXPECT("\x36\x35\xb6\x35", "?/");
	EXPECT("\x3a\xba\x1e\x02\x2a\x1e\x02\xaa\x3a\xba\x1e",
	       "A1a!a"); /* CapsLock: letters only */
	EXPECT("\x1d\x1e\x9e\x2e\x1a\x2b\x9d\x1e", "\x01\x03\x1b\x1c"
						   "a");
	EXPECT("\xe0\x1d\x2d\xe0\x9d\x2d", "\x18x"); /* the right Ctrl */
	EXPECT("\x38\x30\xb8\x30", "\x1b"
				   "bb");
}

static void test_sequences(void **state)
{
	(void)state;
	memset(&k, 0, sizeof(k));
	EXPECT("\xe0\x48\xe0\xc8\xe0\x50\xe0\x4d\xe0\x4b", "\x1b[A\x1b[B\x1b[C\x1b[D");
	EXPECT("\xe0\x47\xe0\x4f\xe0\x49\xe0\x51\xe0\x52\xe0\x53",
	       "\x1b[H\x1b[F\x1b[5~\x1b[6~\x1b[2~\x1b[3~");
	EXPECT("\xe0\x2a\xe0\x48\xe0\xc8\xe0\xaa\x1e", "\x1b[Aa"); /* with a shift that is none */
	EXPECT("\x3b\x3e\x3f\x44\x57\x58", "\x1bOP\x1bOS\x1b[15~\x1b[21~\x1b[23~\x1b[24~");
	EXPECT("\x2a\x0f\xaa", "\x1b[Z");
	EXPECT("\x47\x4c\x4a\xe0\x35\xe0\x1c", "75-/\r");
	EXPECT("\x45\xc5\x48\x4c\x4e\x45\xc5\x48", "\x1b[A5+8"); /* NumLock */
	EXPECT("\xe1\x1d\x45\xe1\x9d\xc5\x1e", "a");             /* Pause */
	EXPECT("\xfa\x80\xff\x5b\x7f\xe0\x5b", "");              /* answers, keys that we lack */
}

/* Any codes: no byte beyond what there is room for, and a key's release types nothing. */
static void test_random(void **state)
{
	(void)state;
	memset(&k, 0, sizeof(k));
	srand(1);
	for (unsigned i = 0; i < 100000; i++) {
		u8 code = (u8)rand();
		bool was_extended = k.extended;

		keyboard_scan(&k, code);
		assert_true(k.out_end <= KEYBOARD_OUT_MAX);
		assert_true(!(code & 0x80) || !k.out_end);
		assert_true(code != 0xe0 || k.extended || was_extended || k.skip);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_sequences),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
