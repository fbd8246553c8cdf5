// SPDX-License-Identifier: Apache-2.0
/*
 * VMX exits to struct x86_exit, as a function of what vmread() says. SDM volume 3,
 * "Recording VM-Exit Information and Updating VM-Entry Control Fields", appendix "VMX Basic Exit
 * Reasons".
 */
#pragma once

#include "arch/vcpu.h"
#include "arch/x86/vmcs.h"

/* Bits of VMCS_EXIT_REASON. */
#define EXIT_REASON_BASIC  GENMASK(15, 0)
#define EXIT_REASON_FAILED BIT(31) /* of VM entry */

/* Exit qualifications. */
#define QUAL_CR_NR       GENMASK(3, 0)
#define QUAL_CR_TYPE     GENMASK(5, 4) /* enum vmx_cr_access */
#define QUAL_CR_GPR      GENMASK(11, 8)
#define QUAL_CR_LMSW     GENMASK(31, 16)
#define QUAL_IO_SIZE     GENMASK(2, 0) /* minus 1 */
#define QUAL_IO_IN       BIT(3)
#define QUAL_IO_STRING   BIT(4)
#define QUAL_IO_REP      BIT(5)
#define QUAL_IO_PORT     GENMASK(31, 16)
#define QUAL_EPT_READ    BIT(0)
#define QUAL_EPT_WRITE   BIT(1)
#define QUAL_EPT_FETCH   BIT(2)
#define QUAL_EPT_LINEAR  BIT(7) /* the access has a linear address ... */
#define QUAL_EPT_FINAL   BIT(8) /* ... and is to what that address translates to */
#define QUAL_NMI_UNBLOCK BIT(12)
#define QUAL_EOI_VECTOR  GENMASK(7, 0)
#define QUAL_APIC_REG    GENMASK(11, 4) /* of the offset in the page */

enum vmx_cr_access { VMX_CR_MOV_TO, VMX_CR_MOV_FROM, VMX_CR_CLTS, VMX_CR_LMSW };

enum vmx_reason {
	VMX_REASON_EXCEPTION = 0,
	VMX_REASON_INTR = 1,
	VMX_REASON_TRIPLE_FAULT = 2,
	VMX_REASON_INIT = 3,
	VMX_REASON_SIPI = 4,
	VMX_REASON_IO_SMI = 5,
	VMX_REASON_SMI = 6,
	VMX_REASON_INTR_WINDOW = 7,
	VMX_REASON_NMI_WINDOW = 8,
	VMX_REASON_TASK_SWITCH = 9,
	VMX_REASON_CPUID = 10,
	VMX_REASON_GETSEC = 11,
	VMX_REASON_HLT = 12,
	VMX_REASON_INVD = 13,
	VMX_REASON_RDPMC = 15,
	VMX_REASON_VMCALL = 18,
	VMX_REASON_VMCLEAR = 19, /* to VMXON: the instructions of VMX */
	VMX_REASON_VMXON = 27,
	VMX_REASON_CR = 28,
	VMX_REASON_IO = 30,
	VMX_REASON_RDMSR = 31,
	VMX_REASON_WRMSR = 32,
	VMX_REASON_ENTRY_STATE = 33,
	VMX_REASON_ENTRY_MSR = 34,
	VMX_REASON_MWAIT = 36,
	VMX_REASON_MONITOR = 39,
	VMX_REASON_PAUSE = 40,
	VMX_REASON_ENTRY_MC = 41,
	VMX_REASON_EOI = 45,
	VMX_REASON_EPT_VIOLATION = 48,
	VMX_REASON_EPT_MISCONFIG = 49,
	VMX_REASON_INVEPT = 50,
	VMX_REASON_PREEMPTION_TIMER = 52,
	VMX_REASON_INVVPID = 53,
	VMX_REASON_WBINVD = 54,
	VMX_REASON_XSETBV = 55,
	VMX_REASON_APIC_WRITE = 56,
	VMX_REASON_VMFUNC = 59,
	VMX_REASON_ENCLS = 60,
	VMX_REASON_PCONFIG = 65,
	VMX_REASON_ENCLV = 70,
	VMX_REASON_SEAMCALL = 76,
	VMX_REASON_TDCALL = 77,
	VMX_REASON_COUNT
};

/* What an exit leaves to do beside answering it. */
struct vmx_exit_event {
	struct x86_event again; /* valid: an event whose delivery the exit interrupted */
	bool nmi_unblocked;     /* an IRET has faulted: NMIs must be blocked again */
};

/*
 * Decodes the exit in the current VMCS; @rip is the guest's. Reads every field at most once, and
 * only those that the exit defines and @exit has a use for.
 */
void vmx_decode(u64 rip, struct x86_exit *exit, struct vmx_exit_event *event);

/*
 * VM-entry interruption information for @event, whose error code goes to VMCS_ENTRY_ERROR_CODE.
 * #BP and #OF go as hardware exceptions: whoever raises them has dealt with RIP.
 */
u32 vmx_event_encode(const struct x86_event *event);
