// SPDX-License-Identifier: Apache-2.0
/*
 * A tdp in a simulated machine, for tests and fuzzing.
 *
 * The machine sees every store of the builder as hardware could: it keeps what a TLB and a walk
 * cache may still hold (until a flush covers it), sets accessed and dirty bits at the worst
 * moments, and stops with a message when a rule of ARCHITECTURE.md is broken:
 *   T3  a linked table has only sound entries; a freed one is in nobody's walk;
 *   T4  no accessed or dirty bit is lost;
 *   T5  break-before-make, with the flush between;
 *   T6  no page has two translations at a time.
 * A model of intervals says what the table must translate; world_check() compares all of it.
 * There is one world at a time. Addresses are without sign extension.
 */
#pragma once

#include "mm/tdp.h"
#include "tests/host/tdp_race.h"

#define WORLD_SEGS 4096

/* [ia, last] translates to oa ... or is a device. */
struct seg {
	u64 ia, last, oa;
	enum pt_kind kind; /* PT_LEAF or PT_DEVICE */
	u8 prot, mem;
};

struct segs {
	struct seg s[WORLD_SEGS];
	unsigned count;
};

struct world {
	struct tdp tdp;
	struct tlb_batch batch;
	const struct pt_format *fmt;
	struct segs model;
	u64 rng;
	bool race;       /* hardware sets A and D between the builder's look and its store */
	bool auto_flush; /* flush the batch after each operation */
	long fail_at;    /* this allocation fails, counted down; negative: none */
	u64 allocs, frees, flushes, stores, harvests, races;
};

extern struct world w;

void world_start(const struct pt_format *fmt, unsigned ia_bits, u64 seed);
void world_stop(void);

/* Everything: structure, translation, pending flushes, A and D. */
void world_check(void);

/* Nothing may be left in TLB or walk cache that the tables do not say. */
void world_check_flushed(void);

/* Operations on tdp and model alike. On success and -ENOMEM all is checked as it must be, and the
 * batch is flushed if auto_flush is set. Return what the operation did. */
int world_map(u64 ia, u64 size, u64 oa, unsigned prot, enum pt_mem mem);
int world_unmap(u64 ia, u64 size);
int world_protect(u64 ia, u64 size, unsigned prot);
int world_device(u64 ia, u64 size);

/* The guest accesses the page of @ia, if it is mapped: hardware sets A, and D for a write. */
void world_access(u64 ia, bool write);

/* Leaves of @level in the tables. */
u64 world_leaves(unsigned level);

/* One operation out of @bits: kind, place, size, colour and permissions. */
int world_random_op(u64 bits);

u64 world_random(void);
gpa_t world_gpa(u64 ia);

#define CHECK(cond, ...)                                                    \
	do {                                                                \
		if (!(cond)) {                                              \
			world_fail(__FILE__, __LINE__, #cond, __VA_ARGS__); \
		}                                                           \
	} while (0)

_Noreturn void world_fail(const char *file, int line, const char *cond, const char *fmt, ...)
	__printf(4, 5);
