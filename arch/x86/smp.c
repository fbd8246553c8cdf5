// SPDX-License-Identifier: Apache-2.0
/*
 * Starting the other CPUs: SDM volume 3, "MP Initialization Protocol Algorithm for MP Systems"
 * (INIT, SIPI, SIPI).
 */
#include "arch/x86/smp.h"

#include <stdatomic.h>
#include <string.h>

#include "arch/cpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/hostpt.h"
#include "arch/x86/lapic.h"
#include "arch/x86/ops.h"
#include "arch/x86/time.h"
#include "arch/x86/trap.h"
#include "arch/x86/x86.h"
#include "mm/page.h"
#include "vmm/acpi.h"
#include "vmm/arch.h"
#include "vmm/cpu.h"
#include "vmm/log.h"
#include "vmm/sched.h"

#define LOW_END      0xa0000ULL
#define LOW_SIZE     (2 * PAGE_SIZE) /* code, then the root of its tables */
#define STACK_SIZE   32768
#define NS_PER_MS    1000000ULL
#define ID_BROADCAST 0xffu /* of xAPIC */

#define TABLES_ORDER 2      /* up to three levels below the root */
#define PTE_TABLE    0x3ULL /* present, writable */
#define PTE_ADDRESS  GENMASK(51, 12)
#define PTE_2M       0x83ULL /* and a page of 2 MiB */

struct trampoline_parameters {
	u64 low_cr3, host_cr3, cr4, efer, stack, argument, entry;
};

extern const u8 trampoline_start[], trampoline_end[], trampoline_parameters[];
extern const u16 trampoline_fixups[];
void ap_entry(void);

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
		lapic_ipi(cpus[cpu]->apic_id, VECTOR_KICK);
	}
}

void smp_stop(void)
{
	if (cpu_count > 1) {
		lapic_ipi_others(LAPIC_IPI_INIT);
	}
}

void x86_ap_start(struct percpu *cpu)
{
	desc_init(cpu);
	cpu_features_init();
	hostpt_cpu_init();
	lapic_cpu_init();
	atomic_store(&cpu->start, x86_ops->cpu_on() ? CPU_FAILED : CPU_STARTED);
	if (atomic_load(&cpu->start) == CPU_STARTED) {
		cpu_enter();
	}
	for (;;) {
		irq_disable();
		cpu_halt();
	}
}

struct range smp_low_pages(const struct boot_info *bi)
{
	for (u64 i = 0; i < bi->range_count; i++) {
		const struct boot_range *r = &bi->ranges[i];
		u64 base = max_u64(r->base, PAGE_SIZE);

		if (r->kind == BOOT_RANGE_FREE && base + LOW_SIZE <= LOW_END &&
		    base + LOW_SIZE <= r->base + r->size) {
			return (struct range){base, LOW_SIZE};
		}
	}
	return (struct range){0, 0};
}

static void wait_ns(u64 ns)
{
	u64 start = time_now_ns();

	while (time_now_ns() - start < ns) {
		cpu_relax();
	}
}

static bool wait_started(struct percpu *cpu, u64 ns)
{
	u64 start = time_now_ns();

	while (atomic_load(&cpu->start) == CPU_OFF && time_now_ns() - start < ns) {
		cpu_relax();
	}
	return atomic_load(&cpu->start) != CPU_OFF;
}

/* The core's own tables but for the first GiB, which is as it is: the root at @root, then @pages.
 */
static void tables_make(u64 root, u64 pages)
{
	u64 own = read_cr3(), *table = phys_ptr(hpa(root));

	for (unsigned level = read_cr4() & CR4_LA57 ? 5 : 4; level > 2; level--) {
		if (own) {
			memcpy(table, phys_ptr(hpa(own & PTE_ADDRESS)), PAGE_SIZE);
		} else {
			memset(table, 0, PAGE_SIZE);
		}
		own = table[0];
		table[0] = pages | PTE_TABLE;
		table = phys_ptr(hpa(pages));
		pages += PAGE_SIZE;
	}
	for (u64 i = 0; i < 512; i++) {
		table[i] = i << 21 | PTE_2M;
	}
}

/* Code at @low, its tables' root behind it. */
static void trampoline_make(u64 low, hpa_t pages)
{
	u8 *code = phys_ptr(hpa(low));

	memcpy(code, trampoline_start, (size_t)(trampoline_end - trampoline_start));
	for (const u16 *fixup = trampoline_fixups; *fixup; fixup++) {
		u32 val;

		memcpy(&val, code + *fixup, sizeof(val));
		val += (u32)low;
		memcpy(code + *fixup, &val, sizeof(val));
	}
	tables_make(low + PAGE_SIZE, pages.v);
}

static struct percpu *percpu_make(u32 id, u32 apic_id)
{
	unsigned order = page_order(sizeof(struct percpu) + STACK_SIZE);
	hpa_t pages = page_alloc_zeroed(order, PAGE_OWNER_CORE);
	struct percpu *cpu;

	if (hpa_is_none(pages)) {
		return NULL;
	}
	cpu = phys_ptr(pages);
	cpu->id = id;
	cpu->apic_id = apic_id;
	cpu->stack_end = (u64)(uintptr_t)cpu + (PAGE_SIZE << order);
	cpu->stack_start = cpu->stack_end - STACK_SIZE;
	return cpu;
}

static bool cpu_start(struct percpu *cpu, u64 low)
{
	struct trampoline_parameters p = {
		.low_cr3 = low + PAGE_SIZE,
		.host_cr3 = read_cr3(),
		.cr4 = CR4_PAE | (read_cr4() & CR4_LA57),
		.efer = rdmsr(MSR_EFER) & (EFER_LME | EFER_NXE),
		.stack = cpu->stack_end,
		.argument = (u64)(uintptr_t)cpu,
		.entry = (u64)(uintptr_t)ap_entry,
	};
	u8 *code = phys_ptr(hpa(low));

	memcpy(code + (trampoline_parameters - trampoline_start), &p, sizeof(p));
	lapic_ipi(cpu->apic_id, LAPIC_IPI_INIT);
	wait_ns(10 * NS_PER_MS);
	lapic_ipi(cpu->apic_id, LAPIC_IPI_SIPI | (u32)(low >> PAGE_SHIFT));
	if (!wait_started(cpu, NS_PER_MS)) {
		lapic_ipi(cpu->apic_id, LAPIC_IPI_SIPI | (u32)(low >> PAGE_SHIFT));
	}
	return wait_started(cpu, 1000 * NS_PER_MS) && atomic_load(&cpu->start) == CPU_STARTED;
}

static void cpus_start(const struct acpi_info *acpi, u64 low)
{
	for (u32 i = 0; i < acpi->cpu_count && cpu_count < SCHED_MAX_CPUS; i++) {
		u32 id = acpi->cpu_apic_ids[i];
		struct percpu *cpu;

		if (id == this_cpu()->apic_id || (id >= ID_BROADCAST && !this_cpu()->x2apic)) {
			continue;
		}
		cpu = percpu_make(cpu_count, id);
		if (!cpu) {
			log_error("no memory for the CPU with APIC id %u", id);
			return;
		}
		cpus[cpu_count] = cpu;
		if (!cpu_start(cpu, low)) {
			log_error("the CPU with APIC id %u does not start", id);
			return; /* it may yet do, with what was given to it */
		}
		cpu_count++;
	}
}

u32 smp_start(const struct acpi_info *acpi, u64 low)
{
	hpa_t tables;

	if (acpi->cpu_count < 2) {
		return 1;
	}
	tables = page_alloc(TABLES_ORDER, PAGE_OWNER_CORE);
	if (!low || hpa_is_none(tables)) {
		log_error("no memory below 640 KiB to start other CPUs in");
		return 1;
	}
	trampoline_make(low, tables);
	cpus_start(acpi, low);
	page_free(tables, TABLES_ORDER);
	log_info("CPUs: %u", cpu_count);
	return cpu_count;
}
