// SPDX-License-Identifier: Apache-2.0
/* Starting the other CPUs: Power State Coordination Interface (DEN 0022), "CPU_ON". */
#include "arch/arm64/smp.h"

#include "arch/arm64/cache.h"
#include "arch/arm64/gic.h"
#include "arch/arm64/host_info.h"
#include "arch/arm64/hostpt.h"
#include "arch/arm64/main.h"
#include "arch/arm64/platform.h"
#include "arch/arm64/time.h"
#include "arch/arm64/uart.h"
#include "arch/arm64/virt.h"
#include "arch/cpu.h"
#include "mm/page.h"
#include "vmm/arch.h"
#include "vmm/cpu.h"
#include "vmm/log.h"
#include "vmm/sched.h"

#define PSCI_CPU_ON    0xc4000003u
#define STACK_SIZE     32768
#define START_NS       2000000000ULL
#define MPIDR_AFFINITY (GENMASK(39, 32) | GENMASK(23, 0))

extern const u8 ap_start[], vectors[];

static struct percpu *cpus[SCHED_MAX_CPUS];
static u32 cpu_count;

void smp_init(struct percpu *boot_cpu)
{
	cpus[0] = boot_cpu;
	cpu_count = 1;
}

void arch_cpu_kick(u32 cpu)
{
	if (cpu != this_cpu()->id) {
		gic_sgi(cpus[cpu]->mpidr, HOST_SGI_KICK);
	}
}

void arm64_ap_start(struct percpu *cpu)
{
	virt_cpu_on();
	atomic_store(&cpu->start, platform_ap_init() ? CPU_FAILED : CPU_STARTED);
	if (atomic_load(&cpu->start) == CPU_STARTED) {
		cpu_enter();
	}
	for (;;) {
		cpu_wait();
	}
}

static s64 psci_cpu_on(u64 mpidr, u64 entry, u64 context)
{
	register u64 x0 __asm__("x0") = PSCI_CPU_ON;
	register u64 x1 __asm__("x1") = mpidr;
	register u64 x2 __asm__("x2") = entry;
	register u64 x3 __asm__("x3") = context;

	__asm__ volatile("smc #0"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)
			 :
			 : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
			   "x15", "x16", "x17", "memory");
	return (s64)x0;
}

static struct percpu *percpu_make(u32 id, u64 mpidr)
{
	unsigned order = page_order(sizeof(struct percpu) + STACK_SIZE);
	hpa_t pages = page_alloc_zeroed(order, PAGE_OWNER_CORE);
	struct percpu *cpu;

	if (hpa_is_none(pages)) {
		return NULL;
	}
	cpu = phys_ptr(pages);
	cpu->id = id;
	cpu->mpidr = mpidr;
	cpu->stack_end = (u64)(uintptr_t)cpu + (PAGE_SIZE << order);
	cpu->stack_start = cpu->stack_end - STACK_SIZE;
	cpu->ap = (struct ap_arguments){
		.hcr = read_sysreg(hcr_el2),
		.mair = read_sysreg(mair_el2),
		.tcr = read_sysreg(tcr_el2),
		.ttbr0 = read_sysreg(ttbr0_el2),
		.sctlr = read_sysreg(sctlr_el2),
		.vbar = (u64)(uintptr_t)vectors,
		.stack = cpu->stack_end,
		.percpu = (u64)(uintptr_t)cpu,
		.entry = (u64)(uintptr_t)arm64_ap_start,
	};
	/* It reads memory, not our cache; and what it writes is not to be behind our lines. */
	dcache_clean_inval_poc(cpu, PAGE_SIZE << order);
	return cpu;
}

static bool cpu_start(struct percpu *cpu)
{
	u64 args = ptr_phys(&cpu->ap).v, start = time_now_ns();
	s64 err = psci_cpu_on(cpu->mpidr, hostpt_core_phys(ap_start).v, args);

	if (err) {
		log_error("the CPU %lx does not start: PSCI says %ld", cpu->mpidr, err);
		return false;
	}
	while (atomic_load(&cpu->start) == CPU_OFF && time_now_ns() - start < START_NS) {
		cpu_relax();
	}
	return atomic_load(&cpu->start) == CPU_STARTED;
}

u32 arch_cpus_start(const struct boot_info *bi)
{
	u64 self = read_sysreg(mpidr_el1) & MPIDR_AFFINITY;

	(void)bi;
	if (host_info->psci != HOST_PSCI_SMC) {
		return 1;
	}
	hostpt_identity(ap_start, true);
	for (u32 i = 0; i < host_info->cpu_count && cpu_count < SCHED_MAX_CPUS; i++) {
		u64 mpidr = host_info->cpu_mpidr[i];
		struct percpu *cpu;

		if (mpidr == self) {
			continue;
		}
		cpu = percpu_make(cpu_count, mpidr);
		if (!cpu) {
			break;
		}
		cpus[cpu_count] = cpu;
		if (!cpu_start(cpu)) {
			log_error("the CPU %lx is left out", mpidr);
			break;
		}
		cpu_count++;
	}
	hostpt_identity(ap_start, false);
	if (cpu_count > 1) {
		log_info("CPUs: %u", cpu_count);
	}
	return cpu_count;
}

bool smp_is_on(void)
{
	return cpu_count > 1;
}
