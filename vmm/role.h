// SPDX-License-Identifier: Apache-2.0
/*
 * Two kinds of role (ARCHITECTURE.md, R1).
 *
 * cpu_role is how a guest's CPU translates: it picks the walker and its checks, and never keys a
 * table. mmu_role is what makes one shadow reusable: it keys contexts, and never drives a walk. No
 * hardware reads either, so they may be bit-field unions (R7); each is compared as one word, and
 * the word 0 is no role and matches nothing (R4).
 *
 * What is not here: PG, PAE, PSE and LMA are seen in the kind, but PSE alone picks a walker (R3).
 */
#pragma once

#include "mm/types.h"

enum walk_kind {
	WALK_NONE,
	WALK_X86_32,
	WALK_PAE,
	WALK_LONG4,
	WALK_LONG5,
	WALK_EPT4,
	WALK_EPT5,
	WALK_S2_4K,
	WALK_S2_16K,
	WALK_S2_64K,
	WALK_S1_4K, /* EL1&0 */
	WALK_S1_16K,
	WALK_S1_64K,
	WALK_KIND_COUNT
};

union cpu_role {
	u64 word;
	struct {
		u64 kind : 4;       /* enum walk_kind */
		u64 root_level : 3; /* Arm: from SL0; stage 1: from the width */
		u64 ia_bits : 6;    /* Arm: from TnSZ */
		u64 oa_bits : 6;    /* MAXPHYADDR, or Arm's PS, IPS: at most 52, 48 on Arm */
		u64 tdp : 1;        /* a second-level table: on x86, every access is a user's */
		u64 nx : 1;         /* EFER.NXE */
		u64 wp : 1;
		u64 smep : 1;
		u64 smap : 1; /* Arm: PSTATE.PAN */
		u64 pke : 1;
		u64 pse : 1;        /* 32-bit only: CR4.PSE */
		u64 page1g : 1;     /* level 3 may be a leaf */
		u64 amd : 1;        /* bit 8 of levels 4 and 5 is reserved, too */
		u64 ad : 1;         /* EPTP bit 6; HA of VTCR_EL2, TCR_EL1 */
		u64 hd : 1;         /* their HD */
		u64 xonly : 1;      /* EPT: execute-only is allowed */
		u64 big_endian : 1; /* Arm: EE of SCTLR_EL2, SCTLR_EL1 */
		u64 hpd : 1;        /* stage 1: tables have no permissions */
		u64 tbi : 1;        /* stage 1: the top byte is no part of the address */
		u64 wxn : 1;        /* stage 1: what can be written is not executed */
		u64 spare : 29;
	};
};
static_assert(sizeof(union cpu_role) == sizeof(u64), "one word");
static_assert(WALK_KIND_COUNT <= 16, "4 bits of kind");

union mmu_role {
	u32 word;
	struct {
		u32 kind : 4;
		u32 root_level : 3;
		u32 ia_bits : 6;
		u32 oa_bits : 6;
		u32 nx : 1;
		u32 page1g : 1;
		u32 amd : 1;
		u32 ad_off : 1;
		u32 hd : 1;
		u32 xonly : 1;
		u32 big_endian : 1;
		u32 guest_mode : 1; /* of every shadow that L2 runs on */
		u32 spare : 5;
	};
};
static_assert(sizeof(union mmu_role) == sizeof(u32), "one word");
