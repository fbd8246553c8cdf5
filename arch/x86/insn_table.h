// SPDX-License-Identifier: Apache-2.0
/*
 * The decoder's tables: what to do for an opcode. Of use to insn.c and insn_table.c only.
 */
#pragma once

#include "arch/x86/insn.h"

/* Operand size of a row. A row without one is an undefined opcode. */
enum insn_size_kind {
	S_NONE,
	S_B,   /* 1 */
	S_W,   /* 2 */
	S_V,   /* 2, 4, 8 by prefix and REX.W */
	S_Z,   /* 2, 4: as S_V, with 4 for 8 */
	S_Y,   /* 4, 8 by REX.W alone */
	S_D64, /* as S_V, but in 64-bit mode 8 is the default and 4 does not exist */
	S_F64, /* 8 in 64-bit mode, else 4 */
	S_X,   /* 8 in 64-bit mode, else 2, 4 by prefix */
};

enum insn_imm_kind {
	I_NONE,
	I_B,     /* byte */
	I_BS,    /* byte, sign-extended */
	I_W,     /* word */
	I_Z,     /* 2 bytes if the operand size is 2, else 4, sign-extended */
	I_V,     /* operand size */
	I_D,     /* 4 bytes */
	I_MOFFS, /* address: address size */
	I_FAR,   /* offset of operand size and selector */
	I_WB,    /* word and byte, or two bytes for EXTRQ: see imm_len() */
	I_BB,
};

enum {
	F_PREFIX = 1 << 0,
	F_MODRM = 1 << 1,
	F_GROUP = 1 << 2,   /* row.op is an enum insn_group, ModRM.reg chooses */
	F_SPECIAL = 1 << 3, /* select_special() chooses */
	F_OPREG = 1 << 4,   /* rm is in the opcode's low 3 bits */
	F_WR = 1 << 5,      /* writes rm */
	F_LOCK = 1 << 6,    /* LOCK is legal if rm is memory */
	F_MEM = 1 << 7,     /* rm must be memory */
	F_REG = 1 << 8,     /* rm is a register whatever ModRM.mod says */
	F_NOT64 = 1 << 9,
	F_ONLY64 = 1 << 10,
	F_NP = 1 << 11,  /* another instruction, unnamed, if 66, F2 or F3 precedes */
	F_NF = 1 << 12,  /* the same for F2 and F3 alone */
	F_P66 = 1 << 13, /* the same unless 66 precedes, and no F2, F3 */
	F_CR = 1 << 14,  /* MOV CR: LOCK makes CR0 CR8, CPUID's AltMovCr8 */
	F_QUICK =
		1 << 15, /* quick_decode() takes it: no operand, an I_B, or a ModRM of registers */
	F_ALU = F_MODRM | F_WR | F_LOCK,
};

/* What to do for an opcode. */
struct insn_row {
	u8 op;      /* enum insn_op; enum insn_group if F_GROUP */
	u8 form;    /* enum insn_form */
	u8 size;    /* enum insn_size_kind */
	u8 imm;     /* enum insn_imm_kind */
	u8 memsize; /* 0: the operand size */
	u16 flags;
};

#define ROW(o, f, s, i, fl)                                                                       \
	{                                                                                         \
		.op = INSN_##o, .form = INSN_FORM_##f, .size = S_##s, .imm = I_##i, .flags = (fl) \
	}
#define ROW_EXT(o, src, fl)                                                              \
	{                                                                                \
		.op = INSN_##o, .form = INSN_FORM_REG_RM, .size = S_V, .memsize = (src), \
		.flags = (fl)                                                            \
	}
#define ROW_GROUP(g)                                     \
	{                                                \
		.op = (g), .size = S_V, .flags = F_GROUP \
	}
/* Unnamed instructions. */
#define PLAIN        ROW(OTHER, NONE, V, NONE, 0)
#define PLAIN_IMM(i) ROW(OTHER, NONE, V, i, 0)
#define MODRM        ROW(OTHER, NONE, V, NONE, F_MODRM)
#define MODRM_IMM(i) ROW(OTHER, NONE, V, i, F_MODRM)
#define SYSTEM(o)    ROW(o, NONE, V, NONE, F_QUICK)
#define SPECIAL                                 \
	{                                       \
		.size = S_V, .flags = F_SPECIAL \
	}
#define PREFIX                                 \
	{                                      \
		.size = S_V, .flags = F_PREFIX \
	}

enum insn_group {
	G_80,
	G_81,
	G_83,
	G_8F,
	G_C6,
	G_C7,
	G_F6,
	G_F7,
	G_FE,
	G_FF,
	G_0F00,
	G_0F01, /* memory forms */
	G_0FBA,
	G_0FC7, /* memory forms */
	GROUP_COUNT
};

extern const struct insn_row insn_map_1[256];             /* first byte of the opcode */
extern const struct insn_row insn_map_0f[256];            /* after 0F */
extern const struct insn_row insn_map_0f01[64];           /* 0F 01 with ModRM C0..FF */
extern const struct insn_row insn_groups[GROUP_COUNT][8]; /* by ModRM.reg */
