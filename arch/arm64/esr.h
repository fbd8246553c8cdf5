// SPDX-License-Identifier: Apache-2.0
/*
 * Exception syndrome words: ESR_EL2 as read, ESR_EL1 as injected.
 * Arm ARM (DDI 0487), "ESR_EL2, Exception Syndrome Register (EL2)" and its ISS encodings.
 */
#pragma once

#include "mm/bits.h"

#define ESR_ISS  GENMASK(24, 0)
#define ESR_IL   BIT(25) /* 32-bit instruction; 1 too where there is no instruction to speak of */
#define ESR_EC   GENMASK(31, 26)
#define ESR_ISS2 GENMASK(55, 32)

/* Names as in the table "Exception classes"; only those that have a use here. */
#define ESR_EC_UNKNOWN        0x00
#define ESR_EC_WFX            0x01
#define ESR_EC_CP15_32        0x03 /* AArch32, as all up to CP14_64 */
#define ESR_EC_CP15_64        0x04
#define ESR_EC_CP14_32        0x05
#define ESR_EC_CP14_LS        0x06
#define ESR_EC_FP             0x07 /* FP and SIMD access, of either state */
#define ESR_EC_CP10_ID        0x08
#define ESR_EC_PAUTH          0x09
#define ESR_EC_LS64           0x0a
#define ESR_EC_CP14_64        0x0c
#define ESR_EC_BTI            0x0d
#define ESR_EC_ILLEGAL        0x0e
#define ESR_EC_SVC32          0x11
#define ESR_EC_HVC32          0x12
#define ESR_EC_SMC32          0x13
#define ESR_EC_SYSREG128      0x14 /* MSRR, MRRS, 128-bit system instructions */
#define ESR_EC_SVC64          0x15
#define ESR_EC_HVC64          0x16
#define ESR_EC_SMC64          0x17
#define ESR_EC_SYSREG         0x18 /* MSR, MRS, system instructions */
#define ESR_EC_SVE            0x19
#define ESR_EC_ERET           0x1a
#define ESR_EC_TSTART         0x1b
#define ESR_EC_FPAC           0x1c
#define ESR_EC_SME            0x1d
#define ESR_EC_IABT_LOWER     0x20
#define ESR_EC_IABT_SAME      0x21
#define ESR_EC_PC_ALIGN       0x22
#define ESR_EC_DABT_LOWER     0x24
#define ESR_EC_DABT_SAME      0x25
#define ESR_EC_SP_ALIGN       0x26
#define ESR_EC_MOPS           0x27
#define ESR_EC_FP32           0x28
#define ESR_EC_FP64           0x2c
#define ESR_EC_GCS            0x2d
#define ESR_EC_SERROR         0x2f
#define ESR_EC_BREAKPT_LOWER  0x30
#define ESR_EC_BREAKPT_SAME   0x31
#define ESR_EC_SOFTSTEP_LOWER 0x32
#define ESR_EC_SOFTSTEP_SAME  0x33
#define ESR_EC_WATCHPT_LOWER  0x34
#define ESR_EC_WATCHPT_SAME   0x35
#define ESR_EC_BKPT32         0x38
#define ESR_EC_VECTOR32       0x3a
#define ESR_EC_BRK64          0x3c
#define ESR_EC_COUNT          64

/* "ISS encoding for an exception from a Data Abort"; the marked ones in Instruction Aborts too. */
#define ESR_ABT_ISV   BIT(24) /* SAS to AR are valid */
#define ESR_ABT_SAS   GENMASK(23, 22)
#define ESR_ABT_SSE   BIT(21)
#define ESR_ABT_SRT   GENMASK(20, 16)
#define ESR_ABT_SF    BIT(15)
#define ESR_ABT_AR    BIT(14)
#define ESR_ABT_VNCR  BIT(13)
#define ESR_ABT_SET   GENMASK(12, 11) /* I */
#define ESR_ABT_FNV   BIT(10)         /* I: FAR is not valid */
#define ESR_ABT_EA    BIT(9)          /* I */
#define ESR_ABT_CM    BIT(8)          /* cache maintenance or AT, except DC ZVA and the tag forms */
#define ESR_ABT_S1PTW BIT(7)          /* I */
#define ESR_ABT_WNR   BIT(6)
#define ESR_ABT_FSC   GENMASK(5, 0) /* I */

/* Fault status codes. The level of the first four is in bits 1..0, Arm's numbering. */
#define ESR_FSC_TYPE         GENMASK(5, 2)
#define ESR_FSC_LEVEL        GENMASK(1, 0)
#define ESR_FSC_ADDRESS_SIZE 0x00
#define ESR_FSC_TRANSLATION  0x04
#define ESR_FSC_ACCESS_FLAG  0x08
#define ESR_FSC_PERMISSION   0x0c
#define ESR_FSC_EXTERNAL     0x10 /* synchronous external abort, not on a table walk */
#define ESR_FSC_TAG_CHECK    0x11
#define ESR_FSC_EXTERNAL_TTW 0x14 /* and 0x13 for level -1 */
#define ESR_FSC_PARITY       0x18
#define ESR_FSC_PARITY_TTW   0x1c
#define ESR_FSC_ALIGNMENT    0x21
#define ESR_FSC_TLB_CONFLICT 0x30
#define ESR_FSC_UNSUPP_HAFDB 0x31 /* unsupported atomic hardware update */
#define ESR_FSC_LOCKDOWN     0x34
#define ESR_FSC_EXCLUSIVE    0x35 /* unsupported exclusive or atomic access */

/* "ISS encoding for an exception from a trapped MSR, MRS, or System instruction". */
#define ESR_SYS_OP0  GENMASK(21, 20)
#define ESR_SYS_OP2  GENMASK(19, 17)
#define ESR_SYS_OP1  GENMASK(16, 14)
#define ESR_SYS_CRN  GENMASK(13, 10)
#define ESR_SYS_RT   GENMASK(9, 5)
#define ESR_SYS_CRM  GENMASK(4, 1)
#define ESR_SYS_READ BIT(0)

/* "ISS encoding for an exception from a WF* instruction". */
#define ESR_WFX_CV   BIT(24)
#define ESR_WFX_COND GENMASK(23, 20)
#define ESR_WFX_RN   GENMASK(9, 5)
#define ESR_WFX_RV   BIT(2)
#define ESR_WFX_TI   GENMASK(1, 0)
#define ESR_WFX_WFI  0
#define ESR_WFX_WFE  1
#define ESR_WFX_WFIT 2
#define ESR_WFX_WFET 3

/* HVC, SMC (from AArch64) and SVC. */
#define ESR_CALL_IMM GENMASK(15, 0)

/* SMC from AArch32 may be conditional, as may the other AArch32 classes and FP accesses. */
#define ESR_COND_CV           BIT(24)
#define ESR_COND_COND         GENMASK(23, 20)
#define ESR_SMC32_CCKNOWNPASS BIT(19)

/* "ISS encoding for an exception from an access to SME functionality": why. */
#define ESR_SME_SMTC GENMASK(2, 0)

/* "ISS encoding for an SError exception". */
#define ESR_SERROR_IDS  BIT(24) /* implementation defined below */
#define ESR_SERROR_AET  GENMASK(12, 10)
#define ESR_SERROR_DFSC GENMASK(5, 0)

/* HPFAR_EL2, "Hypervisor IPA Fault Address Register": bits 51..12 of the IPA. */
#define HPFAR_FIPA       GENMASK(43, 4)
#define HPFAR_FIPA_SHIFT 8 /* FIPA in place, shifted left by this, is the IPA */

static inline unsigned esr_ec(u64 esr)
{
	return (unsigned)FIELD_GET(ESR_EC, esr);
}

/* Bytes of the access of a data abort with ESR_ABT_ISV: 1, 2, 4 or 8. */
static inline unsigned esr_abt_size(u64 esr)
{
	return 1u << FIELD_GET(ESR_ABT_SAS, esr);
}
