// SPDX-License-Identifier: Apache-2.0
/* What each physical CPU owns, found through GS. VMLOAD of the host's state restores GS. */
#pragma once

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
	u32 asid_count;  /* ASIDs 1 .. asid_count - 1 may be used */
	u32 asid_next;
	u64 asid_generation;
};

/* Last exits, for the panic report. */
#define EXIT_LOG_SIZE 64
struct exit_record {
	u64 code, info1, rip;
};

struct percpu {
	struct percpu *self;
	u32 id;
	u32 apic_id;
	struct vcpu *vcpu; /* running or last run here */
	bool x2apic;       /* mode of the physical local APIC */
	bool timer_fired;
	struct svm_percpu svm;
	u64 timer_ns; /* what the physical timer is set to, ~0: off */
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
