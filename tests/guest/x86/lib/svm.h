// SPDX-License-Identifier: Apache-2.0
/*
 * For tiny guests that are hypervisors: an L2 is a function of the same image, with a VMCB and a
 * stack of its own, L1's tables of descriptors, and L1's page tables. With "npt=1" on the command
 * line it runs on nested tables that map 4 GiB one to one. APM volume 2, appendix "Layout of VMCB".
 */
#pragma once

#include "guest.h"

struct vmcb_seg {
	u16 selector, attrib;
	u32 limit;
	u64 base;
};

struct vmcb {
	u32 intercept[6]; /* bit n of word w: exit code w * 32 + n */
	u8 reserved1[0x40 - 0x18];
	u64 iopm, msrpm, tsc_offset;
	u32 asid;
	u8 tlb_control, reserved2[3];
	u64 vintr, shadow, exit_code, info1, info2, int_info;
	u64 nested, avic, ghcb, event_inj, ncr3, lbr;
	u32 clean, reserved3;
	u64 next_rip;
	u8 insn[16], reserved4[0x400 - 0xe0];
	struct vmcb_seg es, cs, ss, ds, fs, gs, gdtr, ldtr, idtr, tr;
	u8 reserved5[0x4cb - 0x4a0], cpl;
	u32 reserved6;
	u64 efer;
	u8 reserved7[0x548 - 0x4d8];
	u64 cr4, cr3, cr0, dr7, dr6, rflags, rip;
	u8 reserved8[0x5d8 - 0x580];
	u64 rsp, reserved9[3], rax, star, lstar, cstar, sfmask, kernel_gs_base;
	u64 sysenter_cs, sysenter_esp, sysenter_eip, cr2;
	u8 reserved10[0x668 - 0x648];
	u64 g_pat;
	u8 reserved11[0x1000 - 0x670];
};
_Static_assert(offsetof(struct vmcb, vintr) == 0x60 && offsetof(struct vmcb, next_rip) == 0xc8, "");
_Static_assert(offsetof(struct vmcb, efer) == 0x4d0 && offsetof(struct vmcb, rax) == 0x5f8, "");
_Static_assert(offsetof(struct vmcb, g_pat) == 0x668 && sizeof(struct vmcb) == 4096, "");

enum {
	EXIT_CR_READ = 0x00,
	EXIT_CR_WRITE = 0x10,
	EXIT_DR_READ = 0x20,
	EXIT_DR_WRITE = 0x30,
	EXIT_EXCP = 0x40,
	EXIT_INTR = 0x60,
	EXIT_NMI,
	EXIT_VINTR = 0x64,
	EXIT_CR0_SEL,
	EXIT_IDTR_READ,
	EXIT_RDTSC = 0x6e,
	EXIT_RDPMC,
	EXIT_PUSHF,
	EXIT_POPF,
	EXIT_CPUID,
	EXIT_IRET = 0x74,
	EXIT_INTN,
	EXIT_INVD,
	EXIT_PAUSE,
	EXIT_HLT,
	EXIT_INVLPG,
	EXIT_INVLPGA,
	EXIT_IOIO,
	EXIT_MSR,
	EXIT_SHUTDOWN = 0x7f,
	EXIT_VMRUN,
	EXIT_VMMCALL,
	EXIT_VMLOAD,
	EXIT_VMSAVE,
	EXIT_STGI,
	EXIT_CLGI,
	EXIT_WBINVD = 0x89,
	EXIT_XSETBV = 0x8d,
	EXIT_NPF = 0x400,
};
#define EXIT_INVALID 0xffffffffu /* of 64 bits, of which QEMU 7.2 writes 32 */

#define MSR_EFER        0xc0000080
#define MSR_VM_CR       0xc0010114
#define MSR_VM_HSAVE_PA 0xc0010117
#define EFER_SVME       BIT(12)
#define EFER_NXE        BIT(11)

#define VINTR_IRQ               BIT(8)
#define VINTR_IGN_TPR           BIT(20)
#define VINTR_MASKING           BIT(24)
#define VINTR(vector, priority) (VINTR_IRQ | (u64)(priority) << 16 | (u64)(vector) << 32)

#define EVENT_VALID BIT(31)
#define EVENT_ERROR BIT(11)
#define EVENT_INTR  (0ull << 8)
#define EVENT_NMI   (2ull << 8)
#define EVENT_EXCP  (3ull << 8)
#define EVENT_SOFT  (4ull << 8)

/* Nested page faults: EXITINFO1. */
#define NPF_P     BIT(0)
#define NPF_W     BIT(1)
#define NPF_U     BIT(2)
#define NPF_RSV   BIT(3)
#define NPF_X     BIT(4)
#define NPF_FINAL BIT(32)
#define NPF_WALK  BIT(33)

struct l2 {
	u64 vmcb_pa;
	u64 gpr[16];   /* in the order of their encoding; RAX and RSP are the VMCB's */
	u64 host_vmcb; /* L1's state that VMRUN does not switch */
	u8 host_if;    /* RFLAGS.IF at VMRUN */
	u8 keep_gif;   /* leave GIF at 0 behind the exit */
	struct vmcb *vmcb;
};

/* Sets EFER.SVME and VM_HSAVE_PA; fails on a CPU without SVM. */
void svm_init(void);
/*
 * A new L2 that will run @fn at CPL 0 in 64-bit mode; @fn's return is a VMMCALL. Intercepted:
 * VMRUN, VMMCALL, shutdown.
 */
void l2_init(struct l2 *l2, void (*fn)(void));
/* Lets it run @fn, from the start, with the controls that it has. */
void l2_start(struct l2 *l2, void (*fn)(void));
/* Runs it to the next exit, with GIF 0 around; returns the exit code's low 32 bits. */
u32 l2_run(struct l2 *l2);
/* Fails unless it exits with @code; afterwards RIP is @insn_len further. */
void l2_expect_line(struct l2 *l2, u32 code, unsigned insn_len, int line);
#define l2_expect(l2, code, insn_len) l2_expect_line(l2, code, insn_len, __LINE__)

static inline void intercept(struct l2 *l2, u32 code, bool on)
{
	u32 bit = 1u << code % 32, *word = &l2->vmcb->intercept[code / 32];

	*word = on ? *word | bit : *word & ~bit;
}

/* A map of zeroes or ones: of I/O ports (12 KiB), of MSRs (8 KiB). */
u8 *map_alloc(unsigned pages, u8 fill);
/* Nested tables that map 4 GiB one to one, in 2 MiB pages. */
u64 *npt_alloc(void);

static inline u64 vmmcall(u64 rax)
{
	__asm__ volatile("vmmcall" : "+a"(rax) : : "memory");
	return rax;
}
static inline void stgi(void)
{
	__asm__ volatile("stgi" : : : "memory");
}
static inline void clgi(void)
{
	__asm__ volatile("clgi" : : : "memory");
}
static inline void vmsave(const void *vmcb)
{
	__asm__ volatile("vmsave %0" : : "a"(vmcb) : "memory");
}
static inline void vmload(const void *vmcb)
{
	__asm__ volatile("vmload %0" : : "a"(vmcb) : "memory");
}
static inline void invlpga(u64 va, u32 asid)
{
	__asm__ volatile("invlpga %0, %1" : : "a"(va), "c"(asid) : "memory");
}
