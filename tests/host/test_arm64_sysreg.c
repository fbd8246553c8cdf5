// SPDX-License-Identifier: Apache-2.0
/* Trapped system registers: every encoding, read and written, beside a plain reading of sysreg.def.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <cmocka.h>

#include "arch/arm64/sysreg_trap.h"

#define K SYSREG_KEY

enum how { UNDEF_, RAZ_WI_, RO_, CONST_, ID_, LOCAL_, CALL_ };

struct row {
	u16 first, last;
	u8 how;
	u8 value;
	const char *name;
};

#define UNDEF(n, f, l)    {f, l, UNDEF_, 0, #n},
#define RAZ_WI(n, k)      {k, k, RAZ_WI_, 0, #n},
#define RO(n, k, v)       {k, k, RO_, v, #n},
#define CONST(n, k, v)    {k, k, CONST_, v, #n},
#define ID(n, f, l)       {f, l, ID_, 0, #n},
#define LOCAL(n, f, l, v) {f, l, LOCAL_, 0, #n},
#define CALL(n, f, l, c)  {f, l, CALL_, SYSREG_CALL_##c, #n},

static const struct row rows[] = {
#include "arch/arm64/sysreg.def"
};

#define VALUE 0x123456789abcdef0ull

static struct idregs id;
static struct sysreg_state regs;

static int setup(void **state)
{
	(void)state;
	for (unsigned i = 0; i < IDREGS_COUNT; i++) {
		id.reg[i] = 0x1000 + i;
	}
	id.reg[ID_AA64DFR0] = FIELD_PREP(DFR0_BRPS, 5) | FIELD_PREP(DFR0_WRPS, 3);
	sysreg_reset(&regs, &id);
	return 0;
}

static struct sysreg_access access_of(unsigned key, bool is_read, u64 val)
{
	u64 op = FIELD_PREP(ESR_SYS_OP0, key >> 14) | FIELD_PREP(ESR_SYS_OP1, key >> 11) |
		 FIELD_PREP(ESR_SYS_CRN, key >> 7) | FIELD_PREP(ESR_SYS_CRM, key >> 3) |
		 FIELD_PREP(ESR_SYS_OP2, key) | FIELD_PREP(ESR_SYS_RT, 17);
	struct sysreg_access a =
		sysreg_access_decode(0x62000000 | op | (is_read ? ESR_SYS_READ : 0));

	assert_int_equal(a.key, key);
	assert_int_equal(a.rt, 17);
	assert_int_equal(a.is_read, is_read);
	a.val = val;
	return a;
}

static void test_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_true(rows[i].first <= rows[i].last);
		assert_true(i == 0 || rows[i].first > rows[i - 1].last);
	}
}

static const struct row *next_single(const struct row *row)
{
	while (row < rows + ARRAY_SIZE(rows) && row->first != row->last) {
		row++;
	}
	return row;
}

/* MRS X0 of all rows of one register, for objdump to read. */
static FILE *names_open(char *path)
{
	const struct row *row = next_single(rows);
	int fd = mkstemp(path);
	char command[200];

	assert_true(fd >= 0);
	for (; row < rows + ARRAY_SIZE(rows); row = next_single(row + 1)) {
		u32 mrs = 0xd5200000 | (u32)row->first << 5;

		assert_int_equal(write(fd, &mrs, sizeof(mrs)), sizeof(mrs));
	}
	close(fd);
	snprintf(command, sizeof(command),
		 "aarch64-linux-gnu-objdump -D -z -b binary -m aarch64 %s", path);
	return popen(command, "r");
}

/* The encodings are those of the names: but for registers newer than the tool, "s3_0_c...". */
static void test_names(void **state)
{
	char path[] = "/tmp/socle-sysreg-XXXXXX", line[128], name[32];
	const struct row *row = next_single(rows);
	FILE *out = names_open(path);
	unsigned named = 0;

	(void)state;
	assert_non_null(out);
	while (fgets(line, sizeof(line), out)) {
		if (sscanf(line, " %*x:\t%*x \tmrs\tx0, %31s", name) != 1) {
			continue;
		}
		assert_true(row < rows + ARRAY_SIZE(rows));
		if (strncmp(name, "s2_", 3) != 0 && strncmp(name, "s3_", 3) != 0 &&
		    strcmp(name, "dbgdtrrx_el0") != 0) {
			assert_int_equal(strcasecmp(name, row->name), 0);
			named++;
		}
		row = next_single(row + 1);
	}
	unlink(path);
	assert_int_equal(pclose(out), 0); /* the tool must be there: binutils-aarch64-linux-gnu */
	assert_true(row == rows + ARRAY_SIZE(rows));
	assert_true(named > 40);
}

static const struct row *row_of(unsigned key)
{
	for (unsigned i = 0; i < ARRAY_SIZE(rows); i++) {
		if (key >= rows[i].first && key <= rows[i].last) {
			return &rows[i];
		}
	}
	return NULL;
}

static void check(unsigned key, bool is_read)
{
	struct sysreg_access a = access_of(key, is_read, VALUE);
	enum sysreg_result result = sysreg_trap(&regs, &a);
	const struct row *row = row_of(key);

	if (!row || row->how == UNDEF_) {
		assert_int_equal(result, SYSREG_UNDEF);
	} else if (row->how == CALL_) {
		bool write_only =
			row->value >= SYSREG_CALL_ICC_DIR && row->value <= SYSREG_CALL_ICC_SGI0R;

		assert_int_equal(result, write_only && is_read ? SYSREG_UNDEF : SYSREG_CALL);
		assert_int_equal(a.call, row->value);
		assert_true(is_read || a.val == VALUE);
	} else if (row->how != LOCAL_) {
		bool writable = row->how == RAZ_WI_ || row->how == CONST_;
		u64 want = row->how == ID_ ? id.reg[key & 63] : row->value;

		assert_int_equal(result, is_read || writable ? SYSREG_DONE : SYSREG_UNDEF);
		assert_true(!is_read || a.val == want);
	}
	assert_true(row ? sysreg_name((u16)key) && !strcmp(sysreg_name((u16)key), row->name)
			: sysreg_name((u16)key) == NULL);
}

static void test_every_encoding(void **state)
{
	(void)state;
	for (unsigned key = 0; key <= 0xffff; key++) {
		check(key, true);
		check(key, false);
	}
}

static u64 read_reg(unsigned key)
{
	struct sysreg_access a = access_of(key, true, VALUE);

	assert_int_equal(sysreg_trap(&regs, &a), SYSREG_DONE);
	return a.val;
}

static enum sysreg_result write_reg(unsigned key, u64 val)
{
	struct sysreg_access a = access_of(key, false, val);
	enum sysreg_result result = sysreg_trap(&regs, &a);

	if (result == SYSREG_CALL) {
		assert_int_equal(a.call, SYSREG_CALL_DEBUG_OWN);
	}
	return result;
}

static void test_id(void **state)
{
	(void)state;
	assert_int_equal(read_reg(K(3, 0, 0, 4, 0)), 0x1000 + ID_AA64PFR0);
	assert_int_equal(read_reg(K(3, 0, 0, 7, 2)), 0x1000 + ID_AA64MMFR2);
	assert_int_equal(read_reg(K(3, 0, 0, 0, 6)), 0x1000 + ID_REVIDR);
	assert_int_equal(read_reg(K(3, 0, 0, 1, 0)), 0x1008); /* ID_PFR0_EL1 */
	assert_int_equal(read_reg(K(3, 0, 0, 7, 7)), 0x103f);
	assert_int_equal(write_reg(K(3, 0, 0, 4, 0), 0), SYSREG_UNDEF);
}

static void test_os_lock(void **state)
{
	(void)state;
	assert_int_equal(read_reg(K(2, 0, 1, 1, 4)), 0xa);
	assert_int_equal(write_reg(K(2, 0, 1, 0, 4), ~(u64)1), SYSREG_DONE);
	assert_int_equal(read_reg(K(2, 0, 1, 1, 4)), 0x8);
	assert_int_equal(write_reg(K(2, 0, 1, 0, 4), 1), SYSREG_DONE);
	assert_int_equal(read_reg(K(2, 0, 1, 1, 4)), 0xa);
	assert_int_equal(write_reg(K(2, 0, 1, 1, 4), 0), SYSREG_UNDEF);
	assert_int_equal(read_reg(K(2, 0, 1, 3, 4)), 0);
	assert_int_equal(read_reg(K(3, 0, 12, 12, 5)), 7);
}

/* Six breakpoints, four watchpoints: zeroes cost nothing, the first other value hands them over. */
static void test_debug(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 16; n++) {
		for (unsigned op2 = 4; op2 < 8; op2++) {
			unsigned key = K(2, 0, 0, n, op2);
			bool there = n < (op2 < 6 ? 6 : 4);

			assert_int_equal(write_reg(key, 0), there ? SYSREG_DONE : SYSREG_UNDEF);
			assert_int_equal(write_reg(key, 1), there ? SYSREG_CALL : SYSREG_UNDEF);
		}
	}
	assert_int_equal(read_reg(K(2, 0, 0, 2, 2)), 0);
	assert_int_equal(write_reg(K(2, 0, 0, 2, 2), 0), SYSREG_DONE);
	assert_int_equal(write_reg(K(2, 0, 0, 2, 2), 1), SYSREG_CALL); /* MDSCR_EL1.SS */
	assert_int_equal(read_reg(K(2, 0, 7, 8, 6)), 0xff);
}

static void test_news(void **state)
{
	struct sysreg_seen seen = {0};
	unsigned told = 0;

	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		told += sysreg_is_news(&seen, (u16)(i % 5));
	}
	assert_int_equal(told, 5);
	for (unsigned i = 0; i < 0x10000; i++) {
		told += sysreg_is_news(&seen, (u16)i);
	}
	assert_int_equal(told, ARRAY_SIZE(seen.key));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_table, setup),
		cmocka_unit_test_setup(test_names, setup),
		cmocka_unit_test_setup(test_every_encoding, setup),
		cmocka_unit_test_setup(test_id, setup),
		cmocka_unit_test_setup(test_os_lock, setup),
		cmocka_unit_test_setup(test_debug, setup),
		cmocka_unit_test_setup(test_news, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
