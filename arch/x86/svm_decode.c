// SPDX-License-Identifier: Apache-2.0
/*
 * SVM exits to struct x86_exit. What a CPU without next-RIP or decode assists leaves out is found
 * from the instruction's bytes: the usual encoding by one comparison, any other by the decoder.
 */
#include "arch/x86/svm.h"

#include <errno.h>
#include <string.h>

#include "arch/percpu.h"
#include "arch/x86/event.h"
#include "arch/x86/insn.h"
#include "arch/x86/regs.h"
#include "arch/x86/vmcb.h"
#include "mm/page.h"
#include "vmm/nested_ops.h"
#include "vmm/vm.h"

/* An exit code: why (X86_UNKNOWN unless the row says), and the instruction behind it. */
struct decode_row {
	u8 why;
	u8 op;            /* enum insn_op that must be at RIP; INSN_OTHER: no instruction */
	u8 len;           /* of the usual encoding ... */
	u32 opcode, mask; /* ... and its bytes, first byte lowest */
};

static const struct decode_row decode_table[SVM_EXIT_CODES] = {
	[SVM_EXIT_INTR] = {.why = X86_INTERRUPT},
	[SVM_EXIT_NMI] = {.why = X86_NMI},
	[SVM_EXIT_SMI] = {.why = X86_INTERRUPT},
	[SVM_EXIT_INIT] = {.why = X86_INTERRUPT},
	[SVM_EXIT_VINTR] = {.why = X86_INTERRUPT_WINDOW},
	[SVM_EXIT_RDPMC] = {.why = X86_PRIVILEGED},
	[SVM_EXIT_CPUID] = {X86_CPUID, INSN_CPUID, 2, 0xa20f, 0xffff},
	[SVM_EXIT_IRET] = {.why = X86_IRET},
	[SVM_EXIT_INVD] = {X86_CACHE, INSN_INVD, 2, 0x080f, 0xffff},
	[SVM_EXIT_PAUSE] = {X86_PAUSE, INSN_PAUSE, 2, 0x90f3, 0xffff},
	[SVM_EXIT_HLT] = {X86_HLT, INSN_HLT, 1, 0xf4, 0xff},
	[SVM_EXIT_INVLPGA] = {X86_VIRTUALIZATION, INSN_INVLPGA, 3, 0xdf010f, 0xffffff},
	[SVM_EXIT_TASK] = {.why = X86_TASK_SWITCH},
	[SVM_EXIT_FERR] = {.why = X86_INTERRUPT},
	[SVM_EXIT_SHUTDOWN] = {.why = X86_SHUTDOWN},
	[SVM_EXIT_VMRUN] = {X86_VIRTUALIZATION, INSN_VMRUN, 3, 0xd8010f, 0xffffff},
	[SVM_EXIT_VMMCALL] = {X86_HYPERCALL, INSN_VMMCALL, 3, 0xd9010f, 0xffffff},
	[SVM_EXIT_VMLOAD] = {X86_VIRTUALIZATION, INSN_VMLOAD, 3, 0xda010f, 0xffffff},
	[SVM_EXIT_VMSAVE] = {X86_VIRTUALIZATION, INSN_VMSAVE, 3, 0xdb010f, 0xffffff},
	[SVM_EXIT_STGI] = {X86_VIRTUALIZATION, INSN_STGI, 3, 0xdc010f, 0xffffff},
	[SVM_EXIT_CLGI] = {X86_VIRTUALIZATION, INSN_CLGI, 3, 0xdd010f, 0xffffff},
	[SVM_EXIT_SKINIT] = {.why = X86_UNDEFINED},
	[SVM_EXIT_WBINVD] = {X86_CACHE, INSN_WBINVD, 2, 0x090f, 0xffff},
	[SVM_EXIT_MONITOR] = {.why = X86_UNDEFINED},
	[SVM_EXIT_MWAIT] = {.why = X86_UNDEFINED},
	[SVM_EXIT_MWAIT_ARMED] = {.why = X86_UNDEFINED},
	[SVM_EXIT_XSETBV] = {X86_XSETBV, INSN_XSETBV, 3, 0xd1010f, 0xffffff},
	[SVM_EXIT_RDPRU] = {.why = X86_UNDEFINED},
};

/* RDMSR and WRMSR share an exit code; EXITINFO1 tells them apart. */
static const struct decode_row msr_row[2] = {
	{X86_RDMSR, INSN_RDMSR, 2, 0x320f, 0xffff},
	{X86_WRMSR, INSN_WRMSR, 2, 0x300f, 0xffff},
};

static enum insn_mode code_mode(const struct vmcb *vmcb)
{
	if ((vmcb->cs.attrib & VMCB_ATTR_L) && (vmcb->efer & EFER_LMA)) {
		return INSN_MODE_64;
	}
	return vmcb->cs.attrib & VMCB_ATTR_D ? INSN_MODE_32 : INSN_MODE_16;
}

/* Takes the bytes at RIP. Returns how many there are; 0: none can be read any more. */
static inline unsigned fetch(struct vcpu *vcpu, enum insn_mode mode, u8 bytes[16])
{
	const struct vmcb *vmcb = vcpu->arch.svm.vmcb;
	u64 rip = mode == INSN_MODE_64 ? vmcb->rip : (u32)(vmcb->cs.base + vmcb->rip);

	return guest_fetch(vcpu, rip, vmcb->cr3, bytes);
}

static void exit_set_len(struct vcpu *vcpu, enum insn_mode mode, u8 len)
{
	u64 next = vcpu->arch.rip + len;

	vcpu->arch.exit.insn_len = len;
	vcpu->arch.exit.next_rip = mode == INSN_MODE_64 ? next : (u32)next;
}

/* The instruction at RIP. Errors: -EAGAIN: its bytes are gone (the guest changed its tables). */
static int fetch_insn(struct vcpu *vcpu, struct insn *insn)
{
	enum insn_mode mode = code_mode(vcpu->arch.svm.vmcb);
	u8 bytes[16];
	unsigned n = fetch(vcpu, mode, bytes);

	if (!n || insn_decode(bytes, n, mode, insn)) {
		return -EAGAIN;
	}
	exit_set_len(vcpu, mode, insn->len);
	return 0;
}

/* QEMU 7.2 gives INVD the exit code of WBINVD; they are one to a guest. */
static bool row_has_op(const struct decode_row *row, u8 op)
{
	return op == row->op || (row->why == X86_CACHE && (op == INSN_INVD || op == INSN_WBINVD));
}

/* The same by the decoder: prefixes, a page boundary, or no kept walk. */
static __attribute__((noinline)) bool row_len_decode(struct vcpu *vcpu,
						     const struct decode_row *row)
{
	struct insn insn;

	return !fetch_insn(vcpu, &insn) && row_has_op(row, insn.op);
}

/* Finds the length of the instruction that @row says is at RIP; false: it is not there any more. */
static inline __attribute__((always_inline)) bool row_len(struct vcpu *vcpu,
							  const struct decode_row *row, bool l2)
{
	const struct vmcb *vmcb = vcpu->arch.svm.vmcb;
	u64 rip = vmcb->rip, offset = rip & ~PAGE_MASK;
	enum insn_mode mode = code_mode(vmcb);
	const u8 *page;
	u32 word;

	if (vmcb->next_rip > rip && vmcb->next_rip - rip <= INSN_LEN_MAX) {
		exit_set_len(vcpu, mode, (u8)(vmcb->next_rip - rip));
		return true;
	}
	if (mode != INSN_MODE_64 || offset > PAGE_SIZE - sizeof(word)) {
		return row_len_decode(vcpu, row);
	}
	page = l2 ? x86_ops->nested->code_page(vcpu, rip & PAGE_MASK)
		  : fetch_cache_find(&vcpu->arch.fetch, rip & PAGE_MASK, vmcb->cr3);
	if (!page) {
		return row_len_decode(vcpu, row);
	}
	memcpy(&word, page + offset, sizeof(word));
	if ((word ^ row->opcode) & row->mask) {
		return row_len_decode(vcpu, row);
	}
	vcpu->arch.exit.insn_len = row->len;
	vcpu->arch.exit.next_rip = rip + row->len;
	return true;
}

static inline __attribute__((always_inline)) void decode_row(struct vcpu *vcpu,
							     const struct decode_row *row)
{
	struct x86_exit *exit = &vcpu->arch.exit;

	exit->why = row->why;
	if (row->op && !row_len(vcpu, row, false)) {
		exit->why = X86_RETRY;
	}
}

/* MOV to CR, CLTS, LMSW: the CPU may say neither the register nor the length. */
static void decode_cr(struct vcpu *vcpu)
{
	struct x86_exit *exit = &vcpu->arch.exit;
	struct insn insn;

	exit->why = X86_CR_WRITE;
	if (fetch_insn(vcpu, &insn)) {
		exit->why = X86_RETRY;
		return;
	}
	exit->cr.nr = 0;
	exit->cr.gpr = insn.rm;
	switch (insn.op) {
	case INSN_MOV_TO_CR:
		exit->cr.kind = X86_CR_MOV;
		exit->cr.nr = insn.reg;
		break;
	case INSN_CLTS:
		exit->cr.kind = X86_CR_CLTS;
		break;
	case INSN_LMSW:
		exit->cr.kind = X86_CR_LMSW;
		exit->cr.mem = insn.has_mem;
		break;
	default:
		exit->why = X86_RETRY;
	}
}

static void decode_io(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = vcpu->arch.svm.vmcb;
	struct x86_exit *exit = &vcpu->arch.exit;
	u64 info = vmcb->exit_info1;

	exit->why = X86_IO;
	exit_set_len(vcpu, code_mode(vmcb), (u8)(vmcb->exit_info2 - vmcb->rip)); /* always given */
	exit->io.port = (u16)FIELD_GET(IOIO_PORT, info);
	exit->io.size = (u8)FIELD_GET(IOIO_SIZE, info);
	exit->io.in = info & IOIO_IN;
	exit->io.string = info & IOIO_STR;
	exit->io.rep = info & IOIO_REP;
	exit->io.addr_size = (u8)(FIELD_GET(IOIO_ADDR, info) * 2);
}

static void decode_npf(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = vcpu->arch.svm.vmcb;
	struct x86_exit *exit = &vcpu->arch.exit;
	u64 error = vmcb->exit_info1;

	exit->why = X86_TDP_FAULT;
	exit->tdp.gpa = gpa(vmcb->exit_info2);
	exit->tdp.on_walk = error & NPF_WALK;
	exit->tdp.access = error & PF_FETCH ? PT_X : error & PF_WRITE ? PT_W : PT_R;
}

static void decode_exception(struct vcpu *vcpu, u32 code)
{
	struct x86_exit *exit = &vcpu->arch.exit;

	exit->why = X86_EXCEPTION;
	exit->exception.vector = (u8)(code - SVM_EXIT_EXCP);
	exit->exception.error = (u32)vcpu->arch.svm.vmcb->exit_info1;
}

/*
 * The CPU refused the state. QEMU also says so of a MOV to CR3 or CR4 with reserved bits, which
 * hardware answers with #GP: such an instruction is told apart by its bytes.
 */
static void decode_invalid(struct vcpu *vcpu)
{
	decode_cr(vcpu);
	if (vcpu->arch.exit.why != X86_CR_WRITE || vcpu->arch.exit.cr.kind != X86_CR_MOV) {
		vcpu->arch.exit.why = X86_INVALID_STATE;
	}
}

u64 svm_event_encode(const struct x86_event *e)
{
	return EVENT_VALID | FIELD_PREP(EVENT_TYPE, e->type) | e->vector |
	       (e->has_error ? EVENT_EV | FIELD_PREP(EVENT_ERROR_CODE, e->error) : 0);
}

struct x86_event svm_event_decode(u64 word)
{
	u8 type = (u8)FIELD_GET(EVENT_TYPE, word), vector = (u8)FIELD_GET(EVENT_VECTOR, word);

	/* QEMU takes a virtual interrupt whose delivery an exit ends for an exception. */
	if (type == EVENT_TYPE_EXCP && vector >= 32) {
		type = EVENT_TYPE_INTR;
	}
	return (struct x86_event){
		.valid = true,
		.type = type,
		.vector = vector,
		.has_error = word & EVENT_EV,
		.error = (u32)FIELD_GET(EVENT_ERROR_CODE, word),
	};
}

/* An event whose delivery the exit interrupted is delivered again ("Exit Interrupt Info"). */
static void reinject(struct vcpu *vcpu)
{
	struct x86_event event = svm_event_decode(vcpu->arch.svm.vmcb->exit_int_info);

	/* INTn, INT3 and INTO execute again: RIP is still at them, unless L1 injected them. */
	if (vcpu->arch.l2 && vcpu->arch.svm.vmcb->exit_int_info == vcpu->arch.svm.injected) {
		vcpu->arch.event = event;
		return;
	}
	if (event.type == EVENT_TYPE_SOFT || (event.type == X86_EVENT_EXCEPTION &&
					      (event.vector == VEC_BP || event.vector == VEC_OF))) {
		return;
	}
	vcpu->arch.event = event;
}

/* First, whose it is. */
static bool decode_l2(struct vcpu *vcpu, u32 code)
{
	const struct decode_row *row = NULL;

	if (x86_ops->nested->exit_is_l1s(vcpu)) {
		vcpu->arch.exit.why = X86_TO_L1;
		return true;
	}
	if (code == SVM_EXIT_MSR) {
		row = &msr_row[vcpu->arch.svm.vmcb->exit_info1 & 1];
	} else if (code < SVM_EXIT_CODES && decode_table[code].why != X86_UNKNOWN) {
		row = &decode_table[code];
	} else {
		return false;
	}
	vcpu->arch.exit.why = row->op && !row_len(vcpu, row, true) ? X86_RETRY : row->why;
	return true;
}

/* Codes that have no row: the CPU says more than which instruction it was. */
static __attribute__((noinline)) void decode_detailed(struct vcpu *vcpu, u32 code)
{
	if (vcpu->arch.l2 && decode_l2(vcpu, code)) {
		return;
	}
	if (code == SVM_EXIT_NPF) {
		decode_npf(vcpu);
	} else if (code == SVM_EXIT_IOIO) {
		decode_io(vcpu);
	} else if (code == SVM_EXIT_MSR) {
		decode_row(vcpu, &msr_row[vcpu->arch.svm.vmcb->exit_info1 & 1]);
	} else if (code < SVM_EXIT_CR_WRITE + 16) {
		decode_cr(vcpu);
	} else if (code >= SVM_EXIT_EXCP && code < SVM_EXIT_EXCP + 32) {
		decode_exception(vcpu, code);
	} else if (code == SVM_EXIT_INVALID) {
		decode_invalid(vcpu);
	} else {
		vcpu->arch.exit.why = X86_UNKNOWN;
	}
}

void svm_decode(struct vcpu *vcpu)
{
	const struct vmcb *vmcb = vcpu->arch.svm.vmcb;
	u32 code = (u32)vmcb->exit_code; /* QEMU zero-extends VMEXIT_INVALID */
	struct x86_exit *exit = &vcpu->arch.exit;
	u64 info1 = vmcb->exit_info1;

	exit->insn_len = 0;
	exit->code = code;
	exit->info1 = info1;
	exit->info2 = vmcb->exit_info2;
	exit_record(code, info1, vcpu->arch.rip);
	if (vmcb->exit_int_info & EVENT_VALID) {
		reinject(vcpu);
	}
	if (code < vcpu->arch.svm.row_codes && decode_table[code].why != X86_UNKNOWN) {
		decode_row(vcpu, &decode_table[code]);
	} else {
		decode_detailed(vcpu, code);
	}
}
