// SPDX-License-Identifier: Apache-2.0
/* From the loader's hand-over to hv_main: the boot CPU made ready. And the machine's end. */
#include "arch/arm64/main.h"

#include <libfdt.h>

#include "arch/arm64/gic.h"
#include "arch/arm64/host_info.h"
#include "arch/arm64/hostpt.h"
#include "arch/arm64/platform.h"
#include "arch/arm64/smp.h"
#include "arch/arm64/stage2.h"
#include "arch/arm64/time.h"
#include "arch/arm64/uart.h"
#include "arch/arm64/virt.h"
#include "arch/cpu.h"
#include "arch/percpu.h"
#include "mm/bits.h"
#include "mm/page.h"
#include "vmm/acpi.h"
#include "vmm/arch.h"
#include "vmm/console.h"
#include "vmm/ksyms.h"
#include "vmm/log.h"
#include "vmm/main.h"
#include "vmm/panic.h"
#include "vmm/vcpu.h"

/* Exit statuses of a run under an emulator, as on x86-64: a guest failed, we failed. */
#define EXIT_FAILURE_GUEST 3
#define EXIT_PANIC         5

/* "Semihosting for AArch32 and AArch64": SYS_EXIT_EXTENDED, ADP_Stopped_ApplicationExit. */
#define SEMIHOSTING_EXIT        0x20
#define SEMIHOSTING_APPLICATION 0x20026

#define PSCI_SYSTEM_OFF 0x84000008u
#define EFI_ERROR_BIT   BIT(63)
#define HCR_E2H_BIT     34

extern const u8 boot_stack[], boot_stack_end[];

bool cpu_vhe;
const struct host_info *host_info;

static struct percpu boot_cpu;
static const struct boot_info *boot;

static void host_info_read(const struct boot_info *bi)
{
	static struct host_info info;
	static struct acpi_info acpi;
	struct acpi_window window = {
		.base = phys_ptr(hpa(0)), .start = 0, .size = bi->direct_map_end};

	host_info = &info;
	if (bi->fdt) {
		const void *fdt = phys_ptr(hpa(bi->fdt));

		if (!host_info_from_fdt(&info, fdt, fdt_totalsize(fdt))) {
			return;
		}
	}
	if (bi->acpi_rsdp && !acpi_init(&acpi, bi->acpi_rsdp, &window)) {
		host_info_from_acpi(&info, &acpi);
	}
}

static _Noreturn void refuse(const struct boot_info *bi, const char *what)
{
	log_error("this machine lacks what Socle needs: %s", what);
	arch_machine_end(bi, false);
}

static void machine_check(const struct boot_info *bi)
{
	char missing[160];

	if (host_info_missing(host_info, missing, sizeof(missing))) {
		refuse(bi, missing);
	}
	if (!time_init()) {
		refuse(bi, "a counter frequency (CNTFRQ_EL0 is 0)");
	}
	if (virt_cpu_init()) {
		refuse(bi, "EL2 as described above");
	}
}

void arm64_start(const struct boot_info *bi)
{
	boot = bi;
	write_sysreg(&boot_cpu, tpidr_el2);
	boot_cpu.mpidr = read_sysreg(mpidr_el1);
	boot_cpu.stack_start = (u64)(uintptr_t)boot_stack;
	boot_cpu.stack_end = (u64)(uintptr_t)boot_stack_end;
	smp_init(&boot_cpu);
	cpu_vhe = read_sysreg(hcr_el2) & BIT(HCR_E2H_BIT);
	hv_memory_init(bi, (struct range){0, 0});
	hostpt_init(bi);
	host_info_read(bi);
	console_init(bi);
	if (ksyms_init(phys_ptr(hpa(bi->core_elf)), bi->core_elf_size)) {
		log_warn("no symbols: backtraces will show addresses only");
	}
	machine_check(bi);
	platform_cpu_init();
	hv_main(bi);
}

void arch_stack_bounds(u64 *lo, u64 *hi)
{
	*lo = this_cpu()->stack_start;
	*hi = this_cpu()->stack_end;
}

void arch_dump_exits(void)
{
	const struct vcpu_arch *a;

	if (!this_cpu()->vcpu) {
		return;
	}
	a = &this_cpu()->vcpu->arch;
	for (u32 i = 0; i < EXIT_LOG_SIZE && i < a->exit_next; i++) {
		u32 nr = a->exit_next - 1 - i;
		const struct exit_record *r = &a->exit_log[nr % EXIT_LOG_SIZE];

		log_error("exit %u: ESR %08lx pc %016lx", nr, r->esr, r->pc);
	}
}

static _Noreturn void halt_forever(void)
{
	for (;;) {
		cpu_wait();
	}
}

/* Where the configuration says that an emulator is there to take it. */
static void emulator_exit(u64 status)
{
	if (boot && boot->config.debug_exit_port) {
		u64 block[2] = {SEMIHOSTING_APPLICATION, status};
		register u64 x0 __asm__("x0") = SEMIHOSTING_EXIT;
		register u64 *x1 __asm__("x1") = block;

		__asm__ volatile("hlt #0xf000" : "+r"(x0) : "r"(x1) : "memory");
	}
}

/*
 * UEFI Specification 2.10, "SetVariable()": at its own address, by AAPCS64. At EL2 with the stage 1
 * that the firmware had, but for the tables; floating point traps only for guests.
 */
bool arch_record_keep(const char *text, size_t size)
{
	typedef u64 set_variable_fn(const u16 *name, const struct boot_guid *guid, u32 attributes,
				    u64 size, const void *data);
	static const u16 name[] = BOOT_CRASH_NAME;
	static const struct boot_guid guid = BOOT_CRASH_GUID;
	set_variable_fn *set = boot ? (set_variable_fn *)boot->efi_set_variable : NULL;
	u64 status;

	if (!set || boot->efi_set_variable >= DIRECT_MAP_BASE) {
		return false;
	}
	hostpt_runtime(true);
	status = set(name, &guid, BOOT_CRASH_ATTRIBUTES, size, text);
	if (status & EFI_ERROR_BIT) {
		status = set(name, &guid, BOOT_CRASH_ATTRIBUTES, min_u64(size, BOOT_CRASH_MIN),
			     text);
	}
	hostpt_runtime(false);
	return !(status & EFI_ERROR_BIT);
}

/* The panic may be of the firmware's runtime services: back to our own tables. */
void arch_fatal_exit(void)
{
	hostpt_runtime(false);
	emulator_exit(EXIT_PANIC);
	halt_forever();
}

/* From EL2 the conduit can only be SMC: an HVC would come to ourselves. */
static void power_off(void)
{
	register u64 x0 __asm__("x0") = PSCI_SYSTEM_OFF;

	if (host_info && host_info->psci == HOST_PSCI_SMC) {
		__asm__ volatile("smc #0"
				 : "+r"(x0)
				 :
				 : "x1", "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10",
				   "x11", "x12", "x13", "x14", "x15", "x16", "x17", "memory");
	}
}

void arch_machine_end(const struct boot_info *bi, bool success)
{
	(void)bi;
	if (!success) {
		emulator_exit(EXIT_FAILURE_GUEST);
		hv_wait_for_enter();
	}
	hv_screen_finish();
	power_off();
	log_error("the firmware did not power the machine off: do it by hand");
	hv_screen_finish();
	halt_forever();
}
