// SPDX-License-Identifier: Apache-2.0
/* What each physical CPU owns, found through GS. VMLOAD of the host's state restores GS. */
#pragma once

#include <stdatomic.h>

#include "arch/x86/tlb_tag.h"
#include "mm/types.h"

struct vcpu;

#define IST_STACK_SIZE 4096

struct tss {
	u32 reserved0;
	u64 rsp[3];
	u64 reserved1;
	u64 ist[7];
	u64 reserved2;
	u16 reserved3, iomap_base;
} __attribute__((packed));

struct svm_percpu {
	hpa_t host_vmcb; /* VMSAVE area of the host: FS, GS, TR, LDTR, SYSCALL MSRs */
	hpa_t hsave;     /* VM_HSAVE_PA page */
	struct tlb_tags asids;
};

struct vmx_percpu {
	struct vcpu *loaded;  /* between vcpu_load and vcpu_put */
	struct vcpu *current; /* whose VMCS is */
	struct tlb_tags vpids;
	bool has_timer;       /* the preemption timer, and it can be relied on */
	bool flush_l1d, verw; /* at entries: what this CPU's side channels ask for */
};

/* Last exits, for the panic report. */
#define EXIT_LOG_SIZE 64
struct exit_record {
	u64 code, info1, rip;
};

/* How far the start of a CPU has come. */
enum cpu_start { CPU_OFF, CPU_STARTED, CPU_FAILED };

struct percpu {
	struct percpu *self;
	u32 id;
	u32 apic_id;
	atomic_uint start; /* enum cpu_start */
	u32 lock_ranks;    /* held, with LOCK_DEBUG */
	u64 stack_start, stack_end;
	struct vcpu *vcpu; /* whose registers are in the CPU */
	bool x2apic;       /* mode of the physical local APIC */
	bool timer_fired;
	struct svm_percpu svm;
	struct vmx_percpu vmx;
	u64 deadline_ns; /* host time of an interrupt that the core itself wants, ~0: none */
	u64 gdt[8];
	struct tss tss;
	u32 exit_log_next;
	struct exit_record exit_log[EXIT_LOG_SIZE];
	u8 ist_stack[3][IST_STACK_SIZE] __attribute__((aligned(16)));
};

static inline struct percpu *this_cpu(void)
{
	struct percpu *p;

	__asm__("mov %%gs:0, %0" : "=r"(p));
	return p;
}

static inline void exit_record(u64 code, u64 info1, u64 rip)
{
	struct percpu *cpu = this_cpu();

	cpu->exit_log[cpu->exit_log_next++ % EXIT_LOG_SIZE] =
		(struct exit_record){.code = code, .info1 = info1, .rip = rip};
}
