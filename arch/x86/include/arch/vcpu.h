// SPDX-License-Identifier: Apache-2.0
/* The x86 half of a vCPU. */
#pragma once

#include <stdatomic.h>

#include "arch/x86/exit.h"
#include "arch/x86/guest_mem.h"
#include "arch/x86/ops.h"
#include "arch/x86/tlb_tag.h"
#include "arch/x86/vlapic.h"
#include "mm/types.h"

struct vmcb;
struct nested_vcpu;

/* An event to deliver at the next entry. */
struct x86_event {
	bool valid;
	u8 type; /* enum x86_event_type */
	u8 vector;
	bool has_error;
	u32 error;
};

/*
 * What an entry must flush first: translations of the guest's tables (its own doing, as by MOV to
 * CR), or those of the second level. A tag of the TLB may serve for both.
 */
enum x86_flush {
	X86_FLUSH_GUEST = 1,
	X86_FLUSH_TDP = 2,
	X86_FLUSH_ALL = 3,
	X86_FLUSH_L1D = 4 /* others' data in the L1 cache, where the CPU leaks it */
};

struct svm_vcpu {
	struct vmcb *vmcb;
	hpa_t vmcb_pa;
	u32 row_codes;        /* exit codes below are decoded by their rows at once: 0 of L2 */
	struct vmcb *l1_vmcb; /* while L2 runs */
	/* What the guest hypervisor wants of L2's: beneath our own windows and watches. */
	u32 exceptions, misc1;
	u64 vintr;
	u64 injected; /* the event that it gave L2, as EVENTINJ has it; 0: none */
	u64 efer_lme; /* EFER.LME where it is set and LMA is not */
	struct tlb_tag asid;
	struct tlb_tag other_asid; /* of nested virtualisation's other level */
};

#define VCPU_EXIT_REASONS X86_WHY_COUNT

#define VMX_LIVE_MSRS 5

struct vmx_vcpu {
	hpa_t vmcs, virtual_apic;
	bool launched, apicv;             /* @apicv: the LAPIC is live, as far as the VMCS goes */
	u64 exit_tsc;                     /* when to leave the guest, ~0: not for that */
	u32 pin_ctl, proc_ctl, entry_ctl; /* what the VMCS holds ... */
	u32 interruptibility;
	u64 rip, rsp, rflags, host_rsp;
	u64 reg[X86_REG_COUNT]; /* ... of CR4 the shadow; CR2, CR3 and DR6 are not kept here */
	struct tlb_tag vpid;    /* where there are no VPIDs it tells of the CPU only */
	u64 cr2, dr6, msr[VMX_LIVE_MSRS]; /* while not loaded */
};

struct pvclock_vcpu {
	u64 msr;     /* as the guest wrote it; bit 0: enabled */
	u32 version; /* even when stable */
};

struct vcpu_arch {
	/* Hardware order: rax rcx rdx rbx rsp rbp rsi rdi r8..r15. Valid between exit and entry. */
	u64 gpr[16];
	u64 rip, rflags;
	u64 interrupt_shadow;    /* not 0: after STI or MOV SS */
	atomic_bool in_guest;    /* on its way into the guest, or there */
	atomic_bool flush_asked; /* second-level entries went: drop what was cached, then enter */
	bool waits_for_sipi;     /* not started yet, or ended by INIT */
	struct x86_exit exit;
	struct x86_event event;
	struct x86_event deferred; /* an interrupt or NMI behind an exception in its delivery */
	bool window_open;          /* an interrupt-window exit has been asked for */
	bool nmi_blocked;          /* from the NMI's delivery to its IRET */
	bool nmi_stepping;         /* single-stepping that IRET ... */
	bool nmi_guest_tf;         /* ... where the guest had RFLAGS.TF on itself */
	u8 flush_tlb;              /* before the next entry: enum x86_flush */
	u64 timer_event_ns;        /* next event of the LAPIC timer and the platform, VM time */
	struct vlapic lapic;
	struct fetch_cache fetch;
	bool svme;                  /* EFER.SVME, as the guest has it */
	bool l2;                    /* the guest's guest runs: what is here is its */
	struct nested_vcpu *nested; /* NULL: the guest cannot be a hypervisor */
	struct svm_vcpu svm;
	struct vmx_vcpu vmx;
	struct pvclock_vcpu pvclock;
	u64 mtrr_variable[16], mtrr_fixed[11], mtrr_def_type, misc_enable;
	u64 exit_count[VCPU_EXIT_REASONS];
	/* The guest's while it runs, saved here while the vCPU is not on a CPU. */
	u64 xcr0, dr[4], tsc_aux;
	u8 *fp_state; /* XSAVE image */
};
