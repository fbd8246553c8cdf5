// SPDX-License-Identifier: Apache-2.0
/* The x86 half of a vCPU. */
#pragma once

#include "arch/x86/exit.h"
#include "arch/x86/guest_mem.h"
#include "arch/x86/vlapic.h"
#include "mm/types.h"

struct vmcb;

/* An event to deliver at the next entry. */
struct x86_event {
	bool valid;
	u8 type; /* enum x86_event_type */
	u8 vector;
	bool has_error;
	u32 error;
};

struct svm_vcpu {
	struct vmcb *vmcb;
	hpa_t vmcb_pa;
	u64 efer_lme; /* EFER.LME where it is set and LMA is not */
	u64 asid_generation;
};

struct pvclock_vcpu {
	u64 msr;     /* as the guest wrote it; bit 0: enabled */
	u32 version; /* even when stable */
};

struct vcpu_arch {
	/* Hardware order: rax rcx rdx rbx rsp rbp rsi rdi r8..r15. Valid between exit and entry. */
	u64 gpr[16];
	u64 rip, rflags;
	u64 interrupt_shadow; /* not 0: after STI or MOV SS */
	struct x86_exit exit;
	struct x86_event event;
	struct x86_event deferred; /* an interrupt or NMI behind an exception in its delivery */
	bool window_open;          /* an interrupt-window exit has been asked for */
	bool nmi_blocked;          /* from the NMI's delivery to its IRET */
	bool nmi_stepping;         /* single-stepping that IRET ... */
	bool nmi_guest_tf;         /* ... where the guest had RFLAGS.TF on itself */
	bool flush_tlb;            /* before the next entry */
	u64 timer_event_ns;        /* next event of the LAPIC timer and the platform, VM time */
	struct vlapic lapic;
	struct fetch_cache fetch;
	struct svm_vcpu svm;
	struct pvclock_vcpu pvclock;
	u64 mtrr_variable[16], mtrr_fixed[11], mtrr_def_type;
	u64 exit_count[X86_WHY_COUNT];
	/* The guest's while it runs, saved here while the vCPU is not on a CPU. */
	u64 xcr0, dr[4], tsc_aux;
	u8 *fp_state; /* XSAVE image */
};
