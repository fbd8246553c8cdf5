// SPDX-License-Identifier: Apache-2.0
/*
 * The software walk of a guest's tables, of every format: what the CPU of @role would do with an
 * access, with the accessed and dirty bits it would set and the exact fault it would raise.
 *
 * Pure: it knows the VM's memslots and nothing else. Each entry is read once; it is written by
 * compare-exchange, and a lost exchange starts the walk again. No lock is needed or taken.
 *
 * Sources, by section title: AMD APM vol. 2, "Page Translation and Protection", "Nested Paging";
 * Intel SDM vol. 3, "Paging", "EPT Violations", "EPT Misconfigurations"; Arm ARM, "VMSAv8-64
 * translation table format descriptors", "Hardware management of the Access flag and dirty state",
 * "Data access permissions", "Hierarchical control of data access permissions", "MMU fault types".
 */
#pragma once

#include "mm/pt_format.h"
#include "vmm/role.h"
#include "vmm/memslot.h"

/* #PF error code; the low bits of a nested page fault's EXITINFO1. */
#define PF_PRESENT BIT(0)
#define PF_WRITE   BIT(1)
#define PF_USER    BIT(2)
#define PF_RSVD    BIT(3)
#define PF_FETCH   BIT(4)
#define PF_PK      BIT(5)
#define NPF_FINAL  BIT(32) /* the guest's final physical address */
#define NPF_WALK   BIT(33) /* a table of the guest's */

/* Exit qualification of an EPT violation. */
#define EPT_VIOLATION_READ   BIT(0)
#define EPT_VIOLATION_WRITE  BIT(1)
#define EPT_VIOLATION_FETCH  BIT(2)
#define EPT_VIOLATION_PROT   GENMASK(5, 3) /* R, W, X of all entries together */
#define EPT_VIOLATION_LINEAR BIT(7)
#define EPT_VIOLATION_FINAL  BIT(8) /* not a table of the guest's */

/* Fault status codes of Arm, less the level. */
#define FSC_ADDRESS_SIZE 0x00u
#define FSC_TRANSLATION  0x04u
#define FSC_ACCESS_FLAG  0x08u
#define FSC_PERMISSION   0x0cu
#define FSC_WALK_ABORT   0x14u /* synchronous external abort on a walk */

enum walk_result {
	WALK_OK,
	WALK_FAULT,       /* the regime's own fault; code says which */
	WALK_MISCONFIG,   /* EPT misconfiguration: no code */
	WALK_CANONICAL,   /* a linear address that is not canonical: no page fault */
	WALK_FAULT_UNDER, /* reading a table: the regime below faults; out is its, gpa is the
			     table's */
	WALK_RETRY,       /* another CPU kept changing the entries: run the guest again */
};

enum walk_flags {
	WALK_ON_WALK = 1, /* the access is one to the guest's own tables */
	WALK_PEEK = 2,    /* set no accessed or dirty bit, and miss none */
	WALK_AC = 4,      /* EFLAGS.AC, and the access is an explicit one */
};

/* What is walked. */
struct walk_regime {
	union cpu_role role;
	u64 root;         /* CR3, nCR3, EPTP, VTTBR_EL2, TTBRn_EL1: what is no address is ignored */
	const u64 *pdptr; /* PAE: the four registers; NULL: they are read from memory */
	const struct memslots *slots;
	const struct walk_regime *under; /* translates the tables' addresses; NULL: nothing does */
	u32 pkru;
	u8 ia_limit; /* not 0: wider addresses are holes, as the host's table has no place for them
		      */
};

/* The entries that a walk read, from the root down. */
struct walk_trace {
	u32 count;
	struct {
		u64 at, entry; /* where it lies in this regime's physical space; as it counts */
		u8 level;
		u8 prot; /* enum pt_prot, of this entry alone, for the access that was asked for */
	} step[PT_MAX_LEVELS];
};

/*
 * All entries that a walk read, those of the regime below included. While none of them changes, nor
 * the regimes, the same walk ends in the same place. Entries of 32 bits are not kept.
 */
#define WALK_READS_MAX 36 /* five levels over five levels, and the address that they lead to */
struct walk_reads {
	u32 count; /* 0 at first; more than WALK_READS_MAX: some are not here */
	struct {
		const u64 *at;
		u64 raw;
	} read[WALK_READS_MAX];
};

/* Whether all are here and none has changed. */
bool walk_reads_are_current(const struct walk_reads *reads);

struct guest_walk {
	/* in */
	u64 ia;
	struct walk_trace *trace; /* NULL: nobody wants it */
	struct walk_reads *reads; /* likewise; added to */
	u8 access;                /* one or more of PT_R, PT_W, PT_X; PT_U: a user's */
	u8 flags;                 /* enum walk_flags */
	/* out */
	u8 need;    /* the access, with what the regime makes of it */
	u8 level;   /* where it ended */
	u8 prot;    /* enum pt_prot, of all entries together; of NPT without PT_U: nothing */
	u8 mem;     /* enum pt_mem of the leaf */
	bool dirty; /* writes need not be told of: the dirty bit is set, or there is none */
	gpa_t gpa;  /* of the byte */
	u64 size;   /* of the leaf */
	u64 code;   /* #PF error code, EXITINFO1, exit qualification, fault status code */
};

/* Walks for @w->ia. Bounded: at most WALK_TRIES times the depth of the tables. */
#define WALK_TRIES 8
enum walk_result guest_walk(const struct walk_regime *regime, struct guest_walk *w) __must_check;

/* The format that a role's tables have; NULL of no role. */
const struct pt_format *walk_format(union cpu_role role);

/* Whether a role makes sense, stage 2's levels against its width included. A walk by any other
 * role is a fault at the root. */
bool cpu_role_is_valid(union cpu_role role);

/* Tests put "another vCPU" here: between an entry's read and its update. */
#ifndef WALK_RACE_POINT
#define WALK_RACE_POINT(ptr) ((void)0)
#endif
