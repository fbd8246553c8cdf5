// SPDX-License-Identifier: Apache-2.0
#include "tests/host/walk_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mm/page.h"
#include "tests/host/walk_ref.h"

#define PAGES     64 /* guest pages 0 to 63: the last eight are read-only, 40 to 43 a hole */
#define HPA_BASE  0x100000000ULL
#define ENTRIES   24
#define WALKS_RUN 24

struct walk_counts walk_counts;

static _Alignas(65536) u8 memory[PAGES * PAGE_SIZE], before[PAGES * PAGE_SIZE];
static struct memslots slots;
static u64 dictionary[ENTRIES];

static bool has_memory(u64 a)
{
	return a < PAGES * PAGE_SIZE && (a < 40 * PAGE_SIZE || a >= 44 * PAGE_SIZE);
}

static bool ref_read(u64 a, unsigned bytes, u64 *value)
{
	*value = 0;
	if (has_memory(a)) {
		memcpy(value, before + a, bytes);
	}
	return has_memory(a);
}

static void add_slot(u64 first, u64 pages, u32 flags)
{
	struct memslot s = {.base = gpa(first * PAGE_SIZE),
			    .size = pages * PAGE_SIZE,
			    .hpa = hpa(HPA_BASE + first * PAGE_SIZE),
			    .flags = flags};

	if (memslot_add(&slots, &s)) {
		abort();
	}
}

static u64 make_entry(union cpu_role role, u64 r)
{
	u64 e = (r & 63) << 12 | (r >> 8 & 0xfff);

	if (role.kind <= WALK_LONG5) {
		e |= r >> 32 & 7 ? 7 : 0; /* mostly present, writable, user's */
		e &= r >> 35 & 3 ? ~0x180ULL : ~0ULL;
	} else if (role.kind <= WALK_EPT5) {
		e |= r >> 32 & 3 ? 7 : 0;
		e = r >> 35 & 3 ? (e & ~0xf8ULL) | 0x30 * (r >> 37 & 1) : e;
	} else {
		e |= r >> 32 & 7 ? 3 : 1;
		e |= r >> 35 & 3 ? 0x4c0 : 0;
	}
	e = role.kind >= WALK_S2_4K && (role.kind - WALK_S2_4K) % 3 ? e & ~0xc000ULL : e;
	e ^= r >> 40 & 7 ? 0 : 1ULL << (r >> 43 & 63); /* any bit may be wrong */
	e ^= r >> 50 & 3 ? 0 : 1ULL << (51 + (r >> 52) % 13);
	e = r >> 56 & 7 ? e : e & ~0x1ff000ULL; /* aligned as a block */
	return role.big_endian ? __builtin_bswap64(e) : e;
}

static void fill(union cpu_role role, u64 (*next)(void))
{
	u64 mix = next();

	for (unsigned i = 0; i < ENTRIES; i++) {
		dictionary[i] = make_entry(role, next());
	}
	for (u64 i = 0; i < sizeof(memory) / 8; i++) {
		mix = mix * 6364136223846793005ULL + 1442695040888963407ULL;
		if (role.kind == WALK_X86_32) {
			u32 e[2] = {(u32)dictionary[(mix >> 33) % ENTRIES],
				    (u32)dictionary[(mix >> 43) % ENTRIES]};

			memcpy(memory + 8 * i, e, 8);
		} else {
			memcpy(memory + 8 * i, &dictionary[(mix >> 33) % ENTRIES], 8);
		}
	}
}

static union cpu_role make_role(u64 r)
{
	static const u8 oa_bits[] = {52, 48, 40, 36, 32, 42, 39, 46};
	static const u8 pages[] = {12, 14, 16};
	union cpu_role role = {.word = 0};
	unsigned page, low;

	role.kind = (1 + r % (WALK_KIND_COUNT - 1)) & 15;
	role.oa_bits = oa_bits[r >> 8 & 7] & 63u;
	role.nx = r >> 11 & 1;
	role.page1g = r >> 12 & 1;
	if (role.kind <= WALK_LONG5) {
		role.tdp = r >> 13 & 1;
		role.wp = r >> 14 & 1;
		role.smep = r >> 15 & 1;
		role.smap = r >> 16 & 1;
		role.pke = r >> 17 & 1;
		role.pse = r >> 18 & 1;
		role.amd = r >> 19 & 1;
		return role;
	}
	role.tdp = 1;
	role.ad = r >> 20 & 1;
	role.xonly = r >> 21 & 1;
	if (role.kind >= WALK_S2_4K) {
		page = pages[(role.kind - WALK_S2_4K) % 3];
		role.oa_bits = min_u64(role.oa_bits, 48) & 63;
		role.hd = r >> 22 & 1;
		role.big_endian = r >> 23 & 1;
		role.root_level = (2 + (r >> 24) % (page == 12 ? 3 : 2)) & 7;
		low = page + (page - 3) * (role.root_level - 1u);
		role.ia_bits = (low + 1 + (r >> 28) % (page + 1)) & 63;
		role.ia_bits = min_u64(role.ia_bits, 48) & 63;
		if (role.kind >= WALK_S1_4K) {
			role.tdp = 0;
			role.smap = r >> 33 & 1;
			role.hpd = r >> 34 & 1;
			role.tbi = r >> 35 & 1;
			role.wxn = r >> 36 & 1;
			role.ia_bits = min_u64(low + 1 + (r >> 28) % (page - 3), 48) & 63;
		}
	}
	return role;
}

static u64 make_ia(union cpu_role role, u64 r)
{
	u64 ia = r ^ r << 21;

	switch (role.kind) {
	case WALK_X86_32:
	case WALK_PAE:
		ia &= r & 0xf ? 0xffffffff : 0x1ffffffff;
		break;
	case WALK_LONG4:
	case WALK_EPT4:
		ia &= r & 0xf ? 0x7fffffffffff : ~0ULL;
		break;
	case WALK_LONG5:
	case WALK_EPT5:
		ia &= r & 0xf ? 0xffffffffffffff : ~0ULL;
		break;
	case WALK_S1_4K:
	case WALK_S1_16K:
	case WALK_S1_64K: /* either half; now and then a tag, or a bit that is wrong */
		ia &= (1ULL << role.ia_bits) - 1;
		ia |= r & 1 ? ~0ULL << role.ia_bits : 0;
		ia ^= r & 14 ? 0 : r & 0xff00000000000000;
		ia ^= r & 0x70 ? 0 : 1ULL << 50;
		break;
	default:
		ia &= (1ULL << role.ia_bits) - (r & 0xf ? 1 : 0);
	}
	return ia;
}

static void check(bool good, const char *what, const struct ref_walk *ref,
		  const struct guest_walk *w)
{
	if (!good) {
		fprintf(stderr,
			"walk: %s differs\nrole %llx kind %u root %llx ia %llx access %x flags "
			"%x\nresult %d %d level %u %u code %llx %llx gpa %llx %llx size %llx "
			"%llx prot %x %x dirty %d %d\n",
			what, (unsigned long long)ref->role.word, (unsigned)ref->role.kind,
			(unsigned long long)ref->root, (unsigned long long)ref->ia, ref->access,
			ref->flags, ref->result, -1, ref->level, w->level,
			(unsigned long long)ref->code, (unsigned long long)w->code,
			(unsigned long long)ref->gpa, (unsigned long long)w->gpa.v,
			(unsigned long long)ref->size, (unsigned long long)w->size, ref->prot,
			w->prot, ref->dirty, w->dirty);
		abort();
	}
}

/* Memory is as it was but for what the reference says. */
static void check_memory(const struct ref_walk *ref, const struct guest_walk *w)
{
	for (unsigned i = 0; i < ref->update_count; i++) {
		const struct ref_update *u = &ref->update[i];

		if (has_memory(u->gpa) && u->gpa < 56 * PAGE_SIZE) {
			/* Two levels may be one entry: bits add up. */
			u64 had = 0;

			memcpy(&had, before + u->gpa, u->bytes);
			had = ref->update_count == 1 ? u->value : had | u->value;
			memcpy(before + u->gpa, &had, u->bytes);
		}
	}
	walk_counts.updates += ref->update_count;
	check(!memcmp(memory, before, sizeof(memory)), "memory", ref, w);
}

static void compare(const struct walk_regime *regime, struct guest_walk *w)
{
	static struct ref_walk ref;
	enum walk_result result;

	ref = (struct ref_walk){.role = regime->role,
				.root = regime->root,
				.ia = w->ia,
				.pkru = regime->pkru,
				.access = w->access,
				.flags = w->flags,
				.read = ref_read};

	memcpy(before, memory, sizeof(memory));
	ref_walk(&ref);
	result = guest_walk(regime, w);
	walk_counts.walks++;
	walk_counts.levels[w->level]++;
	if (result == WALK_RETRY) {
		/* Only where a table's own entry is set twice in one walk, which ends. */
		check(false, "retry", &ref, w);
	}
	check(result == ref.result, "result", &ref, w);
	check(result == WALK_CANONICAL || w->level == ref.level, "level", &ref, w);
	walk_counts.misconfigs += result == WALK_MISCONFIG;
	if (result == WALK_FAULT) {
		walk_counts.faults++;
		check(w->code == ref.code, "code", &ref, w);
	} else if (result == WALK_OK) {
		walk_counts.ok++;
		check(w->gpa.v == ref.gpa && w->size == ref.size, "address", &ref, w);
		check(w->prot == ref.prot, "prot", &ref, w);
		check(w->dirty == ref.dirty, "dirty", &ref, w);
	}
	check_memory(&ref, w);
}

/* A word of memory changes, one of those that were read or any: the walk goes elsewhere only if the
 * reads tell. */
static void check_reads(const struct walk_regime *regime, struct guest_walk w, u64 (*next)(void))
{
	static struct walk_reads reads;
	struct guest_walk again;
	enum walk_result result;
	u64 r = next(), *word = (u64 *)(void *)memory + r % (PAGES * PAGE_SIZE / 8), old;

	reads.count = 0;
	w.flags |= WALK_PEEK;
	again = w;
	w.reads = &reads;
	result = guest_walk(regime, &w);
	if (reads.count > WALK_READS_MAX) {
		return;
	}
	if (reads.count && r >> 63) {
		/* Memory is the test's own. */
		word = (u64 *)(uintptr_t)reads.read[(r >> 32) % reads.count].at;
	}
	old = *word;
	if (!walk_reads_are_current(&reads)) {
		abort();
	}
	*word ^= BIT(r >> 40 & 63);
	if (walk_reads_are_current(&reads)) {
		if (r >> 63 && reads.count) {
			abort();
		}
		if (guest_walk(regime, &again) != result || again.gpa.v != w.gpa.v) {
			abort();
		}
		walk_counts.kept++;
	}
	*word = old;
}

/* The same walk with its tables behind an identity map: must not differ but by size and faults. */
static void compare_under(const struct walk_regime *regime, struct guest_walk w, u64 (*next)(void))
{
	struct walk_regime low = {.role = {.kind = WALK_LONG4, .oa_bits = 52, .tdp = 1, .nx = 1},
				  .root = next() % PAGES * PAGE_SIZE,
				  .slots = &slots};
	struct walk_regime high = *regime;
	enum walk_result result;

	high.under = &low;
	result = guest_walk(&high, &w);
	walk_counts.under++;
	if (result == WALK_FAULT_UNDER) {
		struct guest_walk direct = {.ia = w.gpa.v, .access = PT_R, .flags = WALK_ON_WALK};
		enum walk_result again = guest_walk(&low, &direct);

		if (again != WALK_FAULT || direct.code != w.code || direct.level != w.level ||
		    !(w.code & NPF_WALK)) {
			abort();
		}
	}
	check_reads(&high, w, next);
}

void walk_world_run(u64 (*next)(void))
{
	static const u8 accesses[] = {PT_R, PT_W, PT_X, PT_RW};
	union cpu_role role = make_role(next());
	u64 r;

	phys_offset = (uintptr_t)memory - HPA_BASE;
	slots.count = 0;
	add_slot(0, 40, 0);
	add_slot(44, 12, 0);
	add_slot(56, 8, MEMSLOT_RO);
	fill(role, next);
	for (unsigned i = 0; i < WALKS_RUN; i++) {
		struct walk_regime regime = {.role = role, .slots = &slots};
		struct guest_walk w = {.ia = make_ia(role, next())};

		r = next();
		regime.root = (r & 63) << 12 | (r >> 6 & 0xfff);
		regime.root |= r >> 59 & 15 ? 0 : 1ULL << 44;
		regime.pkru = (u32)(r >> 18);
		w.access = accesses[r >> 50 & 3] | (r >> 52 & 1 ? PT_U : 0);
		w.flags = r >> 53 & 7;
		w.flags &= role.tdp ? (u8)~WALK_AC : (u8)~WALK_ON_WALK;
		compare(&regime, &w);
		check_reads(&regime, w, next);
		if (!role.tdp && i % 4 == 0) {
			w.access &= PT_RWX | PT_U;
			compare_under(&regime, w, next);
		}
	}
}
