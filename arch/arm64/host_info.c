// SPDX-License-Identifier: Apache-2.0
/*
 * The host by its ACPI tables, and whether it will do. Advanced Configuration and Power Interface
 * Specification 6.5, "Multiple APIC Description Table (MADT)", "Generic Timer Description Table
 * (GTDT)"; Microsoft, "Serial Port Console Redirection Table" and "Debug Port Table 2".
 */
#include "arch/arm64/host_info.h"

#include <stdio.h>
#include <string.h>

#include "mm/bits.h"
#include "vmm/log.h"

#define GICR_FRAMES_SIZE 0x20000 /* RD_base and SGI_base; the driver looks for more */

/* "Debug Port Table 2", serial port subtypes. */
#define SPCR_16550        0x00
#define SPCR_16550_SUBSET 0x01
#define SPCR_PL011        0x03
#define SPCR_SBSA_32      0x0d
#define SPCR_SBSA         0x0e
#define SPCR_16550_GAS    0x12

/* MPIDR_EL1, "Multiprocessor Affinity Register": Aff3, Aff2 to Aff0. */
#define MPIDR_AFFINITY (GENMASK(39, 32) | GENMASK(23, 0))

static void add_gicr(struct host_info *host, u64 base, u64 size)
{
	if (base && size && host->gicr_count < HOST_MAX_GICR) {
		host->gicr[host->gicr_count++] = (struct host_region){base, size};
	}
}

static void take_gic(struct host_info *host, const struct acpi_info *acpi)
{
	for (u32 i = 0; i < acpi->gicr_count; i++) {
		add_gicr(host, acpi->gicrs[i].base, acpi->gicrs[i].size);
	}
	for (u32 i = 0; i < acpi->gicc_count; i++) {
		const struct acpi_gicc *cpu = &acpi->giccs[i];

		host->cpu_mpidr[host->cpu_count++] = cpu->mpidr & MPIDR_AFFINITY;
		if (acpi->gicr_count == 0) {
			add_gicr(host, cpu->gicr_base, GICR_FRAMES_SIZE);
		}
		if (host->maintenance_irq == 0) {
			host->maintenance_irq = cpu->maintenance_gsi;
		}
	}
	for (u32 i = 0; i < acpi->its_count && host->its_count < HOST_MAX_ITS; i++) {
		host->its[host->its_count++] = acpi->its[i];
	}
	if (!acpi->gicd_base) {
		return;
	}
	host->gicd = (struct host_region){acpi->gicd_base, 0x10000};
	host->gic_version = acpi->gic_version;
	if (host->gic_version == 0) { /* "determine it from the hardware": only GICv3 has these */
		host->gic_version = host->gicr_count ? 3 : 2;
	}
}

static enum host_uart_kind uart_kind(u8 spcr_type)
{
	switch (spcr_type) {
	case SPCR_PL011:
		return HOST_UART_PL011;
	case SPCR_SBSA:
	case SPCR_SBSA_32:
		return HOST_UART_SBSA;
	case SPCR_16550:
	case SPCR_16550_SUBSET:
	case SPCR_16550_GAS:
		return HOST_UART_16550;
	default:
		return HOST_UART_NONE;
	}
}

static u8 shift_of(u8 width)
{
	return width == 4 ? 2 : width == 2 ? 1 : 0;
}

/* A 16550's registers are as far apart as they are wide; an old table tells the width in bits. */
static void take_uart(struct host_info *host, const struct acpi_info *acpi)
{
	enum host_uart_kind kind = uart_kind(acpi->serial_type);
	u8 width = acpi->serial.access_bytes;

	if (!acpi->has_spcr || acpi->serial.address == 0) {
		return;
	}
	if (kind == HOST_UART_NONE || acpi->serial.space != ACPI_SPACE_MEMORY) {
		log_warn("ACPI: table SPCR: interface type %u in address space %u is not supported",
			 acpi->serial_type, acpi->serial.space);
		return;
	}
	if (kind != HOST_UART_16550) {
		width = 4;
	} else if (width == 0) {
		width = acpi->serial.bit_width == 32 ? 4 : 1;
	} else if (width > 4) {
		width = 4;
	}
	host->uart = (struct host_uart){
		.kind = kind,
		.base = acpi->serial.address,
		.irq = acpi->serial_gsi,
		.reg_width = width,
		.reg_shift = kind == HOST_UART_16550 ? shift_of(width) : 0,
	};
}

void host_info_from_acpi(struct host_info *host, const struct acpi_info *acpi)
{
	static_assert(HOST_MAX_CPUS >= ACPI_MAX_CPUS, "all of ACPI's CPUs have room");
	*host = (struct host_info){
		.timer_virt_irq = acpi->timer_virt_gsi,
		.timer_phys_irq = acpi->timer_phys_gsi,
		.timer_hyp_irq = acpi->timer_hyp_gsi,
	};
	take_gic(host, acpi);
	take_uart(host, acpi);
	if (acpi->has_psci) {
		host->psci = acpi->psci_by_hvc ? HOST_PSCI_HVC : HOST_PSCI_SMC;
	}
}

struct text {
	char *p;
	size_t size, used;
	u32 names;
};

static void name(struct text *t, const char *what)
{
	int n = snprintf(t->p + t->used, t->size - t->used, "%s%s", t->names++ ? ", " : "", what);

	if (n > 0) {
		t->used = min_u64(t->used + (size_t)n, t->size - 1);
	}
}

bool host_info_missing(const struct host_info *host, char *text, size_t size)
{
	struct text t = {.p = text, .size = size};

	assert(size);
	text[0] = '\0';
	if (host->gic_version == 0) {
		name(&t, "GICv3 (found: no GIC)");
	} else if (host->gic_version < 3) {
		name(&t, "GICv3 (found: GICv2)");
	} else if (host->gic_version > 4) {
		name(&t, "GICv3 or GICv4 (found: newer)");
	}
	if (host->gic_version && host->gicd.base == 0) {
		name(&t, "GIC distributor");
	}
	if (host->gic_version >= 3 && host->gicr_count == 0) {
		name(&t, "GIC redistributors");
	}
	if (host->gic_version >= 3 && host->maintenance_irq == 0) {
		name(&t, "GIC maintenance interrupt");
	}
	/* Without a controller an interrupt has no number either. */
	if (host->gic_version && host->timer_virt_irq == 0) {
		name(&t, "EL1 virtual timer interrupt");
	}
	if (host->gic_version && host->timer_hyp_irq == 0) {
		name(&t, "EL2 timer interrupt");
	}
	return t.names != 0;
}
