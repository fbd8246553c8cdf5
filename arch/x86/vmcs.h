// SPDX-License-Identifier: Apache-2.0
/*
 * The virtual-machine control structure: encodings of its fields and bits of its control words.
 * SDM volume 3, chapter "Virtual-Machine Control Structures", appendix "Field Encoding in VMCS".
 */
#pragma once

#include "mm/bits.h"

/* Bits 14:13 of an encoding. */
enum vmcs_width { VMCS_W16, VMCS_W64, VMCS_W32, VMCS_WN };

enum vmcs_field {
#define FIELD(encoding, width, name, text) VMCS_##name = (encoding),
#include "arch/x86/vmcs_fields.def"
#undef FIELD
};

/* The same fields numbered from 0: the place of each in an array. */
enum vmcs_slot {
#define FIELD(encoding, width, name, text) VMCS_SLOT_##name,
#include "arch/x86/vmcs_fields.def"
#undef FIELD
	VMCS_SLOT_COUNT
};

#define VMCS_ENC_HIGH  BIT(0)
#define VMCS_ENC_INDEX GENMASK(9, 1)
#define VMCS_ENC_TYPE  GENMASK(11, 10) /* control, read-only data, guest state, host state */
#define VMCS_ENC_WIDTH GENMASK(14, 13)

#define FIELD(encoding, width, name, text)                                                        \
	static_assert(FIELD_GET(VMCS_ENC_WIDTH, encoding) == VMCS_##width && !((encoding)&1) &&   \
			      !((encoding) & ~(VMCS_ENC_INDEX | VMCS_ENC_TYPE | VMCS_ENC_WIDTH)), \
		      #name);
#include "arch/x86/vmcs_fields.def"
#undef FIELD

struct vmcs_field_info {
	u16 encoding;
	u8 width; /* enum vmcs_width */
	const char *name;
};

extern const struct vmcs_field_info vmcs_field_info[VMCS_SLOT_COUNT];

/*
 * The slot of an encoding, whichever half of a 64-bit field it names; -1: there is no such field.
 * Any value may be asked for.
 */
int vmcs_field_slot(u64 encoding);

/* Pin-based VM-execution controls. */
#define PIN_INTR             BIT(0)
#define PIN_NMI              BIT(3)
#define PIN_VIRTUAL_NMIS     BIT(5)
#define PIN_PREEMPTION_TIMER BIT(6)
#define PIN_POSTED_INTR      BIT(7)

/* Primary processor-based VM-execution controls. */
#define PROC_INTR_WINDOW  BIT(2)
#define PROC_TSC_OFFSET   BIT(3)
#define PROC_HLT          BIT(7)
#define PROC_INVLPG       BIT(9)
#define PROC_MWAIT        BIT(10)
#define PROC_RDPMC        BIT(11)
#define PROC_RDTSC        BIT(12)
#define PROC_CR3_LOAD     BIT(15)
#define PROC_CR3_STORE    BIT(16)
#define PROC_CTLS3        BIT(17)
#define PROC_CR8_LOAD     BIT(19)
#define PROC_CR8_STORE    BIT(20)
#define PROC_TPR_SHADOW   BIT(21)
#define PROC_NMI_WINDOW   BIT(22)
#define PROC_MOV_DR       BIT(23)
#define PROC_IO           BIT(24)
#define PROC_IO_BITMAPS   BIT(25)
#define PROC_MONITOR_TRAP BIT(27)
#define PROC_MSR_BITMAPS  BIT(28)
#define PROC_MONITOR      BIT(29)
#define PROC_PAUSE        BIT(30)
#define PROC_CTLS2        BIT(31)

/* Secondary processor-based VM-execution controls. */
#define PROC2_APIC_ACCESSES BIT(0)
#define PROC2_EPT           BIT(1)
#define PROC2_DESC_TABLE    BIT(2)
#define PROC2_RDTSCP        BIT(3)
#define PROC2_X2APIC        BIT(4)
#define PROC2_VPID          BIT(5)
#define PROC2_WBINVD        BIT(6)
#define PROC2_UNRESTRICTED  BIT(7)
#define PROC2_APIC_REGISTER BIT(8)
#define PROC2_INTR_DELIVERY BIT(9)
#define PROC2_PAUSE_LOOP    BIT(10)
#define PROC2_RDRAND        BIT(11)
#define PROC2_INVPCID       BIT(12)
#define PROC2_VM_FUNCTIONS  BIT(13)
#define PROC2_SHADOWING     BIT(14)
#define PROC2_ENCLS         BIT(15)
#define PROC2_RDSEED        BIT(16)
#define PROC2_PML           BIT(17)
#define PROC2_VE            BIT(18)
#define PROC2_PT_CONCEAL    BIT(19)
#define PROC2_XSAVES        BIT(20)
#define PROC2_EPT_MODE_EXEC BIT(22)
#define PROC2_EPT_SUB_PAGE  BIT(23)
#define PROC2_PT_GUEST_PHYS BIT(24)
#define PROC2_TSC_SCALING   BIT(25)
#define PROC2_USER_WAIT     BIT(26)
#define PROC2_PCONFIG       BIT(27)
#define PROC2_ENCLV         BIT(28)

/* With these a LAPIC in x2APIC mode lives in the CPU ("APIC Virtualization and Virtual
 * Interrupts"). */
#define PROC2_APICV (PROC2_X2APIC | PROC2_APIC_REGISTER | PROC2_INTR_DELIVERY)

/* VM-exit controls. */
#define EXIT_SAVE_DEBUG       BIT(2)
#define EXIT_HOST_64          BIT(9)
#define EXIT_LOAD_PERF_GLOBAL BIT(12)
#define EXIT_ACK_INTR         BIT(15)
#define EXIT_SAVE_PAT         BIT(18)
#define EXIT_LOAD_PAT         BIT(19)
#define EXIT_SAVE_EFER        BIT(20)
#define EXIT_LOAD_EFER        BIT(21)
#define EXIT_SAVE_PREEMPTION  BIT(22)
#define EXIT_CLEAR_BNDCFGS    BIT(23)
#define EXIT_PT_CONCEAL       BIT(24)
#define EXIT_CLEAR_RTIT       BIT(25)
#define EXIT_LOAD_CET         BIT(28)
#define EXIT_LOAD_PKRS        BIT(29)

/* VM-entry controls. */
#define ENTRY_LOAD_DEBUG       BIT(2)
#define ENTRY_GUEST_64         BIT(9)
#define ENTRY_TO_SMM           BIT(10)
#define ENTRY_DUAL_MONITOR_OFF BIT(11)
#define ENTRY_LOAD_PERF_GLOBAL BIT(13)
#define ENTRY_LOAD_PAT         BIT(14)
#define ENTRY_LOAD_EFER        BIT(15)
#define ENTRY_LOAD_BNDCFGS     BIT(16)
#define ENTRY_PT_CONCEAL       BIT(17)
#define ENTRY_LOAD_RTIT        BIT(18)
#define ENTRY_LOAD_CET         BIT(20)
#define ENTRY_LOAD_PKRS        BIT(22)

/* Interruption information: VM entry, VM exit and IDT vectoring share the format. */
#define INTR_INFO_VECTOR      GENMASK(7, 0)
#define INTR_INFO_TYPE        GENMASK(10, 8)
#define INTR_INFO_ERROR       BIT(11)
#define INTR_INFO_NMI_UNBLOCK BIT(12) /* of VM exits only */
#define INTR_INFO_VALID       BIT(31)

enum intr_type {
	INTR_TYPE_EXTERNAL,
	INTR_TYPE_RESERVED,
	INTR_TYPE_NMI,
	INTR_TYPE_HARD_EXCEPTION,
	INTR_TYPE_SOFT_INTERRUPT,
	INTR_TYPE_PRIV_EXCEPTION,
	INTR_TYPE_SOFT_EXCEPTION,
	INTR_TYPE_OTHER
};

/* Access rights of a segment: a descriptor's bytes 5 and 6, and whether it is unusable. */
#define AR_TYPE     GENMASK(3, 0)
#define AR_S        BIT(4)
#define AR_DPL      GENMASK(6, 5)
#define AR_P        BIT(7)
#define AR_L        BIT(13)
#define AR_DB       BIT(14)
#define AR_G        BIT(15)
#define AR_UNUSABLE BIT(16)
#define AR_RESERVED (GENMASK(11, 8) | GENMASK(31, 17))

/* Interruptibility state. */
#define BLOCK_STI     BIT(0)
#define BLOCK_MOV_SS  BIT(1)
#define BLOCK_SMI     BIT(2)
#define BLOCK_NMI     BIT(3)
#define BLOCK_ENCLAVE BIT(4)

enum vmx_activity {
	ACTIVITY_ACTIVE,
	ACTIVITY_HLT,
	ACTIVITY_SHUTDOWN,
	ACTIVITY_WAIT_SIPI,
	ACTIVITY_COUNT
};

/* Pending debug exceptions. */
#define PENDING_DEBUG_ENABLED BIT(12)
#define PENDING_DEBUG_BS      BIT(14)
#define PENDING_DEBUG_RTM     BIT(16)

#define EPTP_MEMTYPE GENMASK(2, 0)
#define EPTP_WALK    GENMASK(5, 3) /* length of the walk, minus 1 */
#define EPTP_AD      BIT(6)
