// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/insn.h"

#include "mm/bits.h"

/* Fields that all groups share. */
#define W_SIZE   GENMASK(31, 30) /* opc in pairs and literals */
#define W_V      BIT(26)
#define W_OPC    GENMASK(23, 22)
#define W_LOAD   BIT(22)
#define W_BIT21  BIT(21)
#define W_RM     GENMASK(20, 16) /* Rs in atomics */
#define W_RT2    GENMASK(14, 10)
#define W_RN     GENMASK(9, 5)
#define W_RT     GENMASK(4, 0)
#define W_IMM12  GENMASK(21, 10)
#define W_IMM9   GENMASK(20, 12)
#define W_IMM7   GENMASK(21, 15)
#define W_IMM19  GENMASK(23, 5)
#define W_OPTION GENMASK(15, 13)
#define W_S      BIT(12)

#define DC_ZVA      0xd50b7420u
#define DC_ZVA_MASK 0xffffffe0u

static unsigned field(u32 word, u64 mask)
{
	return (unsigned)FIELD_GET(mask, word);
}

/* A signed field of @bits bits, times 2^@shift. */
static s32 offset_of(unsigned val, unsigned bits, unsigned shift)
{
	u32 sign = 1u << (bits - 1);

	return (s32)((val ^ sign) - sign) * (s32)(1u << shift);
}

static void set_kind(struct insn *out, enum insn_kind kind)
{
	out->kind = (u8)kind;
}

static enum insn_kind load_or_store(bool store)
{
	return store ? INSN_STORE : INSN_LOAD;
}

/*
 * size and opc of all single-register forms: opc 0 stores, 1 loads, 2 loads signed to 64 bits or,
 * for 8 bytes, prefetches, 3 loads signed to 32. With V, opc 2 and 3 are the 16-byte forms.
 */
static void single(u32 word, struct insn *out)
{
	unsigned size = field(word, W_SIZE), opc = field(word, W_OPC);

	out->size = (u8)(1 << size);
	out->store = opc == 0;
	if (word & W_V) {
		if (opc >= 2) {
			out->size = 16;
			out->store = opc == 2;
		}
		set_kind(out, opc < 2 || size == 0 ? INSN_SIMD : INSN_OTHER);
		return;
	}
	out->sign = opc >= 2;
	out->sf = opc < 2 ? size == 3 : opc == 2;
	if (opc == 3 && size >= 2) {
		set_kind(out, INSN_OTHER);
	} else if (opc == 2 && size == 3) {
		set_kind(out, INSN_PREFETCH);
		out->size = 0;
	} else {
		set_kind(out, load_or_store(out->store));
	}
}

/* log2 of the bytes of an access, that scales its offset. */
static unsigned scale_of(const struct insn *out, u32 word)
{
	return out->size == 16 ? 4 : field(word, W_SIZE);
}

/* Write-back into a register that is transferred: CONSTRAINED UNPREDICTABLE. */
static void check_writeback(struct insn *out)
{
	bool transfers = out->rt == out->rn || out->rt2 == out->rn;

	if (out->writeback && out->rn != 31 && transfers && out->kind != INSN_SIMD &&
	    out->kind != INSN_OTHER) {
		set_kind(out, INSN_UNPREDICTABLE);
	}
}

/* "Load/store register": unscaled, immediate pre- and post-indexed, unprivileged. */
static void register_imm9(u32 word, struct insn *out)
{
	unsigned form = field(word, GENMASK(11, 10));

	single(word, out);
	out->offset = offset_of(field(word, W_IMM9), 9, 0);
	if (form == 1) {
		out->writeback = INSN_POST_INDEX;
	} else if (form == 3) {
		out->writeback = INSN_PRE_INDEX;
	}
	/* There is no indexed or unprivileged prefetch, and no unprivileged SIMD. */
	if ((form != 0 && out->kind == INSN_PREFETCH) || (form == 2 && (word & W_V))) {
		set_kind(out, INSN_OTHER);
	}
	check_writeback(out);
}

static void register_offset(u32 word, struct insn *out)
{
	single(word, out);
	out->rm = (u8)field(word, W_RM);
	out->extend = (u8)field(word, W_OPTION);
	out->shift = word & W_S ? (u8)scale_of(out, word) : 0;
	if (!(out->extend & 2)) {
		set_kind(out, INSN_OTHER);
	}
}

/* "Atomic memory operations": o3 and opc in bits 15 to 12; LDAPR is among them, and LS64. */
static void atomic(u32 word, struct insn *out)
{
	unsigned op = field(word, GENMASK(15, 12));
	bool a = word & BIT(23), r = word & BIT(22);

	out->size = (u8)(1 << field(word, W_SIZE));
	if (op <= 8) { /* LDADD to LDUMIN, SWP */
		set_kind(out, word & W_V ? INSN_OTHER : INSN_ATOMIC);
		out->store = true;
	} else if (op == 0xc && a && !r && !(word & W_V) && field(word, W_RM) == 31) {
		set_kind(out, INSN_LOAD);
		out->sf = out->size == 8;
	}
}

/* Bits 29 to 27 are 7: one register, most addressing modes. */
static void decode_register(u32 word, struct insn *out)
{
	if (word & BIT(24)) {
		if (!(word & BIT(25))) {
			single(word, out);
			out->offset = (s32)(field(word, W_IMM12) << scale_of(out, word));
		}
		return;
	}
	if (word & BIT(25)) {
		return;
	}
	if (!(word & W_BIT21)) {
		register_imm9(word, out);
		return;
	}
	switch (field(word, GENMASK(11, 10))) {
	case 0:
		atomic(word, out);
		break;
	case 2:
		register_offset(word, out);
		break;
	default: /* LDRAA, LDRAB */
		break;
	}
}

/* Kind and size of a pair by opc, V and L; INSN_OTHER where there is none. */
static void pair_kind(u32 word, bool non_temporal, struct insn *out)
{
	unsigned opc = field(word, W_SIZE);

	out->store = !(word & W_LOAD);
	if (opc == 3) {
		return;
	}
	if (word & W_V) {
		out->size = (u8)(4 << opc);
		set_kind(out, INSN_SIMD);
		return;
	}
	out->size = opc == 2 ? 8 : 4;
	out->sf = opc != 0;
	out->sign = opc == 1;
	if (opc == 1 && (out->store || non_temporal)) {
		return; /* STGP stores tags, too */
	}
	set_kind(out, out->store ? INSN_STORE_PAIR : INSN_LOAD_PAIR);
}

/* Bits 29 to 27 are 5. */
static void decode_pair(u32 word, struct insn *out)
{
	unsigned form = field(word, GENMASK(24, 23));

	if (word & BIT(25)) {
		return;
	}
	pair_kind(word, form == 0, out);
	out->rt2 = (u8)field(word, W_RT2);
	out->offset = offset_of(field(word, W_IMM7), 7, (unsigned)__builtin_ctz(out->size | 16u));
	if (form == 1) {
		out->writeback = INSN_POST_INDEX;
	} else if (form == 3) {
		out->writeback = INSN_PRE_INDEX;
	}
	if (out->kind == INSN_LOAD_PAIR && out->rt == out->rt2) {
		set_kind(out, INSN_UNPREDICTABLE);
	}
	check_writeback(out);
}

/* "Load register (literal)". */
static void literal(u32 word, struct insn *out)
{
	unsigned opc = field(word, W_SIZE);

	out->rn = INSN_REG_PC;
	out->offset = offset_of(field(word, W_IMM19), 19, 2);
	if (word & W_V) {
		out->size = (u8)(4 << opc);
		set_kind(out, opc == 3 ? INSN_OTHER : INSN_SIMD);
	} else if (opc == 3) {
		set_kind(out, INSN_PREFETCH);
	} else {
		set_kind(out, INSN_LOAD);
		out->size = opc == 1 ? 8 : 4;
		out->sf = opc != 0;
		out->sign = opc == 2;
	}
}

/* Bits 29 to 27 are 3: literals; LDAPUR and STLUR ("LDAPR/STLR (unscaled immediate)"). */
static void decode_literal(u32 word, struct insn *out)
{
	unsigned form = field(word, GENMASK(25, 24));

	if (form == 0) {
		literal(word, out);
	} else if (form == 1 && !(word & (W_V | W_BIT21 | GENMASK(11, 10)))) {
		single(word, out);
		out->offset = offset_of(field(word, W_IMM9), 9, 0);
		if (out->kind == INSN_PREFETCH) {
			set_kind(out, INSN_OTHER);
		}
	}
}

/*
 * "Load/store exclusive", "ordered", "compare and swap": by o2, o1, bits 23 and 21. Should-be-one
 * bits are ignored; in CAS and CASP the field of Rt2 is what tells them from others.
 */
static void exclusive(u32 word, struct insn *out)
{
	bool o2 = word & BIT(23), o1 = word & W_BIT21;
	unsigned size = field(word, W_SIZE);
	bool casp = !o2 && o1 && size < 2;

	out->size = (u8)(casp ? 4 << size : 1 << size);
	out->store = !(word & W_LOAD);
	if (o2 && !o1) { /* STLLR, STLR, LDLAR, LDAR */
		out->sf = size == 3;
		set_kind(out, load_or_store(out->store));
		return;
	}
	set_kind(out, INSN_ATOMIC);
	if (casp || o2) {
		out->store = true;
		if (field(word, W_RT2) != 31) {
			set_kind(out, INSN_OTHER);
		}
	}
	if (casp && ((field(word, W_RM) | field(word, W_RT)) & 1)) {
		set_kind(out, INSN_OTHER);
	}
}

/* "Advanced SIMD load/store multiple structures", bits 15 to 12; and with size 3, Q 0. */
static bool multiple_exists(u32 word)
{
	static const u16 allocated = 1 << 0 | 1 << 2 | 1 << 4 | 1 << 6 | 1 << 7 | 1 << 8 | 1 << 10;
	unsigned opcode = field(word, GENMASK(15, 12));
	bool interleaves = opcode == 0 || opcode == 4 || opcode == 8;
	bool narrow_d = field(word, GENMASK(11, 10)) == 3 && !(word & BIT(30));

	return (allocated >> opcode & 1) && !(word & W_BIT21) && !(interleaves && narrow_d);
}

/* "... single structure": opcode, S, size. */
static bool single_exists(u32 word)
{
	unsigned size = field(word, GENMASK(11, 10));
	bool s = word & W_S;

	switch (field(word, GENMASK(15, 14))) {
	case 0:
		return true;
	case 1:
		return !(size & 1);
	case 2:
		return size == 0 || (size == 1 && !s);
	default:
		return (word & W_LOAD) && !s;
	}
}

/* Bits 29 to 27 are 1. */
static void decode_exclusive(u32 word, struct insn *out)
{
	bool post = word & BIT(23);

	if (!(word & W_V)) {
		if (!(word & GENMASK(25, 24))) {
			exclusive(word, out);
		}
		return;
	}
	if ((word & (BIT(31) | BIT(25))) || (!post && (word & W_RM))) {
		return;
	}
	out->store = !(word & W_LOAD);
	if (word & BIT(24) ? single_exists(word) : multiple_exists(word)) {
		set_kind(out, INSN_SIMD);
	}
}

void insn_decode(u32 word, struct insn *out)
{
	*out = (struct insn){
		.kind = INSN_OTHER,
		.rt = (u8)field(word, W_RT),
		.rt2 = INSN_REG_NONE,
		.rn = (u8)field(word, W_RN),
		.rm = INSN_REG_NONE,
	};
	if ((word & DC_ZVA_MASK) == DC_ZVA) {
		set_kind(out, INSN_ZVA);
		out->store = true;
		return;
	}
	switch (field(word, GENMASK(29, 27))) {
	case 1:
		decode_exclusive(word, out);
		break;
	case 3:
		decode_literal(word, out);
		break;
	case 5:
		decode_pair(word, out);
		break;
	case 7:
		decode_register(word, out);
		break;
	default:
		break;
	}
}

u64 insn_address(const struct insn *insn, u64 base, u64 index)
{
	u64 addr = base;

	if (insn->writeback != INSN_POST_INDEX) {
		addr += (u64)(s64)insn->offset;
	}
	if (insn->rm == INSN_REG_NONE) {
		return addr;
	}
	if (insn->extend == INSN_UXTW) {
		index = (u32)index;
	} else if (insn->extend == INSN_SXTW) {
		index = (u64)(s64)(s32)(u32)index;
	}
	return addr + (index << insn->shift);
}

u64 insn_base_after(const struct insn *insn, u64 base)
{
	return base + (u64)(s64)insn->offset;
}

u64 insn_load_value(const struct insn *insn, u64 raw)
{
	unsigned bits = insn->size * 8u;
	u64 sign;

	if (bits == 0 || bits >= 64) {
		return raw;
	}
	raw &= BIT(bits) - 1;
	if (insn->sign) {
		sign = BIT(bits - 1);
		raw = (raw ^ sign) - sign;
	}
	return insn->sf ? raw : raw & GENMASK(31, 0);
}
