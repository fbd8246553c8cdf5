// SPDX-License-Identifier: Apache-2.0
#include "mm/pt_dump.h"

#include <stdio.h>

#include "mm/tdp_iter.h"

/* Leaves of one size, or markers, that continue each other. */
struct run {
	u64 start, last, count;
	unsigned level;
	struct pt_entry e; /* of the first */
};

static void format_size(char *buf, size_t max, u64 size)
{
	static const char units[] = "KMGTPE";
	unsigned i = 0;

	size >>= 10;
	while (size >= 1024 && i + 2 < sizeof(units)) {
		size >>= 10;
		i++;
	}
	snprintf(buf, max, "%lu%c", size, units[i]);
}

static void emit(const struct tdp *tdp, const struct run *run, pt_dump_line_fn *line, void *ctx)
{
	static const char *const mems[] = {"wb", "wt", "wc", "uc", "??"};
	char text[PT_DUMP_LINE_MAX], size[16];
	u64 high = 0;
	int n;

	if (!run->count) {
		return;
	}
	if (tdp->fmt->flags & PT_CANONICAL && run->start & BIT(tdp->ia_bits - 1)) {
		high = ~(BIT(tdp->ia_bits) - 1);
	}
	format_size(size, sizeof(size), pt_level_size(tdp->fmt, run->level));
	n = snprintf(text, sizeof(text), "%016lx-%016lx", run->start | high, run->last | high);
	if (run->e.kind == PT_LEAF) {
		n += snprintf(text + n, sizeof(text) - (size_t)n, " -> %016lx %c%c%c%c %s",
			      run->e.oa.v, run->e.prot & PT_R ? 'r' : '-',
			      run->e.prot & PT_W ? 'w' : '-', run->e.prot & PT_X ? 'x' : '-',
			      run->e.prot & PT_U ? 'u' : '-', mems[run->e.mem]);
	} else {
		n += snprintf(text + n, sizeof(text) - (size_t)n, " device");
	}
	snprintf(text + n, sizeof(text) - (size_t)n, " %s x%lu", size, run->count);
	line(ctx, text);
}

static bool continues(const struct run *run, const struct tdp_iter *it, const struct pt_entry *e)
{
	return run->count && run->last + 1 == it->ia && run->level == it->level &&
	       run->e.kind == e->kind && run->e.prot == e->prot && run->e.mem == e->mem &&
	       (e->kind != PT_LEAF || e->oa.v == run->e.oa.v + (it->ia - run->start));
}

void pt_dump_unlocked(const struct tdp *tdp, pt_dump_line_fn *line, void *ctx)
{
	struct run run = {0};
	struct tdp_iter it;

	tdp_iter_start(&it, tdp, 0, BIT(tdp->ia_bits) - 1);
	for (; it.valid; tdp_iter_next(&it)) {
		struct pt_entry e = pt_decode(tdp->fmt, it.level, it.entry);

		if (e.kind == PT_HOLE || e.kind == PT_TABLE) {
			continue;
		}
		if (!continues(&run, &it, &e)) {
			emit(tdp, &run, line, ctx);
			run = (struct run){.start = it.ia, .level = it.level, .e = e};
		}
		run.last = tdp_iter_entry_last(&it);
		run.count++;
	}
	emit(tdp, &run, line, ctx);
}

void pt_dump(struct tdp *tdp, pt_dump_line_fn *line, void *ctx)
{
	lock_take(&tdp->lock);
	pt_dump_unlocked(tdp, line, ctx);
	lock_drop(&tdp->lock);
}
