// SPDX-License-Identifier: Apache-2.0
#include "mm/range.h"

#include <errno.h>
#include <string.h>

/* All arithmetic is on last addresses, so that a range may end at 2^64. */
static u64 range_last(const struct range *r)
{
	return r->base + (r->size - 1);
}

/* Index of the first range whose last address is @addr or above; count if there is none. */
static size_t first_reaching(const struct range_set *set, u64 addr)
{
	size_t lo = 0, hi = set->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (range_last(&set->r[mid]) < addr) {
			lo = mid + 1;
		} else {
			hi = mid;
		}
	}
	return lo;
}

/* Puts @with_count ranges (0 to 2) in place of elements [from, to). */
static int replace(struct range_set *set, size_t from, size_t to, const struct range *with,
		   size_t with_count)
{
	size_t count = set->count - (to - from) + with_count;

	if (count > set->max) {
		return -ENOSPC;
	}
	if (set->count > to) {
		memmove(&set->r[from + with_count], &set->r[to],
			(set->count - to) * sizeof(*set->r));
	}
	for (size_t i = 0; i < with_count; i++) {
		set->r[from + i] = with[i];
	}
	set->count = count;
	return 0;
}

int range_add(struct range_set *set, u64 base, u64 size)
{
	u64 last = base + (size - 1);
	struct range sum;
	size_t from, to;

	if (!size) {
		return 0;
	}
	if (last < base) {
		return -EINVAL;
	}
	/* What ends at base - 1 or begins at last + 1 touches and is merged too. */
	from = first_reaching(set, base ? base - 1 : 0);
	for (to = from; to < set->count; to++) {
		if (set->r[to].base > last && set->r[to].base - last > 1) {
			break;
		}
		base = set->r[to].base < base ? set->r[to].base : base;
		last = range_last(&set->r[to]) > last ? range_last(&set->r[to]) : last;
	}
	sum = (struct range){base, last - base + 1};
	return replace(set, from, to, &sum, 1);
}

int range_remove(struct range_set *set, u64 base, u64 size)
{
	u64 last = base + (size - 1);
	struct range rest[2];
	size_t from, to, n = 0;

	if (!size) {
		return 0;
	}
	if (last < base) {
		return -EINVAL;
	}
	from = first_reaching(set, base);
	for (to = from; to < set->count && set->r[to].base <= last; to++) {
		const struct range *r = &set->r[to];

		if (r->base < base) {
			rest[n++] = (struct range){r->base, base - r->base};
		}
		if (range_last(r) > last) {
			rest[n++] = (struct range){last + 1, range_last(r) - last};
		}
	}
	return replace(set, from, to, rest, n);
}

const struct range *range_find(const struct range_set *set, u64 addr)
{
	size_t i = first_reaching(set, addr);

	return i < set->count && set->r[i].base <= addr ? &set->r[i] : NULL;
}

bool range_contains(const struct range_set *set, u64 base, u64 size)
{
	const struct range *r = range_find(set, base);
	u64 last = base + (size - 1);

	return !size || (r && last >= base && last <= range_last(r));
}

u64 range_total(const struct range_set *set)
{
	u64 sum = 0;

	for (size_t i = 0; i < set->count; i++) {
		sum += set->r[i].size;
	}
	return sum;
}

bool range_find_place(const struct range_set *set, struct range_want want, u64 *base)
{
	assert(want.size && is_power_of_2(want.align));
	for (size_t i = first_reaching(set, want.min); i < set->count; i++) {
		u64 first = max_u64(set->r[i].base, want.min);
		u64 at = align_up(first, want.align);
		u64 last = at + (want.size - 1);

		if (at < first || last < at || (want.max && last >= want.max)) {
			break; /* what follows lies higher still */
		}
		if (last <= range_last(&set->r[i])) {
			*base = at;
			return true;
		}
	}
	return false;
}
