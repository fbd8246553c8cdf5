// SPDX-License-Identifier: Apache-2.0
/* The bench guest for ARM64: what its two files share. The rest is the tiny guests' library. */
#pragma once

#include "tests/guest/arm64/lib/guest.h"

/* One run of an operation in ticks, with the reading of the counter. */
struct operation {
	const char *name;
	u64 (*time)(void);
	void (*prepare)(void); /* before each run; may be NULL */
	unsigned runs;         /* 0: as many as usual */
};

extern const struct operation operations[];
extern const unsigned operation_count;

/* The bench's own vectors: an interrupt's first instruction reads the counter. */
void bench_init(void);

/* To be taken off each result. */
u64 ticks_of_measuring(void);

/* The ticks of a million instructions. */
u64 ticks_of_million(void);

/* One byte written to @addr. */
u64 time_touch(u64 addr);

/* A row of the report. */
void row(const char *name, u64 first, u64 second);

/* Two vCPUs; a VM that ticks, and what another sees of that. */
void bench_two_cpus(void);
void bench_tick(void);
void bench_gaps(void);
