// SPDX-License-Identifier: Apache-2.0
/* The virtual machine control block: APM volume 2, appendix "Layout of VMCB". */
#pragma once

#include "mm/bits.h"

struct vmcb_seg {
	u16 selector, attrib;
	u32 limit;
	u64 base;
};

/* Attributes are packed: bits 55:52 and 47:40 of the descriptor. */
#define VMCB_ATTR_DPL GENMASK(6, 5) /* of SS: the privilege level */
#define VMCB_ATTR_L   BIT(9)
#define VMCB_ATTR_D   BIT(10)

struct vmcb {
	/* control area */
	u16 intercept_cr_read, intercept_cr_write, intercept_dr_read, intercept_dr_write;
	u32 intercept_exceptions;
	u32 intercept_misc1, intercept_misc2, intercept_misc3;
	u8 reserved1[0x3c - 0x18];
	u16 pause_filter_threshold, pause_filter_count;
	u64 iopm_base_pa, msrpm_base_pa, tsc_offset;
	u32 asid;
	u8 tlb_control, reserved2[3];
	u64 vintr, interrupt_shadow, exit_code, exit_info1, exit_info2, exit_int_info;
	u64 nested_ctl, avic_apic_bar, ghcb_pa, event_inj, nested_cr3, virt_ext;
	u32 clean, reserved3;
	u64 next_rip;
	u8 insn_len, insn_bytes[15];
	u8 reserved4[0x400 - 0xe0];
	/* state save area */
	struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved5[0x4cb - 0x4a0];
	u8 cpl;
	u32 reserved6;
	u64 efer;
	u8 reserved7[0x548 - 0x4d8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved8[0x5d8 - 0x580];
	u64 rsp, s_cet, ssp, isst_addr, rax, star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	u8 reserved9[0x668 - 0x648];
	u64 g_pat, dbgctl, br_from, br_to, last_excp_from, last_excp_to;
	u8 reserved10[0x1000 - 0x698];
};
static_assert(offsetof(struct vmcb, pause_filter_threshold) == 0x3c, "VMCB");
static_assert(offsetof(struct vmcb, iopm_base_pa) == 0x40, "VMCB");
static_assert(offsetof(struct vmcb, asid) == 0x58, "VMCB");
static_assert(offsetof(struct vmcb, exit_code) == 0x70, "VMCB");
static_assert(offsetof(struct vmcb, event_inj) == 0xa8, "VMCB");
static_assert(offsetof(struct vmcb, clean) == 0xc0, "VMCB");
static_assert(offsetof(struct vmcb, next_rip) == 0xc8, "VMCB");
static_assert(offsetof(struct vmcb, es) == 0x400, "VMCB");
static_assert(offsetof(struct vmcb, tr) == 0x490, "VMCB");
static_assert(offsetof(struct vmcb, cpl) == 0x4cb, "VMCB");
static_assert(offsetof(struct vmcb, efer) == 0x4d0, "VMCB");
static_assert(offsetof(struct vmcb, cr4) == 0x548, "VMCB");
static_assert(offsetof(struct vmcb, rsp) == 0x5d8, "VMCB");
static_assert(offsetof(struct vmcb, rax) == 0x5f8, "VMCB");
static_assert(offsetof(struct vmcb, cr2) == 0x640, "VMCB");
static_assert(offsetof(struct vmcb, g_pat) == 0x668, "VMCB");
static_assert(sizeof(struct vmcb) == 4096, "VMCB");

/* intercept_misc1 */
#define MISC1_INTR     BIT(0)
#define MISC1_NMI      BIT(1)
#define MISC1_SMI      BIT(2)
#define MISC1_INIT     BIT(3)
#define MISC1_VINTR    BIT(4)
#define MISC1_CR0_SEL  BIT(5)
#define MISC1_RDPMC    BIT(15)
#define MISC1_CPUID    BIT(18)
#define MISC1_IRET     BIT(20)
#define MISC1_INVD     BIT(22)
#define MISC1_PAUSE    BIT(23)
#define MISC1_HLT      BIT(24)
#define MISC1_INVLPGA  BIT(26)
#define MISC1_IOIO     BIT(27)
#define MISC1_MSR      BIT(28)
#define MISC1_TASK     BIT(29)
#define MISC1_FERR     BIT(30)
#define MISC1_SHUTDOWN BIT(31)
/* intercept_misc2 */
#define MISC2_VMRUN       BIT(0)
#define MISC2_VMMCALL     BIT(1)
#define MISC2_VMLOAD      BIT(2)
#define MISC2_VMSAVE      BIT(3)
#define MISC2_STGI        BIT(4)
#define MISC2_CLGI        BIT(5)
#define MISC2_SKINIT      BIT(6)
#define MISC2_RDTSCP      BIT(7)
#define MISC2_ICEBP       BIT(8)
#define MISC2_WBINVD      BIT(9)
#define MISC2_MONITOR     BIT(10)
#define MISC2_MWAIT       BIT(11)
#define MISC2_MWAIT_ARMED BIT(12)
#define MISC2_XSETBV      BIT(13)
#define MISC2_RDPRU       BIT(14)

#define VINTR_TPR        GENMASK(3, 0)
#define VINTR_IRQ        BIT(8)
#define VINTR_GIF        BIT(9)
#define VINTR_PRIO       GENMASK(19, 16)
#define VINTR_IGN_TPR    BIT(20)
#define VINTR_MASKING    BIT(24)
#define VINTR_GIF_ENABLE BIT(25)
#define VINTR_VECTOR     GENMASK(39, 32)
#define NESTED_CTL_NP    BIT(0)
#define SHADOW_INTERRUPT BIT(0)
#define CPUID_SVM_NRIPS  BIT(3) /* CPUID 8000_000A EDX */
#define CPUID_SVM_VGIF   BIT(16)

#define TLB_CONTROL_NONE       0
#define TLB_CONTROL_ALL        1
#define TLB_CONTROL_ASID       3
#define TLB_CONTROL_ASID_LOCAL 7 /* but not global pages */

/* EVENTINJ and EXITINTINFO */
#define EVENT_VECTOR     GENMASK(7, 0)
#define EVENT_TYPE       GENMASK(10, 8)
#define EVENT_EV         BIT(11)
#define EVENT_VALID      BIT(31)
#define EVENT_ERROR_CODE GENMASK(63, 32)
#define EVENT_TYPE_INTR  0
#define EVENT_TYPE_NMI   2
#define EVENT_TYPE_EXCP  3
#define EVENT_TYPE_SOFT  4

/* Exit codes: APM volume 2, appendix "SVM Intercept Exit Codes". */
#define SVM_EXIT_CR_READ     0x000
#define SVM_EXIT_CR_WRITE    0x010
#define SVM_EXIT_EXCP        0x040
#define SVM_EXIT_INTR        0x060
#define SVM_EXIT_NMI         0x061
#define SVM_EXIT_SMI         0x062
#define SVM_EXIT_INIT        0x063
#define SVM_EXIT_VINTR       0x064
#define SVM_EXIT_CR0_SEL     0x065
#define SVM_EXIT_RDPMC       0x06f
#define SVM_EXIT_CPUID       0x072
#define SVM_EXIT_IRET        0x074
#define SVM_EXIT_INVD        0x076
#define SVM_EXIT_PAUSE       0x077
#define SVM_EXIT_HLT         0x078
#define SVM_EXIT_INVLPGA     0x07a
#define SVM_EXIT_IOIO        0x07b
#define SVM_EXIT_MSR         0x07c
#define SVM_EXIT_TASK        0x07d
#define SVM_EXIT_FERR        0x07e
#define SVM_EXIT_SHUTDOWN    0x07f
#define SVM_EXIT_VMRUN       0x080
#define SVM_EXIT_VMMCALL     0x081
#define SVM_EXIT_VMLOAD      0x082
#define SVM_EXIT_VMSAVE      0x083
#define SVM_EXIT_STGI        0x084
#define SVM_EXIT_CLGI        0x085
#define SVM_EXIT_SKINIT      0x086
#define SVM_EXIT_RDTSCP      0x087
#define SVM_EXIT_ICEBP       0x088
#define SVM_EXIT_WBINVD      0x089
#define SVM_EXIT_MONITOR     0x08a
#define SVM_EXIT_MWAIT       0x08b
#define SVM_EXIT_MWAIT_ARMED 0x08c
#define SVM_EXIT_XSETBV      0x08d
#define SVM_EXIT_RDPRU       0x08e
#define SVM_EXIT_CODES       0x090
#define SVM_EXIT_NPF         0x400
#define SVM_EXIT_INVALID     0xffffffffu

/* IOIO exit info 1: APM volume 2, "EXITINFO1 for IOIO Intercept". */
#define IOIO_IN   BIT(0)
#define IOIO_STR  BIT(2)
#define IOIO_REP  BIT(3)
#define IOIO_SIZE GENMASK(6, 4)
#define IOIO_ADDR GENMASK(9, 7)
#define IOIO_SEG  GENMASK(12, 10)
#define IOIO_PORT GENMASK(31, 16)

/* Nested page fault, exit info 1: the page fault error code. */
#define NPF_FINAL BIT(32)
#define NPF_WALK  BIT(33)
