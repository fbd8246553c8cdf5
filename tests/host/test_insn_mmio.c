// SPDX-License-Identifier: Apache-2.0
/*
 * The MMIO executor against the CPU that runs the test: random instructions on random registers
 * run natively in an arena and through insn_mmio_exec() on a copy of it; registers, flags and
 * memory must come out the same. What a 64-bit user process cannot run, by example.
 */
#define _GNU_SOURCE
#include "arch/x86/insn_mmio.h"
#include "mm/bits.h"

#include <cpuid.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#define FLAG_CF   BIT(0)
#define FLAG_AF   BIT(4)
#define FLAG_DF   BIT(10)
#define FLAGS_ALU (FLAG_CF | BIT(2) | FLAG_AF | BIT(6) | BIT(7) | BIT(11))

#define MEM_SIZE 0x2000
#define MEM_MID  (MEM_SIZE / 2)

/* Below 4 GiB, so that 32-bit addressing reaches it. Code and state are on pages of their own. */
struct arena {
	u8 code[4096];
	u64 gpr[16];
	u64 flags;
	u8 pad[4096 - 17 * 8];
	u8 mem[MEM_SIZE];
};

static struct arena *arena;
static u8 shadow[MEM_SIZE]; /* the executor's copy of arena->mem */

static u64 random_state = 0x2545f4914f6cdd1d;

static u64 random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state * 0x9e3779b97f4a7c15;
}

static unsigned random_below(unsigned limit)
{
	return (unsigned)(random_u64() >> 33) % limit;
}

/* Operands where carries and signs happen more often than in random numbers. */
static u64 random_operand(void)
{
	static const u64 corners[] = {0,
				      1,
				      0x7f,
				      0x80,
				      0x7fff,
				      0x8000,
				      0x7fffffff,
				      0x80000000,
				      0x7fffffffffffffff,
				      0x8000000000000000,
				      ~(u64)0};

	return random_below(4) ? random_u64() : corners[random_below(ARRAY_SIZE(corners))];
}

/* Memory accesses of the executor. @fail_at counts down to an access that faults. */
struct device {
	unsigned fail_at;
	unsigned accesses;
};

static u8 *shadow_at(struct device *d, u64 linear, unsigned size)
{
	u64 offset = linear - (u64)(uintptr_t)arena->mem;

	if (offset > MEM_SIZE - size) {
		print_error("access outside the arena: %llx\n", (unsigned long long)linear);
		return NULL;
	}
	return ++d->accesses == d->fail_at ? NULL : shadow + offset;
}

static int device_read(void *ctx, u64 linear, unsigned size, u64 *val)
{
	const u8 *p = shadow_at(ctx, linear, size);

	if (!p) {
		return -1;
	}
	*val = random_u64(); /* what is above @size does not count */
	memcpy(val, p, size);
	return 0;
}

static int device_write(void *ctx, u64 linear, unsigned size, u64 val)
{
	u8 *p = shadow_at(ctx, linear, size);

	if (!p) {
		return -1;
	}
	memcpy(p, &val, size);
	return 0;
}

static const struct insn_mem_ops device_ops = {.read = device_read, .write = device_write};

static u8 *emit(u8 *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

/* An instruction with a RIP-relative operand: @head, then the distance to @target. */
static u8 *emit_rip(u8 *p, const u8 *head, size_t n, const void *target)
{
	s32 disp;

	p = emit(p, head, n);
	disp = (s32)((const u8 *)target - (p + 4));
	return emit(p, &disp, sizeof(disp));
}

/* MOV between the state's registers and the CPU's, all but RSP. @opcode: 8B loads, 89 stores. */
static u8 *emit_gprs(u8 *p, u8 opcode)
{
	for (unsigned i = 0; i < 16; i++) {
		u8 head[3] = {i & 8 ? 0x4c : 0x48, opcode, (u8)((i & 7) << 3 | 5)};

		if (i != 4) {
			p = emit_rip(p, head, sizeof(head), &arena->gpr[i]);
		}
	}
	return p;
}

#define CODE_INSN 256 /* where in the arena the instruction under test lies */

/* The code before and after @bytes, the instruction under test. */
static void code_build(const u8 *bytes, unsigned len)
{
	static const u8 save[] = {0x53, 0x55, 0x41, 0x54, 0x41, 0x55, 0x41, 0x56, 0x41, 0x57};
	static const u8 restore[] = {0x41, 0x5f, 0x41, 0x5e, 0x41, 0x5d,
				     0x41, 0x5c, 0x5d, 0x5b, 0xfc, 0xc3}; /* with CLD and RET */
	static const u8 push_flags[] = {0xff, 0x35}, pop_flags[] = {0x8f, 0x05};
	static const u8 popf = 0x9d, pushf = 0x9c, nop = 0x90;
	u8 *p = emit(arena->code, save, sizeof(save));

	p = emit_rip(p, push_flags, 2, &arena->flags);
	p = emit(p, &popf, 1);
	p = emit_gprs(p, 0x8b);
	assert_true(p <= arena->code + CODE_INSN);
	while (p < arena->code + CODE_INSN) {
		p = emit(p, &nop, 1);
	}
	p = emit(p, bytes, len);
	p = emit_gprs(p, 0x89);
	p = emit(p, &pushf, 1);
	p = emit_rip(p, pop_flags, 2, &arena->flags);
	emit(p, restore, sizeof(restore));
}

static void code_run(void)
{
	void (*f)(void);
	u8 *code = arena->code;

	memcpy(&f, &code, sizeof(f));
	f();
}

/* Put @disp where the instruction has its displacement of 4 or 8 bytes. */
static bool disp_patch(u8 *bytes, struct insn *insn, u64 disp, unsigned size)
{
	for (unsigned i = 1; i + size <= insn->len; i++) {
		if (memcmp(bytes + i, &insn->disp, size) == 0) {
			memcpy(bytes + i, &disp, size);
			return insn_decode(bytes, INSN_LEN_MAX, INSN_MODE_64, insn) == 0;
		}
	}
	return false;
}

/* All of @insn after its opcode A0..A3 is the address. */
static bool is_moffs(const u8 *bytes, const struct insn *insn)
{
	unsigned opcode = insn->len - insn->addrsize - 1u;

	return opcode < insn->len && (bytes[opcode] & 0xfc) == 0xa0 &&
	       memcmp(bytes + opcode + 1, &insn->disp, insn->addrsize) == 0;
}

/*
 * Choose registers, or the displacement, so that the memory operand lies in the arena. Returns
 * false if this instruction cannot be tried: then another is.
 */
static bool operand_place(u8 *bytes, struct insn *insn, struct insn_regs *regs)
{
	u64 target = (u64)(uintptr_t)arena->mem + MEM_MID + random_below(512) - 256, offset;

	if (insn->base == 4 || (insn->base != INSN_REG_NONE && insn->base == insn->index)) {
		return false;
	}
	if (insn->base == INSN_REG_RIP) {
		return disp_patch(bytes, insn, target - (regs->rip + insn->len), 4);
	}
	if (insn->base == INSN_REG_NONE && insn->index == INSN_REG_NONE) {
		/* A moffs, or the 32-bit displacement of a ModRM or SIB byte. */
		return disp_patch(bytes, insn, target, is_moffs(bytes, insn) ? insn->addrsize : 4);
	}
	if (insn->base == INSN_REG_NONE) {
		return false;
	}
	offset = (u64)insn->disp;
	if (insn->index != INSN_REG_NONE) {
		offset += regs->gpr[insn->index] << insn->scale;
	}
	regs->gpr[insn->base] = target - offset;
	if (insn->addrsize == 4) {
		regs->gpr[insn->base] ^= random_u64() << 32; /* ignored */
	}
	return true;
}

static void string_place(const struct insn *insn, struct insn_regs *regs)
{
	u64 middle = (u64)(uintptr_t)arena->mem + MEM_MID, junk = 0, count = random_below(12);

	if (insn->addrsize == 4) {
		junk = random_u64() << 32;
		count += !count; /* of 0, Intel's clear upper halves of registers */
	}
	regs->gpr[6] = (middle + random_below(64)) ^ junk;
	regs->gpr[7] = (middle + random_below(64)) ^ junk;
	regs->gpr[1] = count ^ junk;
	if (random_below(2)) {
		regs->rflags |= FLAG_DF;
	}
}

static bool is_string(const struct insn *insn)
{
	return insn->op >= INSN_MOVS;
}

static bool is_bit(const struct insn *insn)
{
	return insn->op >= INSN_BT && insn->op <= INSN_BTC;
}

static bool cpu_has_movbe(void)
{
	unsigned eax, ebx, ecx, edx;

	return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && ecx & bit_MOVBE;
}

/* An instruction for which the executor is, that a user process may run in the arena. */
static bool is_testable(const struct insn *insn)
{
	if (insn->op < INSN_ADD || insn->op == INSN_PUSH || insn->op == INSN_POP) {
		return false;
	}
	if (insn->op == INSN_MOVBE && !cpu_has_movbe()) {
		return false;
	}
	if (insn->addrsize == 2 || (insn->seg == INSN_FS)) {
		return false;
	}
	if (insn->op == INSN_MOVSX && insn->memsize == 2 && insn->opsize == 2) {
		return false; /* MOVSXD r16: vendors differ in what they read */
	}
	/* RSP is the test's own. SPL would be in reach with REX. */
	if (insn->has_mem && insn->reg == 4 && (insn->opsize > 1 || insn->rex)) {
		return false;
	}
	return insn->has_mem || is_string(insn);
}

/* Opcodes of the executor's instructions; a two- or three-byte map is told by 0F00 and 0F3800. */
static const u32 opcodes[] = {
	0x00,   0x01,   0x02,   0x03,   0x08,   0x09,   0x0a,   0x0b,   0x10,     0x11,
	0x12,   0x13,   0x18,   0x19,   0x1a,   0x1b,   0x20,   0x21,   0x22,     0x23,
	0x28,   0x29,   0x2a,   0x2b,   0x30,   0x31,   0x32,   0x33,   0x38,     0x39,
	0x3a,   0x3b,   0x63,   0x80,   0x81,   0x83,   0x84,   0x85,   0x86,     0x87,
	0x88,   0x89,   0x8a,   0x8b,   0xa0,   0xa1,   0xa2,   0xa3,   0xa4,     0xa5,
	0xa6,   0xa7,   0xaa,   0xab,   0xac,   0xad,   0xae,   0xaf,   0xc6,     0xc7,
	0xf6,   0xf7,   0xfe,   0xff,   0x0fa3, 0x0fab, 0x0fb0, 0x0fb1, 0x0fb3,   0x0fb6,
	0x0fb7, 0x0fba, 0x0fbb, 0x0fbe, 0x0fbf, 0x0fc0, 0x0fc1, 0x0fc3, 0x0f38f0, 0x0f38f1};

static void bytes_choose(u8 *bytes)
{
	static const u8 prefixes[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x65, 0x66};
	u32 opcode = opcodes[random_below(ARRAY_SIZE(opcodes))];
	unsigned n = 0;

	for (unsigned i = 0; i < INSN_LEN_MAX; i++) {
		bytes[i] = (u8)random_u64();
	}
	while (n < 3 && random_below(3) == 0) {
		bytes[n++] = prefixes[random_below(ARRAY_SIZE(prefixes))];
	}
	if (random_below(2)) {
		bytes[n++] = (u8)(0x40 + random_below(16));
	}
	for (int shift = 16; shift >= 0; shift -= 8) {
		if (opcode >> shift || shift == 0) {
			bytes[n++] = (u8)(opcode >> shift);
		}
	}
}

/* Choose an instruction and registers that it can run with. */
static void case_choose(u8 *bytes, struct insn *insn, struct insn_regs *regs)
{
	for (;;) {
		bytes_choose(bytes);
		if (insn_decode(bytes, INSN_LEN_MAX, INSN_MODE_64, insn) || !is_testable(insn)) {
			continue;
		}
		memset(regs, 0, sizeof(*regs));
		for (unsigned i = 0; i < 16; i++) {
			regs->gpr[i] = random_operand();
		}
		regs->gpr[4] = 0;
		regs->rip = (u64)(uintptr_t)arena->code + CODE_INSN;
		regs->rflags = (random_u64() & FLAGS_ALU) | 0x202;
		if (is_bit(insn)) { /* the bit number stays within the arena */
			regs->gpr[insn->reg] = random_u64() % 0x8000 - 0x4000;
		}
		if (is_string(insn)) {
			string_place(insn, regs);
			return;
		}
		if (operand_place(bytes, insn, regs) &&
		    !(is_bit(insn) && insn->form == INSN_FORM_RM_REG &&
		      (insn->base == insn->reg || insn->index == insn->reg))) {
			return;
		}
	}
}

/* The flags that the architecture defines after @insn. */
static u64 flags_defined(const struct insn *insn)
{
	switch (insn->op) {
	case INSN_AND:
	case INSN_OR:
	case INSN_XOR:
	case INSN_TEST:
		return ~(u64)FLAG_AF;
	case INSN_BT:
	case INSN_BTS:
	case INSN_BTR:
	case INSN_BTC:
		return ~(u64)(FLAGS_ALU & ~FLAG_CF);
	default:
		return ~(u64)0;
	}
}

static void case_print(const u8 *bytes, const struct insn *insn)
{
	print_error("op %d form %d opsize %d:", insn->op, insn->form, insn->opsize);
	for (unsigned i = 0; i < insn->len; i++) {
		print_error(" %02x", bytes[i]);
	}
	print_error("\n");
}

/* An access that fails must leave every register; the memory is restored for the next try. */
static void faults_check(const struct insn *insn, const struct insn_regs *before)
{
	u8 saved[64];
	unsigned middle = MEM_MID - sizeof(saved) / 2;

	memcpy(saved, shadow + middle, sizeof(saved));
	for (unsigned fail_at = 1; fail_at <= 2; fail_at++) {
		struct device d = {.fail_at = fail_at};
		struct insn_regs regs = *before;

		if (insn_mmio_exec(insn, &regs, &device_ops, &d) == INSN_FAULT) {
			assert_memory_equal(&regs, before, sizeof(regs));
		} else {
			assert_true(d.accesses < fail_at);
			memcpy(shadow, arena->mem, MEM_SIZE);
		}
	}
}

static void case_check(const u8 *bytes, const struct insn *insn, struct insn_regs *regs)
{
	struct device d = {0};
	enum insn_result result;
	unsigned iterations = 0;
	u64 rip = regs->rip + insn->len;

	memcpy(arena->gpr, regs->gpr, sizeof(arena->gpr));
	arena->flags = regs->rflags;
	faults_check(insn, regs);
	do {
		result = insn_mmio_exec(insn, regs, &device_ops, &d);
	} while (result == INSN_REPEAT && ++iterations < 100);
	code_build(bytes, insn->len);
	code_run();
	if (result == INSN_DONE && regs->rip == rip &&
	    memcmp(regs->gpr, arena->gpr, sizeof(arena->gpr)) == 0 &&
	    ((regs->rflags ^ arena->flags) & flags_defined(insn)) == 0 &&
	    memcmp(shadow, arena->mem, MEM_SIZE) == 0) {
		return;
	}
	case_print(bytes, insn);
	print_error("result %d, rflags %llx, the CPU's %llx\n", result,
		    (unsigned long long)regs->rflags, (unsigned long long)arena->flags);
	assert_memory_equal(regs->gpr, arena->gpr, sizeof(arena->gpr));
	assert_memory_equal(shadow, arena->mem, MEM_SIZE);
	fail_msg("result, rip or flags");
}

static void test_native(void **state)
{
	static unsigned seen[INSN_OP_COUNT];

	(void)state;
	for (unsigned i = 0; i < MEM_SIZE; i++) {
		arena->mem[i] = (u8)random_u64();
	}
	memcpy(shadow, arena->mem, MEM_SIZE);
	for (unsigned i = 0; i < 150000; i++) {
		u8 bytes[INSN_LEN_MAX];
		struct insn_regs regs;
		struct insn insn;
		u64 operand = random_operand();

		/* Corner values in memory, too. */
		memcpy(arena->mem + MEM_MID + random_below(512) - 256, &operand, sizeof(operand));
		memcpy(shadow + MEM_MID - 256, arena->mem + MEM_MID - 256, 520);
		case_choose(bytes, &insn, &regs);
		seen[insn.op]++;
		case_check(bytes, &insn, &regs);
	}
	for (unsigned op = INSN_ADD; op < INSN_OP_COUNT; op++) {
		if (op != INSN_PUSH && op != INSN_POP && op != INSN_MOVBE && seen[op] < 100) {
			fail_msg("op %u has been tried %u times only", op, seen[op]);
		}
	}
}

static void insn_of(const char *hex, enum insn_mode mode, struct insn *insn)
{
	u8 bytes[INSN_LEN_MAX];
	unsigned n = 0, value;

	for (; sscanf(hex, "%2x", &value) == 1; hex += 2) {
		bytes[n++] = (u8)value;
	}
	assert_int_equal(insn_decode(bytes, n, mode, insn), 0);
	assert_int_equal(insn->len, n);
}

static void test_linear(void **state)
{
	static const struct {
		enum insn_mode mode;
		const char *hex;
		u64 want;
	} cases[] = {
		{INSN_MODE_64, "8b07", 0x7000000007},                 /* [rdi] */
		{INSN_MODE_64, "678b07", 0x7},                        /* [edi] */
		{INSN_MODE_64, "658b07", 0x60007000000007},           /* gs:[rdi] */
		{INSN_MODE_64, "648b0425f0ffffff", 0x4ffffffffffff0}, /* fs:[-16] */
		{INSN_MODE_64, "8b05f0ffffff", 0xfffff6},             /* [rip-16] */
		{INSN_MODE_64, "678b05f0ffffff", 0xfffff7},           /* [eip-16] */
		{INSN_MODE_64, "c70500000000ffffffff", 0x100000a}, /* [rip], behind the immediate */
		{INSN_MODE_64, "8b84cf00010000", 0xf00000010f},    /* [rdi+rcx*8+256] */
		{INSN_MODE_32, "8b07", 0x30000007},                /* ds */
		{INSN_MODE_32, "8b4500", 0x20000005},              /* ss:[ebp] */
		{INSN_MODE_32, "268b80ffffffff", 0xfffffff},       /* es:[eax-1], 32-bit wrap */
		{INSN_MODE_16, "8b00", 0x3000000a},                /* [bx+si] */
		{INSN_MODE_16, "8b42f0", 0x2000fffb}, /* ss:[bp+si-16] wraps at 64 KiB */
		{INSN_MODE_16, "a13412", 0x30001234},
		{INSN_MODE_16, "678b07", 0x30000007},
	};
	struct insn_regs regs = {.rip = 0x1000000};

	(void)state;
	for (unsigned i = 0; i < 16; i++) {
		regs.gpr[i] = (u64)i << 36 | i;
	}
	regs.gpr[3] = 4;
	regs.seg_base[INSN_ES] = 0x10000000;
	regs.seg_base[INSN_SS] = 0x20000000;
	regs.seg_base[INSN_DS] = 0x30000000;
	regs.seg_base[INSN_FS] = 0x50000000000000;
	regs.seg_base[INSN_GS] = 0x60000000000000;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct insn insn;

		insn_of(cases[i].hex, cases[i].mode, &insn);
		if (insn_linear(&insn, &regs) != cases[i].want) {
			fail_msg("%s: %llx", cases[i].hex,
				 (unsigned long long)insn_linear(&insn, &regs));
		}
	}
}

/* One device register, which remembers the last access. */
struct one {
	u64 linear, val;
	unsigned size, reads, writes;
};

static int one_read(void *ctx, u64 linear, unsigned size, u64 *val)
{
	struct one *o = ctx;

	o->linear = linear;
	o->size = size;
	o->reads++;
	*val = o->val;
	return 0;
}

static int one_write(void *ctx, u64 linear, unsigned size, u64 val)
{
	struct one *o = ctx;

	o->linear = linear;
	o->size = size;
	o->writes++;
	o->val = val;
	return 0;
}

static const struct insn_mem_ops one_ops = {.read = one_read, .write = one_write};

/* What insn_mmio_exec() makes of @hex; to be followed by a look at the registers. */
static enum insn_result one_exec(const char *hex, enum insn_mode mode, struct insn_regs *regs,
				 struct one *o)
{
	struct insn insn;

	insn_of(hex, mode, &insn);
	return insn_mmio_exec(&insn, regs, &one_ops, o);
}

/* Each access is of the operand's size, and stores are not preceded by a read. */
static void test_accesses(void **state)
{
	static const struct {
		const char *hex;
		unsigned size, reads, writes;
	} cases[] = {
		{"8b07", 4, 1, 0},     {"8907", 4, 0, 1},     {"480fb707", 2, 1, 0},
		{"488907", 8, 0, 1},   {"c60701", 1, 0, 1},   {"66c7070100", 2, 0, 1},
		{"830f01", 4, 1, 1},   {"8307ff", 4, 1, 1},   {"833f01", 4, 1, 0},
		{"f60701", 1, 1, 0},   {"8707", 4, 1, 1},     {"0fb10f", 4, 1, 1},
		{"0fba2f03", 4, 1, 1}, {"0fba2703", 4, 1, 0}, {"0307", 4, 1, 0},
		{"48630f", 4, 1, 0},   {"0fc307", 4, 0, 1},   {"aa", 1, 0, 1},
		{"48ad", 8, 1, 0},
	};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
		struct insn_regs regs = {.gpr = {[7] = 0xfee000b0}};
		struct one o = {0};

		assert_int_equal(one_exec(cases[i].hex, INSN_MODE_64, &regs, &o), INSN_DONE);
		assert_int_equal(o.size, cases[i].size);
		assert_int_equal(o.reads, cases[i].reads);
		assert_int_equal(o.writes, cases[i].writes);
		assert_int_equal(2 * regs.rip, strlen(cases[i].hex));
	}
}

static void test_strings_16_and_32(void **state)
{
	struct insn_regs regs = {.gpr = {[0] = 0xaabbccdd, [1] = 0x10002, [7] = 0x1fffe}};
	struct one o = {0};

	(void)state;
	regs.rip = 0x100;
	regs.seg_base[INSN_ES] = 0xb8000;
	assert_int_equal(one_exec("f3ab", INSN_MODE_16, &regs, &o), INSN_REPEAT);
	assert_int_equal(o.linear, 0xb8000 + 0xfffe);
	assert_int_equal(o.val, 0xccdd);
	assert_int_equal(regs.gpr[1], 0x10001);
	assert_int_equal(regs.gpr[7], 0x10000);
	assert_int_equal(regs.rip, 0x100);
	assert_int_equal(one_exec("f3ab", INSN_MODE_16, &regs, &o), INSN_DONE);
	assert_int_equal(regs.gpr[1], 0x10000);
	assert_int_equal(regs.gpr[7], 0x10002);
	assert_int_equal(regs.rip, 0x102);
	assert_int_equal(o.writes, 2);
	/* A count of zero accesses nothing. */
	assert_int_equal(one_exec("f3ab", INSN_MODE_16, &regs, &o), INSN_DONE);
	assert_int_equal(regs.rip, 0x104);
	assert_int_equal(o.writes, 2);
	/* 32-bit code, source segment overridden, backwards; eip wraps. */
	regs.rflags = FLAG_DF;
	regs.rip = 0xffffffff;
	regs.gpr[6] = 0x1000;
	regs.seg_base[INSN_GS] = 0x20000;
	assert_int_equal(one_exec("65ad", INSN_MODE_32, &regs, &o), INSN_DONE);
	assert_int_equal(o.linear, 0x21000);
	assert_int_equal(regs.gpr[6], 0xffc);
	assert_int_equal(regs.rip, 1);
}

static void test_unsupported(void **state)
{
	/* CPUID, PUSH [rdi], POP [rdi], register forms, INS, LEA, SHL [rdi], MOVUPS, CMPXCHG8B */
	static const char *const hexes[] = {"0fa2", "ff37",   "8f07",   "89c0",   "01c8",  "6d",
					    "8d07", "d127",   "0f1007", "0fc70f", "90",    "e460",
					    "50",   "0f01d9", "0fb6c0", "0f0117", "0f013f"};

	(void)state;
	for (unsigned i = 0; i < ARRAY_SIZE(hexes); i++) {
		struct insn_regs regs = {.rip = 5}, before = regs;
		struct one o = {0};

		assert_int_equal(one_exec(hexes[i], INSN_MODE_64, &regs, &o), INSN_UNSUPPORTED);
		assert_int_equal(o.reads + o.writes, 0);
		assert_memory_equal(&regs, &before, sizeof(regs));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native),      cmocka_unit_test(test_linear),
		cmocka_unit_test(test_accesses),    cmocka_unit_test(test_strings_16_and_32),
		cmocka_unit_test(test_unsupported),
	};

	arena = mmap(NULL, sizeof(*arena), PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (arena == MAP_FAILED) {
		perror("mmap");
		return 1;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
