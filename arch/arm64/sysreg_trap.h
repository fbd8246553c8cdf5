// SPDX-License-Identifier: Apache-2.0
/*
 * Trapped MSR and MRS (ESR_EL2.EC 0x18): from the syndrome to what the guest sees, by sysreg.def.
 * Registers whose state is elsewhere (interrupt controller, timer) are handed on to the caller; for
 * all others the result is complete. No row: UNDEFINED, as of a CPU without that register.
 */
#pragma once

#include "arch/arm64/esr.h"
#include "arch/arm64/idregs.h"

/* An encoding as a number of 16 bits, in the order of the instruction's own bits 20..5. */
#define SYSREG_KEY(op0, op1, crn, crm, op2) \
	((op0) << 14 | (op1) << 11 | (crn) << 7 | (crm) << 3 | (op2))

enum sysreg_result {
	SYSREG_DONE,  /* reads: val is set. Step over the instruction */
	SYSREG_UNDEF, /* inject_undef() */
	SYSREG_CALL,  /* the caller's, by access->call */
};

enum sysreg_call {
	SYSREG_CALL_ICC,     /* CPU interface registers but the next four: key tells which */
	SYSREG_CALL_ICC_DIR, /* this and the next three: writes only */
	SYSREG_CALL_ICC_SGI1R,
	SYSREG_CALL_ICC_ASGI1R,
	SYSREG_CALL_ICC_SGI0R,
	SYSREG_CALL_CNTPCT, /* reads only */
	SYSREG_CALL_CNTP_TVAL,
	SYSREG_CALL_CNTP_CTL,
	SYSREG_CALL_CNTP_CVAL,
	/*
	 * First use of the debug registers: make them the guest's (all zero), clear MDCR_EL2.TDA
	 * and let the instruction run again. They are to be switched with the vCPU from then on.
	 */
	SYSREG_CALL_DEBUG_OWN,
};

struct sysreg_access {
	u16 key; /* SYSREG_KEY */
	u8 rt;   /* 31: XZR; a read into it is discarded, a write of it is 0 */
	bool is_read;
	u8 call; /* out: enum sysreg_call */
	u64 val; /* write: in; read: out */
};

struct sysreg_state {
	const struct idregs *id; /* the guest's */
	bool os_locked;          /* OSLSR_EL1.OSLK */
};

/* Encodings met without a row: each is told once; when full, none. */
struct sysreg_seen {
	u16 key[16];
	u8 count;
};

/* The access in an ISS of EC 0x18; val and call are 0. */
struct sysreg_access sysreg_access_decode(u64 esr);

/* After reset: the OS Lock is locked ("OSLSR_EL1"). */
void sysreg_reset(struct sysreg_state *state, const struct idregs *id);

__must_check enum sysreg_result sysreg_trap(struct sysreg_state *state,
					    struct sysreg_access *access);

/* For the log: the row's name, or NULL. */
const char *sysreg_name(u16 key);

/* True the first time for a key, as long as there is room to remember it. */
bool sysreg_is_news(struct sysreg_seen *seen, u16 key);
