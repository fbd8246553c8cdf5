// SPDX-License-Identifier: Apache-2.0
#include "mm/tlb_batch.h"

#include "mm/tdp_entry.h"

/* The first entry of an unlinked table holds the address of the next one, 0 at the end. To a walk
 * that is still in the table it is a hole: the bits that would make it present are 0. */
static void *chain_ptr(hpa_t table)
{
	return phys_ptr(table);
}

static void free_tables(struct tlb_batch *b)
{
	struct tdp *tdp = b->tdp;
	hpa_t table = b->pages;

	while (b->page_count) {
		hpa_t next = hpa(tdp_entry_read(tdp->fmt, chain_ptr(table)));

		tdp->ops->free(tdp, table, tdp_table_order(tdp->fmt));
		tdp->table_count--;
		b->page_count--;
		table = next;
	}
	b->pages = HPA_NONE;
}

/* What is pending was flushed by now. */
static void batch_done(struct tlb_batch *b)
{
	struct tdp *tdp = b->tdp;

	free_tables(b);
	b->pending = false;
	b->start = ~(u64)0;
	b->end = 0;
	b->flushes++;
	if (--tdp->pending_batches == 0) {
		tdp->pending_start = ~(u64)0;
		tdp->pending_end = 0;
	}
}

void tlb_batch_flush_locked(struct tlb_batch *b)
{
	if (b->pending) {
		tdp_flush_range(b->tdp, b->start, b->end - 1);
		batch_done(b);
	}
}

void tlb_batch_flush(struct tlb_batch *b)
{
	if (b->pending) {
		/* Not under the lock: other CPUs may fault meanwhile. */
		tdp_flush_range(b->tdp, b->start, b->end - 1);
		lock_take(&b->tdp->lock);
		batch_done(b);
		lock_drop(&b->tdp->lock);
	}
}

void tlb_batch_add(struct tlb_batch *b, u64 start, u64 last)
{
	struct tdp *tdp = b->tdp;

	if (!b->pending) {
		b->pending = true;
		tdp->pending_batches++;
	}
	b->start = min_u64(b->start, start);
	b->end = max_u64(b->end, last + 1);
	tdp->pending_start = min_u64(tdp->pending_start, start);
	tdp->pending_end = max_u64(tdp->pending_end, last + 1);
}

void tlb_batch_add_table(struct tlb_batch *b, hpa_t table)
{
	struct tdp *tdp = b->tdp;
	void *ptep = chain_ptr(table);
	u64 next = b->page_count ? b->pages.v : 0;

	assert(b->pending);
	tdp_entry_replace(tdp, ptep, tdp_entry_read(tdp->fmt, ptep), next, 0);
	b->pages = table;
	b->page_count++;
}
