// SPDX-License-Identifier: Apache-2.0
/*
 * Two vCPUs, and two VMs. Whoever waits halts: what is counted, on one CPU of the machine, is the
 * interrupt, the switch from vCPU to vCPU and the way out of the halt; on two, what both CPUs do in
 * that time, since the emulator runs them in turn.
 */
#include "tests/bench/guest/guest.h"

#define MSR_X2APIC_ICR 0x830
#define ICR_INIT       0x4500
#define ICR_STARTUP    0x4600
#define OTHER          1 /* the second vCPU's APIC id */
#define START_ADDR     0x8000
#define RUNS           256

#define TICKS       400
#define TICK_PERIOD 1000000
#define GAP_MIN     200 /* more than a look at the TSC takes */

extern const u8 other_start[], other_end[];
_Noreturn void other_main(void);

volatile u8 other_taken;
volatile u64 other_tsc;

static void ipi(u32 id, u32 what)
{
	wrmsr(MSR_X2APIC_ICR, (u64)id << 32 | what);
}

/* The second vCPU tells that it is there, then answers each interrupt with one. */
void other_main(void)
{
	irq_load();
	x2apic_enable();
	for (;;) {
		ipi(0, VECTOR_TIMER);
		while (!other_taken) {
			__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
		}
		other_taken = 0;
	}
}

static void other_begin(void)
{
	u64 cr3, size = (u64)(other_end - other_start);
	const void *from = other_start;
	void *to = (void *)START_ADDR;

	__asm__("mov %%cr3, %0" : "=r"(cr3));
	__asm__ volatile("rep movsb" : "+S"(from), "+D"(to), "+c"(size) : : "memory");
	*(volatile u32 *)(START_ADDR + 4) = (u32)cr3;
	irq_taken = 0;
	ipi(OTHER, ICR_INIT);
	ipi(OTHER, ICR_STARTUP | START_ADDR >> 12);
	irq_wait_halted();
}

void bench_two_cpus(void)
{
	u64 there = ~0ull, there_sum = 0, back = ~0ull, back_sum = 0;

	other_begin();
	for (unsigned i = 0; i < RUNS; i++) {
		u64 start = rdtsc(), took;

		irq_taken = 0;
		ipi(OTHER, VECTOR_OTHER);
		irq_wait_halted();
		took = other_tsc - start;
		there = took < there ? took : there;
		there_sum += took;
		took = irq_tsc - start;
		back = took < back ? took : back;
		back_sum += took;
	}
	print("ipi-to-halted", there, there_sum / RUNS);
	print("ipi-round-trip", back, back_sum / RUNS);
}

/* The VM beside the one that measures: a timer interrupt, and it halts again. */
void bench_tick(void)
{
	u64 min = ~0ull, sum = 0;

	timer_init();
	for (unsigned i = 0; i < TICKS; i++) {
		u64 took;

		irq_taken = 0;
		wrmsr(MSR_TSC_DEADLINE, rdtsc() + TICK_PERIOD);
		irq_wait_halted();
		took = rdtsc() - irq_tsc;
		min = took < min ? took : min;
		sum += took;
	}
	print("tick-own", min, sum / TICKS);
}

/* What is missing between two looks at the TSC, while the other VM has its ticks. */
void bench_gaps(void)
{
	u64 last = rdtsc(), min = ~0ull, sum = 0, count = 0;

	while (count < TICKS / 2) {
		u64 now = rdtsc(), gap = now - last;

		last = now;
		if (gap > GAP_MIN) {
			min = gap < min ? gap : min;
			sum += gap;
			count++;
		}
	}
	print("other-vm-tick", min, sum / count);
}
