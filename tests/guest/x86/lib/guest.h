// SPDX-License-Identifier: Apache-2.0
/* What tiny guests for x86 share. A failure ends the VM by a triple fault (exit status 3). */
#pragma once

#include "tests/guest/lib/common.h"

/* Selectors of the GDT in start.S. */
#define SEL_CODE64  0x08
#define SEL_DATA    0x10
#define SEL_CODE32  0x18
#define SEL_UDATA   0x23
#define SEL_UCODE   0x2b
#define SEL_CODE16  0x30
#define SEL_UCODE32 0x3b
#define SEL_TSS     0x40
#define SEL_DATA16  0x50

enum {
	VEC_DE,
	VEC_DB,
	VEC_NMI,
	VEC_BP,
	VEC_OF,
	VEC_BR,
	VEC_UD,
	VEC_NM,
	VEC_DF,
	VEC_TS = 10,
	VEC_NP,
	VEC_SS,
	VEC_GP,
	VEC_PF,
	VEC_MF = 16,
	VEC_AC,
	VEC_MC,
	VEC_XM,
};

#define FLAG_CF BIT(0)
#define FLAG_ZF BIT(6)
#define FLAG_TF BIT(8)
#define FLAG_IF BIT(9)
#define FLAG_RF BIT(16)

/* ---- exceptions and interrupts: trap.c ---- */
struct trap {
	u64 r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	u64 vector, error, rip, cs, rflags, rsp, ss;
};

typedef void trap_fn(struct trap *t);
/* Replaces what happens at @vector; NULL: as at the start (fails unless tried). */
void trap_set(unsigned vector, trap_fn *fn);
/* Delivery on IST stack 1..7 whose top is @top; ist 0: the current stack. */
void trap_set_ist(unsigned vector, unsigned ist, u64 top);
/* Stack for interrupts out of CPL 3. */
void trap_set_rsp0(u64 top);
void trap_init(void);

struct idt_gate {
	u16 offset_low, selector;
	u8 ist, type;
	u16 offset_mid;
	u32 offset_high, reserved;
};
extern struct idt_gate idt[256];
extern u64 gdt[];

/* The last tried exception; and what is being tried, by TRY() and by call_try() around it. */
extern volatile int try_vector, call_vector;
extern volatile u64 try_rip, try_error, try_fault_rip, try_cr2, call_rip, call_rsp;

/*
 * Around assembly that may fault: afterwards try_vector is the vector, or -1. The statement must
 * clobber "memory" and define no local label 9.
 */
#define TRY(insn) "movl $-1, try_vector\n\tmovq $9f, try_rip\n\t" insn "\n9:\tmovq $0, try_rip"

/* Calls fn(arg); returns -1, or the vector of the exception that ended it. */
int call_try(void (*fn)(void *), void *arg);
_Noreturn void user_enter(u64 rip, u64 rsp);

/* ---- instructions ---- */
static inline void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}
static inline void outw(u16 port, u16 v)
{
	__asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}
static inline void outl(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}
static inline u8 inb(u16 port)
{
	u8 v;
	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
static inline u16 inw(u16 port)
{
	u16 v;
	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
static inline u32 inl(u16 port)
{
	u32 v;
	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
	return v;
}
static inline u64 rdtsc(void)
{
	u32 lo, hi;
	__asm__ volatile("lfence\n\trdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (u64)hi << 32;
}

struct cpuid {
	u32 eax, ebx, ecx, edx;
};
static inline struct cpuid cpuid(u32 leaf, u32 subleaf)
{
	struct cpuid r;
	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(subleaf)
			 : "memory");
	return r;
}
/* An Intel CPU calls its hypervisor by VMCALL, any other by VMMCALL. */
static inline bool cpu_is_intel(void)
{
	return cpuid(0, 0).ebx == 0x756e6547;
}

/* MSR accesses return -1, or the vector of the exception. */
static inline int rdmsr_try(u32 msr, u64 *v)
{
	u32 lo = 0, hi = 0;
	__asm__ volatile(TRY("rdmsr") : "+a"(lo), "+d"(hi) : "c"(msr) : "memory");
	*v = lo | (u64)hi << 32;
	return try_vector;
}
static inline int wrmsr_try(u32 msr, u64 v)
{
	__asm__ volatile(TRY("wrmsr") : : "a"((u32)v), "d"((u32)(v >> 32)), "c"(msr) : "memory");
	return try_vector;
}
static inline u64 rdmsr(u32 msr)
{
	u64 v;
	if (rdmsr_try(msr, &v) >= 0) {
		fail("rdmsr %x faults", msr);
	}
	return v;
}
static inline void wrmsr(u32 msr, u64 v)
{
	if (wrmsr_try(msr, v) >= 0) {
		fail("wrmsr %x, %lx faults", msr, v);
	}
}

#define CONTROL_REGISTER(name)                                                   \
	static inline u64 read_##name(void)                                      \
	{                                                                        \
		u64 v;                                                           \
		__asm__ volatile("mov %%" #name ", %0" : "=r"(v) : : "memory");  \
		return v;                                                        \
	}                                                                        \
	static inline int write_##name##_try(u64 v)                              \
	{                                                                        \
		__asm__ volatile(TRY("mov %0, %%" #name) : : "r"(v) : "memory"); \
		return try_vector;                                               \
	}                                                                        \
	static inline void write_##name(u64 v)                                   \
	{                                                                        \
		if (write_##name##_try(v) >= 0) {                                \
			fail(#name " = %lx faults (%d)", v, try_vector);         \
		}                                                                \
	}
CONTROL_REGISTER(cr0)
CONTROL_REGISTER(cr2)
CONTROL_REGISTER(cr3)
CONTROL_REGISTER(cr4)
CONTROL_REGISTER(cr8)
CONTROL_REGISTER(dr0)
CONTROL_REGISTER(dr1)
CONTROL_REGISTER(dr2)
CONTROL_REGISTER(dr3)
CONTROL_REGISTER(dr6)
CONTROL_REGISTER(dr7)

static inline u64 read_flags(void)
{
	u64 v;
	__asm__ volatile("pushfq\n\tpop %0" : "=r"(v) : : "memory");
	return v;
}
static inline void cli(void)
{
	__asm__ volatile("cli" : : : "memory");
}
/* Interrupts are on after the instruction behind STI: a NOP, so that they are on afterwards. */
static inline void sti(void)
{
	__asm__ volatile("sti\n\tnop" : : : "memory");
}
static inline void sti_hlt_cli(void)
{
	__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
}
static inline void invlpg(u64 va)
{
	__asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}
static inline void vmexit(void)
{
	(void)cpuid(0, 0);
}
static inline u32 mmio_read(u64 addr)
{
	return *(volatile u32 *)addr;
}
static inline void mmio_write(u64 addr, u32 v)
{
	*(volatile u32 *)addr = v;
}

/* ---- paging: paging.c ---- */
#define PTE_P  BIT(0)
#define PTE_W  BIT(1)
#define PTE_U  BIT(2)
#define PTE_A  BIT(5)
#define PTE_D  BIT(6)
#define PTE_PS BIT(7)
#define PTE_G  BIT(8)
#define PTE_NX BIT(63)
#define PAGE   4096ULL

/* A zeroed page of memory behind the image, never given back. */
void *page_alloc(void);
/* The entry for @va at @level (1: 4 KiB, 2: 2 MiB, 3: 1 GiB), splitting larger pages. */
u64 *pte(u64 va, unsigned level);
/* The same below another 4-level root. */
u64 *pte_below(u64 *root, u64 va, unsigned level);
/* Maps 4 KiB and drops the old translation. */
void map(u64 va, u64 pa, u64 flags);
/* The first address from @from up that Linux's memory map calls memory to its end: its end. */
u64 memory_end(void);

/* ---- devices: devices.c ---- */
#define APIC_BASE   0xfee00000u
#define IOAPIC_BASE 0xfec00000u

#define APIC_ID      0x20
#define APIC_VERSION 0x30
#define APIC_TPR     0x80
#define APIC_PPR     0xa0
#define APIC_EOI     0xb0
#define APIC_LDR     0xd0
#define APIC_DFR     0xe0
#define APIC_SVR     0xf0
#define APIC_ISR     0x100
#define APIC_TMR     0x180
#define APIC_IRR     0x200
#define APIC_ESR     0x280
#define APIC_ICR     0x300
#define APIC_ICR2    0x310
#define APIC_LVTT    0x320
#define APIC_LVT0    0x350
#define APIC_LVT1    0x360
#define APIC_LVTERR  0x370
#define APIC_TMICT   0x380
#define APIC_TMCCT   0x390
#define APIC_TDCR    0x3e0

#define APIC_MASKED   BIT(16)
#define APIC_PERIODIC BIT(17)
#define APIC_DEADLINE BIT(18)

/* The LAPIC is in x2APIC mode, and these use its MSRs: "x2apic=1" on the command line. */
extern bool x2apic;
static inline u32 apic_read(u32 reg)
{
	return x2apic ? (u32)rdmsr(0x800 + reg / 16) : mmio_read(APIC_BASE + reg);
}
void apic_write(u32 reg, u32 v);
static inline void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}
/* Sends @vector to this CPU itself. */
static inline void apic_self(u8 vector)
{
	if (x2apic) {
		wrmsr(0x83f, vector);
	} else {
		apic_write(APIC_ICR, vector | 1u << 18);
	}
}
static inline void apic_self_nmi(void)
{
	apic_write(APIC_ICR2, apic_read(APIC_ID));
	apic_write(APIC_ICR, 4u << 8);
}
/* Software-enables the LAPIC, in x2APIC mode where asked to; divider 1, 8259 masked. */
void apic_init(void);
void pic_mask(void);
/*
 * Has another CPU run @fn, which must not fault, at CPL 0, on a stack of 4 KiB; then it halts.
 * xAPIC mode. One at a time: the next when @fn is known to run.
 */
void ap_start(u32 apic_id, void (*fn)(void));
u32 ioapic_read(u32 reg);
void ioapic_write(u32 reg, u32 v);
void ioapic_route(unsigned pin, u64 entry);
void pit_set(unsigned channel, unsigned mode, u16 count);
u32 pm_timer(void);
/* By the ACPI PM timer, 3.579545 MHz; @us up to a second. */
void delay_us(u32 us);
u64 tsc_khz(void);
/* Fails when the watchdog's time is over: for loops that wait for something. */
struct deadline {
	u64 tsc;
};
struct deadline deadline_ms(u64 ms);
void deadline_check(const struct deadline *d, const char *what);

#define WAIT_FOR(condition, ms)                                         \
	do {                                                            \
		struct deadline d_ = deadline_ms(ms);                   \
		while (!(condition)) {                                  \
			deadline_check(&d_, "waiting for " #condition); \
		}                                                       \
	} while (0)
