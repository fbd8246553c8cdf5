// SPDX-License-Identifier: Apache-2.0
/*
 * What the host's ACPI tables say, of the little that the core needs: timers, CPUs, interrupt
 * controllers, serial port, reset register, power-off, PSCI. A pure parser over a window of
 * physical memory: no AML but the name \_S5, where it is a package of numbers.
 *
 * A table that is cut short, has a wrong checksum or lies outside of the window is ignored with a
 * warning. Advanced Configuration and Power Interface Specification 6.5, chapter "ACPI Software
 * Programming Model"; Microsoft's "Serial Port Console Redirection Table".
 */
#pragma once

#include "mm/types.h"

#define ACPI_MAX_CPUS      256
#define ACPI_MAX_IOAPICS   8
#define ACPI_MAX_OVERRIDES 16
#define ACPI_MAX_GICRS     32
#define ACPI_MAX_ITS       8

/*
 * Physical memory that the parser may read: the byte at address @start lies at @base. Not all of
 * the window need be mapped: reach(), where not NULL, is called before bytes of it are read.
 */
struct acpi_window {
	const void *base;
	u64 start, size;
	void (*reach)(u64 address, u64 size);
};

/* "Generic Address Structure (GAS)": where a register lies. */
enum acpi_space { ACPI_SPACE_MEMORY, ACPI_SPACE_IO };

struct acpi_address {
	u64 address; /* 0: there is none */
	u8 space;    /* enum acpi_space, or another number */
	u8 bit_width;
	u8 access_bytes; /* 1, 2, 4 or 8; 0: not told */
};

/* "GIC CPU Interface (GICC) Structure" of a CPU that is enabled. */
struct acpi_gicc {
	u64 mpidr;
	u64 gicr_base;       /* 0: in one of the regions */
	u32 maintenance_gsi; /* 0: not told */
};

/* "GIC Redistributor (GICR) Structure" */
struct acpi_gicr {
	u64 base;
	u32 size;
};

struct acpi_ioapic {
	u32 id, address, gsi_base;
};

/* An ISA interrupt that is wired unlike ISA: MPS INTI flags as in the table. */
struct acpi_override {
	u32 gsi;
	u16 flags;
	u8 isa_irq;
};

struct acpi_info {
	bool has_fadt, has_madt, has_spcr, has_gtdt;
	bool has_dmar, has_ivrs, has_iort; /* tables of IOMMUs, not read */

	u16 pm_timer_port; /* 0: none, or not in I/O space */
	u8 pm_timer_bits;  /* 24 or 32 */
	u16 sci_irq;
	u16 pm1_control[2]; /* ports of PM1a and PM1b; 0: none, or not in I/O space */
	u16 smi_command;    /* port by which ACPI mode is switched on, 0: it is on */
	u8 acpi_enable;     /* what is written there */
	u64 dsdt;
	bool has_s5;   /* the DSDT tells how to power off: "\_Sx (System State 5)" */
	u8 s5_type[2]; /* SLP_TYP of PM1a and PM1b */
	struct acpi_address reset_register; /* address 0: not supported */
	u8 reset_value;

	u64 lapic_base;
	u32 cpu_count; /* enabled ones; the boot CPU is among them */
	u32 cpu_apic_ids[ACPI_MAX_CPUS];
	u32 ioapic_count;
	struct acpi_ioapic ioapics[ACPI_MAX_IOAPICS];
	u32 override_count;
	struct acpi_override overrides[ACPI_MAX_OVERRIDES];

	u64 gicd_base;  /* 0: no distributor */
	u8 gic_version; /* as the table says, 0: it does not */
	u32 gicc_count;
	struct acpi_gicc giccs[ACPI_MAX_CPUS];
	u32 gicr_count;
	struct acpi_gicr gicrs[ACPI_MAX_GICRS];
	u32 its_count;
	u64 its[ACPI_MAX_ITS];
	u32 timer_phys_gsi, timer_virt_gsi,
		timer_hyp_gsi; /* GTDT: EL1, EL1 virtual, EL2; 0: none */
	bool has_psci, psci_by_hvc;

	struct acpi_address serial;
	u8 serial_type; /* SPCR interface type: 0 16550, 3 PL011, ... */
	u32 serial_gsi; /* 0: not told */
};

/*
 * Reads the tables that the RSDP at physical address @rsdp leads to; @info is filled as far as they
 * tell, the rest is 0. Returns 0; -ENOENT without a usable RSDP and XSDT or RSDT.
 */
int acpi_init(struct acpi_info *info, u64 rsdp, const struct acpi_window *window) __must_check;

/*
 * The GSI and the MPS INTI flags of ISA interrupt @irq: by its override, else the same number and
 * flags 0 ("conforms to the bus": edge-triggered, active high).
 */
u32 acpi_isa_gsi(const struct acpi_info *info, u8 irq, u16 *flags);
