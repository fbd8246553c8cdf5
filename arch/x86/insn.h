// SPDX-License-Identifier: Apache-2.0
/*
 * x86 instruction decoder: bytes to length and operands, without touching memory or CPU state.
 *
 * Every instruction of the general maps (one-byte, 0F, 0F38, 0F3A, x87, 3DNow!, VEX, XOP, EVEX)
 * gets its length; the instructions named in enum insn_op get their operands as well: those that a
 * hypervisor intercepts, and those that drivers use on device memory.
 *
 * Where the vendors differ, AMD's rule holds: a near branch with 66 in 64-bit mode has a 16-bit
 * displacement, and LOCK MOV CR0 is MOV CR8 in every mode.
 */
#pragma once

#include "mm/types.h"

#define INSN_LEN_MAX 15

/* Default operand and address size of the code segment: CS.L, else CS.D. */
enum insn_mode { INSN_MODE_16, INSN_MODE_32, INSN_MODE_64 };

enum insn_op {
	INSN_OTHER, /* only len, mode, prefixes are meaningful */

	/* System. No operands unless said so. */
	INSN_CPUID,
	INSN_RDMSR,
	INSN_WRMSR,
	INSN_RDTSC,
	INSN_RDTSCP,
	INSN_RDPMC,
	INSN_RDPRU,
	INSN_XGETBV,
	INSN_XSETBV,
	INSN_HLT,
	INSN_PAUSE,
	INSN_MONITOR,
	INSN_MWAIT,
	INSN_MONITORX,
	INSN_MWAITX,
	INSN_INVD,
	INSN_WBINVD, /* WBNOINVD too: then rep is INSN_REP */
	INSN_INVLPG, /* memory: the address, not accessed */
	INSN_INVLPGA,
	INSN_INVPCID, /* reg: type; memory: 16-byte descriptor */
	INSN_CLTS,
	INSN_LMSW,      /* rm */
	INSN_SMSW,      /* rm; opsize 2 if memory */
	INSN_MOV_TO_CR, /* reg: control register number; rm: general register */
	INSN_MOV_FROM_CR,
	INSN_MOV_TO_DR, /* reg: debug register number; rm: general register */
	INSN_MOV_FROM_DR,
	INSN_SGDT, /* memory; opsize 2 takes 24 bits of base */
	INSN_SIDT,
	INSN_LGDT,
	INSN_LIDT,
	INSN_SLDT, /* rm; opsize 2 if memory */
	INSN_STR,
	INSN_LLDT, /* rm, 16 bits */
	INSN_LTR,
	INSN_SWAPGS,
	INSN_CLI,
	INSN_STI,
	INSN_PUSHF, /* opsize */
	INSN_POPF,
	INSN_IRET,
	INSN_INT, /* imm: vector */
	INSN_INT1,
	INSN_INT3,
	INSN_INTO,
	INSN_RSM,
	INSN_IN, /* port: imm if form is INSN_FORM_IMM, else DX */
	INSN_OUT,
	INSN_INS,
	INSN_OUTS,
	INSN_VMRUN,
	INSN_VMMCALL,
	INSN_VMLOAD,
	INSN_VMSAVE,
	INSN_STGI,
	INSN_CLGI,
	INSN_SKINIT,
	INSN_VMCALL,
	INSN_VMLAUNCH,
	INSN_VMRESUME,
	INSN_VMXOFF,
	INSN_VMXON, /* memory, as the next three */
	INSN_VMCLEAR,
	INSN_VMPTRLD,
	INSN_VMPTRST,
	INSN_VMREAD,  /* rm: destination; reg: field */
	INSN_VMWRITE, /* rm: source; reg: field */
	INSN_INVEPT,  /* reg: type; memory: 16-byte descriptor */
	INSN_INVVPID,

	/* Data. The first eight in the order of their opcodes. */
	INSN_ADD,
	INSN_OR,
	INSN_ADC,
	INSN_SBB,
	INSN_AND,
	INSN_SUB,
	INSN_XOR,
	INSN_CMP,
	INSN_TEST,
	INSN_MOV,
	INSN_MOVZX, /* memsize: size of the source */
	INSN_MOVSX, /* MOVSXD too */
	INSN_MOVBE,
	INSN_MOVNTI,
	INSN_XCHG,
	INSN_XADD,
	INSN_CMPXCHG,
	INSN_INC,
	INSN_DEC,
	INSN_NOT,
	INSN_NEG,
	INSN_BT,
	INSN_BTS,
	INSN_BTR,
	INSN_BTC,
	INSN_PUSH, /* rm or imm */
	INSN_POP,  /* rm */
	INSN_MOVS,
	INSN_CMPS,
	INSN_STOS,
	INSN_LODS,
	INSN_SCAS,
	INSN_OP_COUNT
};

/*
 * What the explicit operands are. "rm" is the memory operand if has_mem, else general register rm.
 * Short forms are told in these terms: MOV AL, moffs is REG_RM with reg 0; ADD EAX, imm is RM_IMM
 * with rm 0; INC ECX (41) is RM with rm 1; XCHG EDX, EAX (92) is RM_REG with rm 2 and reg 0.
 */
enum insn_form {
	INSN_FORM_NONE,
	INSN_FORM_RM,
	INSN_FORM_RM_REG, /* rm is the destination */
	INSN_FORM_REG_RM, /* reg is the destination */
	INSN_FORM_RM_IMM,
	INSN_FORM_IMM,
};

/* Segment registers in the order of their encoding. */
enum insn_seg { INSN_ES, INSN_CS, INSN_SS, INSN_DS, INSN_FS, INSN_GS };

#define INSN_REPNE 0xf2
#define INSN_REP   0xf3

#define INSN_REG_RIP  16   /* base: address of the next instruction */
#define INSN_REG_NONE 0xff /* no base, no index */

struct insn {
	u8 len;      /* bytes, 1 to 15 */
	u8 op;       /* enum insn_op */
	u8 mode;     /* enum insn_mode, as given */
	u8 form;     /* enum insn_form */
	u8 opsize;   /* bytes of the operation: 1, 2, 4, 8 */
	u8 memsize;  /* bytes of the r/m operand; unlike opsize for MOVZX and MOVSX only */
	u8 addrsize; /* 2, 4, 8 */
	u8 rep;      /* INSN_REP, INSN_REPNE (the last one counts) or 0 */
	bool lock;
	bool rex;     /* any REX prefix: byte registers 4 to 7 are SPL..DIL, not AH..BH */
	bool has_mem; /* explicit memory operand: ModRM or moffs, not those of string operations */
	bool mem_dst; /* has_mem, and the operation writes it */
	u8 reg, rm;   /* general registers 0..15 in the hardware's numbering */
	u8 seg;       /* enum insn_seg, default or override: of the operand, or of rSI in strings */
	u8 base;      /* 0..15, INSN_REG_RIP or INSN_REG_NONE */
	u8 index;     /* 0..15 or INSN_REG_NONE */
	u8 scale;     /* the index is shifted left by this: 0..3 */
	u8 pad[6];    /* 0: two structs are equal if their bytes are */
	s64 disp;     /* sign-extended; a moffs is a disp alone */
	u64 imm;      /* sign-extended to 64 bits where the instruction sign-extends to opsize */
};
static_assert(sizeof(struct insn) <= 48, "struct insn is filled on every intercept");

/*
 * Decode the instruction at the start of bytes[0..n-1]; never reads past them.
 * Returns 0. Errors: -EAGAIN, n < 15 and more bytes are needed; -EINVAL, the CPU raises #UD for
 * it, or it is longer than 15 bytes. @out is undefined after an error.
 */
__must_check int insn_decode(const u8 *bytes, unsigned n, enum insn_mode mode, struct insn *out);
