// SPDX-License-Identifier: Apache-2.0
/* What tiny guests for ARM64 share: they run at EL1, on the platform of QEMU's virt machine. */
#pragma once

#include "tests/guest/lib/common.h"

extern const u8 image_start[], image_end[];
extern u64 fdt_address, ram_base, ram_size;

#define SCRATCH (ram_base + 0x2000000) /* memory behind the image: at least 16 MiB */

/* ---- system registers and instructions ---- */
#define sysreg_read(name)                                                   \
	({                                                                  \
		u64 v_ = 0;                                                 \
		__asm__ volatile("mrs %0, " #name : "+r"(v_) : : "memory"); \
		v_;                                                         \
	})
#define sysreg_write(name, value)                                                       \
	do {                                                                            \
		__asm__ volatile("msr " #name ", %0" : : "r"((u64)(value)) : "memory"); \
	} while (0)

static inline void isb(void)
{
	__asm__ volatile("isb" : : : "memory");
}
static inline void dsb(void)
{
	__asm__ volatile("dsb sy" : : : "memory");
}
static inline void wfi(void)
{
	__asm__ volatile("dsb sy\n\twfi" : : : "memory");
}
static inline void irq_enable(void)
{
	__asm__ volatile("msr daifclr, #2\n\tisb" : : : "memory");
}
static inline void irq_disable(void)
{
	__asm__ volatile("msr daifset, #2\n\tisb" : : : "memory");
}
static inline u32 mmio_read(u64 addr)
{
	u32 v;
	__asm__ volatile("ldr %w0, [%1]" : "=r"(v) : "r"(addr) : "memory");
	return v;
}
static inline void mmio_write(u64 addr, u32 v)
{
	__asm__ volatile("str %w0, [%1]" : : "r"(v), "r"(addr) : "memory");
}
static inline u64 mmio_read64(u64 addr)
{
	u64 v;
	__asm__ volatile("ldr %0, [%1]" : "=r"(v) : "r"(addr) : "memory");
	return v;
}
static inline void mmio_write64(u64 addr, u64 v)
{
	__asm__ volatile("str %0, [%1]" : : "r"(v), "r"(addr) : "memory");
}
static inline unsigned field(u64 v, unsigned shift)
{
	return (unsigned)(v >> shift) & 0xf;
}

/* ---- firmware: lib.c ---- */
#define PSCI_VERSION       0x84000000u
#define PSCI_CPU_SUSPEND   0xc4000001u
#define PSCI_CPU_OFF       0x84000002u
#define PSCI_CPU_ON        0xc4000003u
#define PSCI_AFFINITY_INFO 0xc4000004u
#define PSCI_MIGRATE_TYPE  0x84000006u
#define PSCI_SYSTEM_OFF    0x84000008u
#define PSCI_SYSTEM_RESET  0x84000009u
#define PSCI_FEATURES      0x8400000au
#define SMCCC_VERSION      0x80000000u

#define PSCI_NOT_SUPPORTED  -1
#define PSCI_INVALID_PARAMS -2
#define PSCI_DENIED         -3
#define PSCI_ALREADY_ON     -4

struct smc_regs {
	u64 x[18];
};
struct smc_regs smccc(bool by_smc, struct smc_regs in);
/* By HVC, or by SMC with "smc=1". */
s64 psci(u32 function, u64 a, u64 b, u64 c);
/*
 * Has another CPU run @fn with the MMU on, on a stack of 4 KiB; then it goes off. One at a time
 * tries what may fault.
 */
void cpu_on(u64 mpidr, void (*fn)(void));

/* ---- exceptions: trap.c ---- */
enum { VECTOR_SYNC, VECTOR_IRQ, VECTOR_FIQ, VECTOR_SERROR };
enum { VECTOR_EL1T = 0, VECTOR_EL1H = 4, VECTOR_EL0 = 8, VECTOR_EL0_32 = 12 };

struct trap {
	u64 x[31], sp, pc, pstate, esr, far, vector, pad;
};

#define PSTATE_EL0  0x0
#define PSTATE_EL1T 0x4
#define PSTATE_EL1H 0x5
#define PSTATE_DAIF 0x3c0
#define PSTATE_IL   BIT(20)
#define PSTATE_SS   BIT(21)
#define PSTATE_PAN  BIT(22)

#define ESR_EC(esr)  ((unsigned)((esr) >> 26) & 0x3f)
#define ESR_ISS(esr) ((esr)&0x1ffffff)
#define ESR_IL       BIT(25)
#define EC_UNKNOWN   0x00
#define EC_WFX       0x01
#define EC_FP        0x07
#define EC_PAUTH     0x09
#define EC_ILLEGAL   0x0e
#define EC_SVC32     0x11
#define EC_SVC       0x15
#define EC_HVC       0x16
#define EC_SYSREG    0x18
#define EC_FPAC      0x1c
#define EC_IABT_EL0  0x20
#define EC_IABT      0x21
#define EC_PC_ALIGN  0x22
#define EC_DABT_EL0  0x24
#define EC_DABT      0x25
#define EC_SP_ALIGN  0x26
#define EC_BRK_EL0   0x30
#define EC_BRK       0x31
#define EC_STEP_EL0  0x32
#define EC_STEP      0x33
#define EC_WATCH_EL0 0x34
#define EC_WATCH     0x35
#define EC_BRK_INSN  0x3c

/* Of data and instruction aborts: the fault status, less its level; and ISS bits. */
#define FSC(esr)        ((unsigned)(esr)&0x3f)
#define FSC_SIZE        0x00
#define FSC_TRANSLATION 0x04
#define FSC_ACCESS      0x08
#define FSC_PERMISSION  0x0c
#define FSC_EXTERNAL    0x10
#define FSC_WALK        0x14 /* external abort on a walk of level 0, 1, 2, 3 */
#define FSC_ALIGNMENT   0x21
#define ISS_WNR         BIT(6)
#define ISS_CM          BIT(8)
#define ISS_FNV         BIT(10)
#define ISS_ISV         BIT(24)

typedef void trap_fn(struct trap *t);
/* Replaces what happens at @vector; NULL: as at the start (fails unless tried). */
void trap_set(unsigned vector, trap_fn *fn);
/* @robust: on a stack of their own whatever SP is, at the cost of TPIDRRO_EL0. */
void trap_init(bool robust);
/* Has the exception return from the innermost call_try() or state_try() with @result. */
void trap_return(struct trap *t, u64 result);

/* The last tried exception. */
extern struct trap try_trap;
extern volatile u64 try_esr, call_sp;
extern volatile bool trying;

/* Statement whose instructions may fault, and are skipped then: the last ESR, or 0. */
#define TRY(...)                \
	({                      \
		try_esr = 0;    \
		trying = true;  \
		__VA_ARGS__;    \
		trying = false; \
		try_esr;        \
	})
#define TRY_ASM(...) TRY(__asm__ volatile(__VA_ARGS__))

/* Calls fn(arg); returns 0, or the ESR of the exception that ended it. */
u64 call_try(u64 (*fn)(u64), u64 arg);
/* Goes on at @pc with @pstate, @sp in SP_EL0, @arg in x0, up to an exception: its ESR. */
u64 state_try(u64 pc, u64 pstate, u64 sp, u64 arg);
/* The same at EL0, on the mapping of the image for it; @fn must use PC-relative addresses only. */
u64 user_try(void (*fn)(u64), u64 arg);

/* What an instruction that is UNDEFINED shows. */
#define CHECK_UNDEFINED(esr) CHECK_EQ(esr, ESR_IL)

/* A system register by its encoding, as in MRS and MSR. */
#define SYSREG(op0, op1, crn, crm, op2) \
	((u32)(op0) << 19 | (u32)(op1) << 16 | (u32)(crn) << 12 | (u32)(crm) << 8 | (u32)(op2) << 5)
/* Returns 0, or the exception's ESR. */
u64 sysreg_read_try(u32 reg, u64 *v);
u64 sysreg_write_try(u32 reg, u64 v);

/* With "bare=1" the machine is QEMU's own, without Socle: what Socle hides is there. */
static inline bool bare(void)
{
	return option("bare", 0) != 0;
}

/* ---- stage 1: paging.c ---- */
#define PAGE        4096ULL
#define PTE_VALID   BIT(0)
#define PTE_PAGE    BIT(1) /* at level 3; a table at the others */
#define PTE_ATTR(n) ((u64)(n) << 2)
#define PTE_EL0     BIT(6)
#define PTE_RO      BIT(7)
#define PTE_INNER   (3ULL << 8)
#define PTE_AF      BIT(10)
#define PTE_NG      BIT(11)
#define PTE_PXN     BIT(53)
#define PTE_UXN     BIT(54)

enum { MEM_DEVICE, MEM_NORMAL, MEM_NC, MEM_DEVICE_NGNRE };
#define MAP_DEVICE (PTE_VALID | PTE_AF | PTE_ATTR(MEM_DEVICE) | PTE_PXN | PTE_UXN)
#define MAP_RAM    (PTE_VALID | PTE_AF | PTE_ATTR(MEM_NORMAL) | PTE_INNER)
#define MAP_USER   (MAP_RAM | PTE_EL0)

#define USER_OFFSET 0x100000000000ULL /* of the image's mapping for EL0 */

/* A zeroed page, never given back. */
void *page_alloc(void);
/* The entry for @va at @level (0: 512 GiB .. 3: 4 KiB), splitting larger pages. */
u64 *pte(u64 va, unsigned level);
/* Maps 4 KiB and drops the old translation. */
void map(u64 va, u64 pa, u64 flags);
/* Maps [@va, +@size), of whole 2 MiB, by blocks. */
void map_blocks(u64 va, u64 pa, u64 size, u64 flags);
void tlb_flush(void);
void mmu_on(void);
void mmu_off(void);
/* By VA to the point of coherency, cleaned and invalidated. */
void cache_clean(const void *p, u64 size);
/* Makes code that was written visible to instruction fetches. */
void code_sync(const void *p, u64 size);

/* ---- devices: devices.c ---- */
#define UART_BASE    0x9000000ULL
#define UART_DR      0x00
#define UART_RSR     0x04
#define UART_FR      0x18
#define UART_IBRD    0x24
#define UART_FBRD    0x28
#define UART_LCR_H   0x2c
#define UART_CR      0x30
#define UART_IFLS    0x34
#define UART_IMSC    0x38
#define UART_RIS     0x3c
#define UART_MIS     0x40
#define UART_ICR     0x44
#define UART_DMACR   0x48
#define UART_FR_TXFF BIT(5)
#define UART_INTID   33

#define RTC_BASE  0x9010000ULL
#define RTC_INTID 34

#define GICD_BASE       0x8000000ULL
#define GICD_CTLR       0x0000
#define GICD_TYPER      0x0004
#define GICD_IIDR       0x0008
#define GICD_IGROUPR    0x0080
#define GICD_ISENABLER  0x0100
#define GICD_ICENABLER  0x0180
#define GICD_ISPENDR    0x0200
#define GICD_ICPENDR    0x0280
#define GICD_ISACTIVER  0x0300
#define GICD_ICACTIVER  0x0380
#define GICD_IPRIORITYR 0x0400
#define GICD_ITARGETSR  0x0800
#define GICD_ICFGR      0x0c00
#define GICD_IGRPMODR   0x0d00
#define GICD_SGIR       0x0f00
#define GICD_IROUTER    0x6000
#define GICD_PIDR2      0xffe8

#define GICR_BASE  0x80a0000ULL
#define GICR_SGI   (GICR_BASE + 0x10000)
#define GICR_CTLR  0x0000
#define GICR_IIDR  0x0004
#define GICR_TYPER 0x0008
#define GICR_WAKER 0x0014
#define GICR_PIDR2 0xffe8

#define GIC_PRIORITY 0xa0 /* of everything after gic_init() */

enum { INTID_HYP_TIMER = 26, INTID_VTIMER = 27, INTID_PTIMER = 30, INTID_SPURIOUS = 1023 };

/* All in group 1, nothing enabled, PMR 0xf8, EOImode 0. */
void gic_init(void);
/* SPIs: in the distributor; others in the redistributor. */
u64 gic_reg(u32 reg, u32 intid);
bool gic_bit(u32 reg, u32 intid);
void gic_bit_set(u32 reg, u32 intid);
void gic_enable(u32 intid);
void gic_disable(u32 intid);
void gic_priority(u32 intid, u8 priority);
void gic_edge(u32 intid, bool edge);
/* INTIDs below it exist. */
u32 gic_lines(void);
/* A software-generated interrupt to this CPU. */
void gic_sgi(u32 intid);
/* Priorities are that many bits, the upper ones. */
unsigned gic_priority_bits(void);

#define TIMER_ON     BIT(0)
#define TIMER_MASKED BIT(1)
#define TIMER_STATUS BIT(2)

/*
 * What the standard handler has taken: calls irq_hook() between acknowledge and end. Without one it
 * masks the timers.
 */
extern volatile u32 irq_count[1024], irq_last;
extern void (*irq_hook)(u32 intid);
void irq_handle(void);

static inline u32 gic_acknowledge(void)
{
	u64 v = sysreg_read(icc_iar1_el1);

	dsb();
	return (u32)v;
}
static inline void gic_end(u32 intid)
{
	sysreg_write(icc_eoir1_el1, intid);
	isb();
}

static inline u64 counter(void)
{
	isb();
	return sysreg_read(cntvct_el0);
}
static inline u64 counter_phys(void)
{
	isb();
	return sysreg_read(cntpct_el0);
}
static inline u64 counter_ms(u64 ms)
{
	return sysreg_read(cntfrq_el0) / 1000 * ms;
}
void delay_us(u64 us);

/* Fails when the time is over: for loops that wait for something. */
#define WAIT_FOR(condition, ms)                                  \
	do {                                                     \
		u64 end_ = counter() + counter_ms(ms);           \
		while (!(condition)) {                           \
			if (counter() > end_) {                  \
				fail("waiting for " #condition); \
			}                                        \
		}                                                \
	} while (0)
