// SPDX-License-Identifier: Apache-2.0
/*
 * The operations, each between two reads of the TSC. Under `-icount shift=0` a tick of the TSC is
 * an instruction, of whoever runs it. The code of a row holds what sets its registers up, too:
 * one to four instructions, the same under every hypervisor.
 */
#include "tests/bench/guest/guest.h"

#include <stddef.h>

#define APIC_ICR        0xfee00300
#define SELF            0x40000 /* destination shorthand */
#define MSR_X2APIC_SELF 0x83f

#define GENUINE_INTEL_EBX 0x756e6547 /* of CPUID, leaf 0 */

/* Reads the TSC into R10, runs @code, leaves the ticks between in RAX. @code may use RAX to RDX. */
#define BETWEEN_TSC(code)                                                         \
	"rdtsc\n\tshl $32, %%rdx\n\tor %%rdx, %%rax\n\tmov %%rax, %%r10\n\t" code \
	"rdtsc\n\tshl $32, %%rdx\n\tor %%rdx, %%rax\n\tsub %%r10, %%rax"

#define TIMED(name, code)                                                       \
	static u64 time_##name(void)                                            \
	{                                                                       \
		u64 ticks;                                                      \
                                                                                \
		__asm__ volatile(BETWEEN_TSC(code)                              \
				 : "=a"(ticks)                                  \
				 :                                              \
				 : "rbx", "rcx", "rdx", "r10", "memory", "cc"); \
		return ticks;                                                   \
	}

#define RDMSR(msr) "mov $" msr ", %%ecx\n\trdmsr\n\t"
#define WRMSR(msr, val) \
	"mov $" msr ", %%ecx\n\tmov $" val ", %%eax\n\txor %%edx, %%edx\n\twrmsr\n\t"
#define READ(addr) "mov $" addr ", %%ecx\n\tmov (%%rcx), %%eax\n\t"
#define AWAIT_IRQ  "1: cmpb $0, irq_taken(%%rip)\n\tje 1b\n\t"

TIMED(nothing, "")
TIMED(loop, "mov $500000, %%ecx\n1:\tdec %%ecx\n\tjnz 1b\n\t")
TIMED(cpuid, "xor %%eax, %%eax\n\tcpuid\n\t")
TIMED(cpuid_last, "mov $0x80000008, %%eax\n\tcpuid\n\t")
TIMED(vmmcall, "mov $0x7fff, %%eax\n\tvmmcall\n\t")
TIMED(vmcall, "mov $0x7fff, %%eax\n\tvmcall\n\t")
TIMED(rdmsr, RDMSR("0x1b"))
TIMED(rdmsr_x2apic, RDMSR("0x803"))
TIMED(port, "in $0x21, %%al\n\t")
TIMED(mov_cr4, "mov %%cr4, %%rax\n\txor $0x80, %%eax\n\tmov %%rax, %%cr4\n\t")
TIMED(lapic_read, READ("0xfee00030"))
TIMED(ioapic_read, READ("0xfec00010"))
TIMED(eoi_xapic, "mov $0xfee000b0, %%ecx\n\tmovl $0, (%%rcx)\n\t")
TIMED(eoi_x2apic, WRMSR("0x80b", "0"))
TIMED(self_ipi, "sti\n\t" WRMSR("0x83f", "0x40") AWAIT_IRQ "cli\n\t")

/* By the instruction of the CPU's vendor. */
static u64 time_hypercall(void)
{
	u32 eax = 0, ebx, ecx, edx;

	__asm__("cpuid" : "+a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx));
	return ebx == GENUINE_INTEL_EBX ? time_vmcall() : time_vmmcall();
}

static u64 time_touch(u64 addr)
{
	u64 ticks;

	__asm__ volatile(BETWEEN_TSC("movb $1, (%1)\n\t")
			 : "=&a"(ticks)
			 : "r"(addr)
			 : "rdx", "r10", "memory", "cc");
	return ticks;
}

u64 ticks_of_measuring(void)
{
	time_nothing();
	return time_nothing();
}

/* A loop of 1,000,001 instructions: what a tick is. */
u64 ticks_of_million(void)
{
	return time_loop() - ticks_of_measuring() - 1;
}

static void await_irq(void)
{
	__asm__ volatile("sti" : : : "memory");
	while (!irq_taken) {
	}
	__asm__ volatile("cli" : : : "memory");
}

static void in_service_xapic(void)
{
	irq_taken = 0;
	mmio_write(APIC_ICR, SELF | VECTOR_NO_EOI);
	await_irq();
}

static void in_service_x2apic(void)
{
	irq_taken = 0;
	wrmsr(MSR_X2APIC_SELF, VECTOR_NO_EOI);
	await_irq();
}

static void clear_taken(void)
{
	irq_taken = 0;
}

static void select_ioapic_version(void)
{
	mmio_write(0xfec00000, 1);
}

const struct operation operations[] = {
	{"cpuid-0", time_cpuid, NULL, false},
	{"cpuid-80000008", time_cpuid_last, NULL, false},
	{"hypercall", time_hypercall, NULL, false},
	{"rdmsr-apicbase", time_rdmsr, NULL, false},
	{"in-pic", time_port, NULL, false},
	{"mov-cr4", time_mov_cr4, NULL, false},
	{"lapic-read", time_lapic_read, NULL, false},
	{"ioapic-read", time_ioapic_read, select_ioapic_version, false},
	{"xapic-eoi", time_eoi_xapic, in_service_xapic, false},
	{"rdmsr-x2apic", time_rdmsr_x2apic, NULL, true},
	{"x2apic-eoi", time_eoi_x2apic, in_service_x2apic, true},
	{"x2apic-self-ipi", time_self_ipi, clear_taken, true},
};
const unsigned operation_count = sizeof(operations) / sizeof(operations[0]);

#define MSR_X2APIC_LVT_TIMER 0x832
#define LVT_TSC_DEADLINE     (2u << 17)
#define TIMER_DELAY          200000
#define TIMER_RUNS           64

void timer_init(void)
{
	wrmsr(MSR_X2APIC_LVT_TIMER, LVT_TSC_DEADLINE | VECTOR_TIMER);
}

void irq_wait_halted(void)
{
	while (!irq_taken) {
		/* STI's shadow covers HLT: the interrupt cannot come between. */
		__asm__ volatile("sti\n\thlt\n\tcli" : : : "memory");
	}
}

/* How long after the deadline the handler runs; a halted CPU wakes up in between. */
void bench_timer(void)
{
	u64 min = ~0ull, sum = 0;

	timer_init();
	for (unsigned i = 0; i < TIMER_RUNS; i++) {
		u64 deadline = rdtsc() + TIMER_DELAY, late;

		irq_taken = 0;
		wrmsr(MSR_TSC_DEADLINE, deadline);
		irq_wait_halted();
		late = irq_tsc - deadline;
		min = late < min ? late : min;
		sum += late;
	}
	print("hlt-timer", min, sum / TIMER_RUNS);
}

#define MIB 0x100000ul

/* One byte at every @step of [start, end), each for the first time. */
static void touch(const char *row, u64 start, u64 end, u64 step)
{
	u64 min = ~0ull, sum = 0, own = ticks_of_measuring();

	for (u64 addr = start; addr < end; addr += step) {
		u64 took = time_touch(addr);

		took = took > own ? took - own : 0;
		min = took < min ? took : min;
		sum += took;
	}
	print(row, min, sum / ((end - start) / step));
}

void bench_fresh_memory(void)
{
	touch("fresh-2m-region", 32 * MIB, 96 * MIB, 2 * MIB);
	touch("fresh-4k-page", 96 * MIB, 160 * MIB, 4096);
}
