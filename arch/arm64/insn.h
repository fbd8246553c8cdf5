// SPDX-License-Identifier: Apache-2.0
/*
 * A64 decoder for loads and stores, for data aborts whose syndrome does not describe the access
 * (ESR_ELx.ISV = 0): write-back forms, pairs, SIMD, atomics. One word in, what to do out; neither
 * memory nor registers are touched. Arm ARM (DDI 0487), "Loads and Stores" in "A64 Base Instruction
 * Descriptions", index by encoding.
 *
 * What to do with each kind on emulated device memory:
 * - INSN_LOAD, INSN_STORE, and their pairs: the access (rt2 at the address + size), then
 * write-back. Acquire, release, non-temporal, unprivileged forms are the same access.
 * - INSN_ATOMIC: inject a data abort with ESR_FSC_EXCLUSIVE, "unsupported Exclusive or Atomic
 *   access", the architecture's own answer of memory that cannot do it; a read-modify-write on
 * device registers would do what no device does.
 * - INSN_SIMD: no SIMD registers in the core: an external abort.
 * - INSN_ZVA: to Device memory it is an alignment fault ("DC ZVA"): ESR_FSC_ALIGNMENT.
 * - INSN_PREFETCH: nothing, step over it.
 * - INSN_UNPREDICTABLE (the base or a register is loaded twice): one of the permitted behaviours is
 *   UNDEFINED.
 * - INSN_OTHER: not decoded (authenticating loads, tags, memory copies, LS64, RCpc 3, unallocated).
 */
#pragma once

#include "mm/types.h"

enum insn_kind {
	INSN_OTHER,
	INSN_LOAD,
	INSN_STORE,
	INSN_LOAD_PAIR,
	INSN_STORE_PAIR,
	INSN_ATOMIC, /* exclusives too; rt is meaningless */
	INSN_SIMD,   /* rt is meaningless */
	INSN_ZVA,    /* rt: address */
	INSN_PREFETCH,
	INSN_UNPREDICTABLE,
};

enum insn_writeback { INSN_NO_WRITEBACK, INSN_PRE_INDEX, INSN_POST_INDEX };

/* How the index register is taken; numbered as "option". */
enum insn_extend { INSN_UXTW = 2, INSN_LSL = 3, INSN_SXTW = 6, INSN_SXTX = 7 };

#define INSN_REG_NONE 0xff
#define INSN_REG_PC   0xfe /* base of a literal load: address of the instruction */

struct insn {
	u8 kind;      /* enum insn_kind */
	u8 size;      /* bytes of one register's access: 1 to 8, SIMD to 16; 0 if not one access */
	bool store;   /* writes memory; atomics are both */
	bool sign;    /* load: sign-extend from size ... */
	bool sf;      /* ... to 64 bits, else to 32 with the upper half zero */
	u8 rt, rt2;   /* 31: XZR; rt2 for pairs, else INSN_REG_NONE */
	u8 rn;        /* base, 31: SP; INSN_REG_PC */
	u8 rm;        /* index, 31: XZR; INSN_REG_NONE */
	u8 extend;    /* enum insn_extend, with an index */
	u8 shift;     /* of the index */
	u8 writeback; /* enum insn_writeback */
	s32 offset;   /* bytes; what write-back adds to the base */
};

/* @out is complete for every word; INSN_OTHER where the word is nothing of the above. */
void insn_decode(u32 word, struct insn *out);

/* The address of the (first) access; @base and @index are the registers' values. */
u64 insn_address(const struct insn *insn, u64 base, u64 index);

/* The base register after the instruction, where there is write-back. */
u64 insn_base_after(const struct insn *insn, u64 base);

/* What a load of @raw (size bytes, upper ones ignored) puts into X<rt>. */
u64 insn_load_value(const struct insn *insn, u64 raw);
