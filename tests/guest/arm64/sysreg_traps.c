// SPDX-License-Identifier: Apache-2.0
/*
 * System registers that the virtual machine does not have are UNDEFINED, at the right address and
 * with the right state; those that it answers for have their values; with "bare=1" less is checked.
 */
#include "guest.h"

static void check_undefined(u32 reg, const char *name)
{
	u64 v = 0;

	if (sysreg_read_try(reg, &v) != ESR_IL || sysreg_write_try(reg, v) != ESR_IL) {
		fail("%s: esr %lx, expected undefined", name, try_esr);
	}
	CHECK_EQ(try_trap.pstate & 0x3cf, PSTATE_DAIF | PSTATE_EL1H);
}
/* Not every emulator has the trap for these: then they are the CPU's, if it has any. */
#define IMPLEMENTATION_DEFINED(op0, op1, crn, crm, op2)     \
	do {                                                \
		u64 v_ = 0;                                 \
		u32 reg_ = SYSREG(op0, op1, crn, crm, op2); \
		if (sysreg_read_try(reg_, &v_)) {           \
			CHECK_UNDEFINED(try_esr);           \
		}                                           \
	} while (0)
#define UNDEFINED(op0, op1, crn, crm, op2, name) \
	check_undefined(SYSREG(op0, op1, crn, crm, op2), name)

static void el2_el3(void)
{
	UNDEFINED(3, 4, 1, 0, 0, "SCTLR_EL2");
	UNDEFINED(3, 4, 1, 1, 0, "HCR_EL2");
	UNDEFINED(3, 4, 2, 1, 0, "VTTBR_EL2");
	UNDEFINED(3, 4, 12, 0, 0, "VBAR_EL2");
	UNDEFINED(3, 4, 12, 9, 5, "ICC_SRE_EL2");
	UNDEFINED(3, 4, 12, 11, 0, "ICH_HCR_EL2");
	UNDEFINED(3, 4, 12, 12, 0, "ICH_LR0_EL2");
	UNDEFINED(3, 4, 14, 0, 3, "CNTVOFF_EL2");
	UNDEFINED(3, 4, 14, 2, 1, "CNTHP_CTL_EL2");
	UNDEFINED(3, 5, 1, 0, 0, "SCTLR_EL12");
	UNDEFINED(3, 5, 14, 2, 1, "CNTP_CTL_EL02");
	UNDEFINED(3, 6, 1, 1, 0, "SCR_EL3");
	UNDEFINED(3, 6, 12, 12, 7, "ICC_IGRPEN1_EL3");
	UNDEFINED(3, 7, 14, 2, 0, "CNTPS_TVAL_EL1");
}

static void hidden(void)
{
	sysreg_write(cpacr_el1, 0x3330000); /* what EL1 could trap itself comes first */
	isb();
	UNDEFINED(3, 0, 1, 2, 0, "ZCR_EL1");
	UNDEFINED(3, 0, 1, 2, 6, "SMCR_EL1");
	UNDEFINED(3, 3, 9, 12, 0, "PMCR_EL0");
	UNDEFINED(3, 3, 9, 13, 0, "PMCCNTR_EL0");
	UNDEFINED(3, 3, 14, 15, 7, "PMCCFILTR_EL0");
	UNDEFINED(3, 0, 9, 14, 1, "PMINTENSET_EL1");
	UNDEFINED(3, 3, 13, 2, 0, "AMCR_EL0");
	UNDEFINED(3, 0, 9, 9, 0, "PMSCR_EL1");
	UNDEFINED(3, 0, 9, 11, 0, "TRBLIMITR_EL1");
	UNDEFINED(3, 0, 10, 4, 0, "LORSA_EL1");
	UNDEFINED(3, 0, 10, 4, 7, "LORID_EL1");
	UNDEFINED(3, 0, 1, 0, 5, "RGSR_EL1");
	UNDEFINED(3, 0, 5, 6, 0, "TFSR_EL1");
	UNDEFINED(3, 0, 10, 5, 0, "MPAM1_EL1");
	UNDEFINED(2, 1, 0, 0, 1, "TRCTRACEIDR");
	IMPLEMENTATION_DEFINED(3, 0, 15, 0, 0);
	IMPLEMENTATION_DEFINED(3, 3, 11, 0, 0);
	IMPLEMENTATION_DEFINED(3, 1, 15, 2, 0);
	IMPLEMENTATION_DEFINED(3, 7, 15, 15, 7);
}

static void unallocated(void)
{
	UNDEFINED(3, 0, 2, 7, 7, "unallocated");
	UNDEFINED(3, 3, 4, 7, 7, "unallocated");
	UNDEFINED(3, 2, 13, 1, 1, "unallocated");
	UNDEFINED(3, 0, 14, 7, 1, "unallocated");
	UNDEFINED(2, 7, 7, 7, 7, "unallocated");
}

/* Read-only registers cannot be written, write-only ones not be read. */
static void one_way(void)
{
	u64 v = 0;

	CHECK_UNDEFINED(sysreg_write_try(SYSREG(3, 0, 0, 0, 0), 0));   /* MIDR_EL1 */
	CHECK_UNDEFINED(sysreg_write_try(SYSREG(3, 0, 0, 4, 0), 0));   /* ID_AA64PFR0_EL1 */
	CHECK_UNDEFINED(sysreg_write_try(SYSREG(3, 0, 12, 12, 0), 0)); /* ICC_IAR1_EL1 */
	CHECK_UNDEFINED(sysreg_write_try(SYSREG(3, 3, 14, 0, 2), 0));  /* CNTVCT_EL0 */
	CHECK_UNDEFINED(sysreg_read_try(SYSREG(3, 0, 12, 12, 1), &v)); /* ICC_EOIR1_EL1 */
	CHECK_UNDEFINED(sysreg_read_try(SYSREG(3, 0, 12, 11, 5), &v)); /* ICC_SGI1R_EL1 */
	CHECK_UNDEFINED(sysreg_read_try(SYSREG(3, 0, 12, 11, 1), &v)); /* ICC_DIR_EL1 */
	CHECK_UNDEFINED(sysreg_read_try(SYSREG(2, 0, 1, 0, 4), &v));   /* OSLAR_EL1 */
}

static void answered(void)
{
	u64 v = 0;

	CHECK_UNDEFINED(sysreg_write_try(SYSREG(3, 3, 14, 0, 0), 0)); /* CNTFRQ_EL0 */
	CHECK_EQ(sysreg_read(mpidr_el1) & BIT(31), BIT(31));
	CHECK_EQ(sysreg_read(mpidr_el1) & BIT(30), 0); /* U: set is one CPU without others */
	CHECK_EQ(sysreg_read_try(SYSREG(3, 0, 1, 0, 1), &v), 0); /* ACTLR_EL1 */
	CHECK_EQ(sysreg_write_try(SYSREG(3, 0, 1, 0, 1), v), 0);
	CHECK_EQ(sysreg_read_try(SYSREG(2, 0, 1, 1, 4), &v), 0);   /* OSLSR_EL1 */
	CHECK_EQ(sysreg_read_try(SYSREG(3, 0, 12, 12, 5), &v), 0); /* ICC_SRE_EL1 */
	CHECK_EQ(v & 1, 1);
	CHECK_EQ(sysreg_write_try(SYSREG(3, 0, 12, 12, 5), 0), 0);
	CHECK_EQ(sysreg_read_try(SYSREG(3, 0, 12, 12, 5), &v), 0);
	CHECK_EQ(v & 1, 1);
}

void guest_main(void)
{
	el2_el3();
	unallocated();
	one_way();
	if (!bare()) {
		hidden();
		answered();
	}
}
