// SPDX-License-Identifier: Apache-2.0
#include "arch/x86/vmx_decode.h"

#include <string.h>

#include "arch/x86/event.h"
#include "arch/x86/vmx_insn.h"
#include "arch/x86/x86.h"
#include "mm/pt_format.h"

/* What else to read for an exit reason. */
#define HAS_QUAL BIT(0)
#define HAS_LEN  BIT(1) /* an instruction that we may do for the guest */
#define HAS_GPA  BIT(2)
#define HAS_IDT  BIT(3) /* may interrupt the delivery of an event */

struct decode_row {
	u8 why; /* X86_UNKNOWN unless the row says */
	u8 has;
};

static const struct decode_row decode_table[VMX_REASON_COUNT] = {
	[VMX_REASON_EXCEPTION] = {X86_EXCEPTION, HAS_IDT},
	[VMX_REASON_INTR] = {X86_INTERRUPT, 0},
	[VMX_REASON_TRIPLE_FAULT] = {X86_SHUTDOWN, 0},
	[VMX_REASON_INIT] = {X86_INTERRUPT, 0},
	[VMX_REASON_IO_SMI] = {X86_INTERRUPT, 0},
	[VMX_REASON_SMI] = {X86_INTERRUPT, 0},
	[VMX_REASON_INTR_WINDOW] = {X86_INTERRUPT_WINDOW, 0},
	[VMX_REASON_NMI_WINDOW] = {X86_NMI_WINDOW, 0},
	[VMX_REASON_TASK_SWITCH] = {X86_TASK_SWITCH, HAS_QUAL | HAS_IDT},
	[VMX_REASON_CPUID] = {X86_CPUID, HAS_LEN},
	[VMX_REASON_GETSEC] = {X86_UNDEFINED, 0},
	[VMX_REASON_HLT] = {X86_HLT, HAS_LEN},
	[VMX_REASON_INVD] = {X86_CACHE, HAS_LEN},
	[VMX_REASON_RDPMC] = {X86_PRIVILEGED, 0},
	[VMX_REASON_VMCALL] = {X86_HYPERCALL, HAS_LEN},
	[VMX_REASON_VMCLEAR... VMX_REASON_VMXON] = {X86_UNDEFINED, 0},
	[VMX_REASON_CR] = {X86_CR_WRITE, HAS_QUAL | HAS_LEN},
	[VMX_REASON_IO] = {X86_IO, HAS_QUAL | HAS_LEN},
	[VMX_REASON_RDMSR] = {X86_RDMSR, HAS_LEN},
	[VMX_REASON_WRMSR] = {X86_WRMSR, HAS_LEN},
	[VMX_REASON_ENTRY_STATE] = {X86_INVALID_STATE, HAS_QUAL},
	[VMX_REASON_ENTRY_MSR] = {X86_INVALID_STATE, HAS_QUAL},
	[VMX_REASON_MWAIT] = {X86_UNDEFINED, 0},
	[VMX_REASON_MONITOR] = {X86_UNDEFINED, 0},
	[VMX_REASON_PAUSE] = {X86_PAUSE, HAS_LEN},
	[VMX_REASON_ENTRY_MC] = {X86_EXCEPTION, 0},
	[VMX_REASON_EOI] = {X86_APIC_EOI, HAS_QUAL},
	[VMX_REASON_EPT_VIOLATION] = {X86_TDP_FAULT, HAS_QUAL | HAS_GPA | HAS_IDT},
	[VMX_REASON_EPT_MISCONFIG] = {X86_UNKNOWN, HAS_GPA | HAS_IDT},
	[VMX_REASON_INVEPT] = {X86_UNDEFINED, 0},
	[VMX_REASON_PREEMPTION_TIMER] = {X86_TIMER, 0},
	[VMX_REASON_INVVPID] = {X86_UNDEFINED, 0},
	[VMX_REASON_WBINVD] = {X86_CACHE, HAS_LEN},
	[VMX_REASON_XSETBV] = {X86_XSETBV, HAS_LEN},
	[VMX_REASON_APIC_WRITE] = {X86_APIC_WRITE, HAS_QUAL},
	[VMX_REASON_VMFUNC] = {X86_UNDEFINED, 0},
	[VMX_REASON_ENCLS] = {X86_UNDEFINED, 0},
	[VMX_REASON_PCONFIG] = {X86_UNDEFINED, 0},
	[VMX_REASON_ENCLV] = {X86_UNDEFINED, 0},
	[VMX_REASON_SEAMCALL] = {X86_UNDEFINED, 0},
	[VMX_REASON_TDCALL] = {X86_UNDEFINED, 0},
};

static bool is_64bit(void)
{
	return (vmread(VMCS_GUEST_CS_AR) & AR_L) && (vmread(VMCS_GUEST_EFER) & EFER_LMA);
}

/* The mode is looked at only where it makes a difference: across the end of the first 4 GiB. */
static void decode_len(u64 rip, struct x86_exit *exit)
{
	u64 next;

	exit->insn_len = (u8)vmread(VMCS_EXIT_INSN_LEN);
	next = rip + exit->insn_len;
	if (next >> 32 && (rip >> 32 == 0 || !next) && !is_64bit()) {
		next = (u32)next;
	}
	exit->next_rip = next;
}

static void decode_cr(struct x86_exit *exit)
{
	u64 q = exit->info1;

	exit->cr.nr = 0;
	exit->cr.mem = false;
	exit->cr.gpr = (u8)FIELD_GET(QUAL_CR_GPR, q);
	switch ((enum vmx_cr_access)FIELD_GET(QUAL_CR_TYPE, q)) {
	case VMX_CR_MOV_TO:
		exit->cr.kind = X86_CR_MOV;
		exit->cr.nr = (u8)FIELD_GET(QUAL_CR_NR, q);
		break;
	case VMX_CR_CLTS:
		exit->cr.kind = X86_CR_CLTS;
		break;
	case VMX_CR_LMSW:
		exit->cr.kind = X86_CR_LMSW_DATA;
		exit->cr.data = (u16)FIELD_GET(QUAL_CR_LMSW, q);
		break;
	case VMX_CR_MOV_FROM: /* we ask for none */
		exit->why = X86_UNKNOWN;
		break;
	}
}

/* INS and OUTS are decoded from their bytes: address size and segment are not asked for here. */
static void decode_io(struct x86_exit *exit)
{
	u64 q = exit->info1;

	exit->io.size = (u8)(FIELD_GET(QUAL_IO_SIZE, q) + 1);
	exit->io.port = (u16)FIELD_GET(QUAL_IO_PORT, q);
	exit->io.in = q & QUAL_IO_IN;
	exit->io.string = q & QUAL_IO_STRING;
	exit->io.rep = q & QUAL_IO_REP;
	exit->io.addr_size = exit->io.seg = 0;
	if (exit->io.size != 1 && exit->io.size != 2 && exit->io.size != 4) {
		exit->why = X86_UNKNOWN;
	}
}

/*
 * Without a linear address the CPU was loading PDPTEs: a walk as well. With accessed and dirty
 * flags in EPT a walk counts as a write ("Accessed and Dirty Flags for EPT").
 */
static void decode_ept(struct x86_exit *exit)
{
	u64 q = exit->info1;

	exit->tdp.gpa = gpa(exit->info2);
	exit->tdp.on_walk = !(q & QUAL_EPT_LINEAR) || !(q & QUAL_EPT_FINAL);
	exit->tdp.access = q & QUAL_EPT_FETCH ? PT_X : q & QUAL_EPT_WRITE ? PT_W : PT_R;
}

static void decode_exception(struct x86_exit *exit, u64 info)
{
	exit->exception.vector = (u8)FIELD_GET(INTR_INFO_VECTOR, info);
	exit->exception.error = 0;
	if (FIELD_GET(INTR_INFO_TYPE, info) == INTR_TYPE_NMI) {
		exit->why = X86_NMI;
		return;
	}
	if (info & INTR_INFO_ERROR) {
		exit->exception.error = (u32)vmread(VMCS_EXIT_INTR_ERROR);
	}
	if (exit->exception.vector == VEC_DB || exit->exception.vector == VEC_PF) {
		exit->info1 = vmread(VMCS_EXIT_QUALIFICATION);
	}
	if (exit->exception.vector == VEC_PF) {
		exit->info2 = exit->info1; /* the address, where SVM has it */
	}
}

/*
 * An event whose delivery the exit interrupted is delivered again. INTn, INT1, INT3 and INTO
 * execute again: RIP is still at them. Returns whether there was any event.
 */
static bool decode_vectoring(struct x86_event *again)
{
	u64 info = vmread(VMCS_IDT_VECTORING_INFO);
	u64 type = FIELD_GET(INTR_INFO_TYPE, info);

	again->valid =
		(info & INTR_INFO_VALID) && (type == INTR_TYPE_EXTERNAL || type == INTR_TYPE_NMI ||
					     type == INTR_TYPE_HARD_EXCEPTION);
	if (!again->valid) {
		return info & INTR_INFO_VALID;
	}
	again->type = (u8)type;
	again->vector = (u8)FIELD_GET(INTR_INFO_VECTOR, info);
	again->has_error = info & INTR_INFO_ERROR;
	again->error = again->has_error ? (u32)vmread(VMCS_IDT_VECTORING_ERROR) : 0;
	return true;
}

/*
 * Reasons whose qualification or interruption information say what has happened. Returns whether
 * an IRET has unblocked NMIs and then faulted; the bit means nothing of #DF, and where the exit
 * interrupted a delivery.
 */
static bool decode_detailed(struct x86_exit *exit)
{
	u64 info;

	switch (exit->code) {
	case VMX_REASON_EXCEPTION:
		info = vmread(VMCS_EXIT_INTR_INFO);
		decode_exception(exit, info);
		return (info & INTR_INFO_NMI_UNBLOCK) && exit->why == X86_EXCEPTION &&
		       exit->exception.vector != VEC_DF;
	case VMX_REASON_CR:
		decode_cr(exit);
		return false;
	case VMX_REASON_IO:
		decode_io(exit);
		return false;
	case VMX_REASON_EOI:
		exit->apic.vector = (u8)FIELD_GET(QUAL_EOI_VECTOR, exit->info1);
		return false;
	case VMX_REASON_APIC_WRITE:
		exit->apic.reg = (u8)FIELD_GET(QUAL_APIC_REG, exit->info1);
		return false;
	case VMX_REASON_EPT_VIOLATION:
		decode_ept(exit);
		return exit->info1 & QUAL_NMI_UNBLOCK;
	default:
		return false;
	}
}

/* VM entry has failed: nothing of the guest has run, and no exit information but this is valid. */
static void decode_failed(struct x86_exit *exit, u64 basic)
{
	exit->why = X86_INVALID_STATE;
	if (basic == VMX_REASON_ENTRY_MC) {
		exit->why = X86_EXCEPTION;
		exit->exception.vector = VEC_MC;
		exit->exception.error = 0;
	} else {
		exit->info1 = vmread(VMCS_EXIT_QUALIFICATION);
	}
}

void vmx_decode(u64 rip, struct x86_exit *exit, struct vmx_exit_event *event)
{
	u64 reason = vmread(VMCS_EXIT_REASON), basic = FIELD_GET(EXIT_REASON_BASIC, reason);
	struct decode_row row = {X86_UNKNOWN, HAS_QUAL | HAS_IDT};
	bool in_delivery;

	exit->code = reason & (EXIT_REASON_FAILED | EXIT_REASON_BASIC);
	exit->insn_len = 0;
	exit->info1 = exit->info2 = 0;
	memset(event, 0, sizeof(*event));
	if (reason & EXIT_REASON_FAILED) {
		decode_failed(exit, basic);
		return;
	}
	if (basic < VMX_REASON_COUNT && (decode_table[basic].why || decode_table[basic].has)) {
		row = decode_table[basic];
	}
	exit->why = row.why;
	if (row.has & HAS_QUAL) {
		exit->info1 = vmread(VMCS_EXIT_QUALIFICATION);
	}
	if (row.has & HAS_GPA) {
		exit->info2 = vmread(VMCS_GUEST_PHYS);
	}
	if (row.has & HAS_LEN) {
		decode_len(rip, exit);
	}
	in_delivery = (row.has & HAS_IDT) && decode_vectoring(&event->again);
	event->nmi_unblocked = decode_detailed(exit) && !in_delivery;
}

u32 vmx_event_encode(const struct x86_event *e)
{
	return (u32)(INTR_INFO_VALID | FIELD_PREP(INTR_INFO_TYPE, e->type) | e->vector |
		     (e->has_error ? INTR_INFO_ERROR : 0));
}
