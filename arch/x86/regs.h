// SPDX-License-Identifier: Apache-2.0
/*
 * Guest registers by name, whichever vendor's structure holds them. General registers, RIP and
 * RFLAGS are in vcpu->arch.
 */
#pragma once

#include "arch/x86/insn.h"
#include "arch/x86/ops.h"
#include "arch/x86/x86.h"
#include "vmm/vcpu.h"

static inline u64 x86_get_reg(const struct vcpu *vcpu, enum x86_reg reg)
{
	return x86_ops->get_reg(vcpu, reg);
}

static inline void x86_set_reg(struct vcpu *vcpu, enum x86_reg reg, u64 val)
{
	x86_ops->set_reg(vcpu, reg, val);
}

static inline struct x86_seg x86_get_seg(const struct vcpu *vcpu, enum x86_seg_name seg)
{
	return x86_ops->get_seg(vcpu, seg);
}

/* SS.DPL is the current privilege level, also where SS.RPL is not (conforming code). */
static inline unsigned x86_cpl(const struct vcpu *vcpu)
{
	return x86_get_seg(vcpu, X86_SEG_SS).attrib >> 5 & 3;
}

static inline bool x86_in_long_mode(const struct vcpu *vcpu)
{
	return x86_get_reg(vcpu, X86_REG_EFER) & EFER_LMA;
}

/* Default code size of the guest now. */
static inline enum insn_mode x86_code_mode(const struct vcpu *vcpu)
{
	u16 attrib = x86_get_seg(vcpu, X86_SEG_CS).attrib;

	if ((attrib & SEG_ATTR_L) && x86_in_long_mode(vcpu)) {
		return INSN_MODE_64;
	}
	return attrib & SEG_ATTR_D ? INSN_MODE_32 : INSN_MODE_16;
}

/* RIP as a linear address. */
static inline u64 x86_linear_rip(const struct vcpu *vcpu)
{
	if (x86_code_mode(vcpu) == INSN_MODE_64) {
		return vcpu->arch.rip;
	}
	return (u32)(x86_get_seg(vcpu, X86_SEG_CS).base + vcpu->arch.rip);
}
