// SPDX-License-Identifier: Apache-2.0
/* What the predicates of vmx_checks*.c share. */
#pragma once

#include "arch/x86/vmx_checks.h"
#include "arch/x86/x86.h"

#define CR4_CET BIT(23)

static inline u64 get(const struct vmx_check *c, enum vmcs_field field)
{
	return c->read(c->ctx, field);
}

static inline bool pin(const struct vmx_check *c, u64 bit)
{
	return get(c, VMCS_PIN_CTLS) & bit;
}

static inline bool proc(const struct vmx_check *c, u64 bit)
{
	return get(c, VMCS_PROC_CTLS) & bit;
}

/* Secondary controls count as 0 while they are not activated. */
static inline bool proc2(const struct vmx_check *c, u64 bit)
{
	return proc(c, PROC_CTLS2) && (get(c, VMCS_PROC_CTLS2) & bit);
}

static inline bool exit_ctl(const struct vmx_check *c, u64 bit)
{
	return get(c, VMCS_EXIT_CTLS) & bit;
}

static inline bool entry(const struct vmx_check *c, u64 bit)
{
	return get(c, VMCS_ENTRY_CTLS) & bit;
}

static inline bool is_canonical(const struct vmx_check *c, u64 addr)
{
	u64 top = ~GENMASK(c->linear_bits - 2, 0); /* the top bit and all above it are equal */

	return (addr & top) == 0 || (addr & top) == top;
}

static inline bool in_phys_width(const struct vmx_check *c, u64 addr)
{
	return !(addr & ~GENMASK(c->phys_bits - 1, 0));
}

static inline bool is_page(const struct vmx_check *c, u64 addr)
{
	return is_aligned(addr, 4096) && in_phys_width(c, addr) && !(c->caps->addr32 && addr >> 32);
}

/* IA32_S_CET: bits 9:6 are reserved, SUPPRESS and TRACKER exclude each other. */
static inline bool is_s_cet(const struct vmx_check *c, u64 v)
{
	return !(v & GENMASK(9, 6)) && (v & GENMASK(11, 10)) != GENMASK(11, 10) &&
	       is_canonical(c, v & PAGE_MASK);
}

static inline const struct vmx_rule *first_violated(const struct vmx_check *c,
						    const struct vmx_rule *rules, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (!rules[i].holds(c)) {
			return &rules[i];
		}
	}
	return NULL;
}
