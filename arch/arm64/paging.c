// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/paging.h"

#define SCTLR_M   BIT(0)
#define SCTLR_WXN BIT(19)
#define SCTLR_EE  BIT(25)

#define TCR_IPS   GENMASK(34, 32)
#define TCR_HA    BIT(39)
#define TCR_HD    BIT(40)
#define IA_MIN    16u
#define IA_MAX    48u
#define OA_MAX    48u
#define SIZE_BITS 64u

/* Where TCR_EL1 has the fields of each half. */
static const struct {
	u64 size, granule, disable, tbi, hpd;
	u8 kind[4]; /* enum walk_kind, by the granule's encoding */
} halves[2] = {
	{GENMASK(5, 0),
	 GENMASK(15, 14),
	 BIT(7),
	 BIT(37),
	 BIT(41),
	 {WALK_S1_4K, WALK_S1_64K, WALK_S1_16K, WALK_NONE}},
	{GENMASK(21, 16),
	 GENMASK(31, 30),
	 BIT(23),
	 BIT(38),
	 BIT(42),
	 {WALK_NONE, WALK_S1_16K, WALK_S1_4K, WALK_S1_64K}},
};

/* The lowest level whose table is wide enough. */
static unsigned root_level(const struct pt_format *fmt, unsigned ia_bits)
{
	unsigned level = 1;

	while (level < fmt->max_level && pt_level_shift(fmt, level + 1) < ia_bits) {
		level++;
	}
	return level;
}

/* No tables (the word 0) where the walk is disabled, or TCR_EL1 says what is reserved. */
static union cpu_role half_role(const struct paging_regs *regs, unsigned half)
{
	static const u8 oa_bits[8] = {32, 36, 40, 42, 44, 48, OA_MAX, OA_MAX};
	unsigned ia_bits = SIZE_BITS - (unsigned)FIELD_GET(halves[half].size, regs->tcr);
	unsigned kind = halves[half].kind[FIELD_GET(halves[half].granule, regs->tcr)];
	union cpu_role role = {.kind = kind & 15};

	ia_bits = ia_bits > IA_MAX ? IA_MAX : ia_bits;
	if (regs->tcr & halves[half].disable || !kind || ia_bits < IA_MIN) {
		return (union cpu_role){.word = 0};
	}
	role.ia_bits = ia_bits & 63;
	role.root_level = root_level(walk_format(role), ia_bits) & 7;
	role.oa_bits = oa_bits[FIELD_GET(TCR_IPS, regs->tcr)] & 63u;
	role.smap = regs->pan;
	role.wxn = !!(regs->sctlr & SCTLR_WXN);
	role.big_endian = !!(regs->sctlr & SCTLR_EE);
	role.ad = !!(regs->tcr & TCR_HA);
	role.hd = !!(regs->tcr & TCR_HD);
	role.tbi = !!(regs->tcr & halves[half].tbi);
	role.hpd = !!(regs->tcr & halves[half].hpd);
	return role;
}

void paging_of(const struct paging_regs *regs, struct guest_paging *p)
{
	*p = (struct guest_paging){.on = regs->sctlr & SCTLR_M,
				   .role = {half_role(regs, 0), half_role(regs, 1)},
				   .root = {regs->ttbr[0], regs->ttbr[1]}};
}
