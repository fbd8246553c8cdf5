// SPDX-License-Identifier: Apache-2.0
/*
 * The physical local APIC (SDM volume 3, "Advanced Programmable Interrupt Controller (APIC)";
 * APM volume 2 chapter of the same name). The timer runs in TSC-deadline mode where the CPU has
 * it, else one-shot from its own clock, which is calibrated against the TSC.
 */
#include "arch/x86/lapic.h"

#include "arch/cpu.h"
#include "arch/percpu.h"
#include "arch/x86/hostpt.h"
#include "arch/x86/time.h"
#include "arch/x86/trap.h"
#include "arch/x86/x86.h"
#include "vmm/log.h"

#define APIC_ID        0x20
#define APIC_TPR       0x80
#define APIC_EOI       0xb0
#define APIC_SVR       0xf0
#define APIC_ICR       0x300
#define APIC_ICR2      0x310
#define APIC_LVT_TIMER 0x320
#define APIC_LVT_THERM 0x330
#define APIC_LVT_PERF  0x340
#define APIC_LVT_LINT0 0x350
#define APIC_LVT_LINT1 0x360
#define APIC_TIMER_ICR 0x380
#define APIC_TIMER_CCR 0x390
#define APIC_TIMER_DCR 0x3e0

#define SVR_ENABLE       BIT(8)
#define LVT_MASKED       BIT(16)
#define LVT_NMI          (4u << 8)
#define LVT_TSC_DEADLINE (2u << 17)
#define DCR_DIVIDE_BY_16 3u
#define ICR_BUSY         BIT(12)
#define ICR_ALL_BUT_SELF (3u << 18)
#define ICR_POLLS        1000000u
#define CALIBRATE_NS     10000000ULL

static struct {
	volatile u32 *mmio; /* xAPIC only */
	bool x2apic;        /* of all CPUs */
	bool tsc_deadline;
	u64 ticks_per_ms; /* of the one-shot timer */
} lapic;

static u32 apic_read(u32 reg)
{
	if (this_cpu()->x2apic) {
		return (u32)rdmsr(MSR_X2APIC_FIRST + reg / 16);
	}
	return lapic.mmio[reg / 4];
}

static void apic_write(u32 reg, u32 val)
{
	if (this_cpu()->x2apic) {
		wrmsr(MSR_X2APIC_FIRST + reg / 16, val);
	} else {
		lapic.mmio[reg / 4] = val;
	}
}

void lapic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

void lapic_recheck(void)
{
	apic_write(APIC_TPR, 0);
}

static void timer_calibrate(void)
{
	u64 start;

	apic_write(APIC_TIMER_DCR, DCR_DIVIDE_BY_16);
	apic_write(APIC_LVT_TIMER, LVT_MASKED | VECTOR_TIMER);
	apic_write(APIC_TIMER_ICR, ~0u);
	start = time_now_ns();
	while (time_now_ns() - start < CALIBRATE_NS) {
		cpu_relax();
	}
	lapic.ticks_per_ms =
		(u64)(~0u - apic_read(APIC_TIMER_CCR)) * 1000000 / (time_now_ns() - start);
	apic_write(APIC_TIMER_ICR, 0);
	if (!lapic.ticks_per_ms) {
		log_warn("the local APIC timer does not count");
		lapic.ticks_per_ms = 1;
	}
}

/* In the mode of the first CPU: ids and messages are then the same for all. */
static void mode_set(bool x2apic)
{
	u64 base = rdmsr(MSR_APIC_BASE);

	if (!(base & APIC_BASE_EN)) {
		base |= APIC_BASE_EN;
		wrmsr(MSR_APIC_BASE, base);
	}
	if (x2apic && !(base & APIC_BASE_EXTD)) {
		wrmsr(MSR_APIC_BASE, base | APIC_BASE_EXTD);
	}
	this_cpu()->x2apic = x2apic;
}

static void cpu_init(struct percpu *cpu)
{
	cpu->apic_id = cpu->x2apic ? apic_read(APIC_ID) : apic_read(APIC_ID) >> 24;
	apic_write(APIC_SVR, (u32)SVR_ENABLE | VECTOR_SPURIOUS);
	apic_write(APIC_TPR, 0);
	apic_write(APIC_LVT_LINT0, (u32)LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_NMI);
	cpu->deadline_ns = ~0ULL;
}

static void timer_init(void)
{
	apic_write(APIC_TIMER_DCR, DCR_DIVIDE_BY_16);
	apic_write(APIC_LVT_TIMER, (lapic.tsc_deadline ? LVT_TSC_DEADLINE : 0) | VECTOR_TIMER);
}

void lapic_init(void)
{
	struct percpu *cpu = this_cpu();
	u64 base = rdmsr(MSR_APIC_BASE);

	lapic.x2apic = base & APIC_BASE_EXTD;
	mode_set(lapic.x2apic);
	if (!cpu->x2apic) {
		lapic.mmio = hostpt_map_device(hpa(base & GENMASK(51, 12)), PAGE_SIZE);
	}
	cpu_init(cpu);
	lapic.tsc_deadline = cpuid(1, 0).ecx & BIT(24);
	timer_calibrate();
	timer_init();
	log_info("local APIC: id %u, %s, timer %s", cpu->apic_id, cpu->x2apic ? "x2APIC" : "xAPIC",
		 lapic.tsc_deadline ? "TSC deadline" : "one-shot");
}

void lapic_cpu_init(void)
{
	mode_set(lapic.x2apic);
	cpu_init(this_cpu());
	timer_init();
}

/* "Interrupt Command Register (ICR)": of xAPIC, wait until the last one is sent. */
static void icr_write(u32 apic_id, u32 low)
{
	if (this_cpu()->x2apic) {
		wrmsr(MSR_X2APIC_FIRST + APIC_ICR / 16, (u64)apic_id << 32 | low);
		return;
	}
	for (u32 i = 0; i < ICR_POLLS && (apic_read(APIC_ICR) & ICR_BUSY); i++) {
		cpu_relax();
	}
	apic_write(APIC_ICR2, apic_id << 24);
	apic_write(APIC_ICR, low);
}

/* What was written before is seen by who takes it: a WRMSR of x2APIC does not order it. */
void lapic_ipi(u32 apic_id, u32 what)
{
	__asm__ volatile("mfence\n\tlfence" : : : "memory");
	icr_write(apic_id, what);
}

void lapic_ipi_others(u32 what)
{
	icr_write(0, what | ICR_ALL_BUT_SELF);
}

void lapic_timer_set(u64 ns)
{
	if (lapic.tsc_deadline) {
		wrmsr(MSR_TSC_DEADLINE, rdtsc() + time_ns_to_tsc(min_u64(ns, 1000000000ULL)));
	} else {
		/* At most a second at a time: the run loop sets it anew. */
		u64 ticks = min_u64(ns, 1000000000ULL) * lapic.ticks_per_ms / 1000000;

		apic_write(APIC_TIMER_ICR, (u32)max_u64(1, min_u64(ticks, ~0u)));
	}
}

void lapic_timer_stop(void)
{
	if (lapic.tsc_deadline) {
		wrmsr(MSR_TSC_DEADLINE, 0);
	} else {
		apic_write(APIC_TIMER_ICR, 0);
	}
}

/* I/O APIC redirection entry: SDM's companion "82093AA I/O APIC", "I/O Redirection Table". */
void ioapic_route(hpa_t ioapic, u32 pin, bool active_low, bool level, u8 vector)
{
	volatile u32 *regs = hostpt_map_device(ioapic, PAGE_SIZE);
	u32 low = vector | (active_low ? 1u << 13 : 0) | (level ? 1u << 15 : 0);

	regs[0] = 0x10 + 2 * pin + 1;
	regs[4] = this_cpu()->apic_id << 24;
	regs[0] = 0x10 + 2 * pin;
	regs[4] = low;
}
