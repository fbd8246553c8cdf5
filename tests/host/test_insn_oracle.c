// SPDX-License-Identifier: Apache-2.0
/*
 * Two rules. Whatever Zydis decodes, we decode, to the same length, and under the same name if
 * enum insn_op has one. Whatever we name, Zydis decodes, with the same operands. The exceptions
 * are in is_exempt(), one by one.
 */
#include "tests/host/test_insn_oracle.h"

#include <Zydis/Zydis.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct view {
	const u8 *bytes;
	struct insn ours;
	int error;
	bool valid; /* to Zydis */
	ZydisDecodedInstruction z;
	ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT];
};

#define M(a) ZYDIS_MNEMONIC_##a

/* Names that are the same; a size suffix makes several of one of ours. */
static const struct {
	ZydisMnemonic theirs;
	enum insn_op ours;
} names[] = {
	{M(CPUID), INSN_CPUID},
	{M(RDMSR), INSN_RDMSR},
	{M(WRMSR), INSN_WRMSR},
	{M(RDTSC), INSN_RDTSC},
	{M(RDTSCP), INSN_RDTSCP},
	{M(RDPMC), INSN_RDPMC},
	{M(RDPRU), INSN_RDPRU},
	{M(XGETBV), INSN_XGETBV},
	{M(XSETBV), INSN_XSETBV},
	{M(HLT), INSN_HLT},
	{M(PAUSE), INSN_PAUSE},
	{M(MONITOR), INSN_MONITOR},
	{M(MWAIT), INSN_MWAIT},
	{M(MONITORX), INSN_MONITORX},
	{M(MWAITX), INSN_MWAITX},
	{M(INVD), INSN_INVD},
	{M(WBINVD), INSN_WBINVD},
	{M(INVLPG), INSN_INVLPG},
	{M(INVLPGA), INSN_INVLPGA},
	{M(INVPCID), INSN_INVPCID},
	{M(CLTS), INSN_CLTS},
	{M(LMSW), INSN_LMSW},
	{M(SMSW), INSN_SMSW},
	{M(SGDT), INSN_SGDT},
	{M(SIDT), INSN_SIDT},
	{M(LGDT), INSN_LGDT},
	{M(LIDT), INSN_LIDT},
	{M(SLDT), INSN_SLDT},
	{M(STR), INSN_STR},
	{M(LLDT), INSN_LLDT},
	{M(LTR), INSN_LTR},
	{M(SWAPGS), INSN_SWAPGS},
	{M(CLI), INSN_CLI},
	{M(STI), INSN_STI},
	{M(PUSHF), INSN_PUSHF},
	{M(PUSHFD), INSN_PUSHF},
	{M(PUSHFQ), INSN_PUSHF},
	{M(POPF), INSN_POPF},
	{M(POPFD), INSN_POPF},
	{M(POPFQ), INSN_POPF},
	{M(IRET), INSN_IRET},
	{M(IRETD), INSN_IRET},
	{M(IRETQ), INSN_IRET},
	{M(INT), INSN_INT},
	{M(INT1), INSN_INT1},
	{M(INT3), INSN_INT3},
	{M(INTO), INSN_INTO},
	{M(RSM), INSN_RSM},
	{M(IN), INSN_IN},
	{M(OUT), INSN_OUT},
	{M(INSB), INSN_INS},
	{M(INSW), INSN_INS},
	{M(INSD), INSN_INS},
	{M(OUTSB), INSN_OUTS},
	{M(OUTSW), INSN_OUTS},
	{M(OUTSD), INSN_OUTS},
	{M(VMRUN), INSN_VMRUN},
	{M(VMMCALL), INSN_VMMCALL},
	{M(VMLOAD), INSN_VMLOAD},
	{M(VMSAVE), INSN_VMSAVE},
	{M(STGI), INSN_STGI},
	{M(CLGI), INSN_CLGI},
	{M(SKINIT), INSN_SKINIT},
	{M(VMCALL), INSN_VMCALL},
	{M(VMLAUNCH), INSN_VMLAUNCH},
	{M(VMRESUME), INSN_VMRESUME},
	{M(VMXOFF), INSN_VMXOFF},
	{M(VMXON), INSN_VMXON},
	{M(VMCLEAR), INSN_VMCLEAR},
	{M(VMPTRLD), INSN_VMPTRLD},
	{M(VMPTRST), INSN_VMPTRST},
	{M(VMREAD), INSN_VMREAD},
	{M(VMWRITE), INSN_VMWRITE},
	{M(INVEPT), INSN_INVEPT},
	{M(INVVPID), INSN_INVVPID},
	{M(ADD), INSN_ADD},
	{M(OR), INSN_OR},
	{M(ADC), INSN_ADC},
	{M(SBB), INSN_SBB},
	{M(AND), INSN_AND},
	{M(SUB), INSN_SUB},
	{M(XOR), INSN_XOR},
	{M(CMP), INSN_CMP},
	{M(TEST), INSN_TEST},
	{M(MOVZX), INSN_MOVZX},
	{M(MOVSX), INSN_MOVSX},
	{M(MOVSXD), INSN_MOVSX},
	{M(MOVBE), INSN_MOVBE},
	{M(MOVNTI), INSN_MOVNTI},
	{M(XCHG), INSN_XCHG},
	{M(XADD), INSN_XADD},
	{M(CMPXCHG), INSN_CMPXCHG},
	{M(INC), INSN_INC},
	{M(DEC), INSN_DEC},
	{M(NOT), INSN_NOT},
	{M(NEG), INSN_NEG},
	{M(BT), INSN_BT},
	{M(BTS), INSN_BTS},
	{M(BTR), INSN_BTR},
	{M(BTC), INSN_BTC},
	{M(MOVSB), INSN_MOVS},
	{M(MOVSW), INSN_MOVS},
	{M(MOVSQ), INSN_MOVS},
	{M(CMPSB), INSN_CMPS},
	{M(CMPSW), INSN_CMPS},
	{M(CMPSQ), INSN_CMPS},
	{M(STOSB), INSN_STOS},
	{M(STOSW), INSN_STOS},
	{M(STOSD), INSN_STOS},
	{M(STOSQ), INSN_STOS},
	{M(LODSB), INSN_LODS},
	{M(LODSW), INSN_LODS},
	{M(LODSD), INSN_LODS},
	{M(LODSQ), INSN_LODS},
	{M(SCASB), INSN_SCAS},
	{M(SCASW), INSN_SCAS},
	{M(SCASD), INSN_SCAS},
	{M(SCASQ), INSN_SCAS},
};

static bool is_register_class(const ZydisDecodedOperand *op, ZydisRegisterClass class)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       ZydisRegisterGetClass(op->reg.value) == class;
}

static enum insn_op name_of_mov(const struct view *v)
{
	for (unsigned i = 0; i < 2; i++) {
		if (is_register_class(&v->ops[i], ZYDIS_REGCLASS_SEGMENT) ||
		    is_register_class(&v->ops[i], ZYDIS_REGCLASS_TEST)) {
			return INSN_OTHER;
		}
		if (is_register_class(&v->ops[i], ZYDIS_REGCLASS_CONTROL)) {
			return i ? INSN_MOV_FROM_CR : INSN_MOV_TO_CR;
		}
		if (is_register_class(&v->ops[i], ZYDIS_REGCLASS_DEBUG)) {
			return i ? INSN_MOV_FROM_DR : INSN_MOV_TO_DR;
		}
	}
	return INSN_MOV;
}

/* Our name of what Zydis decoded. */
static enum insn_op name_of(const struct view *v)
{
	bool is_map_1 = v->z.opcode_map == ZYDIS_OPCODE_MAP_DEFAULT;

	switch ((int)v->z.mnemonic) {
	case M(MOV):
		return name_of_mov(v);
	case M(MOVSD): /* also SSE2's */
		return is_map_1 ? INSN_MOVS : INSN_OTHER;
	case M(CMPSD):
		return is_map_1 ? INSN_CMPS : INSN_OTHER;
	case M(PUSH):
	case M(POP):
		if (is_register_class(&v->ops[0], ZYDIS_REGCLASS_SEGMENT)) {
			return INSN_OTHER;
		}
		return v->z.mnemonic == M(PUSH) ? INSN_PUSH : INSN_POP;
	default:
		for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
			if (names[i].theirs == v->z.mnemonic) {
				return names[i].ours;
			}
		}
		return INSN_OTHER;
	}
}

/* General register @number of @size bytes, as Zydis names it. */
static ZydisRegister reg_expected(const struct insn *insn, unsigned number, unsigned size)
{
	static const ZydisRegisterClass classes[9] = {
		[2] = ZYDIS_REGCLASS_GPR16, [4] = ZYDIS_REGCLASS_GPR32, [8] = ZYDIS_REGCLASS_GPR64};

	if (size == 1) {
		/* AL..BL, AH..BH, SPL..DIL, R8B.. in Zydis's order */
		bool is_low = number < 4 || (!insn->rex && number < 8);

		return ZydisRegisterEncode(ZYDIS_REGCLASS_GPR8, (u8)(is_low ? number : number + 4));
	}
	return ZydisRegisterEncode(classes[size], (u8)number);
}

static bool is_reg(const struct insn *insn, const ZydisDecodedOperand *op, unsigned number,
		   unsigned size)
{
	return op->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       op->reg.value == reg_expected(insn, number, size);
}

static ZydisRegister addr_reg(const struct insn *insn, unsigned number)
{
	if (number == INSN_REG_NONE) {
		return ZYDIS_REGISTER_NONE;
	}
	if (number == INSN_REG_RIP) {
		return insn->addrsize == 8 ? ZYDIS_REGISTER_RIP : ZYDIS_REGISTER_EIP;
	}
	return reg_expected(insn, number, insn->addrsize);
}

/*
 * ModRM.mod 0 with SIB.base 5 means no base, whatever REX.B. Zydis 4.0.0 overlooks it for 32-bit
 * addresses and calls R13D the base, which the length belies: there is a 32-bit displacement.
 */
static bool is_sib_without_base(const struct view *v)
{
	return v->ours.addrsize == 4 && v->z.raw.modrm.mod == 0 && v->z.raw.modrm.rm == 4 &&
	       v->z.raw.sib.base == 5 && v->z.raw.rex.B && v->ours.base == INSN_REG_NONE;
}

/* MOVSXD r16, m16: Zydis reads 32 bits from memory, the SDM's entry of MOVSXD has 16. */
static bool is_movsxd_16(const struct view *v)
{
	return v->z.mnemonic == M(MOVSXD) && v->ours.opsize == 2;
}

static const char *mem_check(const struct view *v, const ZydisDecodedOperand *op)
{
	const struct insn *i = &v->ours;
	s64 disp = is_sib_without_base(v) ? v->z.raw.disp.value : op->mem.disp.value;
	u64 addr_mask = i->addrsize == 8 ? ~(u64)0 : ((u64)1 << (8 * i->addrsize)) - 1;

	if (op->type != ZYDIS_OPERAND_TYPE_MEMORY) {
		return "memory operand";
	}
	if (op->mem.segment != ZydisRegisterEncode(ZYDIS_REGCLASS_SEGMENT, i->seg)) {
		return "segment";
	}
	if (op->mem.base != addr_reg(i, i->base) && !is_sib_without_base(v)) {
		return "base";
	}
	if (op->mem.index != addr_reg(i, i->index)) {
		return "index";
	}
	if (i->index != INSN_REG_NONE && op->mem.scale != 1 << i->scale) {
		return "scale";
	}
	/* A moffs is not sign-extended by Zydis. */
	if (((u64)disp ^ (u64)i->disp) & addr_mask) {
		return "displacement";
	}
	return NULL;
}

static const char *rm_check(const struct view *v, const ZydisDecodedOperand *op)
{
	const struct insn *i = &v->ours;
	bool is_data = i->op >= INSN_ADD;
	bool is_written = op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE;

	if (!i->has_mem) {
		unsigned size = i->memsize;

		return is_reg(i, op, i->rm, size) ? NULL : "r/m register";
	}
	if (is_data && op->size != 8 * i->memsize && !is_movsxd_16(v)) {
		return "size of the memory operand";
	}
	if (is_written != i->mem_dst && i->op != INSN_INVLPG) {
		return "direction";
	}
	return mem_check(v, op);
}

static const char *reg_check(const struct view *v, const ZydisDecodedOperand *op)
{
	const struct insn *i = &v->ours;

	switch (i->op) {
	case INSN_MOV_TO_CR:
	case INSN_MOV_FROM_CR:
		return op->reg.value == ZydisRegisterEncode(ZYDIS_REGCLASS_CONTROL, i->reg)
			       ? NULL
			       : "control register";
	case INSN_MOV_TO_DR:
	case INSN_MOV_FROM_DR:
		return op->reg.value == ZydisRegisterEncode(ZYDIS_REGCLASS_DEBUG, i->reg)
			       ? NULL
			       : "debug register";
	default:
		return is_reg(i, op, i->reg, i->opsize) ? NULL : "register";
	}
}

static const char *imm_check(const struct view *v, const ZydisDecodedOperand *op)
{
	u8 size = v->ours.op == INSN_INT || v->ours.op == INSN_IN || v->ours.op == INSN_OUT
			  ? 8
			  : v->ours.opsize;
	u64 mask = size == 8 ? ~(u64)0 : ((u64)1 << (8 * size)) - 1;

	if (op->type != ZYDIS_OPERAND_TYPE_IMMEDIATE) {
		return "immediate operand";
	}
	return (op->imm.value.u ^ v->ours.imm) & mask ? "immediate" : NULL;
}

static const char *form_check(const struct view *v)
{
	const ZydisDecodedOperand *ops = v->ops;
	const char *wrong = NULL;
	bool is_swapped = v->ours.op == INSN_XCHG && !v->ours.has_mem && rm_check(v, &ops[0]);

	switch (v->ours.form) {
	case INSN_FORM_RM:
		return rm_check(v, &ops[0]);
	case INSN_FORM_RM_REG:
		wrong = rm_check(v, &ops[is_swapped]);
		return wrong ? wrong : reg_check(v, &ops[!is_swapped]);
	case INSN_FORM_REG_RM:
		wrong = reg_check(v, &ops[0]);
		return wrong ? wrong : rm_check(v, &ops[1]);
	case INSN_FORM_RM_IMM:
		wrong = rm_check(v, &ops[0]);
		return wrong ? wrong : imm_check(v, &ops[1]);
	case INSN_FORM_IMM:
		return imm_check(v, &ops[v->ours.op == INSN_IN]);
	case INSN_FORM_NONE:
	default:
		for (unsigned i = 0; i < v->z.operand_count; i++) {
			if (ops[i].type == ZYDIS_OPERAND_TYPE_IMMEDIATE) {
				return "immediate operand of the oracle's";
			}
		}
		return NULL;
	}
}

/* Implied operands of string operations and ports: sizes, and the segment of rSI. */
static const char *implied_check(const struct view *v)
{
	const struct insn *i = &v->ours;

	for (unsigned n = 0; n < v->z.operand_count; n++) {
		const ZydisDecodedOperand *op = &v->ops[n];

		if (op->type != ZYDIS_OPERAND_TYPE_MEMORY) {
			continue;
		}
		if (op->size != 8 * i->opsize) {
			return "size of the string operation";
		}
		if (op->mem.base == addr_reg(i, 6) &&
		    op->mem.segment != ZydisRegisterEncode(ZYDIS_REGCLASS_SEGMENT, i->seg)) {
			return "segment of rSI";
		}
	}
	return NULL;
}

static u8 rep_expected(const struct view *v)
{
	if (v->z.attributes & ZYDIS_ATTRIB_HAS_REPNE) {
		return INSN_REPNE;
	}
	return v->z.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE) ? INSN_REP : 0;
}

static bool is_string(u8 op)
{
	return op == INSN_INS || op == INSN_OUTS || op >= INSN_MOVS;
}

static bool has_opsize(u8 op)
{
	switch (op) {
	case INSN_PUSHF:
	case INSN_POPF:
	case INSN_IRET:
	case INSN_PUSH:
	case INSN_POP:
		return true;
	default:
		return false;
	}
}

/* Both decoded it, and we have a name. */
static const char *operands_check(const struct view *v)
{
	const struct insn *i = &v->ours;
	const char *wrong;

	if (i->addrsize * 8 != v->z.address_width) {
		return "address size";
	}
	if (i->lock != !!(v->z.attributes & ZYDIS_ATTRIB_HAS_LOCK)) {
		return "LOCK";
	}
	if (has_opsize(i->op) && i->opsize * 8 != v->z.operand_width) {
		return "operand size";
	}
	if (i->op == INSN_IN || i->op == INSN_OUT) {
		if (v->ops[i->op == INSN_IN ? 0 : 1].size != 8 * i->opsize) {
			return "size of port";
		}
		if (i->form == INSN_FORM_NONE &&
		    v->ops[i->op == INSN_IN].reg.value != ZYDIS_REGISTER_DX) {
			return "port DX";
		}
	}
	if (is_string(i->op)) {
		if (i->rep != rep_expected(v)) {
			return "REP";
		}
		wrong = implied_check(v);
		if (wrong) {
			return wrong;
		}
	}
	return form_check(v);
}

/* Where we differ from Zydis on purpose. */
static bool is_exempt(const struct view *v)
{
	if ((v->ours.op == INSN_MOV_TO_CR || v->ours.op == INSN_MOV_FROM_CR) && v->ours.lock) {
		return !v->error && v->ours.reg == 8 && !v->valid; /* AMD's AltMovCr8 */
	}
	switch ((int)v->z.mnemonic) {
	case M(JKZD): /* Knights Corner's: not x86-64 as others have it */
	case M(JKNZD):
		return v->valid;
	default:
		return v->valid && v->z.encoding == ZYDIS_INSTRUCTION_ENCODING_MVEX;
	}
}

static const char *view_check(const struct view *v)
{
	enum insn_op name;

	if (!v->valid) {
		return v->error || v->ours.op == INSN_OTHER ? NULL : "named, but invalid";
	}
	if (v->error) {
		return "refused, but valid";
	}
	if (v->ours.len != v->z.length) {
		return "length";
	}
	name = name_of(v);
	if (v->ours.op != name) {
		return "name";
	}
	return name == INSN_OTHER ? NULL : operands_check(v);
}

/* Fewer bytes than the instruction has: -EAGAIN, or an error known early. More: no change. */
static const char *truncation_check(const struct view *v)
{
	static u8 *exact; /* so that a byte past the end is past the heap block */
	struct insn again;

	exact = exact ? exact : malloc(INSN_LEN_MAX);
	for (unsigned n = 0; n < INSN_LEN_MAX; n++) {
		u8 *start = exact + INSN_LEN_MAX - n;
		int error;

		if (n > 2 && n + 1 < v->ours.len) {
			continue; /* the interesting ones: first bytes, and around the end */
		}
		memcpy(start, v->bytes, n);
		error = insn_decode(start, n, v->ours.mode, &again);
		if (v->error) {
			if (error != -EAGAIN && error != -EINVAL) {
				return "truncated, valid";
			}
		} else if (n < v->ours.len) {
			if (error != -EAGAIN) {
				return "truncated, not -EAGAIN";
			}
		} else if (error || memcmp(&again, &v->ours, sizeof(again)) != 0) {
			return "depends on the bytes that follow";
		} else {
			break;
		}
	}
	return NULL;
}

static void view_print(const struct view *v, const char *wrong)
{
	const struct insn *i = &v->ours;
	ZydisFormatter formatter;
	char text[128] = "invalid";

	ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_INTEL);
	if (v->valid) {
		ZydisFormatterFormatInstruction(&formatter, &v->z, v->ops,
						v->z.operand_count_visible, text, sizeof(text), 0,
						NULL);
	}
	fprintf(stderr, "%s: %d-bit", wrong, 16 << i->mode);
	for (unsigned n = 0; n < INSN_LEN_MAX; n++) {
		fprintf(stderr, " %02x", v->bytes[n]);
	}
	fprintf(stderr, "\n  oracle: %d bytes, %s\n", v->valid ? v->z.length : 0, text);
	fprintf(stderr,
		"  ours: error %d len %d op %d form %d opsize %d memsize %d addrsize %d rep %x lock %d "
		"rex %d mem %d dst %d reg %d rm %d seg %d base %d index %d scale %d disp %llx "
		"imm %llx\n",
		v->error, i->len, i->op, i->form, i->opsize, i->memsize, i->addrsize, i->rep,
		i->lock, i->rex, i->has_mem, i->mem_dst, i->reg, i->rm, i->seg, i->base, i->index,
		i->scale, (unsigned long long)i->disp, (unsigned long long)i->imm);
}

static const ZydisDecoder *decoder_get(enum insn_mode mode)
{
	static ZydisDecoder decoders[3];
	static bool is_ready;

	if (!is_ready) {
		ZydisDecoderInit(&decoders[0], ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
		ZydisDecoderInit(&decoders[1], ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
		ZydisDecoderInit(&decoders[2], ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
		for (unsigned i = 0; i < 3; i++) {
			ZydisDecoderEnableMode(&decoders[i], ZYDIS_DECODER_MODE_AMD_BRANCHES, 1);
		}
		is_ready = true;
	}
	return &decoders[mode];
}

const char *oracle_check(const u8 *bytes, enum insn_mode mode)
{
	static struct view v; /* too big for the stack */
	const char *wrong;

	v.bytes = bytes;
	memset(&v.ours, 0, sizeof(v.ours));
	v.error = insn_decode(bytes, INSN_LEN_MAX, mode, &v.ours);
	v.ours.mode = (u8)mode;
	v.valid = ZYAN_SUCCESS(
		ZydisDecoderDecodeFull(decoder_get(mode), bytes, INSN_LEN_MAX, &v.z, v.ops));
	wrong = is_exempt(&v) ? NULL : view_check(&v);
	wrong = wrong ? wrong : truncation_check(&v);
	if (wrong) {
		view_print(&v, wrong);
	}
	return wrong;
}
