// SPDX-License-Identifier: Apache-2.0
/* The x86-64 side of the loader: asks the CPU, builds the first page tables, jumps. */
#include "boot/machine.h"

#include <string.h>

#include "boot/console.h"
#include "boot/firmware.h"
#include "boot/x86_64_cpu.h"
#include "boot/x86_64_paging.h"
#include "mm/bits.h"

#define CR4_LA57        BIT(12)
#define MSR_EFER        0xc0000080
#define MSR_VM_CR       0xc0010114
#define EFER_NXE        BIT(11)
#define DIRECT_MAP_MIN  ((u64)4 << 30)
#define DIRECT_MAP_UNIT ((u64)1 << 30)

/* Up to the end of the lower half of 48 bits. */
const u64 machine_memory_max = (u64)64 << 40;

/* x86_64_jump.S; lies within one page. */
_Noreturn void machine_jump(u64 info, u64 entry, u64 root);

static struct page_tables tables;

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

static struct cpuid cpuid_read(u32 leaf)
{
	struct cpuid c;

	__asm__ volatile("cpuid"
			 : "=a"(c.eax), "=b"(c.ebx), "=c"(c.ecx), "=d"(c.edx)
			 : "a"(leaf), "c"(0));
	return c;
}

/* The extended leaf @leaf, or zeros where the CPU has none. */
static struct cpuid cpuid_extended(u32 leaf)
{
	return leaf <= cpuid_read(0x80000000).eax ? cpuid_read(leaf) : (struct cpuid){0};
}

static u64 msr_read(u32 msr)
{
	u32 low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return (u64)high << 32 | low;
}

static void msr_write(u32 msr, u64 value)
{
	__asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)value), "d"((u32)(value >> 32)) : "memory");
}

static u64 cr4_read(void)
{
	u64 value;

	__asm__ volatile("mov %%cr4, %0" : "=r"(value));
	return value;
}

const struct config_limits *const machine_limits = &config_limits_x86_64;
const enum guest_machine machine_guest = GUEST_MACHINE_X86;
const char *const machine_architecture = "x64";
const char *const machine_console = "console=ttyS0";
const bool machine_needs_tables = false;

enum core_machine machine_elf_kind(void)
{
	return CORE_MACHINE_X86_64;
}

u64 machine_cycles(void)
{
	u32 low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (u64)high << 32 | low;
}

/* No x86 machine that has a device tree has no ACPI. */
u32 machine_fdt_cpus(const void *fdt, bool *smmu)
{
	(void)fdt;
	(void)smmu;
	return 0;
}

static void cpu_names_read(struct cpu_facts *facts)
{
	struct cpuid vendor = cpuid_read(0);

	memcpy(facts->vendor, &vendor.ebx, 4);
	memcpy(facts->vendor + 4, &vendor.edx, 4);
	memcpy(facts->vendor + 8, &vendor.ecx, 4);
	for (u32 i = 0; i < 3; i++) {
		struct cpuid brand = cpuid_extended(0x80000002 + i);

		memcpy(facts->brand + 16 * i, &brand, sizeof(brand));
	}
}

static void cpu_facts_read(struct cpu_facts *facts)
{
	struct cpuid extended = cpuid_extended(0x80000001);

	*facts = (struct cpu_facts){
		.features_ecx = cpuid_read(1).ecx,
		.extended_ecx = extended.ecx,
		.extended_edx = extended.edx,
		.power_edx = cpuid_extended(0x80000007).edx,
		.paging_levels = cr4_read() & CR4_LA57 ? 5 : 4,
	};
	cpu_names_read(facts);
	if (cpu_has_svm(facts)) {
		struct cpuid svm = cpuid_extended(0x8000000a);

		facts->svm_asids = svm.ebx;
		facts->svm_edx = svm.edx;
		facts->vm_cr = msr_read(MSR_VM_CR);
	}
	if (cpu_uses_vmx(facts)) {
		vmx_msrs_read(msr_read, &facts->vmx);
	}
}

static void report_able(const struct cpu_facts *facts, const struct vmx_caps *vmx)
{
	const char *page = cpu_has_1g_pages(facts) ? "1 GiB" : "2 MiB";
	const char *tsc = cpu_has_invariant_tsc(facts) ? "invariant" : "not invariant";

	if (cpu_has_svm(facts)) {
		console_report("", "SVM with nested paging, %u ASIDs; %s pages; TSC %s",
			       facts->svm_asids, page, tsc);
		return;
	}
	console_report("", "VMX with EPT, unrestricted guest%s%s; %s pages; TSC %s",
		       vmx->ctl[VMX_PROC2] & PROC2_VPID ? ", VPID" : "",
		       vmx->firmware == VMX_FW_UNLOCKED ? "; left unlocked by the firmware" : "",
		       page, tsc);
}

static struct cpu_verdict verdict;

bool machine_check(struct survey *survey)
{
	struct cpu_facts facts;

	cpu_facts_read(&facts);
	cpu_judge(&facts, &verdict);
	cpu_survey(&facts, &verdict, survey);
	console_report("machine", "%s (%s)", cpu_name(&facts), facts.vendor);
	if (!verdict.missing_count) {
		report_able(&facts, &verdict.vmx);
	}
	return !verdict.missing_count;
}

void machine_refuse(void)
{
	size_t listed = min_u64(verdict.missing_count, CPU_NEEDS_MAX);

	console_print("\nThis machine cannot run Socle:\n");
	for (size_t i = 0; i < listed; i++) {
		console_report("needs", "%s", verdict.missing[i].needs);
		console_report("found", "%s", verdict.missing[i].found);
	}
	if (verdict.missing_count > listed) {
		console_report("needs", "%u more", (unsigned)(verdict.missing_count - listed));
	}
}

/* Memory and screen both lie in the direct map; a screen too far away is not worth tables. */
static u64 direct_map_size(struct boot_info *info, u64 memory_end)
{
	struct boot_framebuffer *screen = &info->framebuffer;
	u64 end = max_u64(memory_end, DIRECT_MAP_MIN);

	if (screen->width &&
	    (screen->base > machine_memory_max || screen->size > machine_memory_max ||
	     screen->base + screen->size > machine_memory_max)) {
		*screen = (struct boot_framebuffer){0};
	}
	if (screen->width) {
		end = max_u64(end, screen->base + screen->size);
	}
	return align_up(end, DIRECT_MAP_UNIT);
}

static int core_map(const struct boot_info *info, const struct core_elf *core)
{
	for (size_t i = 0; i < core->segment_count; i++) {
		const struct core_segment *s = &core->segments[i];
		struct page_mapping mapping = {
			.virt = s->virt,
			.phys = info->core_base + (s->virt - core->virt),
			.size = s->memory_size,
			.flags = (s->flags & CORE_SEGMENT_W ? PAGE_ENTRY_WRITE : 0) |
				 (s->flags & CORE_SEGMENT_X ? 0 : PAGE_ENTRY_NX),
			.max_level = 1,
		};
		int error = page_tables_map(&tables, &mapping);

		if (error) {
			return error;
		}
	}
	return 0;
}

/* The page of machine_jump() where it stands, since CR3 changes under its feet. */
static int jump_map(void)
{
	u64 page = align_down((uintptr_t)&machine_jump, PAGE_SIZE);
	struct page_mapping mapping = {
		.virt = page, .phys = page, .size = PAGE_SIZE, .max_level = 1};

	return page_tables_map(&tables, &mapping);
}

EFI_STATUS machine_tables_build(struct boot_info *info, const struct core_elf *core,
				const struct memmap *map)
{
	u64 memory_end = memmap_memory_end(map);
	struct cpu_facts facts;

	if (memory_end > machine_memory_max) {
		return EFI_UNSUPPORTED;
	}
	cpu_facts_read(&facts);
	info->direct_map_end = direct_map_size(info, memory_end);
	tables = (struct page_tables){
		.page_count = page_tables_count(info->direct_map_end, core->size,
						cpu_has_1g_pages(&facts)),
		.levels = facts.paging_levels,
		.has_1g_pages = cpu_has_1g_pages(&facts),
	};
	tables.pages = firmware_pages_alloc(tables.page_count * PAGE_SIZE);
	if (!tables.pages) {
		return EFI_OUT_OF_RESOURCES;
	}
	if (page_tables_map_direct(&tables, info->direct_map_end) || core_map(info, core) ||
	    jump_map()) {
		return EFI_ABORTED;
	}
	return EFI_SUCCESS;
}

void machine_enter(const struct core_elf *core, u64 info)
{
	__asm__ volatile("cli" ::: "memory");
	msr_write(MSR_EFER, msr_read(MSR_EFER) | EFER_NXE);
	machine_jump(info, core->entry, (uintptr_t)tables.pages);
}
