// SPDX-License-Identifier: Apache-2.0
/*
 * Execution of one decoded instruction whose memory operand is not memory but an emulated device.
 * Pure: registers come as a struct, memory accesses go through the caller's functions.
 */
#pragma once

#include "arch/x86/insn.h"

struct insn_regs {
	u64 gpr[16]; /* the hardware's numbering: rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8.. */
	u64 rip;     /* of the instruction */
	u64 rflags;
	u64 seg_base[6]; /* by enum insn_seg */
};

/*
 * Access to guest linear addresses, device or RAM. @size is 1, 2, 4 or 8. A result other than 0
 * ends the instruction with INSN_FAULT: the caller keeps the reason in its context.
 */
struct insn_mem_ops {
	int (*read)(void *ctx, u64 linear, unsigned size, u64 *val);
	int (*write)(void *ctx, u64 linear, unsigned size, u64 val);
};

enum insn_result {
	INSN_DONE,        /* executed, rip advanced */
	INSN_REPEAT,      /* one iteration of a repeated string operation; rip stays */
	INSN_FAULT,       /* an access failed; registers as before */
	INSN_UNSUPPORTED, /* not an instruction for device memory; nothing done */
};

/*
 * Linear address of the explicit memory operand (has_mem), by address size and segment base.
 * BT, BTS, BTR and BTC with a register bit number access memory relative to it.
 */
u64 insn_linear(const struct insn *insn, const struct insn_regs *regs);

/* Linear addresses of a string operation's operands: seg:rSI and ES:rDI. */
u64 insn_linear_si(const struct insn *insn, const struct insn_regs *regs);
u64 insn_linear_di(const struct insn *insn, const struct insn_regs *regs);

/*
 * Execute @insn on @regs. Takes the data instructions of enum insn_op with an explicit memory
 * operand, except PUSH and POP, and MOVS, STOS, LODS, CMPS, SCAS. All accesses are done before a
 * register changes. LOCK needs no care: the caller excludes other accesses to the device.
 */
__must_check enum insn_result insn_mmio_exec(const struct insn *insn, struct insn_regs *regs,
					     const struct insn_mem_ops *ops, void *ctx);
