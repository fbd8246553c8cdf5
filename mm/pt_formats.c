// SPDX-License-Identifier: Apache-2.0
/*
 * The rows. Sources, by section title:
 *   x86  Intel SDM vol. 3, "Paging": tables of the formats of each paging-structure entry;
 *        AMD APM vol. 2, "Page Translation and Protection"; "Page-Attribute Table Mechanism"
 *   EPT  Intel SDM vol. 3, "The Extended Page Table Mechanism (EPT)", "EPT Misconfigurations"
 *   NPT  AMD APM vol. 2, "Nested Paging": guest accesses are user accesses, so U/S is set at
 *        every level; memory types by the host's PAT
 *   S2   Arm ARM, "VMSAv8-64 translation table format descriptors", "Stage 2 memory region
 *        attributes"; permissions S2AP[1:0] and XN
 *   EL1, EL2  Arm ARM, "VMSAv8-64 translation table format descriptors", "Stage 1 memory region
 *        attributes", "Data access permissions", "Instruction execution permissions": one
 *        privilege level (EL2) or two (EL1&0; EL2&0, HCR_EL2.E2H = 1)
 */
#include "mm/pt_format.h"

/* The order in which the rows list their memory types. */
static_assert(PT_MEM_WB == 0 && PT_MEM_WT == 1 && PT_MEM_WC == 2 && PT_MEM_UC == 3 &&
		      PT_MEM_COUNT == 4,
	      "a row lists WB, WT, WC, UC");

#define NEVER                         \
	{                             \
		.mask = 0, .value = 1 \
	}
#define ALWAYS                        \
	{                             \
		.mask = 0, .value = 0 \
	}

/* x86: present, writable, user, write-through, cache-disable, accessed, dirty, page size. */
#define X86_P         BIT(0)
#define X86_RW        BIT(1)
#define X86_US        BIT(2)
#define X86_PWT       BIT(3)
#define X86_PCD       BIT(4)
#define X86_A         BIT(5)
#define X86_D         BIT(6)
#define X86_PS        BIT(7)
#define X86_PAT_PAGE  BIT(7)
#define X86_PAT_BLOCK BIT(12)
#define X86_NX        BIT(63)
#define X86_TABLE     (X86_P | X86_RW | X86_US)
#define X86_OA(lo)    GENMASK(51, lo)

/* Indices into PT_X86_PAT: WB in entry 0, WC in 1, UC in 3, WT in 5. */
#define X86_MEM(pat)                           \
	.mem_mask = X86_PWT | X86_PCD | (pat), \
	.mem = {0, (pat) | X86_PWT, X86_PWT, X86_PWT | X86_PCD}

#define X86_LEVEL_PAGE(oa)                                                              \
	{                                                                               \
		.table = NEVER, .leaf = ALWAYS, .oa_mask = (oa), X86_MEM(X86_PAT_PAGE), \
	}
#define X86_LEVEL_BLOCK(oa)                                                                       \
	{                                                                                         \
		.table = {.mask = X86_PS, .value = 0}, .leaf = {.mask = X86_PS, .value = X86_PS}, \
		.table_bits = X86_TABLE, .leaf_bits = X86_PS, .oa_mask = (oa),                    \
		X86_MEM(X86_PAT_BLOCK),                                                           \
	}
#define X86_LEVEL_TABLE                                                                        \
	{                                                                                      \
		.table = {.mask = X86_PS, .value = 0}, .leaf = NEVER, .table_bits = X86_TABLE, \
	}

/* Stage 1 with NX (EFER.NXE = 1): every present page can be read. */
#define X86_PROT_NX                                                        \
	.prot_mask = X86_P | X86_RW | X86_US | X86_NX,                     \
	.prot =                                                            \
		{                                                          \
			[PT_R] = X86_P | X86_NX,                           \
			[PT_RW] = X86_P | X86_RW | X86_NX,                 \
			[PT_RX] = X86_P,                                   \
			[PT_RWX] = X86_P | X86_RW,                         \
			[PT_U | PT_R] = X86_P | X86_US | X86_NX,           \
			[PT_U | PT_RW] = X86_P | X86_RW | X86_US | X86_NX, \
			[PT_U | PT_RX] = X86_P | X86_US,                   \
			[PT_U | PT_RWX] = X86_P | X86_RW | X86_US,         \
	},                                                                 \
	.prot_is = {{X86_P, X86_P}, {X86_RW, X86_RW}, {X86_NX, 0}, {X86_US, X86_US}}

#define X86_COMMON                                                                  \
	.page_shift = 12, .present_mask = X86_P, .accessed = X86_A, .dirty = X86_D, \
	.volatile_mask = X86_A | X86_D

#define X86_LONG_LEVELS                                                      \
	[1] = X86_LEVEL_PAGE(X86_OA(12)), [2] = X86_LEVEL_BLOCK(X86_OA(21)), \
	[3] = X86_LEVEL_BLOCK(X86_OA(30)), [4] = X86_LEVEL_TABLE

#define X86_LONG                                                                                \
	X86_COMMON, .index_bits = 9, .entry_shift = 3, .leaf_levels = BIT(1) | BIT(2) | BIT(3), \
		    .oa_bits = 52, .table_oa_mask = X86_OA(12)

const struct pt_format pt_x86_64 = {
	.name = "x86-64",
	.ia_bits_max = 48,
	.max_level = 4,
	.min_root_level = 4,
	.flags = PT_REWALKS | PT_CANONICAL,
	X86_LONG,
	X86_PROT_NX,
	.level = {X86_LONG_LEVELS},
};

const struct pt_format pt_x86_64_5level = {
	.name = "x86-64 5-level",
	.ia_bits_max = 57,
	.max_level = 5,
	.min_root_level = 5,
	.flags = PT_REWALKS | PT_CANONICAL,
	X86_LONG,
	X86_PROT_NX,
	.level = {X86_LONG_LEVELS, [5] = X86_LEVEL_TABLE},
};

/* The nested table of AMD-V. An entry without U/S denies everything. */
const struct pt_format pt_npt = {
	.name = "NPT",
	.ia_bits_max = 57,
	.max_level = 5,
	.min_root_level = 4,
	.flags = PT_REWALKS,
	X86_LONG,
	.prot_mask = X86_P | X86_RW | X86_US | X86_NX,
	.prot =
		{
			[PT_R] = X86_P | X86_US | X86_NX,
			[PT_RW] = X86_P | X86_US | X86_RW | X86_NX,
			[PT_RX] = X86_P | X86_US,
			[PT_RWX] = X86_P | X86_US | X86_RW,
		},
	.prot_is =
		{
			{X86_P | X86_US, X86_P | X86_US},
			{X86_US | X86_RW, X86_US | X86_RW},
			{X86_US | X86_NX, X86_US},
			NEVER,
		},
	.level = {X86_LONG_LEVELS, [5] = X86_LEVEL_TABLE},
};

/* The root has four entries, which have a present bit and an address only. */
const struct pt_format pt_pae = {
	.name = "PAE",
	.ia_bits_max = 32,
	.max_level = 3,
	.min_root_level = 3,
	.flags = PT_REWALKS,
	X86_COMMON,
	.index_bits = 9,
	.entry_shift = 3,
	.leaf_levels = BIT(1) | BIT(2),
	.oa_bits = 52,
	.table_oa_mask = X86_OA(12),
	X86_PROT_NX,
	.level =
		{
			[1] = X86_LEVEL_PAGE(X86_OA(12)),
			[2] = X86_LEVEL_BLOCK(X86_OA(21)),
			[3] = {.table = ALWAYS, .leaf = NEVER, .table_bits = X86_P},
		},
};

/* 4-byte entries, no NX: what can be read can be executed. 4 MiB pages reach 40 bits (PSE-36). */
const struct pt_format pt_x86_32 = {
	.name = "x86-32",
	.ia_bits_max = 32,
	.max_level = 2,
	.min_root_level = 2,
	.flags = PT_REWALKS,
	X86_COMMON,
	.index_bits = 10,
	.entry_shift = 2,
	.leaf_levels = BIT(1) | BIT(2),
	.oa_bits = 32,
	.oa_high_shift = 19,
	.table_oa_mask = GENMASK(31, 12),
	.prot_mask = X86_P | X86_RW | X86_US,
	.prot =
		{
			[PT_RX] = X86_P,
			[PT_RWX] = X86_P | X86_RW,
			[PT_U | PT_RX] = X86_P | X86_US,
			[PT_U | PT_RWX] = X86_P | X86_RW | X86_US,
		},
	.prot_is = {{X86_P, X86_P}, {X86_RW, X86_RW}, {X86_P, X86_P}, {X86_US, X86_US}},
	.level =
		{
			[1] = X86_LEVEL_PAGE(GENMASK(31, 12)),
			[2] = {.table = {.mask = X86_PS, .value = 0},
			       .leaf = {.mask = X86_PS, .value = X86_PS},
			       .table_bits = X86_TABLE,
			       .leaf_bits = X86_PS,
			       .oa_mask = GENMASK(31, 22),
			       .oa_high_mask = GENMASK(20, 13),
			       X86_MEM(X86_PAT_BLOCK)},
		},
};

/* EPT: accessed and dirty are written only if the EPTP enables them, else ignored. The guest's
 * PAT is honoured (bit 6 clear). Writable without readable is a misconfiguration. */
#define EPT_R   BIT(0)
#define EPT_W   BIT(1)
#define EPT_X   BIT(2)
#define EPT_RWX (EPT_R | EPT_W | EPT_X)
#define EPT_PS  BIT(7)
#define EPT_A   BIT(8)
#define EPT_D   BIT(9)

#define EPT_MT(type) ((u64)(type) << 3)
#define EPT_MEM      .mem_mask = EPT_MT(7), .mem = {EPT_MT(6), EPT_MT(4), EPT_MT(1), EPT_MT(0)}

#define EPT_LEVEL_BLOCK(lo)                                                                       \
	{                                                                                         \
		.table = {.mask = EPT_PS, .value = 0}, .leaf = {.mask = EPT_PS, .value = EPT_PS}, \
		.table_bits = EPT_RWX, .leaf_bits = EPT_PS, .oa_mask = GENMASK(51, lo), EPT_MEM,  \
	}
#define EPT_LEVEL_TABLE                                                                      \
	{                                                                                    \
		.table = {.mask = EPT_PS, .value = 0}, .leaf = NEVER, .table_bits = EPT_RWX, \
	}

#define EPT_COMMON                                                                                \
	.page_shift = 12, .index_bits = 9, .entry_shift = 3, .max_level = 5, .min_root_level = 4, \
	.ia_bits_max = 57, .leaf_levels = BIT(1) | BIT(2) | BIT(3), .oa_bits = 52,                \
	.flags = PT_REWALKS, .present_mask = EPT_RWX, .table_oa_mask = GENMASK(51, 12),           \
	.accessed = EPT_A, .dirty = EPT_D, .volatile_mask = EPT_A | EPT_D, .prot_mask = EPT_RWX,  \
	.prot_is = {{EPT_R, EPT_R}, {EPT_W, EPT_W}, {EPT_X, EPT_X}, NEVER},                       \
	.level = {                                                                                \
		[1] = {.table = NEVER, .leaf = ALWAYS, .oa_mask = GENMASK(51, 12), EPT_MEM},      \
		[2] = EPT_LEVEL_BLOCK(21),                                                        \
		[3] = EPT_LEVEL_BLOCK(30),                                                        \
		[4] = EPT_LEVEL_TABLE,                                                            \
		[5] = EPT_LEVEL_TABLE,                                                            \
	}

const struct pt_format pt_ept = {
	.name = "EPT",
	EPT_COMMON,
	.prot =
		{
			[PT_R] = EPT_R,
			[PT_RW] = EPT_R | EPT_W,
			[PT_RX] = EPT_R | EPT_X,
			[PT_RWX] = EPT_RWX,
		},
};

/* With IA32_VMX_EPT_VPID_CAP bit 0: execute-only translations. */
const struct pt_format pt_ept_xonly = {
	.name = "EPT with execute-only",
	EPT_COMMON,
	.prot =
		{
			[PT_R] = EPT_R,
			[PT_RW] = EPT_R | EPT_W,
			[PT_RX] = EPT_R | EPT_X,
			[PT_RWX] = EPT_RWX,
			[PT_X] = EPT_X,
		},
};

/* Arm stage 2: valid, table or page, S2AP, inner shareable, access flag, execute-never. The
 * hardware does not write descriptors (VTCR_EL2.HA = HD = 0): the access flag is set by us. */
#define S2_VALID BIT(0)
#define S2_TYPE  (BIT(0) | BIT(1))
#define S2_TABLE (BIT(0) | BIT(1))
#define S2_R     BIT(6)
#define S2_W     BIT(7)
#define S2_SH_IS (BIT(8) | BIT(9))
#define S2_AF    BIT(10)
#define S2_XN    BIT(54)

/* MemAttr[3:0]: Normal WB, WT, non-cacheable (inner and outer alike), Device-nGnRE. */
#define S2_ATTR(attr) ((u64)(attr) << 2)
#define S2_MEM        .mem_mask = S2_ATTR(15), .mem = {S2_ATTR(15), S2_ATTR(10), S2_ATTR(5), S2_ATTR(1)}

#define S2_LEVEL_PAGE(lo)                                                                    \
	{                                                                                    \
		.table = NEVER, .leaf = {.mask = S2_TYPE, .value = S2_TYPE},                 \
		.leaf_bits = S2_TYPE | S2_AF | S2_SH_IS, .oa_mask = GENMASK(47, lo), S2_MEM, \
	}
#define S2_LEVEL_BLOCK(lo)                                                                    \
	{                                                                                     \
		.table = {.mask = S2_TYPE, .value = S2_TABLE},                                \
		.leaf = {.mask = S2_TYPE, .value = S2_VALID}, .table_bits = S2_TABLE,         \
		.leaf_bits = S2_VALID | S2_AF | S2_SH_IS, .oa_mask = GENMASK(47, lo), S2_MEM, \
	}
#define S2_LEVEL_TABLE                                                        \
	{                                                                     \
		.table = {.mask = S2_TYPE, .value = S2_TABLE}, .leaf = NEVER, \
		.table_bits = S2_TABLE,                                       \
	}

/* For EL2 in AArch64 the three permissions are independent: to execute does not ask for S2AP[0]. */
#define S2_COMMON                                                                                  \
	.entry_shift = 3, .min_root_level = 2, .concat_bits = 4, .ia_bits_max = 48, .oa_bits = 48, \
	.flags = PT_BBM, .present_mask = S2_VALID, .accessed = S2_AF,                              \
	.prot_mask = S2_VALID | S2_R | S2_W | S2_XN,                                               \
	.prot =                                                                                    \
		{                                                                                  \
			[PT_R] = S2_VALID | S2_R | S2_XN,                                          \
			[PT_W] = S2_VALID | S2_W | S2_XN,                                          \
			[PT_RW] = S2_VALID | S2_R | S2_W | S2_XN,                                  \
			[PT_X] = S2_VALID,                                                         \
			[PT_RX] = S2_VALID | S2_R,                                                 \
			[PT_W | PT_X] = S2_VALID | S2_W,                                           \
			[PT_RWX] = S2_VALID | S2_R | S2_W,                                         \
	},                                                                                         \
	.prot_is = {{S2_R, S2_R}, {S2_W, S2_W}, {S2_XN, 0}, NEVER}

const struct pt_format pt_s2_4k = {
	.name = "stage 2, 4K",
	.page_shift = 12,
	.index_bits = 9,
	.max_level = 4,
	.leaf_levels = BIT(1) | BIT(2) | BIT(3),
	.table_oa_mask = GENMASK(47, 12),
	S2_COMMON,
	.level =
		{
			[1] = S2_LEVEL_PAGE(12),
			[2] = S2_LEVEL_BLOCK(21),
			[3] = S2_LEVEL_BLOCK(30),
			[4] = S2_LEVEL_TABLE,
		},
};

/* Stage 2 with 16K pages starts at Arm's level 1 (ours 3) at the highest; blocks of 32 MiB. */
const struct pt_format pt_s2_16k = {
	.name = "stage 2, 16K",
	.page_shift = 14,
	.index_bits = 11,
	.max_level = 3,
	.leaf_levels = BIT(1) | BIT(2),
	.table_oa_mask = GENMASK(47, 14),
	S2_COMMON,
	.level =
		{
			[1] = S2_LEVEL_PAGE(14),
			[2] = S2_LEVEL_BLOCK(25),
			[3] = S2_LEVEL_TABLE,
		},
};

/* Blocks of 512 MiB. */
const struct pt_format pt_s2_64k = {
	.name = "stage 2, 64K",
	.page_shift = 16,
	.index_bits = 13,
	.max_level = 3,
	.leaf_levels = BIT(1) | BIT(2),
	.table_oa_mask = GENMASK(47, 16),
	S2_COMMON,
	.level =
		{
			[1] = S2_LEVEL_PAGE(16),
			[2] = S2_LEVEL_BLOCK(29),
			[3] = S2_LEVEL_TABLE,
		},
};

/* Arm stage 1 at EL2: AttrIndx is an index into PT_EL2_MAIR; AP[2] makes it read-only. */
#define EL2_ATTR(i) ((u64)(i) << 2)
#define EL2_MEM     .mem_mask = EL2_ATTR(7), .mem = {EL2_ATTR(0), EL2_ATTR(1), EL2_ATTR(2), EL2_ATTR(3)}
#define EL2_AP1     BIT(6)
#define EL2_RO      BIT(7)
#define EL2_PXN     BIT(53)
#define EL2_XN      BIT(54)

#define EL2_LEVEL_PAGE(lo, bits)                                                              \
	{                                                                                     \
		.table = NEVER, .leaf = {.mask = S2_TYPE, .value = S2_TYPE},                  \
		.leaf_bits = S2_TYPE | S2_AF | S2_SH_IS | (bits), .oa_mask = GENMASK(47, lo), \
		EL2_MEM,                                                                      \
	}
#define EL2_LEVEL_BLOCK(lo, bits)                                                              \
	{                                                                                      \
		.table = {.mask = S2_TYPE, .value = S2_TABLE},                                 \
		.leaf = {.mask = S2_TYPE, .value = S2_VALID}, .table_bits = S2_TABLE,          \
		.leaf_bits = S2_VALID | S2_AF | S2_SH_IS | (bits), .oa_mask = GENMASK(47, lo), \
		EL2_MEM,                                                                       \
	}

#define EL2_COMMON(xn, bits)                                                                      \
	.page_shift = 12, .index_bits = 9, .entry_shift = 3, .max_level = 4, .min_root_level = 4, \
	.ia_bits_max = 48, .leaf_levels = BIT(1) | BIT(2) | BIT(3), .oa_bits = 48,                \
	.flags = PT_BBM, .present_mask = S2_VALID, .table_oa_mask = GENMASK(47, 12),              \
	.accessed = S2_AF, .prot_mask = S2_VALID | EL2_RO | (xn),                                 \
	.prot =                                                                                   \
		{                                                                                 \
			[PT_R] = S2_VALID | EL2_RO | (xn),                                        \
			[PT_RW] = S2_VALID | (xn),                                                \
			[PT_RX] = S2_VALID | EL2_RO,                                              \
			[PT_RWX] = S2_VALID,                                                      \
	},                                                                                        \
	.prot_is = {{S2_VALID, S2_VALID}, {EL2_RO, 0}, {(xn), 0}, NEVER},                         \
	.level = {                                                                                \
		[1] = EL2_LEVEL_PAGE(12, bits),                                                   \
		[2] = EL2_LEVEL_BLOCK(21, bits),                                                  \
		[3] = EL2_LEVEL_BLOCK(30, bits),                                                  \
		[4] = S2_LEVEL_TABLE,                                                             \
	}

/* One privilege level: AP[1] is RES1, bit 54 is XN. */
const struct pt_format pt_el2 = {
	.name = "EL2",
	EL2_COMMON(EL2_XN, EL2_AP1),
};

/* EL2&0: privileged only (AP[1] = 0), never executable at EL0. */
const struct pt_format pt_el2_vhe = {
	.name = "EL2&0",
	EL2_COMMON(EL2_PXN, EL2_XN),
};

/*
 * EL1&0 as EL1 sees it: X is PXN, U is AP[1]. What EL0 may do besides, and what a table takes away
 * below it, the walker reads itself. What we write EL0 never executes.
 */
#define EL1_COMMON                                                                                \
	.entry_shift = 3, .min_root_level = 2, .ia_bits_max = 48, .oa_bits = 48, .flags = PT_BBM, \
	.present_mask = S2_VALID, .accessed = S2_AF,                                              \
	.prot_mask = S2_VALID | EL2_AP1 | EL2_RO | EL2_PXN,                                       \
	.prot =                                                                                   \
		{                                                                                 \
			[PT_R] = S2_VALID | EL2_RO | EL2_PXN,                                     \
			[PT_RW] = S2_VALID | EL2_PXN,                                             \
			[PT_RX] = S2_VALID | EL2_RO,                                              \
			[PT_RWX] = S2_VALID,                                                      \
			[PT_U | PT_R] = S2_VALID | EL2_AP1 | EL2_RO | EL2_PXN,                    \
			[PT_U | PT_RW] = S2_VALID | EL2_AP1 | EL2_PXN,                            \
			[PT_U | PT_RX] = S2_VALID | EL2_AP1 | EL2_RO,                             \
			[PT_U | PT_RWX] = S2_VALID | EL2_AP1,                                     \
	},                                                                                        \
	.prot_is = {{S2_VALID, S2_VALID}, {EL2_RO, 0}, {EL2_PXN, 0}, {EL2_AP1, EL2_AP1}}

const struct pt_format pt_el1_4k = {
	.name = "EL1&0, 4K",
	.page_shift = 12,
	.index_bits = 9,
	.max_level = 4,
	.leaf_levels = BIT(1) | BIT(2) | BIT(3),
	.table_oa_mask = GENMASK(47, 12),
	EL1_COMMON,
	.level =
		{
			[1] = EL2_LEVEL_PAGE(12, EL2_XN),
			[2] = EL2_LEVEL_BLOCK(21, EL2_XN),
			[3] = EL2_LEVEL_BLOCK(30, EL2_XN),
			[4] = S2_LEVEL_TABLE,
		},
};

/* Unlike stage 2 it may start at Arm's level 0, with two entries. */
const struct pt_format pt_el1_16k = {
	.name = "EL1&0, 16K",
	.page_shift = 14,
	.index_bits = 11,
	.max_level = 4,
	.leaf_levels = BIT(1) | BIT(2),
	.table_oa_mask = GENMASK(47, 14),
	EL1_COMMON,
	.level =
		{
			[1] = EL2_LEVEL_PAGE(14, EL2_XN),
			[2] = EL2_LEVEL_BLOCK(25, EL2_XN),
			[3] = S2_LEVEL_TABLE,
			[4] = S2_LEVEL_TABLE,
		},
};

const struct pt_format pt_el1_64k = {
	.name = "EL1&0, 64K",
	.page_shift = 16,
	.index_bits = 13,
	.max_level = 3,
	.leaf_levels = BIT(1) | BIT(2),
	.table_oa_mask = GENMASK(47, 16),
	EL1_COMMON,
	.level =
		{
			[1] = EL2_LEVEL_PAGE(16, EL2_XN),
			[2] = EL2_LEVEL_BLOCK(29, EL2_XN),
			[3] = S2_LEVEL_TABLE,
		},
};

const struct pt_format *const pt_formats[] = {
	&pt_ept,    &pt_ept_xonly,     &pt_npt,     &pt_s2_4k,  &pt_s2_16k, &pt_s2_64k,
	&pt_x86_64, &pt_x86_64_5level, &pt_pae,     &pt_x86_32, &pt_el2,    &pt_el2_vhe,
	&pt_el1_4k, &pt_el1_16k,       &pt_el1_64k, NULL,
};
