// SPDX-License-Identifier: Apache-2.0
/*
 * A VM exit as a value: what the vendor's code decodes and the one handler table acts on. No
 * handler sees a field of a hardware structure.
 */
#pragma once

#include "mm/types.h"

enum x86_why {
	X86_UNKNOWN,          /* what a table that says nothing means */
	X86_INTERRUPT,        /* of the host */
	X86_NMI,              /* of the host */
	X86_TIMER,            /* asked for by exit_at() */
	X86_INTERRUPT_WINDOW, /* the guest can take an interrupt now */
	X86_EXCEPTION,        /* intercepted exception of the guest */
	X86_CPUID,
	X86_HLT,
	X86_PAUSE,
	X86_HYPERCALL,
	X86_RDMSR,
	X86_WRMSR,
	X86_IO,
	X86_CR_WRITE,
	X86_XSETBV,
	X86_CACHE,          /* INVD, WBINVD */
	X86_VIRTUALIZATION, /* VMRUN and its kin */
	X86_TO_L1,          /* an exit of L2 that L1 asked for */
	X86_UNDEFINED,      /* an instruction that this VM's CPU does not have */
	X86_PRIVILEGED,     /* RDPMC and such: #GP */
	X86_IRET,           /* the guest ends an NMI */
	X86_NMI_WINDOW,     /* the guest has ended an NMI */
	X86_TASK_SWITCH,
	X86_APIC_EOI,   /* a live LAPIC ended a level-triggered interrupt */
	X86_APIC_WRITE, /* what a live LAPIC's register was written is in its page */
	X86_TDP_FAULT,
	X86_SHUTDOWN,      /* triple fault */
	X86_INVALID_STATE, /* the CPU refused to enter */
	X86_RETRY,         /* the instruction changed under us: enter again */
	X86_WHY_COUNT
};

/* Of LMSW some CPUs give the instruction's operands, others what they hold: the data. */
enum x86_cr_kind { X86_CR_MOV, X86_CR_CLTS, X86_CR_LMSW, X86_CR_LMSW_DATA };

struct x86_exit {
	enum x86_why why;
	u8 insn_len;            /* 0: not an instruction, or not known yet */
	u64 next_rip;           /* after the instruction, where insn_len is not 0 */
	u64 code, info1, info2; /* as the hardware said, for reports */
	union {
		struct {
			u8 vector;
			u32 error;
		} exception;
		struct {
			u8 nr, kind, gpr;
			bool mem; /* LMSW from memory */
			u16 data; /* X86_CR_LMSW_DATA */
		} cr;
		struct {
			u16 port;
			u8 size, addr_size, seg;
			bool in, string, rep;
		} io;
		struct {
			u8 vector; /* X86_APIC_EOI */
			u8 reg;    /* X86_APIC_WRITE: its number, of MSR 0x800 + number */
		} apic;
		struct {
			gpa_t gpa;
			u8 access; /* PT_R, PT_W, PT_X */
			bool on_walk;
		} tdp;
	};
};

extern const char *const x86_why_name[X86_WHY_COUNT];
