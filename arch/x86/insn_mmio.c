// SPDX-License-Identifier: Apache-2.0
/*
 * Executor of data instructions on emulated devices: read, compute with the architected flags,
 * write, and only then change registers, so that a failed access leaves nothing to undo.
 *
 * Flags that the manuals leave undefined: AF of AND, OR, XOR and TEST is 0; BT and its kin change
 * CF alone. AMD64 Architecture Programmer's Manual volume 3, "General-Purpose Instruction
 * Reference".
 */
#include "arch/x86/insn_mmio.h"
#include "mm/bits.h"

#define FLAG_CF   BIT(0)
#define FLAG_PF   BIT(2)
#define FLAG_AF   BIT(4)
#define FLAG_ZF   BIT(6)
#define FLAG_SF   BIT(7)
#define FLAG_DF   BIT(10)
#define FLAG_OF   BIT(11)
#define FLAGS_ALU (FLAG_CF | FLAG_PF | FLAG_AF | FLAG_ZF | FLAG_SF | FLAG_OF)

enum { RAX = 0, RCX = 1, RSI = 6, RDI = 7 };

/* One execution: the caller's parameters and the memory operand. */
struct exec {
	const struct insn *insn;
	struct insn_regs *regs;
	const struct insn_mem_ops *ops;
	void *ctx;
	u64 linear;
};

static u64 size_mask(unsigned size)
{
	return ~(u64)0 >> (64 - 8 * size);
}

static u64 sign_extend(u64 v, unsigned size)
{
	unsigned shift = 64 - 8 * size;

	return (u64)((s64)(v << shift) >> shift);
}

static bool is_high_byte(const struct insn *insn, unsigned number, unsigned size)
{
	return size == 1 && !insn->rex && number >= 4 && number < 8;
}

static u64 gpr_read(const struct exec *x, unsigned number, unsigned size)
{
	if (is_high_byte(x->insn, number, size)) {
		return x->regs->gpr[number - 4] >> 8 & 0xff;
	}
	return x->regs->gpr[number] & size_mask(size);
}

/* 4 bytes clear the upper half; 1 and 2 leave the rest. */
static void gpr_write(const struct exec *x, unsigned number, unsigned size, u64 v)
{
	u64 *gpr = x->regs->gpr;

	if (is_high_byte(x->insn, number, size)) {
		gpr[number - 4] = (gpr[number - 4] & ~(u64)0xff00) | (v & 0xff) << 8;
	} else if (size >= 4) {
		gpr[number] = v & size_mask(size);
	} else {
		gpr[number] = (gpr[number] & ~size_mask(size)) | (v & size_mask(size));
	}
}

/* In 64-bit mode only FS and GS have bases; elsewhere linear addresses have 32 bits. */
static u64 linear_of(const struct insn *insn, const struct insn_regs *regs, unsigned seg,
		     u64 offset)
{
	offset &= size_mask(insn->addrsize);
	if (insn->mode != INSN_MODE_64) {
		return (regs->seg_base[seg] + offset) & 0xffffffff;
	}
	return seg >= INSN_FS ? regs->seg_base[seg] + offset : offset;
}

static u64 offset_of(const struct insn *insn, const struct insn_regs *regs)
{
	u64 offset = (u64)insn->disp;

	if (insn->base == INSN_REG_RIP) {
		offset += regs->rip + insn->len;
	} else if (insn->base != INSN_REG_NONE) {
		offset += regs->gpr[insn->base];
	}
	if (insn->index != INSN_REG_NONE) {
		offset += regs->gpr[insn->index] << insn->scale;
	}
	return offset;
}

u64 insn_linear(const struct insn *insn, const struct insn_regs *regs)
{
	return linear_of(insn, regs, insn->seg, offset_of(insn, regs));
}

u64 insn_linear_si(const struct insn *insn, const struct insn_regs *regs)
{
	return linear_of(insn, regs, insn->seg, regs->gpr[RSI]);
}

u64 insn_linear_di(const struct insn *insn, const struct insn_regs *regs)
{
	return linear_of(insn, regs, INSN_ES, regs->gpr[RDI]);
}

static bool mem_read(const struct exec *x, u64 linear, unsigned size, u64 *v)
{
	if (x->ops->read(x->ctx, linear, size, v)) {
		return false;
	}
	*v &= size_mask(size);
	return true;
}

static bool mem_write(const struct exec *x, u64 linear, unsigned size, u64 v)
{
	return x->ops->write(x->ctx, linear, size, v & size_mask(size)) == 0;
}

static u64 flags_of_result(u64 result, unsigned size)
{
	u64 flags = 0;

	result &= size_mask(size);
	if (result == 0) {
		flags |= FLAG_ZF;
	}
	if (result >> (8 * size - 1)) {
		flags |= FLAG_SF;
	}
	if (!__builtin_parityll(result & 0xff)) {
		flags |= FLAG_PF;
	}
	return flags;
}

/* @carries: bit i is the carry, or borrow, out of bit i. */
static u64 flags_of_carries(u64 carries, unsigned size)
{
	unsigned top = 8 * size - 1;
	u64 flags = 0;

	if (carries >> top & 1) {
		flags |= FLAG_CF;
	}
	if ((carries >> top ^ carries >> (top - 1)) & 1) {
		flags |= FLAG_OF;
	}
	if (carries >> 3 & 1) {
		flags |= FLAG_AF;
	}
	return flags;
}

/* @a op @b of @size bytes, for INSN_ADD to INSN_TEST. *@flags: in, CF; out, FLAGS_ALU's bits. */
static u64 alu(unsigned op, unsigned size, u64 a, u64 b, u64 *flags)
{
	u64 carry = *flags & FLAG_CF, carries = 0, result;

	switch (op) {
	case INSN_ADD:
	case INSN_ADC:
		result = a + b + (op == INSN_ADC ? carry : 0);
		carries = (a & b) | ((a | b) & ~result);
		break;
	case INSN_SUB:
	case INSN_SBB:
	case INSN_CMP:
		result = a - b - (op == INSN_SBB ? carry : 0);
		carries = (~a & b) | ((~a | b) & result);
		break;
	case INSN_OR:
		result = a | b;
		break;
	case INSN_XOR:
		result = a ^ b;
		break;
	case INSN_AND:
	case INSN_TEST:
	default:
		result = a & b;
		break;
	}
	*flags = flags_of_result(result, size) | flags_of_carries(carries, size);
	return result;
}

static void flags_set(const struct exec *x, u64 mask, u64 flags)
{
	x->regs->rflags = (x->regs->rflags & ~mask) | (flags & mask);
}

/* The operand that is not rm: register or immediate. */
static u64 source_read(const struct exec *x)
{
	const struct insn *insn = x->insn;

	if (insn->form == INSN_FORM_RM_IMM) {
		return insn->imm & size_mask(insn->opsize);
	}
	return gpr_read(x, insn->reg, insn->opsize);
}

/* MOV, MOVNTI, MOVBE, MOVZX, MOVSX. */
static enum insn_result exec_move(const struct exec *x)
{
	const struct insn *insn = x->insn;
	unsigned unswap = 64 - 8 * (unsigned)insn->opsize;
	u64 v;

	if (insn->mem_dst) {
		v = source_read(x);
		if (insn->op == INSN_MOVBE) {
			v = __builtin_bswap64(v) >> unswap;
		}
		return mem_write(x, x->linear, insn->opsize, v) ? INSN_DONE : INSN_FAULT;
	}
	if (!mem_read(x, x->linear, insn->memsize, &v)) {
		return INSN_FAULT;
	}
	if (insn->op == INSN_MOVBE) {
		v = __builtin_bswap64(v) >> unswap;
	} else if (insn->op == INSN_MOVSX) {
		v = sign_extend(v, insn->memsize);
	}
	gpr_write(x, insn->reg, insn->opsize, v);
	return INSN_DONE;
}

/* ADD to TEST, memory as destination or source. */
static enum insn_result exec_alu(const struct exec *x)
{
	const struct insn *insn = x->insn;
	u64 flags = x->regs->rflags, mem, result;

	if (!mem_read(x, x->linear, insn->opsize, &mem)) {
		return INSN_FAULT;
	}
	if (insn->form == INSN_FORM_REG_RM) {
		result = alu(insn->op, insn->opsize, source_read(x), mem, &flags);
		if (insn->op != INSN_CMP) {
			gpr_write(x, insn->reg, insn->opsize, result);
		}
	} else {
		result = alu(insn->op, insn->opsize, mem, source_read(x), &flags);
		if (insn->mem_dst && !mem_write(x, x->linear, insn->opsize, result)) {
			return INSN_FAULT;
		}
	}
	flags_set(x, FLAGS_ALU, flags);
	return INSN_DONE;
}

/* INC, DEC, NOT, NEG. */
static enum insn_result exec_unary(const struct exec *x)
{
	unsigned size = x->insn->opsize;
	u64 flags = 0, mem, result, changed = FLAGS_ALU;

	if (!mem_read(x, x->linear, size, &mem)) {
		return INSN_FAULT;
	}
	switch (x->insn->op) {
	case INSN_INC:
		result = alu(INSN_ADD, size, mem, 1, &flags);
		changed &= ~FLAG_CF;
		break;
	case INSN_DEC:
		result = alu(INSN_SUB, size, mem, 1, &flags);
		changed &= ~FLAG_CF;
		break;
	case INSN_NEG:
		result = alu(INSN_SUB, size, 0, mem, &flags);
		break;
	case INSN_NOT:
	default:
		result = ~mem;
		changed = 0;
		break;
	}
	if (!mem_write(x, x->linear, size, result)) {
		return INSN_FAULT;
	}
	flags_set(x, changed, flags);
	return INSN_DONE;
}

/* XCHG, XADD, CMPXCHG: memory and a register, both may change. */
static enum insn_result exec_exchange(const struct exec *x)
{
	const struct insn *insn = x->insn;
	unsigned size = insn->opsize;
	u64 reg = gpr_read(x, insn->reg, size), flags = 0, mem, written = reg;

	if (!mem_read(x, x->linear, size, &mem)) {
		return INSN_FAULT;
	}
	if (insn->op == INSN_XADD) {
		written = alu(INSN_ADD, size, mem, reg, &flags);
	} else if (insn->op == INSN_CMPXCHG) {
		(void)alu(INSN_CMP, size, gpr_read(x, RAX, size), mem, &flags);
		written = flags & FLAG_ZF ? reg : mem; /* the CPU writes either way */
	}
	if (!mem_write(x, x->linear, size, written)) {
		return INSN_FAULT;
	}
	if (insn->op != INSN_XCHG) {
		flags_set(x, FLAGS_ALU, flags);
	}
	if (insn->op != INSN_CMPXCHG) {
		gpr_write(x, insn->reg, size, mem);
	} else if (!(flags & FLAG_ZF)) {
		gpr_write(x, RAX, size, mem);
	}
	return INSN_DONE;
}

/* BT, BTS, BTR, BTC. A register bit number is signed and reaches beyond the operand. */
static enum insn_result exec_bit(const struct exec *x)
{
	const struct insn *insn = x->insn;
	unsigned size = insn->opsize;
	u64 number = source_read(x), bit = BIT(number & (8 * size - 1)), linear = x->linear, mem;

	if (insn->form == INSN_FORM_RM_REG) {
		s64 unit = (s64)sign_extend(number, size) >> (3 + __builtin_ctz(size));

		linear = linear_of(insn, x->regs, insn->seg,
				   offset_of(insn, x->regs) + (u64)unit * size);
	}
	if (!mem_read(x, linear, size, &mem)) {
		return INSN_FAULT;
	}
	if (insn->mem_dst) {
		u64 written = insn->op == INSN_BTS   ? mem | bit
			      : insn->op == INSN_BTR ? mem & ~bit
						     : mem ^ bit;

		if (!mem_write(x, linear, size, written)) {
			return INSN_FAULT;
		}
	}
	flags_set(x, FLAG_CF, mem & bit ? FLAG_CF : 0);
	return INSN_DONE;
}

/* The accesses of one iteration. SCAS and CMPS leave their flags in *@flags. */
static bool string_access(const struct exec *x, u64 *flags)
{
	const struct insn *insn = x->insn;
	unsigned size = insn->opsize;
	u64 si = insn_linear_si(insn, x->regs), di = insn_linear_di(insn, x->regs), a, b;

	switch (insn->op) {
	case INSN_MOVS:
		return mem_read(x, si, size, &a) && mem_write(x, di, size, a);
	case INSN_STOS:
		return mem_write(x, di, size, gpr_read(x, RAX, size));
	case INSN_LODS:
		if (!mem_read(x, si, size, &a)) {
			return false;
		}
		gpr_write(x, RAX, size, a);
		return true;
	case INSN_CMPS:
		if (!mem_read(x, si, size, &a) || !mem_read(x, di, size, &b)) {
			return false;
		}
		break;
	case INSN_SCAS:
	default:
		a = gpr_read(x, RAX, size);
		if (!mem_read(x, di, size, &b)) {
			return false;
		}
		break;
	}
	(void)alu(INSN_CMP, size, a, b, flags);
	return true;
}

static void index_step(const struct exec *x, unsigned number)
{
	u64 step = x->insn->opsize;

	if (x->regs->rflags & FLAG_DF) {
		step = -step;
	}
	gpr_write(x, number, x->insn->addrsize, x->regs->gpr[number] + step);
}

/* MOVS, STOS, LODS, CMPS, SCAS: one iteration. */
static enum insn_result exec_string(const struct exec *x)
{
	const struct insn *insn = x->insn;
	bool is_compare = insn->op == INSN_CMPS || insn->op == INSN_SCAS;
	u64 count = x->regs->gpr[RCX] & size_mask(insn->addrsize), flags = 0;

	if (insn->rep && count == 0) {
		return INSN_DONE;
	}
	if (!string_access(x, &flags)) {
		return INSN_FAULT;
	}
	if (is_compare) {
		flags_set(x, FLAGS_ALU, flags);
	}
	if (insn->op != INSN_STOS && insn->op != INSN_SCAS) {
		index_step(x, RSI);
	}
	if (insn->op != INSN_LODS) {
		index_step(x, RDI);
	}
	if (!insn->rep) {
		return INSN_DONE;
	}
	gpr_write(x, RCX, insn->addrsize, --count);
	if (is_compare && !(flags & FLAG_ZF) == (insn->rep == INSN_REP)) {
		return INSN_DONE; /* REPE goes on while ZF is 1, REPNE while it is 0 */
	}
	return count ? INSN_REPEAT : INSN_DONE;
}

static enum insn_result exec_by_op(const struct exec *x)
{
	switch (x->insn->op) {
	case INSN_MOV:
	case INSN_MOVZX:
	case INSN_MOVSX:
	case INSN_MOVBE:
	case INSN_MOVNTI:
		return exec_move(x);
	case INSN_ADD:
	case INSN_OR:
	case INSN_ADC:
	case INSN_SBB:
	case INSN_AND:
	case INSN_SUB:
	case INSN_XOR:
	case INSN_CMP:
	case INSN_TEST:
		return exec_alu(x);
	case INSN_INC:
	case INSN_DEC:
	case INSN_NOT:
	case INSN_NEG:
		return exec_unary(x);
	case INSN_XCHG:
	case INSN_XADD:
	case INSN_CMPXCHG:
		return exec_exchange(x);
	case INSN_BT:
	case INSN_BTS:
	case INSN_BTR:
	case INSN_BTC:
		return exec_bit(x);
	default:
		return INSN_UNSUPPORTED;
	}
}

static bool is_string(const struct insn *insn)
{
	return insn->op >= INSN_MOVS && insn->op <= INSN_SCAS;
}

enum insn_result insn_mmio_exec(const struct insn *insn, struct insn_regs *regs,
				const struct insn_mem_ops *ops, void *ctx)
{
	struct exec x = {.insn = insn, .regs = regs, .ops = ops, .ctx = ctx};
	enum insn_result result;

	if (insn->has_mem) {
		x.linear = insn_linear(insn, regs);
		result = exec_by_op(&x);
	} else {
		result = is_string(insn) ? exec_string(&x) : INSN_UNSUPPORTED;
	}
	if (result == INSN_DONE) {
		u64 next = regs->rip + insn->len;

		regs->rip = insn->mode == INSN_MODE_64 ? next : next & 0xffffffff;
	}
	return result;
}
