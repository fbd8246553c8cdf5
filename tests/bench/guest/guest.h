// SPDX-License-Identifier: Apache-2.0
/* The bench guest: what its files share. Freestanding; one CPU, identity-mapped, no allocation. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

#define MSR_APIC_BASE    0x1b
#define APIC_BASE_EXTD   (1u << 10)
#define APIC_BASE_EN     (1u << 11)
#define MSR_TSC_DEADLINE 0x6e0

#define VECTOR_EOI    0x40 /* the handler ends the interrupt */
#define VECTOR_NO_EOI 0x41
#define VECTOR_TIMER  0x42
#define VECTOR_OTHER  0x43 /* the second vCPU's */
#define VECTOR_LAST   VECTOR_OTHER

#define EXCEPTION_STRIDE 32 /* bytes of a handler in start.S */

/* Set by the handlers in start.S. */
extern volatile u8 irq_taken;
extern volatile u64 irq_tsc;

static inline void outb(u16 port, u8 val)
{
	__asm__ volatile("outb %0, %1" : : "a"(val), "Nd"(port) : "memory");
}

static inline void outw(u16 port, u16 val)
{
	__asm__ volatile("outw %0, %1" : : "a"(val), "Nd"(port) : "memory");
}

static inline u8 inb(u16 port)
{
	u8 val;

	__asm__ volatile("inb %1, %0" : "=a"(val) : "Nd"(port) : "memory");
	return val;
}

static inline u64 rdmsr(u32 msr)
{
	u32 lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return lo | (u64)hi << 32;
}

static inline void wrmsr(u32 msr, u64 val)
{
	__asm__ volatile("wrmsr" : : "c"(msr), "a"((u32)val), "d"((u32)(val >> 32)) : "memory");
}

static inline u64 rdtsc(void)
{
	u32 lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return lo | (u64)hi << 32;
}

static inline u32 mmio_read(u64 addr)
{
	return *(volatile u32 *)addr;
}

static inline void mmio_write(u64 addr, u32 val)
{
	*(volatile u32 *)addr = val;
}

/* A row on COM1: `bench: NAME FIRST SECOND`, decimal. */
void print(const char *name, u64 first, u64 second);

/* One run of an operation in TSC ticks, with the reading of the TSC. */
struct operation {
	const char *name;
	u64 (*time)(void);
	void (*prepare)(void); /* before each run; may be NULL */
	bool x2apic;           /* needs that mode of the APIC; else xAPIC */
};

extern const struct operation operations[];
extern const unsigned operation_count;

/* To be taken off each result. */
u64 ticks_of_measuring(void);

/* The ticks of a million instructions. */
u64 ticks_of_million(void);

/* Rows that are no plain repetition; x2APIC mode. The memory is 32 to 160 MiB, touched by nobody.
 */
void bench_timer(void);
void bench_fresh_memory(void);

/* The CPU's part of what main.c sets up. */
void irq_load(void);
void x2apic_enable(void);

/* The APIC's timer by deadlines; halts until its interrupt, or another's, has been taken. */
void timer_init(void);
void irq_wait_halted(void);

/* Two vCPUs; a VM that ticks, and what another sees of that. */
void bench_two_cpus(void);
void bench_tick(void);
void bench_gaps(void);
