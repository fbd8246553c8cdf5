// SPDX-License-Identifier: Apache-2.0
/*
 * A tdp as text: one line for each run of leaves or markers that continue each other.
 *	0000000000200000-00000000003fffff -> 0000000040200000 rwx- wb 2M x1
 */
#pragma once

#include "mm/tdp.h"

#define PT_DUMP_LINE_MAX 128

typedef void pt_dump_line_fn(void *ctx, const char *text);

/* Calls @line for each run, in order of addresses. Locks: takes the tdp's; @line must not. */
void pt_dump(struct tdp *tdp, pt_dump_line_fn *line, void *ctx);

/* The same without the lock: for panics, when whoever holds it will not come back. */
void pt_dump_unlocked(const struct tdp *tdp, pt_dump_line_fn *line, void *ctx);
