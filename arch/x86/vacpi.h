// SPDX-License-Identifier: Apache-2.0
/*
 * The guest's ACPI tables, compiled by iasl from arch/x86/acpi, placed and completed here: RSDP,
 * XSDT, FADT, FACS, MADT, DSDT. ACPI 6.4, "ACPI Software Programming Model".
 */
#pragma once

#include "mm/types.h"

#define VACPI_SIZE_MAX 0x4000u /* enough for every configuration */

struct vacpi_config {
	u32 cpu_count;       /* 1..64 */
	const u32 *apic_ids; /* one per CPU; NULL: 0, 1, 2... */
};

/*
 * Writes the tables to @buf, which the guest sees at @base (64-byte aligned, below 4 GiB). The
 * RSDP comes first, so its address is @base.
 * Returns the bytes used, 0 if @size or the configuration does not fit.
 */
size_t vacpi_build(void *buf, size_t size, gpa_t base, const struct vacpi_config *config);
