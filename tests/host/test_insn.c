// SPDX-License-Identifier: Apache-2.0
/* The instruction decoder: examples from the manuals, then all opcodes and random bytes. */
#include "arch/x86/insn.h"
#include "tests/host/test_insn_oracle.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define M16  INSN_MODE_16
#define M32  INSN_MODE_32
#define M64  INSN_MODE_64
#define NONE INSN_REG_NONE

/*
 * An example gives what differs from: no registers, no memory operand, data segment, memsize as
 * opsize, the mode's address size; opsize 0 stands for the mode's default.
 */
struct example {
	enum insn_mode mode;
	const char *bytes; /* hexadecimal, blanks allowed */
	struct insn want;
};

#define OP(o, f, size)  .op = INSN_##o, .form = INSN_FORM_##f, .opsize = (size)
#define MEM(b, i, s, d) .has_mem = true, .base = (b), .index = (i), .scale = (s), .disp = (d)

static const struct example examples[] = {
	/* What hypervisors intercept. */
	{M64, "0f a2", {.op = INSN_CPUID}},
	{M16, "0f a2", {.op = INSN_CPUID}},
	{M64, "0f 32", {.op = INSN_RDMSR}},
	{M64, "0f 30", {.op = INSN_WRMSR}},
	{M64, "0f 31", {.op = INSN_RDTSC}},
	{M64, "0f 33", {.op = INSN_RDPMC}},
	{M64, "0f 01 f9", {.op = INSN_RDTSCP}},
	{M64, "0f 01 d9", {.op = INSN_VMMCALL}},
	{M64, "0f 01 c1", {.op = INSN_VMCALL}},
	{M64, "0f 01 d8", {.op = INSN_VMRUN}},
	{M32, "0f 01 da", {.op = INSN_VMLOAD}},
	{M64, "67 0f 01 db", {.op = INSN_VMSAVE, .addrsize = 4}},
	{M64, "0f 01 dc", {.op = INSN_STGI}},
	{M64, "0f 01 dd", {.op = INSN_CLGI}},
	{M64, "0f 01 de", {.op = INSN_SKINIT}},
	{M64, "0f 01 df", {.op = INSN_INVLPGA}},
	{M64, "0f 01 d1", {.op = INSN_XSETBV}},
	{M64, "0f 01 d0", {.op = INSN_XGETBV}},
	{M64, "0f 01 c8", {.op = INSN_MONITOR}},
	{M64, "0f 01 c9", {.op = INSN_MWAIT}},
	{M64, "f4", {.op = INSN_HLT}},
	{M64, "f3 90", {.op = INSN_PAUSE, .rep = INSN_REP}},
	{M64, "90", {.op = INSN_OTHER}},
	{M64, "0f 08", {.op = INSN_INVD}},
	{M64, "0f 09", {.op = INSN_WBINVD}},
	{M64, "f3 0f 09", {.op = INSN_WBINVD, .rep = INSN_REP}},
	{M64, "0f 06", {.op = INSN_CLTS}},
	{M64, "0f aa", {.op = INSN_RSM}},
	{M64, "0f 01 f8", {.op = INSN_SWAPGS}},
	{M64, "cc", {.op = INSN_INT3}},
	{M64, "f1", {.op = INSN_INT1}},
	{M64, "cd 80", {OP(INT, IMM, 4), .imm = 0x80}},
	{M32, "ce", {.op = INSN_INTO}},
	{M64, "48 cf", {OP(IRET, NONE, 8), .rex = true}},
	{M32, "cf", {OP(IRET, NONE, 4)}},
	{M64, "9c", {OP(PUSHF, NONE, 8)}},
	{M16, "66 9d", {OP(POPF, NONE, 4)}},
	{M64, "0f 01 38", {OP(INVLPG, RM, 1), .reg = 7, MEM(0, NONE, 0, 0)}},
	{M64, "66 0f 38 82 08", {OP(INVPCID, REG_RM, 8), .reg = 1, MEM(0, NONE, 0, 0)}},
	{M64, "0f 01 f0", {OP(LMSW, RM, 2), .reg = 6}},
	{M64, "0f 01 e1", {OP(SMSW, RM, 4), .reg = 4, .rm = 1}},
	{M64, "0f 01 10", {OP(LGDT, RM, 8), .reg = 2, MEM(0, NONE, 0, 0)}},
	{M16, "66 0f 01 16 34 12", {OP(LGDT, RM, 4), .reg = 2, MEM(NONE, NONE, 0, 0x1234)}},
	{M64, "0f 20 c0", {OP(MOV_FROM_CR, RM_REG, 8)}},
	{M64, "0f 22 d8", {OP(MOV_TO_CR, REG_RM, 8), .reg = 3}},
	{M64, "44 0f 22 c1", {OP(MOV_TO_CR, REG_RM, 8), .reg = 8, .rm = 1, .rex = true}},
	{M64, "41 0f 20 e7", {OP(MOV_FROM_CR, RM_REG, 8), .reg = 4, .rm = 15, .rex = true}},
	{M32, "0f 22 00", {OP(MOV_TO_CR, REG_RM, 4)}}, /* mod is ignored */
	{M32, "f0 0f 22 c0", {OP(MOV_TO_CR, REG_RM, 4), .reg = 8, .lock = true}},
	{M64, "0f 23 f8", {OP(MOV_TO_DR, REG_RM, 8), .reg = 7}},
	/* Ports. */
	{M64, "e4 60", {OP(IN, IMM, 1), .imm = 0x60}},
	{M64, "e5 f8", {OP(IN, IMM, 4), .imm = 0xf8}},
	{M64, "66 e7 80", {OP(OUT, IMM, 2), .imm = 0x80}},
	{M64, "48 ed", {OP(IN, NONE, 4), .rex = true}},
	{M16, "ef", {OP(OUT, NONE, 2)}},
	{M64, "ee", {OP(OUT, NONE, 1)}},
	{M64, "f3 6c", {OP(INS, NONE, 1), .rep = INSN_REP}},
	{M64, "f3 66 65 6f", {OP(OUTS, NONE, 2), .rep = INSN_REP, .seg = INSN_GS}},
	/* Data, as drivers use it. */
	{M64, "8b 07", {OP(MOV, REG_RM, 4), MEM(7, NONE, 0, 0)}},
	{M64, "89 87 b0 00 00 00", {OP(MOV, RM_REG, 4), MEM(7, NONE, 0, 0xb0), .mem_dst = true}},
	{M64,
	 "c7 04 25 b0 b0 5f ff 00 00 00 80",
	 {OP(MOV, RM_IMM, 4), MEM(NONE, NONE, 0, -0xa04f50), .imm = 0xffffffff80000000,
	  .mem_dst = true}},
	{M64,
	 "a1 88 77 66 55 44 33 22 11",
	 {OP(MOV, REG_RM, 4), MEM(NONE, NONE, 0, 0x1122334455667788)}},
	{M64,
	 "67 a2 88 77 66 85",
	 {OP(MOV, RM_REG, 1), MEM(NONE, NONE, 0, -0x7a998878), .addrsize = 4, .mem_dst = true}},
	{M64,
	 "48 b8 88 77 66 55 44 33 22 11",
	 {OP(MOV, RM_IMM, 8), .imm = 0x1122334455667788, .rex = true}},
	{M64, "8a 35 fc ff ff ff", {OP(MOV, REG_RM, 1), .reg = 6, MEM(INSN_REG_RIP, NONE, 0, -4)}},
	{M64,
	 "67 8b 05 04 00 00 00",
	 {OP(MOV, REG_RM, 4), MEM(INSN_REG_RIP, NONE, 0, 4), .addrsize = 4}},
	{M32, "8b 05 04 00 00 00", {OP(MOV, REG_RM, 4), MEM(NONE, NONE, 0, 4)}},
	{M64,
	 "4f 8b 6c f4 80",
	 {OP(MOV, REG_RM, 8), .reg = 13, MEM(12, 14, 3, -0x80), .rex = true}},
	{M64, "8b 04 24", {OP(MOV, REG_RM, 4), MEM(4, NONE, 0, 0), .seg = INSN_SS}},
	{M64, "65 8b 45 08", {OP(MOV, REG_RM, 4), MEM(5, NONE, 0, 8), .seg = INSN_GS}},
	{M64, "65 2e 8b 45 08", {OP(MOV, REG_RM, 4), MEM(5, NONE, 0, 8), .seg = INSN_GS}},
	{M64, "41 8b 45 00", {OP(MOV, REG_RM, 4), MEM(13, NONE, 0, 0), .rex = true}},
	{M64,
	 "41 8b 04 25 00 10 00 00",
	 {OP(MOV, REG_RM, 4), MEM(NONE, NONE, 0, 0x1000), .rex = true}},
	{M16, "8b 42 fe", {OP(MOV, REG_RM, 2), MEM(5, 6, 0, -2), .seg = INSN_SS}},
	{M16,
	 "26 88 1f",
	 {OP(MOV, RM_REG, 1), .reg = 3, MEM(3, NONE, 0, 0), .seg = INSN_ES, .mem_dst = true}},
	{M16, "67 66 8b 1c 88", {OP(MOV, REG_RM, 4), .reg = 3, MEM(0, 1, 2, 0), .addrsize = 4}},
	{M64,
	 "44 0f b6 40 03",
	 {OP(MOVZX, REG_RM, 4), .memsize = 1, .reg = 8, MEM(0, NONE, 0, 3), .rex = true}},
	{M64, "66 0f be 00", {OP(MOVSX, REG_RM, 2), .memsize = 1, MEM(0, NONE, 0, 0)}},
	{M64, "48 63 06", {OP(MOVSX, REG_RM, 8), .memsize = 4, MEM(6, NONE, 0, 0), .rex = true}},
	{M64, "0f c3 0e", {OP(MOVNTI, RM_REG, 4), .reg = 1, MEM(6, NONE, 0, 0), .mem_dst = true}},
	{M64, "0f 38 f1 0e", {OP(MOVBE, RM_REG, 4), .reg = 1, MEM(6, NONE, 0, 0), .mem_dst = true}},
	{M64,
	 "f0 83 08 ff",
	 {OP(OR, RM_IMM, 4), .reg = 1, MEM(0, NONE, 0, 0), .lock = true, .imm = ~(u64)0,
	  .mem_dst = true}},
	{M64, "39 03", {OP(CMP, RM_REG, 4), MEM(3, NONE, 0, 0)}},
	{M64, "f6 03 80", {OP(TEST, RM_IMM, 1), MEM(3, NONE, 0, 0), .imm = 0x80}},
	{M64, "f7 1b", {OP(NEG, RM, 4), .reg = 3, MEM(3, NONE, 0, 0), .mem_dst = true}},
	{M64,
	 "f0 0f b1 0f",
	 {OP(CMPXCHG, RM_REG, 4), .reg = 1, MEM(7, NONE, 0, 0), .lock = true, .mem_dst = true}},
	{M64,
	 "0f ba 2f 1f",
	 {OP(BTS, RM_IMM, 4), .reg = 5, MEM(7, NONE, 0, 0), .imm = 0x1f, .mem_dst = true}},
	{M64, "f3 48 ab", {OP(STOS, NONE, 8), .rep = INSN_REP, .rex = true}},
	{M64, "f2 f3 a4", {OP(MOVS, NONE, 1), .rep = INSN_REP}},
	{M64, "f3 f2 ae", {OP(SCAS, NONE, 1), .rep = INSN_REPNE}},
	{M32, "41", {OP(INC, RM, 4), .rm = 1}},
	{M64, "41 58", {OP(POP, RM, 8), .rm = 8, .rex = true}},
	{M64, "41 92", {OP(XCHG, RM_REG, 4), .rm = 10, .rex = true}},
	{M64, "48 66 8b 07", {OP(MOV, REG_RM, 2), MEM(7, NONE, 0, 0)}}, /* REX is not last */
	/* Lengths alone. */
	{M64, "66 e8 00 00", {.op = INSN_OTHER}},
	{M32, "9a 00 00 00 00 00 00", {.op = INSN_OTHER}},
	{M16, "ea 00 00 00 00", {.op = INSN_OTHER}},
	{M64, "c8 00 00 00", {.op = INSN_OTHER}},
	{M32, "c5 06", {.op = INSN_OTHER}},                /* LDS */
	{M32, "c5 f8 77", {.op = INSN_OTHER}},             /* VZEROUPPER */
	{M64, "c4 e3 fd 00 c1 4e", {.op = INSN_OTHER}},    /* VPERMQ */
	{M64, "62 f1 7c 48 10 40 01", {.op = INSN_OTHER}}, /* VMOVUPS zmm0, [rax+64] */
	{M64, "8f e8 78 c0 c0 01", {.op = INSN_OTHER}},    /* VPROTB imm */
	{M64, "66 0f 78 c0 01 02", {.op = INSN_OTHER}},    /* EXTRQ */
	{M64, "0f 0f c1 9e", {.op = INSN_OTHER}},          /* PFADD */
	{M64, "66 0f 3a 0f 00 01", {.op = INSN_OTHER}},    /* PALIGNR */
	{M64, "f7 d8", {OP(NEG, RM, 4), .reg = 3}},
	{M64, "66 66 66 66 66 66 66 66 66 66 66 66 66 0f a2", {.op = INSN_CPUID}},
};

static unsigned bytes_parse(const char *text, u8 *bytes)
{
	unsigned n = 0, value;
	int used;

	while (sscanf(text, "%2x%n", &value, &used) == 1) {
		bytes[n++] = (u8)value;
		text += used;
	}
	return n;
}

static struct insn example_complete(const struct example *e, unsigned len, const struct insn *got)
{
	struct insn want = e->want;

	want.len = (u8)len;
	want.mode = (u8)e->mode;
	if (!want.addrsize) {
		want.addrsize = (u8)(2 << e->mode);
	}
	if (!want.opsize) { /* not told: not of interest */
		want.opsize = got->opsize;
	}
	if (!want.memsize) {
		want.memsize = want.opsize;
	}
	if (want.seg == INSN_ES && strncmp(e->bytes, "26", 2) != 0) {
		want.seg = INSN_DS;
	}
	if (!want.has_mem) {
		want.base = want.index = INSN_REG_NONE;
	}
	if (want.op == INSN_OTHER || want.form == INSN_FORM_NONE) {
		/* Operands are not told. */
		want.has_mem = got->has_mem;
		want.reg = got->reg;
		want.rm = got->rm;
		want.base = got->base;
		want.index = got->index;
		want.disp = got->disp;
		want.imm = got->imm;
		want.rex = got->rex;
	}
	return want;
}

static void test_examples(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(examples); i++) {
		const struct example *e = &examples[i];
		u8 bytes[2 * INSN_LEN_MAX];
		unsigned n = bytes_parse(e->bytes, bytes);
		struct insn got, want;
		int error = insn_decode(bytes, n, e->mode, &got);

		if (error) {
			fail_msg("%d-bit %s: error %d", 16 << e->mode, e->bytes, error);
		}
		want = example_complete(e, n, &got);
		if (memcmp(&got, &want, sizeof(got)) != 0) {
			print_error("%d-bit %s\n", 16 << e->mode, e->bytes);
			assert_memory_equal(&got, &want, sizeof(got));
		}
	}
}

static void test_errors(void **state)
{
	static const struct {
		enum insn_mode mode;
		const char *bytes;
		int error;
	} errors[] = {
		{M64, "", -EAGAIN},
		{M64, "0f", -EAGAIN},
		{M64, "0f 01", -EAGAIN},
		{M64, "8b", -EAGAIN},
		{M64, "8b 04", -EAGAIN},
		{M64, "8b 80 00 00 00", -EAGAIN},
		{M64, "b8 00 00 00", -EAGAIN},
		{M64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66", -EAGAIN},
		{M64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66", -EINVAL},
		{M64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 0f a2", -EINVAL},
		{M64, "66 66 66 66 66 66 66 66 66 66 66 48 b8 00 00 00 00 00", -EINVAL},
		{M64, "f0 0f a2", -EINVAL}, /* LOCK without a memory destination */
		{M64, "f0 8b 00", -EINVAL},
		{M64, "f0 01 c0", -EINVAL},
		{M64, "f0 3b 00", -EINVAL},
		{M64, "f0 f6 00 01", -EINVAL},
		{M64, "06", -EINVAL}, /* PUSH ES */
		{M64, "82 c0 00", -EINVAL},
		{M64, "9a 00 00 00 00 00 00", -EINVAL},
		{M64, "0f 20 c8", -EINVAL},    /* CR1 */
		{M64, "44 0f 21 c0", -EINVAL}, /* DR8 */
		{M64, "f0 0f 20 d8", -EINVAL}, /* LOCK MOV CR3 */
		{M64, "0f 04", -EINVAL},
		{M64, "0f c3 c0", -EINVAL}, /* MOVNTI with a register */
		{M64, "fe f0", -EINVAL},
		{M64, "66 c5 f8 77", -EINVAL}, /* 66 before VEX */
		{M64, "40 c5 f8 77", -EINVAL},
		{M64, "8d c0", -EINVAL},
		{M32, "0f 01 f8", -EINVAL}, /* SWAPGS */
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(errors); i++) {
		u8 bytes[2 * INSN_LEN_MAX];
		unsigned n = bytes_parse(errors[i].bytes, bytes);
		struct insn got;
		int error = insn_decode(bytes, n, errors[i].mode, &got);

		if (error != errors[i].error) {
			fail_msg("%d-bit %s: %d", 16 << errors[i].mode, errors[i].bytes, error);
		}
	}
}

static u64 random_state;

static unsigned random_below(unsigned limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state >> 20) % limit;
}

static void random_fill(u8 *bytes)
{
	for (unsigned i = 0; i < INSN_LEN_MAX; i++) {
		bytes[i] = (u8)random_below(256);
	}
}

static void check_or_fail(const u8 *bytes, enum insn_mode mode)
{
	const char *wrong = oracle_check(bytes, mode);

	if (wrong) {
		fail_msg("%s", wrong);
	}
}

/* Every opcode of the four maps with every ModRM byte, under each mandatory prefix and REX.W. */
static void test_all_opcodes(void **state)
{
	static const u8 maps[][2] = {{0}, {0x0f}, {0x0f, 0x38}, {0x0f, 0x3a}};
	static const u8 prefixes[] = {0, 0x66, 0xf2, 0xf3, 0x48};

	(void)state;
	random_state = 0x5de39a4c1b2f7781;
	for (unsigned i = 0; i < 4 * 5 * 65536; i++) {
		const u8 *map = maps[i >> 16 & 3];
		u8 prefix = prefixes[i >> 18], bytes[INSN_LEN_MAX];
		unsigned n = 0;

		random_fill(bytes);
		if (prefix) {
			bytes[n++] = prefix;
		}
		for (unsigned k = 0; k < 2 && map[k]; k++) {
			bytes[n++] = map[k];
		}
		bytes[n++] = (u8)(i >> 8);
		bytes[n] = (u8)i;
		check_or_fail(bytes,
			      prefix == 0x48 ? INSN_MODE_64 : (enum insn_mode)random_below(3));
	}
}

/* Random bytes behind up to 14 random prefixes and an escape to some map. */
static void test_random(void **state)
{
	static const u8 prefixes[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x26, 0x2e, 0x36, 0x3e, 0x64,
				      0x65, 0x40, 0x41, 0x42, 0x44, 0x48, 0x4f, 0x66, 0xf3, 0xf0};
	static const u8 escapes[8][2] = {{0},    {0},          {0x0f},       {0x0f},
					 {0x0f}, {0x0f, 0x01}, {0x0f, 0x38}, {0xc4}};
	static const u8 vectors[] = {0xc4, 0xc5, 0x62, 0x8f};

	(void)state;
	random_state = 0x9e3779b97f4a7c15;
	for (unsigned i = 0; i < 2000000; i++) {
		const u8 *escape = escapes[random_below(8)];
		u8 bytes[INSN_LEN_MAX];
		unsigned n = 0;

		random_fill(bytes);
		while (n < 12 && random_below(5) < 2) {
			bytes[n++] = prefixes[random_below(ARRAY_SIZE(prefixes))];
		}
		if (escape[0] == 0xc4) {
			bytes[n] = vectors[random_below(4)];
		} else {
			for (unsigned k = 0; k < 2 && escape[k]; k++) {
				bytes[n++] = escape[k];
			}
		}
		check_or_fail(bytes, (enum insn_mode)random_below(3));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_all_opcodes),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
