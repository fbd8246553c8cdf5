// SPDX-License-Identifier: Apache-2.0
/*
 * What the host machine is, of the little that the core needs: interrupt controller, timers, serial
 * port, PSCI, CPUs; from the firmware's ACPI tables or from its device tree. Pure parsers.
 *
 * Interrupts are GIC INTIDs, 0: not told. Something broken is left out with a warning, as if it
 * were not there; host_info_missing() then says whether the machine will do.
 */
#pragma once

#include "vmm/acpi.h"

#define HOST_MAX_CPUS 256
#define HOST_MAX_GICR 256 /* by ACPI each CPU may have a region of its own */
#define HOST_MAX_ITS  8

enum host_uart_kind {
	HOST_UART_NONE,
	HOST_UART_PL011,
	HOST_UART_SBSA, /* a PL011 without line control: Arm BSA, "Generic UART" */
	HOST_UART_16550,
};

/* How PSCI is called. */
enum host_psci { HOST_PSCI_NONE, HOST_PSCI_SMC, HOST_PSCI_HVC };

struct host_region {
	u64 base, size; /* size 0: none */
};

struct host_uart {
	enum host_uart_kind kind;
	u64 base;
	u32 irq;
	u8 reg_width; /* bytes of an access: 1, 2 or 4 */
	u8 reg_shift; /* register n lies at n << reg_shift */
};

struct host_info {
	u8 gic_version; /* 3 or 4: ours; 1 or 2: too old; 0: none found */
	struct host_region gicd;
	u32 gicr_count;
	struct host_region gicr[HOST_MAX_GICR]; /* each holds one redistributor or more in a row */
	u64 gicr_stride;                        /* 0: as GICR_TYPER says */
	u32 its_count;
	u64 its[HOST_MAX_ITS];

	u32 timer_virt_irq, timer_phys_irq, timer_hyp_irq; /* of EL1 virtual, EL1, EL2 physical */
	u32 maintenance_irq;

	struct host_uart uart;
	enum host_psci psci;
	u32 cpu_count;
	u64 cpu_mpidr[HOST_MAX_CPUS]; /* MPIDR_EL1's affinity fields */
};

/* Fills @host from the tables that acpi_init() has read. */
void host_info_from_acpi(struct host_info *host, const struct acpi_info *acpi);

/*
 * Fills @host from the device tree in the @size bytes at @fdt, 8-byte aligned. Returns 0; -EINVAL
 * when it is no sound tree.
 */
int host_info_from_fdt(struct host_info *host, const void *fdt, u64 size) __must_check;

/*
 * Whether something is missing that Socle cannot run without; its names go to the @size bytes at
 * @text, "GICv3 (found: GICv2), EL2 timer interrupt".
 */
bool host_info_missing(const struct host_info *host, char *text, size_t size) __must_check;
