// SPDX-License-Identifier: Apache-2.0
/*
 * A page-table format as data: the tables that we build and the tables that we only read.
 *
 * A row says, level by level, how an entry is told apart and what its bits mean; nothing else in
 * mm/ knows one format from another. Everything is precomputed in the row, so that encoding and
 * classifying are a few mask operations. Levels count as in mm/types.h.
 *
 * An entry is one of four kinds (ARCHITECTURE.md, T1). A hole is 0 when we write it. A device
 * marker is a not-present entry with PT_MARKER set: software's note that the address is an emulated
 * device. It carries no address bits, so that speculation past a not-present entry (Intel, "L1
 * Terminal Fault") finds page 0.
 */
#pragma once

#include "mm/bits.h"
#include "mm/types.h"

#define PT_MAX_LEVELS 5

enum pt_kind { PT_HOLE, PT_TABLE, PT_LEAF, PT_DEVICE };

/* Permissions. PT_U (user) exists in stage-1 formats only; a leaf without PT_U is supervisor's. */
enum pt_prot {
	PT_R = 1,
	PT_W = 2,
	PT_X = 4,
	PT_U = 8,
	PT_RW = PT_R | PT_W,
	PT_RX = PT_R | PT_X,
	PT_RWX = PT_R | PT_W | PT_X,
};
#define PT_PROT_COUNT 16

/* Memory types. Arm: WC is Normal non-cacheable, UC is Device-nGnRE. */
enum pt_mem {
	PT_MEM_WB,
	PT_MEM_WT,
	PT_MEM_WC,
	PT_MEM_UC,
	PT_MEM_COUNT,
	PT_MEM_OTHER = PT_MEM_COUNT, /* decoded from foreign tables only; cannot be encoded */
};
#define PT_MEM_DEVICE PT_MEM_UC

enum pt_flags {
	PT_BBM = 1,       /* break-before-make for anything but permissions (Arm) */
	PT_REWALKS = 2,   /* a permission fault walks afresh: granting more needs no flush (x86) */
	PT_CANONICAL = 4, /* input addresses are sign-extended (x86-64 linear addresses) */
};

#define PT_MARKER BIT(11)

struct pt_bits {
	u64 mask, value;
};

/* One level. A mask of 0 with a value of not 0 never matches: there is no such entry here. */
struct pt_level {
	struct pt_bits table, leaf; /* how a present entry is told apart */
	u64 table_bits, leaf_bits;  /* constants of what we write */
	u64 oa_mask;                /* leaf: output address, in place */
	u64 oa_high_mask; /* leaf: address bits kept oa_high_shift lower than they count */
	u64 mem_mask, mem[PT_MEM_COUNT];
};

struct pt_format {
	const char *name;
	u8 page_shift, index_bits, entry_shift;
	u8 max_level, min_root_level;
	u8 concat_bits;   /* a root may be this many bits wider than a table (Arm stage 2) */
	u8 leaf_levels;   /* BIT(level) */
	u8 ia_bits_max;   /* input address */
	u8 oa_bits;       /* builder: output addresses are below 2^oa_bits */
	u8 oa_high_shift; /* of oa_high_mask */
	u8 flags;         /* enum pt_flags */
	u64 present_mask; /* any bit set: present */
	u64 table_oa_mask;
	u64 accessed, dirty;       /* 0: the format has none */
	u64 volatile_mask;         /* set by hardware at any moment (T4) */
	u64 prot_mask;             /* of a leaf */
	u64 prot[PT_PROT_COUNT];   /* 0: the format cannot express it */
	struct pt_bits prot_is[4]; /* reading: R, W, X, U, each when (entry & mask) == value */
	struct pt_level level[PT_MAX_LEVELS + 1];
};

/* What an entry says. Of a table, @oa is the table's address and @prot what it allows below. */
struct pt_entry {
	enum pt_kind kind;
	u8 prot; /* enum pt_prot */
	u8 mem;  /* enum pt_mem, of a leaf */
	bool accessed, dirty;
	hpa_t oa;
};

/*
 * Rows that we build. EPT and NPT have 4 levels, 5 if the input address is wider than 48 bits.
 * NPT reads its memory types, like pt_x86_64, through the host's PAT: the reset value but entry
 * 1 = WC. Stage 2 is for VTCR_EL2.HA = HD = 0 and no FEAT_S2FWB, 48 bits of output.
 */
extern const struct pt_format pt_ept, pt_ept_xonly, pt_npt;
extern const struct pt_format pt_s2_4k, pt_s2_16k, pt_s2_64k;
extern const struct pt_format pt_x86_64, pt_x86_64_5level, pt_pae, pt_x86_32;
extern const struct pt_format pt_el2, pt_el2_vhe;
extern const struct pt_format pt_el1_4k, pt_el1_16k, pt_el1_64k;

/* All rows, for tests and for the check at boot; ends with NULL. */
extern const struct pt_format *const pt_formats[];

/* PAT that pt_x86_64 and pt_npt are written for (IA32_PAT). */
#define PT_X86_PAT 0x0007040600070106ULL

/* MAIR_EL2 that pt_el2 and pt_el2_vhe are written for: Normal WB, WT, NC, Device-nGnRE. */
#define PT_EL2_MAIR 0x000000000444bbffULL

static inline unsigned pt_level_shift(const struct pt_format *fmt, unsigned level)
{
	return fmt->page_shift + fmt->index_bits * (level - 1);
}

/* Bytes that one entry of @level maps. */
static inline u64 pt_level_size(const struct pt_format *fmt, unsigned level)
{
	return BIT(pt_level_shift(fmt, level));
}

static inline bool pt_level_has_leaf(const struct pt_format *fmt, unsigned level)
{
	return fmt->leaf_levels & BIT(level);
}

static inline bool pt_match(struct pt_bits bits, u64 entry)
{
	return (entry & bits.mask) == bits.value;
}

/* An encoding that the architecture reserves at this level reads as a hole. */
static inline enum pt_kind pt_classify(const struct pt_format *fmt, unsigned level, u64 entry)
{
	const struct pt_level *l = &fmt->level[level];

	if (!(entry & fmt->present_mask)) {
		return entry & PT_MARKER ? PT_DEVICE : PT_HOLE;
	}
	if (pt_match(l->table, entry)) {
		return PT_TABLE;
	}
	return pt_match(l->leaf, entry) ? PT_LEAF : PT_HOLE;
}

static inline hpa_t pt_table_oa(const struct pt_format *fmt, u64 entry)
{
	return hpa(entry & fmt->table_oa_mask);
}

static inline hpa_t pt_leaf_oa(const struct pt_format *fmt, unsigned level, u64 entry)
{
	const struct pt_level *l = &fmt->level[level];

	return hpa((entry & l->oa_mask) | (entry & l->oa_high_mask) << fmt->oa_high_shift);
}

/* The entry for a leaf, A and D clear; 0 when the format cannot express it, nothing is rounded. */
u64 pt_encode_leaf(const struct pt_format *fmt, unsigned level, hpa_t oa, unsigned prot,
		   enum pt_mem mem);

/* The entry that links the table @oa below @level, allowing everything; 0 when it cannot. */
u64 pt_encode_table(const struct pt_format *fmt, unsigned level, hpa_t oa);

struct pt_entry pt_decode(const struct pt_format *fmt, unsigned level, u64 entry);

/* Checks a row against itself: fields apart, decode(encode) = id. Returns 0 or -EINVAL. */
__must_check int pt_format_check(const struct pt_format *fmt);
