// SPDX-License-Identifier: Apache-2.0
#include "vmm/memslot.h"

#include <errno.h>
#include <string.h>

#include "mm/bits.h"

int memslot_add(struct memslots *slots, const struct memslot *slot)
{
	u64 start = slot->base.v, end = start + slot->size;
	u32 at = 0;

	if (!slot->size || !is_aligned(start | slot->size | slot->hpa.v, PAGE_SIZE) ||
	    end < start || end > BIT(52)) {
		return -EINVAL;
	}
	while (at < slots->count && slots->slot[at].base.v < start) {
		at++;
	}
	if (at && slots->slot[at - 1].base.v + slots->slot[at - 1].size > start) {
		return -EEXIST;
	}
	if (at < slots->count && slots->slot[at].base.v < end) {
		return -EEXIST;
	}
	if (slots->count == MEMSLOT_MAX) {
		return -ENOSPC;
	}
	memmove(&slots->slot[at + 1], &slots->slot[at],
		(slots->count - at) * sizeof(slots->slot[0]));
	slots->slot[at] = *slot;
	slots->count++;
	return 0;
}

const struct memslot *memslot_find(const struct memslots *slots, gpa_t addr)
{
	u32 lo = 0, hi = slots->count;

	while (lo < hi) {
		u32 mid = (lo + hi) / 2;
		const struct memslot *s = &slots->slot[mid];

		if (addr.v < s->base.v) {
			hi = mid;
		} else if (addr.v - s->base.v >= s->size) {
			lo = mid + 1;
		} else {
			return s;
		}
	}
	return NULL;
}
