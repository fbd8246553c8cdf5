// SPDX-License-Identifier: Apache-2.0
/* What the loader needs of an architecture. One implementation per architecture, chosen by link. */
#pragma once

#include <efi.h>

#include "boot/config.h"
#include "boot/core_elf.h"
#include "boot/memmap.h"
#include "boot/survey.h"
#include "vmm/boot_info.h"
#include "vmm/guest_image.h"

/* The core ELF file carried inside the loader: from start up to end. */
extern const u8 core_image_start[], core_image_end[];

enum core_machine machine_elf_kind(void);

/* What configurations may ask for on this machine, and what its guests are. */
extern const struct config_limits *const machine_limits;
extern const enum guest_machine machine_guest;
extern const char *const machine_architecture; /* as UEFI calls it: "x64" */
extern const char *const machine_console;      /* for Linux' command line */

/* The cycle counter. */
u64 machine_cycles(void);

/*
 * Prints what CPU this is and adds its rows to @survey. Returns true when it has all that the core
 * needs; if not, machine_refuse() prints what it lacks.
 */
bool machine_check(struct survey *survey);
void machine_refuse(void);

/* CPUs by the device tree at @fdt, 0: not told; *smmu: it has an SMMU. Without FDTs: 0. */
u32 machine_fdt_cpus(const void *fdt, bool *smmu);

/* Whether ACPI tables or a device tree are what the core cannot do without. */
extern const bool machine_needs_tables;

/* Memory has to end here, or below, for the direct map to hold it; a multiple of 1 TiB. */
extern const u64 machine_memory_max;

/*
 * Builds the tables that the core starts under, by the boot contract: @core's segments, loaded at
 * @info->core_base, and the direct map of @map, whose end goes to direct_map_end. A framebuffer
 * that belongs there and is out of reach is dropped. Errors: EFI_UNSUPPORTED above
 * machine_memory_max, EFI_OUT_OF_RESOURCES, EFI_ABORTED.
 */
EFI_STATUS machine_tables_build(struct boot_info *info, const struct core_elf *core,
				const struct memmap *map);

/* After boot services: switches to the tables and enters the core with @info, a direct-map address.
 */
_Noreturn void machine_enter(const struct core_elf *core, u64 info);
