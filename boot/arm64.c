// SPDX-License-Identifier: Apache-2.0
/* The AArch64 side of the loader: asks the CPU, builds the first tables of EL2, jumps. */
#include "boot/machine.h"

#include <libfdt.h>
#include <string.h>

#include "boot/arm64_cpu.h"
#include "boot/arm64_paging.h"
#include "boot/console.h"
#include "boot/firmware.h"
#include "mm/bits.h"

#define CTR_DMINLINE GENMASK(19, 16) /* CTR_EL0: log2 of the words in the smallest line */
#define CURRENT_EL   GENMASK(3, 2)

/* SCTLR_EL2: MMU, caches and the stack alignment check on, and what is RES1. */
#define SCTLR_M    BIT(0)
#define SCTLR_C    BIT(2)
#define SCTLR_SA   BIT(3)
#define SCTLR_I    BIT(12)
#define SCTLR_RES1 0x30c50830

/* Write-Back, Write-Through, Non-cacheable; Device-nGnRE. */
#define MAIR 0x0444bbff

/* By its encoding: the assembler knows the name from Armv8.2 on only. Reads as 0 before. */
#define ID_AA64MMFR2_EL1 S3_0_C0_C7_2

#define SYSREG_READ(name)                                                            \
	({                                                                           \
		u64 sysreg_value;                                                    \
		__asm__ volatile("mrs %0, " SYSREG_TEXT(name) : "=r"(sysreg_value)); \
		sysreg_value;                                                        \
	})
#define SYSREG_TEXT(name)  SYSREG_QUOTE(name)
#define SYSREG_QUOTE(name) #name

/* In the order in which machine_jump() reads them. */
struct machine_start {
	u64 entry;
	u64 sctlr, hcr, mair, tcr, ttbr0; /* _EL2 */
};

static_assert(offsetof(struct machine_start, hcr) == 16, "as in arm64_jump.S");
static_assert(offsetof(struct machine_start, tcr) == 32, "as in arm64_jump.S");
static_assert(sizeof(struct machine_start) == 48, "as in arm64_jump.S");

/* arm64_jump.S; lies within one page, and runs anywhere. */
_Noreturn void machine_jump(u64 info, const struct machine_start *start);
extern const u8 machine_jump_end[];

/* Up to the core's link address. */
const u64 machine_memory_max = (u64)127 << 40;

static struct page_tables tables;
static uintptr_t jump_code; /* machine_jump() where it is to run */

const struct config_limits *const machine_limits = &config_limits_arm64;
const enum guest_machine machine_guest = GUEST_MACHINE_ARM64;
const char *const machine_architecture = "aa64";
const char *const machine_console = "console=ttyAMA0";
const bool machine_needs_tables = true;

enum core_machine machine_elf_kind(void)
{
	return CORE_MACHINE_AARCH64;
}

u64 machine_cycles(void)
{
	/* Without the barrier the counter may be read early (Arm ARM, "The physical counter"). */
	__asm__ volatile("isb" ::: "memory");
	return SYSREG_READ(cntpct_el0);
}

static void cpu_facts_read(struct cpu_facts *facts)
{
	*facts = (struct cpu_facts){
		.level = (unsigned)FIELD_GET(CURRENT_EL, SYSREG_READ(currentel)),
		.midr = SYSREG_READ(midr_el1),
		.pfr0 = SYSREG_READ(id_aa64pfr0_el1),
		.isar0 = SYSREG_READ(id_aa64isar0_el1),
		.mmfr = {SYSREG_READ(id_aa64mmfr0_el1), SYSREG_READ(id_aa64mmfr1_el1),
			 SYSREG_READ(ID_AA64MMFR2_EL1)},
		.counter_hz = SYSREG_READ(cntfrq_el0),
	};
}

/* Libfdt checks what it reads; an alias or the like that leads nowhere is not followed. */
u32 machine_fdt_cpus(const void *fdt, bool *smmu)
{
	int cpus, node;
	u32 count = 0;

	if (fdt_check_full(fdt, fdt_totalsize(fdt))) {
		return 0;
	}
	*smmu = fdt_node_offset_by_compatible(fdt, -1, "arm,smmu-v3") >= 0;
	cpus = fdt_path_offset(fdt, "/cpus");
	for (node = cpus < 0 ? cpus : fdt_first_subnode(fdt, cpus); node >= 0;
	     node = fdt_next_subnode(fdt, node)) {
		const char *type = fdt_getprop(fdt, node, "device_type", NULL);

		count += type && !strcmp(type, "cpu");
	}
	return count;
}

bool machine_check(struct survey *survey)
{
	struct cpu_need missing[CPU_NEEDS_MAX];
	struct cpu_facts facts;
	char text[CPU_TEXT_MAX];
	size_t count;

	cpu_facts_read(&facts);
	cpu_survey(&facts, survey);
	count = cpu_missing(&facts, missing);
	cpu_name(&facts, text);
	console_report("machine", "%s", text);
	if (!count) {
		console_report("",
			       "EL2 with%s VHE; %u-bit physical addresses, %u-bit VMIDs; GICv3; "
			       "counter at %lu kHz",
			       cpu_has_vhe(&facts) ? "" : "out", cpu_address_bits(&facts),
			       cpu_vmid_bits(&facts), facts.counter_hz / 1000);
		cpu_stage2_features(&facts, text);
		console_report("", "stage 2: %s", text);
	}
	return !count;
}

void machine_refuse(void)
{
	struct cpu_need missing[CPU_NEEDS_MAX];
	struct cpu_facts facts;
	size_t count;

	cpu_facts_read(&facts);
	count = cpu_missing(&facts, missing);
	console_print("\nThis machine cannot run Socle:\n");
	for (size_t i = 0; i < count; i++) {
		console_report("needs", "%s", missing[i].needs);
		console_report("found", "%s", missing[i].found);
	}
}

/*
 * To the Point of Coherency: for fetches with the MMU off, be it this CPU's or another's that
 * starts later, and all the more for fetches through an instruction cache (Arm ARM, "Cache
 * maintenance operations, functional group", "Concurrent modification and execution of
 * instructions"). The DSB of machine_jump() completes it.
 */
static void cache_clean(u64 start, u64 size)
{
	u64 line = (u64)sizeof(u32) << FIELD_GET(CTR_DMINLINE, SYSREG_READ(ctr_el0));

	for (u64 at = align_down(start, line); at < start + size; at += line) {
		__asm__ volatile("dc cvac, %0" ::"r"(at) : "memory");
	}
}

static int core_map(const struct boot_info *info, const struct core_elf *core)
{
	for (size_t i = 0; i < core->segment_count; i++) {
		const struct core_segment *s = &core->segments[i];
		struct page_mapping mapping = {
			.virt = s->virt,
			.phys = info->core_base + (s->virt - core->virt),
			.size = s->memory_size,
			.prot = (s->flags & CORE_SEGMENT_W ? PAGE_PROT_W : 0) |
				(s->flags & CORE_SEGMENT_X ? PAGE_PROT_X : 0),
		};
		int error = page_tables_map(&tables, &mapping);

		if (error) {
			return error;
		}
	}
	return 0;
}

static u64 jump_size(void)
{
	return (uintptr_t)machine_jump_end - (uintptr_t)&machine_jump;
}

/*
 * machine_jump() runs where it stands; but not at an address that the direct map needs, where a
 * large machine's firmware may well load us: there, a copy of it does.
 */
static bool jump_place(void)
{
	void *copy;

	jump_code = (uintptr_t)&machine_jump;
	if (jump_code < DIRECT_MAP_BASE) {
		return true;
	}
	copy = firmware_code_alloc(jump_size(), DIRECT_MAP_BASE);
	if (copy) {
		memcpy(copy, (const void *)jump_code, jump_size());
		jump_code = (uintptr_t)copy;
	}
	return copy != NULL;
}

/* The page of machine_jump() at its own address, since translation changes under its feet. */
static int jump_map(void)
{
	u64 page = align_down(jump_code, PAGE_SIZE);
	struct page_mapping mapping = {
		.virt = page, .phys = page, .size = PAGE_SIZE, .prot = PAGE_PROT_X};

	return page_tables_map(&tables, &mapping);
}

EFI_STATUS machine_tables_build(struct boot_info *info, const struct core_elf *core,
				const struct memmap *map)
{
	struct cpu_facts facts;

	info->direct_map_end = memmap_memory_end(map);
	if (info->direct_map_end > machine_memory_max) {
		return EFI_UNSUPPORTED;
	}
	cpu_facts_read(&facts);
	tables = (struct page_tables){
		.page_count = page_tables_count(map, core->size),
		.has_e2h = cpu_has_vhe(&facts),
	};
	tables.pages = firmware_pages_alloc(tables.page_count * PAGE_SIZE);
	if (!tables.pages || !jump_place()) {
		return EFI_OUT_OF_RESOURCES;
	}
	if (page_tables_map_direct(&tables, map) || core_map(info, core) || jump_map()) {
		return EFI_ABORTED;
	}
	cache_clean(info->core_base, core->size);
	return EFI_SUCCESS;
}

/*
 * The DSB and ISB behind the invalidation make a copy of machine_jump() safe to call (Arm ARM,
 * "Concurrent modification and execution of instructions").
 */
void machine_enter(const struct core_elf *core, u64 info)
{
	void (*jump)(u64, const struct machine_start *) = (__typeof__(jump))jump_code;
	struct machine_start start = {
		.entry = core->entry,
		.sctlr = SCTLR_RES1 | SCTLR_M | SCTLR_C | SCTLR_SA | SCTLR_I,
		.mair = MAIR,
		.ttbr0 = (uintptr_t)tables.pages,
	};
	struct cpu_facts facts;

	__asm__ volatile("msr daifset, #15" ::: "memory");
	cpu_facts_read(&facts);
	start.hcr = cpu_hcr_el2(&facts);
	start.tcr = cpu_tcr_el2(&facts);
	cache_clean(jump_code, jump_size());
	__asm__ volatile("dsb ish\n\tic iallu\n\tdsb ish\n\tisb" ::: "memory");
	jump(info, &start);
	__builtin_unreachable();
}
