// SPDX-License-Identifier: Apache-2.0
/*
 * The auditor: derives every shadow entry again, from a fresh walk of L1's tables and from the
 * memslots, and compares; and reverse map, references, keys and counters with each other. It
 * changes nothing, not even an accessed bit of L1's.
 *
 * What a leaf maps must agree with the reverse map's record and lie in a memslot at any time.
 * With L1's tables it must agree where L1 has invalidated all that it changed: elsewhere what L1
 * has not said yet is legal, and counted as stale.
 */
#pragma once

#include "nested/mmu.h"

#define AUDIT_TEXT_MAX 200

struct audit {
	/* in */
	const struct vcpu_mmu *const *vcpu;
	unsigned vcpu_count;
	bool exact; /* L1 has invalidated all that it changed: stale is wrong */
	/* out */
	u64 leaves, tables, stale;
	char text[AUDIT_TEXT_MAX]; /* the first divergence */
};

/* True if all is as it must be. Locks: sh->lock; no vCPU may be in a transition. Not with a lock
 * of its rank or above held. */
bool shadow_audit(struct shadow *sh, struct audit *a) __must_check;
