// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/sysreg_trap.h"

enum row_how {
	HOW_UNDEF,
	HOW_RAZ_WI,
	HOW_RO,
	HOW_CONST,
	HOW_ID,
	HOW_LOCAL,
	HOW_CALL,
};

enum row_local {
	LOCAL_DEBUG,
	LOCAL_OS_LOCK,
	LOCAL_OS_LOCK_STATUS,
};

struct sysreg_row {
	u16 first, last; /* keys */
	u8 how;          /* enum row_how */
	u8 arg;          /* value, enum row_local or enum sysreg_call */
	const char *name;
};

#define K SYSREG_KEY

#define ROW(n, f, l, h, a) {.first = f, .last = l, .how = h, .arg = a, .name = #n},
#define UNDEF(n, f, l)     ROW(n, f, l, HOW_UNDEF, 0)
#define RAZ_WI(n, k)       ROW(n, k, k, HOW_RAZ_WI, 0)
#define RO(n, k, v)        ROW(n, k, k, HOW_RO, v)
#define CONST(n, k, v)     ROW(n, k, k, HOW_CONST, v)
#define ID(n, f, l)        ROW(n, f, l, HOW_ID, 0)
#define LOCAL(n, f, l, fn) ROW(n, f, l, HOW_LOCAL, LOCAL_##fn)
#define CALL(n, f, l, c)   ROW(n, f, l, HOW_CALL, SYSREG_CALL_##c)

/* Ascending, without overlap: the host test looks at every key. */
static const struct sysreg_row rows[] = {
#include "arch/arm64/sysreg.def"
};

#define OSLSR_OSLM 0x8 /* the OS Lock is there */
#define OSLSR_OSLK 0x2

struct sysreg_access sysreg_access_decode(u64 esr)
{
	u64 key = K(FIELD_GET(ESR_SYS_OP0, esr), FIELD_GET(ESR_SYS_OP1, esr),
		    FIELD_GET(ESR_SYS_CRN, esr), FIELD_GET(ESR_SYS_CRM, esr),
		    FIELD_GET(ESR_SYS_OP2, esr));

	return (struct sysreg_access){
		.key = (u16)key,
		.rt = (u8)FIELD_GET(ESR_SYS_RT, esr),
		.is_read = esr & ESR_SYS_READ,
	};
}

void sysreg_reset(struct sysreg_state *state, const struct idregs *id)
{
	*state = (struct sysreg_state){.id = id, .os_locked = true};
}

static const struct sysreg_row *row_find(u16 key)
{
	const struct sysreg_row *base = rows;

	/* The last row that does not begin after key, or the first one. */
	for (unsigned n = ARRAY_SIZE(rows); n > 1; n -= n / 2) {
		base += base[n / 2].first <= key ? n / 2 : 0;
	}
	return key >= base->first && key <= base->last ? base : NULL;
}

/* DBGBVR, DBGBCR (op2 4, 5) and DBGWVR, DBGWCR (6, 7): numbered by CRm. */
static bool debug_register_exists(const struct idregs *id, u16 key)
{
	u64 dfr0 = idreg(id, ID_AA64DFR0);
	unsigned op2 = key & 7, n = key >> 3 & 15;

	if (op2 < 4) {
		return true; /* MDSCR_EL1 */
	}
	return n <= (op2 < 6 ? FIELD_GET(DFR0_BRPS, dfr0) : FIELD_GET(DFR0_WRPS, dfr0));
}

/*
 * While these trap, all of them are zero: kernels clear them at start and need no registers for it.
 */
static enum sysreg_result debug_access(const struct sysreg_state *state, struct sysreg_access *a)
{
	if (!debug_register_exists(state->id, a->key)) {
		return SYSREG_UNDEF;
	}
	if (a->is_read) {
		a->val = 0;
		return SYSREG_DONE;
	}
	if (a->val == 0) {
		return SYSREG_DONE;
	}
	a->call = SYSREG_CALL_DEBUG_OWN;
	return SYSREG_CALL;
}

static enum sysreg_result local_access(struct sysreg_state *state, enum row_local local,
				       struct sysreg_access *a)
{
	switch (local) {
	case LOCAL_DEBUG:
		return debug_access(state, a);
	case LOCAL_OS_LOCK:
		if (a->is_read) {
			return SYSREG_UNDEF;
		}
		state->os_locked = a->val & 1;
		return SYSREG_DONE;
	case LOCAL_OS_LOCK_STATUS:
		if (!a->is_read) {
			return SYSREG_UNDEF;
		}
		a->val = OSLSR_OSLM | (state->os_locked ? OSLSR_OSLK : 0);
		return SYSREG_DONE;
	}
	return SYSREG_UNDEF;
}

static bool is_write_only(enum sysreg_call call)
{
	return call >= SYSREG_CALL_ICC_DIR && call <= SYSREG_CALL_ICC_SGI0R;
}

static enum sysreg_result row_access(struct sysreg_state *state, const struct sysreg_row *row,
				     struct sysreg_access *a)
{
	switch ((enum row_how)row->how) {
	case HOW_UNDEF:
		return SYSREG_UNDEF;
	case HOW_RAZ_WI:
	case HOW_CONST:
		a->val = a->is_read ? row->arg : a->val;
		return SYSREG_DONE;
	case HOW_RO:
		a->val = row->arg;
		return a->is_read ? SYSREG_DONE : SYSREG_UNDEF;
	case HOW_ID:
		/* CRm and op2 are the low bits of the key, and the index. */
		a->val = state->id->reg[a->key & (IDREGS_COUNT - 1)];
		return a->is_read ? SYSREG_DONE : SYSREG_UNDEF;
	case HOW_LOCAL:
		return local_access(state, (enum row_local)row->arg, a);
	case HOW_CALL:
		a->call = row->arg;
		return a->is_read && is_write_only((enum sysreg_call)row->arg) ? SYSREG_UNDEF
									       : SYSREG_CALL;
	}
	return SYSREG_UNDEF;
}

enum sysreg_result sysreg_trap(struct sysreg_state *state, struct sysreg_access *a)
{
	const struct sysreg_row *row = row_find(a->key);

	return row ? row_access(state, row, a) : SYSREG_UNDEF;
}

const char *sysreg_name(u16 key)
{
	const struct sysreg_row *row = row_find(key);

	return row ? row->name : NULL;
}

bool sysreg_is_news(struct sysreg_seen *seen, u16 key)
{
	for (unsigned i = 0; i < seen->count; i++) {
		if (seen->key[i] == key) {
			return false;
		}
	}
	if (seen->count == ARRAY_SIZE(seen->key)) {
		return false;
	}
	seen->key[seen->count++] = key;
	return true;
}
