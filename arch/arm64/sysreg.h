// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's EL1 and EL0 registers as EL2 reaches them.
 *
 * With HCR_EL2.E2H = 1 the name NAME_EL1 means EL2's register and the guest's has an encoding of
 * its own, NAME_EL12 or NAME_EL02 (Arm ARM, "System and Special-purpose register aliasing"); with
 * E2H = 0 it is the other way round. read_el1(SCTLR) takes what is right on this CPU. The aliases
 * are given by number: assemblers know their names only for newer architectures.
 */
#pragma once

#include "arch/cpu.h"

#define SCTLR_EL12      S3_5_C1_C0_0
#define CPACR_EL12      S3_5_C1_C0_2
#define TTBR0_EL12      S3_5_C2_C0_0
#define TTBR1_EL12      S3_5_C2_C0_1
#define TCR_EL12        S3_5_C2_C0_2
#define SPSR_EL12       S3_5_C4_C0_0
#define ELR_EL12        S3_5_C4_C0_1
#define AFSR0_EL12      S3_5_C5_C1_0
#define AFSR1_EL12      S3_5_C5_C1_1
#define ESR_EL12        S3_5_C5_C2_0
#define FAR_EL12        S3_5_C6_C0_0
#define MAIR_EL12       S3_5_C10_C2_0
#define AMAIR_EL12      S3_5_C10_C3_0
#define VBAR_EL12       S3_5_C12_C0_0
#define CONTEXTIDR_EL12 S3_5_C13_C0_1
#define CNTKCTL_EL12    S3_5_C14_C1_0
#define CNTV_CTL_EL02   S3_5_C14_C3_1
#define CNTV_CVAL_EL02  S3_5_C14_C3_2

/* Registers of optional features: only where the ID registers tell of them (el2_controls.h). */
#define MPAMIDR_EL1  S3_0_C10_C4_4
#define MPAM1_EL12   S3_5_C10_C5_0
#define MPAM1_EL1    S3_0_C10_C5_0
#define TPIDR2_EL0   S3_3_C13_C0_5
#define MPAM0_EL1    S3_0_C10_C5_1
#define MPAMHCR_EL2  S3_4_C10_C4_0
#define MPAM2_EL2    S3_4_C10_C5_0
#define TRFCR_EL12   S3_5_C1_C2_1
#define TRFCR_EL1    S3_0_C1_C2_1
#define TRFCR_EL2    S3_4_C1_C2_1
#define PMSCR_EL12   S3_5_C9_C9_0
#define PMSCR_EL1    S3_0_C9_C9_0
#define PMSCR_EL2    S3_4_C9_C9_0
#define BRBCR_EL12   S2_5_C9_C0_0
#define BRBCR_EL1    S2_1_C9_C0_0
#define BRBCR_EL2    S2_4_C9_C0_0
#define VSESR_EL2    S3_4_C5_C2_3
#define VDISR_EL2    S3_4_C12_C1_1
#define HFGRTR_EL2   S3_4_C1_C1_4
#define HFGWTR_EL2   S3_4_C1_C1_5
#define HFGITR_EL2   S3_4_C1_C1_6
#define HCRX_EL2     S3_4_C1_C2_2
#define HDFGRTR_EL2  S3_4_C3_C1_4
#define HDFGWTR_EL2  S3_4_C3_C1_5
#define HAFGRTR_EL2  S3_4_C3_C1_6
#define HDFGRTR2_EL2 S3_4_C3_C1_0
#define HDFGWTR2_EL2 S3_4_C3_C1_1
#define HFGRTR2_EL2  S3_4_C3_C1_2
#define HFGWTR2_EL2  S3_4_C3_C1_3
#define HFGITR2_EL2  S3_4_C3_C1_7

#define read_el1(name) (cpu_vhe ? read_sysreg(name##_EL12) : read_sysreg(name##_EL1))
#define write_el1(val, name)                            \
	do {                                            \
		if (cpu_vhe) {                          \
			write_sysreg(val, name##_EL12); \
		} else {                                \
			write_sysreg(val, name##_EL1);  \
		}                                       \
	} while (0)

/* The same for timer registers, NAME_EL0 and NAME_EL02. */
#define read_el0(name) (cpu_vhe ? read_sysreg(name##_EL02) : read_sysreg(name##_EL0))
#define write_el0(val, name)                            \
	do {                                            \
		if (cpu_vhe) {                          \
			write_sysreg(val, name##_EL02); \
		} else {                                \
			write_sysreg(val, name##_EL0);  \
		}                                       \
	} while (0)
