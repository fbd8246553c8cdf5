// SPDX-License-Identifier: Apache-2.0
/*
 * The A64 load/store decoder against the text of aarch64-linux-gnu-objdump: every combination of
 * the bits that choose an instruction, random registers and offsets, and random words. Without the
 * tool the test fails.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "arch/arm64/insn.h"
#include "mm/bits.h"

#define WORDS_MAX 400000u

static u32 words[WORDS_MAX];
static unsigned count;
static u32 seed = 1;

static u32 rnd(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed;
}

static void add(u32 word)
{
	assert_true(count < WORDS_MAX);
	words[count++] = word;
}

/* Bits 31 to 21 and 15 to 10 choose; the group of loads and stores has bit 27 set, bit 25 clear. */
static void add_systematic(void)
{
	for (u32 high = 0; high < 1 << 11; high++) {
		u32 top = high << 21;

		if (!(top & BIT(27)) || top & BIT(25)) {
			continue;
		}
		for (u32 low = 0; low < 1 << 6; low++) {
			u32 w = top | low << 10;

			add(w | (rnd() & 0x1f03ff));
			add(w | (31 << 16) | (rnd() & 0x3ff));
			add(w | (rnd() & 0x1f001f) | 31 << 5);
			add(w | (rnd() & 2) << 4 | (rnd() & 0x1e0000));
		}
	}
}

static void add_random(void)
{
	static const u32 mbo = 31 << 10 | 31 << 16;

	for (unsigned i = 0; i < 100000; i++) {
		u32 w = (rnd() | (u32)BIT(27)) & ~(u32)BIT(25);

		add(w);
		if (i % 4 == 0) {
			add((w & 0xc0ff83ff) | 0x08000000 | mbo); /* exclusives, well formed */
			add(rnd());
		}
	}
	for (u32 rt = 0; rt < 32; rt++) {
		add(0xd50b7420 | rt); /* DC ZVA */
		add(0xd50b7400 | rt);
		add(0xd50b7440 | rt);
		add(0xd50b7e20 | rt); /* DC CIVAC */
	}
}

/* A register's name at *@s: its class ('x' too for sp) and number; false if there is none. */
static bool parse_reg(const char **s, char *class, u8 *nr)
{
	const char *p = *s;

	if (!strncmp(p, "sp", 2) || !strncmp(p, "xzr", 3) || !strncmp(p, "wzr", 3)) {
		*class = p[0] == 'w' ? 'w' : 'x';
		*nr = 31;
		*s += p[0] == 's' ? 2 : 3;
		return true;
	}
	if (!strchr("wxbhsdqv", p[0]) || !isdigit((unsigned char)p[1])) {
		return false;
	}
	*class = p[0];
	*nr = (u8)strtoul(p + 1, (char **)(uintptr_t)s, 10);
	return true;
}

static const char *skip_blanks(const char *s)
{
	while (*s == ' ' || *s == ',' || *s == '\t') {
		s++;
	}
	return s;
}

/* "[x1, w2, sxtw #2]", "[x1, #16]!", "[x1], #16", "[x1], x2" (SIMD). */
static void parse_memory(const char *s, struct insn *e)
{
	char class;
	u8 nr;

	s++;
	assert_true(parse_reg(&s, &class, &e->rn));
	s = skip_blanks(s);
	if (*s == '#') {
		e->offset = (s32)strtol(s + 1, (char **)(uintptr_t)&s, 0);
	} else if (parse_reg(&s, &class, &e->rm)) {
		static const char *const names[] = {"", "", "uxtw", "lsl", "", "", "sxtw", "sxtx"};

		s = skip_blanks(s);
		e->extend = INSN_LSL;
		for (u8 i = 2; i < 8; i++) {
			if (names[i][0] && !strncmp(s, names[i], strlen(names[i]))) {
				e->extend = i;
				s = skip_blanks(s + strlen(names[i]));
			}
		}
		if (*s == '#') {
			e->shift = (u8)strtoul(s + 1, (char **)(uintptr_t)&s, 0);
		}
	}
	assert_int_equal(*s, ']');
	s++;
	if (*s == '!') {
		e->writeback = INSN_PRE_INDEX;
	} else if (s = skip_blanks(s), *s == '#') {
		e->writeback = INSN_POST_INDEX;
		e->offset = (s32)strtol(s + 1, NULL, 0);
	} else if (parse_reg(&s, &class, &nr)) {
		e->writeback = INSN_POST_INDEX;
	}
}

static bool starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

static bool starts_any(const char *s, const char *const *list)
{
	for (; *list; list++) {
		if (starts(s, *list)) {
			return true;
		}
	}
	return false;
}

static unsigned class_size(char class)
{
	const char *order = "bhsdq", *at = strchr(order, class);

	return class == 'w' ? 4 : class == 'x' ? 8 : at ? 1u << (at - order) : 0;
}

/* Of one or two registers: what the mnemonic and the operands say. */
static void expect_transfer(const char *name, const char *s, struct insn *e)
{
	bool pair = strstr(name, "p") && (starts(name + 2, "p") || starts(name + 2, "np"));
	const char *tail = name + strlen(name) - 1;
	char class, class2;

	e->store = name[0] == 's';
	s = skip_blanks(s);
	if (*s == '{') {
		e->kind = INSN_SIMD;
		return;
	}
	assert_true(parse_reg(&s, &class, &e->rt));
	s = skip_blanks(s);
	if (pair) {
		assert_true(parse_reg(&s, &class2, &e->rt2));
		s = skip_blanks(s);
	}
	e->size = (u8)class_size(class);
	if (class != 'w' && class != 'x') {
		e->kind = INSN_SIMD;
	} else {
		e->kind = (u8)((e->store ? INSN_STORE : INSN_LOAD) + (pair ? 2 : 0));
		e->sf = class == 'x';
		e->sign = !e->store && strstr(name, "rs");
		e->sign |= starts(name, "ldpsw") || starts(name, "ldapurs");
		e->size = *tail == 'b' ? 1 : *tail == 'h' ? 2 : *tail == 'w' ? 4 : e->size;
	}
	if (*s == '[') {
		parse_memory(s, e);
	} else {
		e->rn = INSN_REG_PC;
		e->offset = (s32)(u32)strtoul(s, NULL, 0);
	}
	if (e->kind != INSN_SIMD &&
	    ((e->writeback && e->rn != 31 && (e->rt == e->rn || e->rt2 == e->rn)) ||
	     (e->kind == INSN_LOAD_PAIR && e->rt == e->rt2))) {
		e->kind = INSN_UNPREDICTABLE;
	}
}

/* Bytes of an atomic: the mnemonic's suffix, else the register before the address. */
static void expect_atomic(const char *name, const char *operands, struct insn *e)
{
	const char *s = strchr(operands, '['), *tail = name + strlen(name) - 1;

	assert_non_null(s);
	while (s > operands && s[-1] != 'w' && s[-1] != 'x') {
		s--;
	}
	e->kind = INSN_ATOMIC;
	e->size = *tail == 'b' ? 1 : *tail == 'h' ? 2 : s[-1] == 'w' ? 4 : 8;
}

/* What objdump's line (mnemonic, tab, operands) says; only kind where the rest means nothing. */
static void expect(const char *line, struct insn *e)
{
	static const char *const other[] = {"ldraa", "ldrab", "ldg",   "stg",   "st2g", "stz2g",
					    "stzg",  "ldgm",  "stgm",  "stzgm", "stgp", "cpy",
					    "set",   "ld64b", "st64b", ".inst", NULL};
	static const char *const atomics[] = {"ldx",   "ldax",  "stx",   "stlx",  "cas",   "swp",
					      "ldadd", "ldclr", "ldeor", "ldset", "ldsma", "ldsmi",
					      "lduma", "ldumi", "stadd", "stclr", "steor", "stset",
					      "stsma", "stsmi", "stuma", "stumi", NULL};
	char name[32];
	const char *operands = strchr(line, '\t');

	*e = (struct insn){.rt2 = INSN_REG_NONE, .rm = INSN_REG_NONE};
	snprintf(name, sizeof(name), "%.*s", operands ? (int)(operands - line) : 31, line);
	if (starts(line, "sys\t#3, C7, C4, #1")) {
		e->kind = INSN_ZVA;
	} else if (starts_any(name, other) ||
		   (!starts(name, "ld") && !starts(name, "st") && !starts(name, "prf") &&
		    !starts_any(name, atomics))) {
		e->kind = INSN_OTHER;
	} else if (starts(name, "prf")) {
		e->kind = INSN_PREFETCH;
	} else if (starts_any(name, atomics)) {
		expect_atomic(name, operands, e);
	} else {
		expect_transfer(name, operands ? operands : "", e);
	}
}

static bool agrees(const struct insn *e, const struct insn *d, u32 offset)
{
	s32 literal = d->rn == INSN_REG_PC ? (s32)offset : 0;

	if (e->kind != d->kind) {
		return false;
	}
	switch (e->kind) {
	case INSN_LOAD:
	case INSN_LOAD_PAIR:
		if (e->sign != d->sign || e->sf != d->sf) {
			return false;
		}
		break;
	case INSN_STORE:
	case INSN_STORE_PAIR:
		break;
	case INSN_SIMD:
		return e->store == d->store && (!e->size || e->size == d->size);
	case INSN_ATOMIC:
	case INSN_PREFETCH:
		return e->size == d->size;
	default:
		return true;
	}
	return e->size == d->size && e->store == d->store && e->rt == d->rt && e->rt2 == d->rt2 &&
	       e->rn == d->rn && e->rm == d->rm && e->shift == d->shift &&
	       e->writeback == d->writeback && (e->rm == INSN_REG_NONE || e->extend == d->extend) &&
	       (u32)e->offset == (u32)(d->offset + literal);
}

static FILE *oracle_open(char *path)
{
	char command[200];
	int fd = mkstemp(path);
	FILE *out;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, words, count * sizeof(words[0])), count * sizeof(words[0]));
	close(fd);
	snprintf(command, sizeof(command),
		 "aarch64-linux-gnu-objdump -D -z -b binary -m aarch64 -M no-aliases %s", path);
	out = popen(command, "r");
	assert_non_null(out); /* an empty output: binutils-aarch64-linux-gnu is missing */
	return out;
}

static unsigned kinds[INSN_UNPREDICTABLE + 1];

/*
 * objdump takes should-be-one bits for a part of the encoding, in LDAR, STLR and LDLAR; hardware
 * may ignore them.
 */
static bool is_malformed_ordered(u32 word)
{
	return (word & 0x3fa00000) == 0x08800000 && (word & 0x1f7c00) != 0x1f7c00;
}

/* One instruction's text beside the decoder's result. */
static bool check_line(u32 offset, u32 word, const char *text)
{
	struct insn e, d;

	if (((word & BIT(27)) && !(word & BIT(25))) || starts(text, "sys\t")) {
		expect(text, &e);
	} else {
		e.kind = INSN_OTHER; /* SVE and SME among them, that trap before they can abort */
	}
	insn_decode(word, &d);
	kinds[d.kind]++;
	if (e.kind == INSN_OTHER && is_malformed_ordered(word)) {
		return d.kind == INSN_LOAD || d.kind == INSN_STORE;
	}
	if (e.kind == INSN_OTHER && d.kind == INSN_UNPREDICTABLE &&
	    (word & 0xfe400000) == 0x68400000) {
		return true; /* LDPSW: objdump takes it for undefined */
	}
	if (!agrees(&e, &d, offset)) {
		print_message("%08x: kind %u, expected %u: %s\n", word, d.kind, e.kind, text);
		return false;
	}
	return true;
}

static void check_all(FILE *oracle)
{
	static char line[256];
	unsigned seen = 0, wrong = 0;

	while (fgets(line, sizeof(line), oracle)) {
		u32 offset, word;
		int at = 0;

		if (sscanf(line, " %x:\t%x \t%n", &offset, &word, &at) != 2 || !at) {
			continue;
		}
		line[strcspn(line, "\n")] = 0;
		assert_int_equal(offset, seen * 4);
		assert_int_equal(word, words[seen]);
		seen++;
		wrong += !check_line(offset, word, line + at);
		assert_true(wrong < 40);
	}
	assert_int_equal(seen, count);
	assert_int_equal(wrong, 0);
}

static void test_oracle(void **state)
{
	char path[] = "/tmp/socle-insn-XXXXXX";
	FILE *oracle;

	(void)state;
	add_systematic();
	add_random();
	oracle = oracle_open(path);
	check_all(oracle);
	unlink(path);
	assert_int_equal(pclose(oracle), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
		assert_true(kinds[i] > 20);
	}
}

/* The values that an emulation needs, on instructions chosen by hand. */
static void test_values(void **state)
{
	struct insn i;

	(void)state;
	insn_decode(0xb8404c20, &i); /* ldr w0, [x1, #4]! */
	assert_int_equal(insn_address(&i, 0x1000, 0), 0x1004);
	assert_int_equal(insn_base_after(&i, 0x1000), 0x1004);
	assert_int_equal(insn_load_value(&i, 0xffffffff80000001), 0x80000001);
	insn_decode(0xb81fc420, &i); /* str w0, [x1], #-4 */
	assert_int_equal(insn_address(&i, 0x1000, 0), 0x1000);
	assert_int_equal(insn_base_after(&i, 0x1000), 0xffc);
	insn_decode(0x38a2c820, &i); /* ldrsb x0, [x1, w2, sxtw] */
	assert_int_equal(insn_address(&i, 0x1000, 0x1ffffffff), 0xfff);
	assert_int_equal(insn_load_value(&i, 0x1280), ~(u64)0x7f);
	insn_decode(0x38e25820, &i); /* ldrsb w0, [x1, w2, uxtw #0] */
	assert_int_equal(insn_address(&i, 0x1000, 0x1ffffffff), 0x100000fff);
	assert_int_equal(insn_load_value(&i, 0x80), 0xffffff80);
	insn_decode(0xf8627820, &i); /* ldr x0, [x1, x2, lsl #3] */
	assert_int_equal(insn_address(&i, 0x1000, 2), 0x1010);
	assert_int_equal(insn_load_value(&i, ~(u64)0), ~(u64)0);
	insn_decode(0x69408823, &i); /* ldpsw x3, x2, [x1, #4] */
	assert_int_equal(i.kind, INSN_LOAD_PAIR);
	assert_int_equal(insn_address(&i, 0x1000, 0), 0x1004);
	assert_int_equal(insn_load_value(&i, 0x80000000), 0xffffffff80000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_oracle),
		cmocka_unit_test(test_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
