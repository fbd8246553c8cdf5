// SPDX-License-Identifier: Apache-2.0
#include "arch/arm64/context.h"

#include <string.h>

#include "arch/arm64/fp.h"
#include "arch/arm64/sysreg.h"
#include "mm/bits.h"

/* "SCTLR_EL1, System Control Register (EL1)": RES1 bits of an ARMv8.0 CPU; all else off. */
#define SCTLR_EL1_RESET 0x30d00980ULL

#define ISAR1_APA    GENMASK(7, 4)
#define ISAR1_API    GENMASK(11, 8)
#define ISAR1_GPA    GENMASK(27, 24)
#define ISAR1_GPI    GENMASK(31, 28)
#define ISAR2_GPA3   GENMASK(11, 8)
#define ISAR2_APA3   GENMASK(15, 12)
#define DFR0_BRPS    GENMASK(15, 12)
#define DFR0_WRPS    GENMASK(23, 20)
#define ID_ISAR2_EL1 S3_0_C0_C6_2

/* "APIAKeyLo_EL1" and its kin, five keys of two registers. */
#define PAUTH_KEYS(X)      \
	X(0, S3_0_C2_C1_0) \
	X(1, S3_0_C2_C1_1) \
	X(2, S3_0_C2_C1_2) \
	X(3, S3_0_C2_C1_3) \
	X(4, S3_0_C2_C2_0) \
	X(5, S3_0_C2_C2_1) \
	X(6, S3_0_C2_C2_2) \
	X(7, S3_0_C2_C2_3) \
	X(8, S3_0_C2_C3_0) \
	X(9, S3_0_C2_C3_1)

/* Highest first: a CPU with n + 1 units has those numbered n to 0. */
#define DEBUG_UNITS(X) \
	X(15) X(14) X(13) X(12) X(11) X(10) X(9) X(8) X(7) X(6) X(5) X(4) X(3) X(2) X(1) X(0)

static bool has_pauth(void)
{
	return (read_sysreg(id_aa64isar1_el1) & (ISAR1_APA | ISAR1_API | ISAR1_GPA | ISAR1_GPI)) ||
	       (read_sysreg(ID_ISAR2_EL1) & (ISAR2_APA3 | ISAR2_GPA3));
}

static unsigned last_breakpoint(void)
{
	return (unsigned)FIELD_GET(DFR0_BRPS, read_sysreg(id_aa64dfr0_el1));
}

static unsigned last_watchpoint(void)
{
	return (unsigned)FIELD_GET(DFR0_WRPS, read_sysreg(id_aa64dfr0_el1));
}

static void debug_load(const struct arm64_context *c)
{
	switch (last_breakpoint()) {
#define UNIT(n)                                              \
	case n:                                              \
		write_sysreg(c->dbgbvr[n], dbgbvr##n##_el1); \
		write_sysreg(c->dbgbcr[n], dbgbcr##n##_el1); \
		__attribute__((fallthrough));
		DEBUG_UNITS(UNIT)
#undef UNIT
	default:
		break;
	}
	switch (last_watchpoint()) {
#define UNIT(n)                                              \
	case n:                                              \
		write_sysreg(c->dbgwvr[n], dbgwvr##n##_el1); \
		write_sysreg(c->dbgwcr[n], dbgwcr##n##_el1); \
		__attribute__((fallthrough));
		DEBUG_UNITS(UNIT)
#undef UNIT
	default:
		break;
	}
}

static void debug_save(struct arm64_context *c)
{
	switch (last_breakpoint()) {
#define UNIT(n)                                              \
	case n:                                              \
		c->dbgbvr[n] = read_sysreg(dbgbvr##n##_el1); \
		c->dbgbcr[n] = read_sysreg(dbgbcr##n##_el1); \
		__attribute__((fallthrough));
		DEBUG_UNITS(UNIT)
#undef UNIT
	default:
		break;
	}
	switch (last_watchpoint()) {
#define UNIT(n)                                              \
	case n:                                              \
		c->dbgwvr[n] = read_sysreg(dbgwvr##n##_el1); \
		c->dbgwcr[n] = read_sysreg(dbgwcr##n##_el1); \
		__attribute__((fallthrough));
		DEBUG_UNITS(UNIT)
#undef UNIT
	default:
		break;
	}
}

void context_reset(struct arm64_context *c)
{
	memset(c, 0, sizeof(*c));
	c->SCTLR = SCTLR_EL1_RESET;
}

void context_load(const struct arm64_context *c)
{
#define EL1(name)         write_el1(c->name, name);
#define PLAIN(field, reg) write_sysreg(c->field, reg);
#include "arch/arm64/context.def"
#undef EL1
#undef PLAIN
	if (has_pauth()) {
#define KEY(n, reg) write_sysreg(c->pauth_key[n], reg);
		PAUTH_KEYS(KEY)
#undef KEY
	}
	if (c->debug_owned) {
		debug_load(c);
	}
	fp_load(c->fp);
}

void context_save(struct arm64_context *c)
{
#define EL1(name)         c->name = read_el1(name);
#define PLAIN(field, reg) c->field = read_sysreg(reg);
#include "arch/arm64/context.def"
#undef EL1
#undef PLAIN
	if (has_pauth()) {
#define KEY(n, reg) c->pauth_key[n] = read_sysreg(reg);
		PAUTH_KEYS(KEY)
#undef KEY
	}
	if (c->debug_owned) {
		debug_save(c);
	}
	fp_save(c->fp);
}

void context_debug_own(struct arm64_context *c)
{
	memset(c->dbgbvr, 0, sizeof(c->dbgbvr));
	memset(c->dbgbcr, 0, sizeof(c->dbgbcr));
	memset(c->dbgwvr, 0, sizeof(c->dbgwvr));
	memset(c->dbgwcr, 0, sizeof(c->dbgwcr));
	c->debug_owned = true;
	debug_load(c);
	write_sysreg(0, mdscr_el1);
}
