// SPDX-License-Identifier: Apache-2.0
/*
 * The decoder proper: prefixes, then a row of a table by opcode, then ModRM and immediates as the
 * row says. Tables hold what is regular; select_*() what depends on prefixes or the ModRM byte.
 *
 * AMD64 Architecture Programmer's Manual volume 3, "Instruction Encoding"; Intel SDM volume 2,
 * "Instruction Format".
 */
#include "arch/x86/insn.h"
#include "arch/x86/insn_table.h"

#include <errno.h>
#include <string.h>

static const struct insn_row row_bad;
static const struct insn_row row_plain = PLAIN;
static const struct insn_row row_modrm = MODRM;
static const struct insn_row row_modrm_imm8 = MODRM_IMM(B);
static const struct insn_row row_modrm_imm32 = MODRM_IMM(D);
static const struct insn_row row_modrm_extrq = MODRM_IMM(BB);
static const struct insn_row row_arpl = MODRM;
static const struct insn_row row_movsxd = ROW_EXT(MOVSX, 4, F_MODRM);
static const struct insn_row row_movsxd_16 = ROW_EXT(MOVSX, 2, F_MODRM);
static const struct insn_row row_pause = SYSTEM(PAUSE);
static const struct insn_row row_xchg = ROW(XCHG, RM_REG, V, NONE, F_OPREG);
static const struct insn_row row_bound = ROW(OTHER, NONE, V, NONE, F_MODRM | F_MEM);
static const struct insn_row row_les = ROW(OTHER, NONE, V, NONE, F_MODRM | F_MEM);
static const struct insn_row row_vmread = ROW(VMREAD, RM_REG, F64, NONE, F_MODRM | F_WR);
static const struct insn_row row_vmwrite = ROW(VMWRITE, REG_RM, F64, NONE, F_MODRM);
static const struct insn_row row_vmclear = ROW(VMCLEAR, RM, F64, NONE, F_MODRM);
static const struct insn_row row_vmxon = ROW(VMXON, RM, F64, NONE, F_MODRM);

/* 0F 38 80..82: INVEPT, INVVPID, INVPCID. */
static const struct insn_row rows_0f38_80[3] = {
	ROW(INVEPT, REG_RM, F64, NONE, F_MODRM | F_MEM | F_P66),
	ROW(INVVPID, REG_RM, F64, NONE, F_MODRM | F_MEM | F_P66),
	ROW(INVPCID, REG_RM, F64, NONE, F_MODRM | F_MEM | F_P66),
};
/* 0F 38 F0..F1; with F2 they are CRC32. */
static const struct insn_row rows_0f38_f0[2] = {
	ROW(MOVBE, REG_RM, V, NONE, F_MODRM | F_MEM | F_NF),
	ROW(MOVBE, RM_REG, V, NONE, F_MODRM | F_MEM | F_WR | F_NF),
};

struct cursor {
	const u8 *bytes;
	unsigned pos, limit; /* limit <= INSN_LEN_MAX */
	u8 mode;
	u8 rex; /* 0x40..0x4f or 0 */
	u8 seg; /* override or SEG_NONE */
	u8 opcode;
	bool opsize, addrsize; /* 66, 67 */
};

#define SEG_NONE 0xff
#define CR_EXIST 0x11du /* CR0, 2, 3, 4, 8 */
/* An instruction without memory operand and overrides. */
#define TEMPLATE_COMMON .seg = INSN_DS, .base = INSN_REG_NONE, .index = INSN_REG_NONE
#define REX_W           8
#define REX_R           4
#define REX_X           2
#define REX_B           1

/* The register number made of a 3-bit field and its REX bit. */
static u8 reg_number(unsigned field, unsigned rex, unsigned bit)
{
	return (u8)((field & 7) | (rex & bit ? 8 : 0));
}

/* The next byte, or -1 at the end. */
static inline int byte_next(struct cursor *c)
{
	return c->pos < c->limit ? c->bytes[c->pos++] : -1;
}

/* The byte at @ahead after the next one, not consumed, or -1. */
static inline int byte_peek(const struct cursor *c, unsigned ahead)
{
	return c->pos + ahead < c->limit ? c->bytes[c->pos + ahead] : -1;
}

/* What running out of bytes means. */
static int end_error(const struct cursor *c)
{
	return c->limit < INSN_LEN_MAX ? -EAGAIN : -EINVAL;
}

static void prefix_apply(struct cursor *c, struct insn *out, u8 b)
{
	switch (b) {
	case 0x66:
		c->opsize = true;
		break;
	case 0x67:
		c->addrsize = true;
		break;
	case 0xf0:
		out->lock = true;
		break;
	case INSN_REPNE:
	case INSN_REP:
		out->rep = b;
		break;
	case 0x64:
	case 0x65:
		c->seg = (u8)(b - 0x64 + INSN_FS);
		break;
	default: /* 26, 2E, 36, 3E; in 64-bit mode they change nothing, not even an FS before */
		if (c->mode != INSN_MODE_64) {
			c->seg = (b >> 3) & 3;
		}
		break;
	}
}

/* Consume prefixes. Returns the opcode's first byte, or -1. */
static int prefixes_scan(struct cursor *c, struct insn *out)
{
	for (;;) {
		int b = byte_next(c);

		if (b < 0) {
			return b;
		}
		if (insn_map_1[b].flags & F_PREFIX) {
			c->rex = 0; /* REX counts only right before the opcode */
			prefix_apply(c, out, (u8)b);
		} else if (c->mode == INSN_MODE_64 && (b & 0xf0) == 0x40) {
			c->rex = (u8)b;
		} else {
			return b;
		}
	}
}

/* The row of VEX map @map (1 to 3). Opcode at byte_peek(0). */
static const struct insn_row *select_vex_map(struct cursor *c, unsigned map)
{
	int opcode = byte_next(c);

	if (opcode < 0) {
		return NULL;
	}
	if (map == 3) {
		return &row_modrm_imm8;
	}
	if (map == 1) {
		if (opcode == 0x77) {
			return &row_plain;
		}
		if ((opcode >= 0x70 && opcode <= 0x73) || opcode == 0xc2 ||
		    (opcode >= 0xc4 && opcode <= 0xc6)) {
			return &row_modrm_imm8;
		}
	}
	return &row_modrm;
}

/*
 * C4, C5, 62 and 8F introduce VEX, EVEX and XOP. In front of them 66, F2, F3, LOCK and REX are
 * #UD.
 */
static const struct insn_row *select_vex(struct cursor *c, const struct insn *out)
{
	unsigned length = c->opcode == 0xc5 ? 1 : c->opcode == 0x62 ? 3 : 2;
	int payload = byte_peek(c, 0), last = byte_peek(c, length - 1);
	unsigned map, p1;

	if (payload < 0 || last < 0) {
		return NULL;
	}
	p1 = c->bytes[c->pos + (length > 1)];
	if (c->rex || c->opsize || out->rep || out->lock) {
		return &row_bad;
	}
	c->pos += length;
	switch (c->opcode) {
	case 0xc5:
		return select_vex_map(c, 1);
	case 0xc4:
		map = (unsigned)payload & 0x1f;
		return map >= 1 && map <= 3 ? select_vex_map(c, map) : &row_bad;
	case 0x8f:
		map = (unsigned)payload & 0x1f;
		if (byte_next(c) < 0) {
			return NULL;
		}
		return map == 8    ? &row_modrm_imm8
		       : map == 9  ? &row_modrm
		       : map == 10 ? &row_modrm_imm32
				   : &row_bad;
	default:
		map = (unsigned)payload & 0xf;
		if (!(p1 & 4) || map == 0 || map == 4 || map > 6) {
			return &row_bad;
		}
		return select_vex_map(c, map);
	}
}

static const struct insn_row *select_0f_c7(const struct cursor *c, const struct insn *out,
					   unsigned modrm)
{
	const struct insn_row *row = &insn_groups[G_0FC7][(modrm >> 3) & 7];

	if (modrm >= 0xc0) {
		return (modrm & 0x38) >= 0x30 ? &row_modrm : &row_bad; /* RDRAND, RDSEED, RDPID */
	}
	if (row->op == INSN_VMPTRLD) {
		return out->rep == INSN_REP     ? &row_vmxon
		       : out->rep == INSN_REPNE ? &row_bad
		       : c->opsize              ? &row_vmclear
						: row;
	}
	return row;
}

static const struct insn_row *select_special_0f(struct cursor *c, struct insn *out)
{
	int modrm = byte_peek(c, 0);

	if (modrm < 0) {
		return NULL;
	}
	switch (c->opcode) {
	case 0x01:
		return modrm >= 0xc0 ? &insn_map_0f01[modrm - 0xc0]
				     : &insn_groups[G_0F01][(modrm >> 3) & 7];
	case 0x78:
	case 0x79:
		if (out->rep == INSN_REP) {
			return &row_bad;
		}
		if (out->rep || c->opsize) { /* EXTRQ, INSERTQ */
			return c->opcode == 0x78 ? &row_modrm_extrq : &row_modrm;
		}
		return c->opcode == 0x78 ? &row_vmread : &row_vmwrite;
	default:
		return select_0f_c7(c, out, (unsigned)modrm);
	}
}

static const struct insn_row *select_special(struct cursor *c, struct insn *out)
{
	int next = byte_peek(c, 0);
	bool is_64 = c->mode == INSN_MODE_64;

	switch (c->opcode) {
	case 0x90:
		return out->rep == INSN_REP ? &row_pause : c->rex & REX_B ? &row_xchg : &row_plain;
	case 0x63:
		return !is_64                           ? &row_arpl
		       : c->opsize && !(c->rex & REX_W) ? &row_movsxd_16
							: &row_movsxd;
	case 0x8f:
		if (next < 0) {
			return NULL;
		}
		return next & 0x18 ? select_vex(c, out) : &insn_groups[G_8F][(next >> 3) & 7];
	default: /* 62, C4, C5: outside 64-bit mode, the old instruction if it has a memory operand
		  */
		if (next < 0) {
			return NULL;
		}
		if (is_64 || next >= 0xc0) {
			return select_vex(c, out);
		}
		return c->opcode == 0x62 ? &row_bound : &row_les;
	}
}

/* Opcode maps 0F38 and 0F3A. */
static const struct insn_row *select_3byte(struct cursor *c, const struct insn *out, bool is_3a)
{
	int opcode = byte_next(c);

	if (opcode < 0) {
		return NULL;
	}
	c->opcode = (u8)opcode;
	if (is_3a) {
		return &row_modrm_imm8;
	}
	if (opcode >= 0x80 && opcode <= 0x82) {
		return &rows_0f38_80[opcode - 0x80];
	}
	if ((opcode == 0xf0 || opcode == 0xf1) && out->rep != INSN_REPNE) {
		return &rows_0f38_f0[opcode - 0xf0];
	}
	return &row_modrm;
}

/* Read the opcode and find its row. Returns NULL if more bytes are needed. */
static const struct insn_row *row_select(struct cursor *c, struct insn *out)
{
	int b = prefixes_scan(c, out), modrm;
	const struct insn_row *row;
	bool is_0f = b == 0x0f;

	if (is_0f) {
		b = byte_next(c);
		if (b == 0x38 || b == 0x3a) {
			return select_3byte(c, out, b == 0x3a);
		}
	}
	if (b < 0) {
		return NULL;
	}
	c->opcode = (u8)b;
	row = is_0f ? &insn_map_0f[b] : &insn_map_1[b];
	if (row->flags & F_SPECIAL) {
		return is_0f ? select_special_0f(c, out) : select_special(c, out);
	}
	if (row->flags & F_GROUP) {
		modrm = byte_peek(c, 0);
		if (modrm < 0) {
			return NULL;
		}
		if (row->flags & F_NOT64 && c->mode == INSN_MODE_64) {
			return &row_bad;
		}
		return &insn_groups[row->op][(modrm >> 3) & 7];
	}
	return row;
}

/* By mode, 66 and REX.W, which prevails over 66: see size_state(). */
static const u8 opsizes[][7] = {
	/* 16, 16+66, 32, 32+66, 64, 64+66, 64+W */
	[S_B] = {1, 1, 1, 1, 1, 1, 1},   [S_W] = {2, 2, 2, 2, 2, 2, 2},
	[S_V] = {2, 4, 4, 2, 4, 2, 8},   [S_Z] = {2, 4, 4, 2, 4, 2, 4},
	[S_Y] = {4, 4, 4, 4, 4, 4, 8},   [S_D64] = {2, 4, 4, 2, 8, 2, 8},
	[S_F64] = {4, 4, 4, 4, 8, 8, 8}, [S_X] = {2, 4, 4, 2, 8, 8, 8},
};

static unsigned size_state(const struct cursor *c)
{
	return c->rex & REX_W ? 6 : 2u * c->mode + c->opsize;
}

static u8 addrsize_get(const struct cursor *c)
{
	static const u8 sizes[3][2] = {
		[INSN_MODE_16] = {2, 4}, [INSN_MODE_32] = {4, 2}, [INSN_MODE_64] = {8, 4}};

	return sizes[c->mode][c->addrsize];
}

/*
 * A little-endian number, sign-extended; the caller has checked that @size bytes are there. Other
 * sizes than those of numbers (far pointers) are skipped.
 */
static s64 bytes_take(struct cursor *c, unsigned size)
{
	const u8 *p = c->bytes + c->pos;
	s16 v16;
	s32 v32;
	s64 v64;

	c->pos += size;
	switch (size) {
	case 1:
		return (s8)*p;
	case 2:
		memcpy(&v16, p, sizeof(v16));
		return v16;
	case 4:
		memcpy(&v32, p, sizeof(v32));
		return v32;
	case 8:
		memcpy(&v64, p, sizeof(v64));
		return v64;
	default:
		return 0;
	}
}

static bool bytes_left(const struct cursor *c, unsigned size)
{
	return c->limit - c->pos >= size;
}

/* "16-Bit Addressing Forms with the ModR/M Byte": BX+SI, BX+DI, BP+SI, BP+DI, SI, DI, BP, BX. */
static unsigned mem16_decode(struct insn *out, unsigned modrm)
{
	static const u8 bases[8] = {3, 3, 5, 5, 6, 7, 5, 3};
	static const u8 indexes[4] = {6, 7, 6, 7};
	unsigned mod = modrm >> 6, rm = modrm & 7;

	if (mod == 0 && rm == 6) {
		return 2;
	}
	out->base = bases[rm];
	if (rm < 4) {
		out->index = indexes[rm];
	}
	return mod;
}

/* Returns the length of the displacement, or -1 if the SIB byte is missing. */
static int mem32_decode(struct cursor *c, struct insn *out, unsigned modrm)
{
	unsigned mod = modrm >> 6, base = modrm & 7;

	if (base == 4) {
		int sib = byte_next(c);

		if (sib < 0) {
			return sib;
		}
		base = (unsigned)sib & 7;
		out->index = reg_number((unsigned)sib >> 3, c->rex, REX_X);
		if (out->index == 4) {
			out->index = INSN_REG_NONE;
		}
		out->scale = (u8)(sib >> 6);
		if (base == 5 && mod == 0) {
			return 4;
		}
	} else if (base == 5 && mod == 0) {
		if (c->mode == INSN_MODE_64) {
			out->base = INSN_REG_RIP;
		}
		return 4;
	}
	out->base = reg_number(base, c->rex, REX_B);
	return mod == 1 ? 1 : mod == 2 ? 4 : 0;
}

/* The memory operand that @modrm (consumed) tells. Returns 0, or -1 if bytes are missing. */
static int mem_decode(struct cursor *c, struct insn *out, unsigned modrm)
{
	int disp_len;

	out->has_mem = true;
	disp_len = out->addrsize == 2 ? (int)mem16_decode(out, modrm) : mem32_decode(c, out, modrm);
	if (disp_len < 0 || !bytes_left(c, (unsigned)disp_len)) {
		return -1;
	}
	out->disp = bytes_take(c, (unsigned)disp_len);
	if (c->seg == SEG_NONE && (out->base == 4 || out->base == 5)) {
		out->seg = INSN_SS;
	}
	return 0;
}

/* Bytes of immediates. */
static unsigned imm_len(enum insn_imm_kind kind, unsigned opsize, unsigned addrsize)
{
	switch (kind) {
	case I_B:
	case I_BS:
		return 1;
	case I_W:
	case I_BB:
		return 2;
	case I_WB:
		return 3;
	case I_Z:
		return opsize == 2 ? 2 : 4;
	case I_V:
		return opsize;
	case I_D:
		return 4;
	case I_MOFFS:
		return addrsize;
	case I_FAR:
		return opsize + 2;
	case I_NONE:
	default:
		return 0;
	}
}

/* ModRM, displacement and immediate of @row. Returns 0 or -1 if bytes are missing. */
static int operands_decode(struct cursor *c, const struct insn_row *row, struct insn *out)
{
	unsigned len;

	if (row->flags & F_MODRM) {
		int modrm = byte_next(c);

		if (modrm < 0) {
			return modrm;
		}
		out->reg = reg_number((unsigned)modrm >> 3, c->rex, REX_R);
		if (modrm >= 0xc0 || row->flags & F_REG) {
			out->rm = reg_number((unsigned)modrm, c->rex, REX_B);
		} else if (mem_decode(c, out, (unsigned)modrm) < 0) {
			return -1;
		}
	} else if (row->flags & F_OPREG) {
		out->rm = reg_number(c->opcode, c->rex, REX_B);
	}
	if (row->imm == I_NONE) {
		return 0;
	}
	len = imm_len(row->imm, out->opsize, out->addrsize);
	if (!bytes_left(c, len)) {
		return -1;
	}
	if (row->imm == I_MOFFS) {
		out->has_mem = true;
		out->disp = bytes_take(c, len);
	} else {
		out->imm = (u64)bytes_take(c, len);
		if (row->imm == I_B) {
			out->imm &= 0xff;
		}
	}
	return 0;
}

/* The prefixes make another instruction of it, one that has no name here. */
static bool is_renamed(const struct cursor *c, const struct insn_row *row, const struct insn *out)
{
	if (row->flags & F_P66) {
		return !c->opsize || out->rep;
	}
	return (row->flags & (F_NP | F_NF) && out->rep) || (row->flags & F_NP && c->opsize);
}

/* What raises #UD although the opcode exists. */
static bool is_undefined(const struct insn_row *row, const struct insn *out)
{
	if (row->flags & F_MEM && !out->has_mem) {
		return true;
	}
	if (row->flags & F_CR) {
		return out->lock ? out->reg != 0 : !(CR_EXIST >> out->reg & 1);
	}
	if (out->lock && !(row->flags & F_LOCK && out->has_mem)) {
		return true;
	}
	if (out->op == INSN_MOV_TO_DR || out->op == INSN_MOV_FROM_DR) {
		return out->reg > 7;
	}
	return false;
}

/* Any instruction. Out of line, so that the quick way does not save registers for it. */
static __attribute__((noinline)) int general_decode(const u8 *bytes, unsigned n,
						    enum insn_mode mode, struct insn *out)
{
	struct cursor c = {.bytes = bytes,
			   .limit = n < INSN_LEN_MAX ? n : INSN_LEN_MAX,
			   .mode = (u8)mode,
			   .seg = SEG_NONE};
	const struct insn_row *row;

	*out = (struct insn){
		.mode = (u8)mode, .seg = INSN_DS, .base = INSN_REG_NONE, .index = INSN_REG_NONE};
	row = row_select(&c, out);
	if (!row) {
		return end_error(&c);
	}
	if (row->size == S_NONE || row->flags & (mode == INSN_MODE_64 ? F_NOT64 : F_ONLY64)) {
		return -EINVAL;
	}
	if (c.seg != SEG_NONE) {
		out->seg = c.seg;
	}
	out->op = row->op;
	out->form = row->form;
	out->rex = c.rex != 0;
	out->addrsize = addrsize_get(&c);
	out->opsize = opsizes[row->size][size_state(&c)];
	out->memsize = row->memsize ? row->memsize : out->opsize;
	if (operands_decode(&c, row, out) < 0) {
		return end_error(&c);
	}
	out->mem_dst = out->has_mem && row->flags & F_WR;
	if (is_undefined(row, out)) {
		return -EINVAL;
	}
	if (row->flags & F_CR && out->lock) {
		out->reg = 8;
	}
	if (is_renamed(&c, row, out)) {
		out->op = INSN_OTHER;
		out->form = INSN_FORM_NONE;
	}
	out->len = (u8)c.pos;
	return 0;
}

/*
 * The instructions that are intercepted all the time, when they have no prefix, are told by their
 * row alone. @bytes has three. Returns false to leave it to the general way.
 */
static inline bool quick_decode(const u8 *bytes, enum insn_mode mode, struct insn *out)
{
	static const struct insn templates[3] = {
		[INSN_MODE_16] = {.mode = INSN_MODE_16, .addrsize = 2, TEMPLATE_COMMON},
		[INSN_MODE_32] = {.mode = INSN_MODE_32, .addrsize = 4, TEMPLATE_COMMON},
		[INSN_MODE_64] = {.mode = INSN_MODE_64, .addrsize = 8, TEMPLATE_COMMON},
	};
	const struct insn_row *row = &insn_map_1[bytes[0]];
	unsigned len = 1;

	if (bytes[0] == 0x0f) {
		row = &insn_map_0f[bytes[1]];
		len = 2;
		if (bytes[1] == 1 && bytes[2] >= 0xc0) {
			row = &insn_map_0f01[bytes[2] - 0xc0];
			len = 3;
		}
	}
	if (!(row->flags & F_QUICK)) {
		return false;
	}
	*out = templates[mode];
	out->op = row->op;
	out->form = row->form;
	out->opsize = out->memsize = opsizes[row->size][2 * mode];
	if (row->imm) { /* a byte, unsigned */
		out->imm = bytes[len++];
	} else if (row->flags & F_MODRM) {
		unsigned modrm = bytes[2];

		len = 3;
		out->reg = (u8)(modrm >> 3 & 7);
		out->rm = (u8)(modrm & 7);
		if (row->flags & F_CR && !(CR_EXIST >> out->reg & 1)) {
			return false;
		}
	}
	out->len = (u8)len;
	return true;
}

int insn_decode(const u8 *bytes, unsigned n, enum insn_mode mode, struct insn *out)
{
	if (n >= 3 && quick_decode(bytes, mode, out)) {
		return 0;
	}
	return general_decode(bytes, n, mode, out);
}
