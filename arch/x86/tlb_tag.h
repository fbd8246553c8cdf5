// SPDX-License-Identifier: Apache-2.0
/*
 * Tags of a CPU's TLB, ASIDs and VPIDs alike (pure): a new one is a vCPU's way to an empty TLB.
 * They are given out in rising order; when none is left a new generation starts, with a flush of
 * all, so that none is met again with old entries behind it. A tag counts on the CPU alone that
 * gave it.
 */
#pragma once

#include "mm/types.h"

struct tlb_tags {
	u64 generation;  /* from 1; 0: none given yet */
	u32 next, count; /* 1 .. count - 1 may be given */
};

struct tlb_tag {
	u64 generation; /* 0: none */
	u32 nr, cpu;
};

/* @count: at least 2. */
static inline void tlb_tags_init(struct tlb_tags *tags, u32 count)
{
	*tags = (struct tlb_tags){.generation = 1, .next = count, .count = count};
}

/* Whether @tag, last run with on CPU @cpu or another, serves on CPU @cpu now. */
static inline bool tlb_tag_is_current(const struct tlb_tags *tags, const struct tlb_tag *tag,
				      u32 cpu)
{
	return tag->generation == tags->generation && tag->cpu == cpu;
}

/* Gives @tag a new number on CPU @cpu. True: whatever any tag has there is to be flushed first. */
static inline bool tlb_tag_renew(struct tlb_tags *tags, struct tlb_tag *tag, u32 cpu)
{
	bool flush = tags->next >= tags->count;

	if (flush) {
		tags->next = 1;
		tags->generation++;
	}
	*tag = (struct tlb_tag){.generation = tags->generation, .nr = tags->next++, .cpu = cpu};
	return flush;
}
