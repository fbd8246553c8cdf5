// SPDX-License-Identifier: Apache-2.0
/* From the loader's hand-over to hv_main: the boot CPU made ready. And the machine's end. */
#include "arch/cpu.h"
#include "arch/io.h"
#include "arch/percpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/firmware.h"
#include "arch/x86/host.h"
#include "arch/x86/hostpt.h"
#include "arch/x86/lapic.h"
#include "arch/x86/ops.h"
#include "arch/x86/ps2.h"
#include "arch/x86/smp.h"
#include "arch/x86/time.h"
#include "arch/x86/trap.h"
#include "arch/x86/uart.h"
#include "arch/x86/x86.h"
#include "mm/page.h"
#include "vmm/acpi.h"
#include "vmm/arch.h"
#include "vmm/console.h"
#include "vmm/ksyms.h"
#include "vmm/log.h"
#include "vmm/main.h"
#include "vmm/panic.h"

#define EXIT_FAILURE_GUEST 1
#define EXIT_PANIC         2
#define IOAPIC_PINS        24
/* MPS INTI flags, as in the MADT. */
#define MPS_POLARITY   0x3
#define MPS_ACTIVE_LOW 0x3
#define MPS_TRIGGER    0xc
#define MPS_LEVEL      0xc
/* "PM1 Control Registers" */
#define PM1_SCI_EN   BIT(0)
#define PM1_SLP_TYP  GENMASK(12, 10)
#define PM1_SLP_EN   BIT(13)
#define ACPI_WAIT_NS 1000000000ULL

_Noreturn void x86_start(const struct boot_info *bi);

extern const u8 boot_stack[], boot_stack_end[];

bool host_uart_interrupts;

static struct percpu boot_cpu;
static const struct boot_info *boot;
static struct acpi_info acpi;
static struct range low; /* for other CPUs to start in */

/* Control registers as the core wants them: no guest-visible feature depends on the firmware. */
void cpu_features_init(void)
{
	struct cpuid_regs f1 = cpuid(1, 0);
	u64 cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | (read_cr4() & CR4_LA57);

	cr4 |= (f1.ecx & BIT(26) ? CR4_OSXSAVE : 0) | (f1.edx & BIT(7) ? CR4_MCE : 0);
	write_cr4(cr4);
	write_cr0(CR0_PE | CR0_MP | CR0_ET | CR0_NE | CR0_WP | CR0_PG);
	if (cpuid(0, 0).eax >= 7) {
		struct cpuid_regs f7 = cpuid(7, 0);

		/* The core neither runs nor reads what a guest could mark as user memory. */
		cr4 |= (f7.ebx & BIT(7) ? CR4_SMEP : 0) | (f7.ebx & BIT(20) ? CR4_SMAP : 0);
		write_cr4(cr4);
	}
}

/* To this CPU, as VECTOR_UART: something was typed. Returns false where no I/O APIC has it. */
static bool input_interrupt_route(u8 irq)
{
	u16 flags;
	u32 gsi = acpi_isa_gsi(&acpi, irq, &flags);

	for (u32 i = 0; i < acpi.ioapic_count; i++) {
		const struct acpi_ioapic *io = &acpi.ioapics[i];

		if (gsi >= io->gsi_base && gsi - io->gsi_base < IOAPIC_PINS) {
			ioapic_route(hpa(io->address), gsi - io->gsi_base,
				     (flags & MPS_POLARITY) == MPS_ACTIVE_LOW,
				     (flags & MPS_TRIGGER) == MPS_LEVEL, VECTOR_UART);
			return true;
		}
	}
	return false;
}

static void input_init(void)
{
	bool keyboard = ps2_init();

	host_uart_interrupts = input_interrupt_route(UART_ISA_IRQ) &&
			       (!keyboard || input_interrupt_route(PS2_ISA_IRQ));
	if (host_uart_interrupts) {
		arch_uart_enable_rx_irq();
	} else {
		log_info("input: polled (no I/O APIC found)");
	}
	if (keyboard) {
		log_info("keyboard: PS/2");
	}
}

static void acpi_read(const struct boot_info *bi)
{
	struct acpi_window window = {
		.base = phys_ptr(hpa(0)),
		.size = bi->direct_map_end,
		.reach = hostpt_map_memory, /* a BIOS has them in memory that it calls reserved */
	};

	if (acpi_init(&acpi, bi->acpi_rsdp, &window)) {
		log_warn("no ACPI tables");
	}
}

void x86_start(const struct boot_info *bi)
{
	boot = bi;
	boot_cpu.stack_start = (u64)(uintptr_t)boot_stack;
	boot_cpu.stack_end = (u64)(uintptr_t)boot_stack_end;
	smp_init(&boot_cpu);
	desc_init(&boot_cpu);
	cpu_features_init();
	low = smp_low_pages(bi);
	hv_memory_init(bi, low);
	hostpt_init(bi);
	firmware_init(bi);
	console_init(bi);
	if (ksyms_init(phys_ptr(hpa(bi->core_elf)), bi->core_elf_size)) {
		log_warn("no symbols: backtraces will show addresses only");
	}
	acpi_read(bi);
	time_init(acpi.pm_timer_port);
	lapic_init();
	input_init();
	x86_ops_choose();
	if (x86_ops->cpu_on()) {
		log_error("this CPU's virtualisation cannot be used: nothing to run");
		arch_machine_end(bi, false);
	}
	hv_main(bi);
}

u32 arch_cpus_start(const struct boot_info *bi)
{
	(void)bi;
	return smp_start(&acpi, low.base);
}

void arch_stack_bounds(u64 *lo, u64 *hi)
{
	*lo = this_cpu()->stack_start;
	*hi = this_cpu()->stack_end;
}

void arch_dump_exits(void)
{
	const struct percpu *cpu = this_cpu();

	for (u32 i = 0; i < EXIT_LOG_SIZE && i < cpu->exit_log_next; i++) {
		u32 nr = cpu->exit_log_next - 1 - i;
		const struct exit_record *r = &cpu->exit_log[nr % EXIT_LOG_SIZE];

		log_error("exit %u: code %lx info %lx rip %016lx", nr, r->code, r->info1, r->rip);
	}
}

static _Noreturn void halt_forever(void)
{
	for (;;) {
		irq_disable();
		cpu_halt();
	}
}

static void debug_exit(u8 status)
{
	if (boot && boot->config.debug_exit_port) {
		outb((u16)boot->config.debug_exit_port, status);
	}
}

bool arch_record_keep(const char *text, size_t size)
{
	return firmware_record_keep(text, size);
}

/* The panic may be of the firmware's runtime services: back to our own tables. */
void arch_fatal_exit(void)
{
	hostpt_runtime(false);
	smp_stop();
	debug_exit(EXIT_PANIC);
	halt_forever();
}

/* Waits until the bit is set, or it is to no avail. */
static void pm1_wait(u64 bit)
{
	u64 start_ns = time_now_ns();

	while (!(inw(acpi.pm1_control[0]) & bit) && time_now_ns() - start_ns < ACPI_WAIT_NS) {
		cpu_relax();
	}
}

/* ACPI 6.5, "Transitioning from the Working to the Soft Off State", without the method \_PTS. */
static void acpi_power_off(void)
{
	if (!acpi.has_s5 || !acpi.pm1_control[0]) {
		return;
	}
	if (acpi.smi_command && acpi.acpi_enable) {
		outb(acpi.smi_command, acpi.acpi_enable);
		pm1_wait(PM1_SCI_EN);
	}
	for (u32 i = 0; i < 2 && acpi.pm1_control[i]; i++) {
		u64 value = inw(acpi.pm1_control[i]) & ~(PM1_SLP_TYP | PM1_SLP_EN);

		value |= FIELD_PREP(PM1_SLP_TYP, acpi.s5_type[i]) | PM1_SLP_EN;
		outw(acpi.pm1_control[i], (u16)value);
	}
	pm1_wait(0);
}

void arch_machine_end(const struct boot_info *bi, bool success)
{
	if (!success) {
		debug_exit(EXIT_FAILURE_GUEST);
		hv_wait_for_enter();
	}
	hv_screen_finish();
	firmware_power_off(bi);
	acpi_power_off();
	log_error("the firmware did not power the machine off: do it by hand");
	hv_screen_finish();
	halt_forever();
}
