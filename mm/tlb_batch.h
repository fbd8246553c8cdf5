// SPDX-License-Identifier: Apache-2.0
/*
 * A pending TLB flush as an object: the range that hardware may still translate by entries that
 * are gone, and the table pages that may be freed only after it (ARCHITECTURE.md, T3).
 *
 *	struct tlb_batch batch = TLB_BATCH_INIT(tdp);
 *	r = tdp_unmap(tdp, ia, size, &batch);
 *	tlb_batch_flush(&batch);	(always, also after an error)
 *
 * A batch serves one tdp and one thread. It must be flushed before its scope ends, before memory
 * that was mapped is given away, and before a CPU enters the guest that must not see it any more.
 */
#pragma once

#include "mm/types.h"

struct tdp;

struct tlb_batch {
	struct tdp *tdp;
	u64 start, end; /* pending range, without sign extension; empty when start >= end */
	hpa_t pages;    /* unlinked tables, chained through their first entry */
	u32 page_count;
	bool pending; /* something waits for a flush */
	u64 changes;  /* entries that operations with this batch changed (0: SPURIOUS, T8) */
	u64 flushes;  /* that were done through it */
};

#define TLB_BATCH_INIT(t) ((struct tlb_batch){.tdp = (t), .start = ~(u64)0, .pages = HPA_NONE})

static inline void tlb_batch_init(struct tlb_batch *b, struct tdp *tdp)
{
	*b = TLB_BATCH_INIT(tdp);
}

/* Flushes once, if anything is pending, then frees what the batch owns. It can be used again.
 * Locks: takes the tdp's. */
void tlb_batch_flush(struct tlb_batch *b);

static inline bool tlb_batch_is_empty(const struct tlb_batch *b)
{
	return !b->pending && hpa_is_none(b->pages);
}

/* At the end of its scope: nothing may be pending (our bug). */
static inline void tlb_batch_assert_empty(const struct tlb_batch *b)
{
	assert(tlb_batch_is_empty(b));
	(void)b;
}
