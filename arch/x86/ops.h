// SPDX-License-Identifier: Apache-2.0
/* What a vendor's virtualisation gives: one const table, chosen at run time. */
#pragma once

#include "mm/types.h"

struct pt_format;
struct vcpu;
struct vm;
struct tdp;
struct x86_event;
struct nested_ops;

/* Registers that live in the vendor's structure. */
enum x86_reg {
	X86_REG_CR0,
	X86_REG_CR2,
	X86_REG_CR3,
	X86_REG_CR4,
	X86_REG_DR6,
	X86_REG_EFER,
	X86_REG_PAT,
	X86_REG_TSC_OFFSET,
	X86_REG_COUNT
};

/* In the order of their encoding in instructions, then the others. */
enum x86_seg_name {
	X86_SEG_ES,
	X86_SEG_CS,
	X86_SEG_SS,
	X86_SEG_DS,
	X86_SEG_FS,
	X86_SEG_GS,
	X86_SEG_GDTR,
	X86_SEG_LDTR,
	X86_SEG_IDTR,
	X86_SEG_TR,
	X86_SEG_COUNT
};

/* Attributes as in a descriptor's bytes 5 and 6: type, S, DPL, P in 7:0, AVL, L, D, G in 15:12. */
struct x86_seg {
	u16 selector, attrib;
	u32 limit;
	u64 base;
};

#define SEG_ATTR_L BIT(13)
#define SEG_ATTR_D BIT(14)

/* What exits while the guest handles an NMI: its IRET, or whatever ends that IRET. */
enum x86_nmi_watch { X86_NMI_WATCH_NONE, X86_NMI_WATCH_IRET, X86_NMI_WATCH_STEP };

struct x86_ops {
	const char *name;
	const struct pt_format *tdp_format;
	unsigned (*tdp_bits)(void);            /* of its input addresses */
	const struct nested_ops *nested;       /* NULL: no guest can be a hypervisor */
	int (*cpu_on)(void);                   /* this CPU; errors: -ENODEV, logged */
	int (*vm_init)(struct vm *vm);         /* bitmaps; errors: -ENOMEM */
	void (*vm_fini)(struct vm *vm);        /* also after vm_init's error, or without it */
	int (*vcpu_init)(struct vcpu *vcpu);   /* errors: -ENOMEM */
	void (*vcpu_fini)(struct vcpu *vcpu);  /* also after vcpu_init's error, or without it */
	void (*vcpu_reset)(struct vcpu *vcpu); /* architectural reset state */
	/* The vCPU comes to this CPU, and leaves it: state that the CPU keeps across exits. */
	void (*vcpu_load)(struct vcpu *vcpu);
	void (*vcpu_put)(struct vcpu *vcpu);
	void (*enter)(struct vcpu *vcpu); /* run to the next exit, and decode it */
	u64 (*get_reg)(const struct vcpu *vcpu, enum x86_reg reg);
	void (*set_reg)(struct vcpu *vcpu, enum x86_reg reg, u64 val);
	struct x86_seg (*get_seg)(const struct vcpu *vcpu, enum x86_seg_name seg);
	void (*set_seg)(struct vcpu *vcpu, enum x86_seg_name seg, struct x86_seg val);
	void (*window)(struct vcpu *vcpu, bool open); /* interrupt-window exit wanted */
	void (*nmi_watch)(struct vcpu *vcpu, enum x86_nmi_watch what);
	void (*set_tpr)(struct vcpu *vcpu, u8 cr8); /* what MOV from CR8 reads */
	/*
	 * The LAPIC may have changed its mode: where the CPU can keep a part of it (vlapic.live),
	 * it now does. NULL: it never can.
	 */
	void (*apic_mode)(struct vcpu *vcpu);
	/* Hands what has been requested of a live LAPIC to the CPU. Never called without one. */
	void (*irq_post)(struct vcpu *vcpu);
	/*
	 * Where PAE paging begins or changes its root, and the CPU keeps its four entries: reads
	 * them at the next entry. False: #GP, an entry is reserved. NULL: the CPU walks them as any
	 * table.
	 */
	bool (*pdptes_load)(struct vcpu *vcpu, u64 cr3);
	/*
	 * Has the guest exit (X86_TIMER) when the host's TSC is at @tsc, ~0: not for that. False:
	 * this CPU cannot, an interrupt must do it.
	 */
	bool (*exit_at)(struct vcpu *vcpu, u64 tsc);
	void (*irq_window)(void); /* takes the host's pending interrupts */
	void (*idle)(void);       /* halts until one has been taken */
};

/* The vendor of this machine. */
extern const struct x86_ops *x86_ops;

/* Chooses it by CPUID; whether its virtualisation can be used cpu_on() says. */
void x86_ops_choose(void);
