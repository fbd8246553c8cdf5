// SPDX-License-Identifier: Apache-2.0
/*
 * The boot contract: what a loader hands to the core, once. Plain C; no UEFI type.
 *
 * At entry of hv_start, on both architectures:
 *   - the MMU is on with the loader's tables: the core at its link address by its ELF segment
 *     permissions (W^X), and memory at DIRECT_MAP_BASE, writable, not executable;
 *   - interrupts off, boot services gone, one CPU; no stack;
 *   - every pointer in here is a direct-map address; every u64 base is host-physical.
 * Everything of kind BOOT_RANGE_FREE is the core's. The loader's tables, this structure and what
 * it points to lie in BOOT_RANGE_LOADER, the modules and the core in BOOT_RANGE_MODULE/_CORE.
 *
 * x86-64: rdi = struct boot_info *. The direct map is all of the address space up to
 * @direct_map_end, which includes the framebuffer.
 *
 * AArch64: x0 = struct boot_info *. EL2, SP_EL2 selected, PSTATE.DAIF all set.
 *   HCR_EL2     RW, and E2H exactly where FEAT_VHE is implemented; TGE and all else 0
 *   SCTLR_EL2   M, C, I, SA and the RES1 bits
 *   TTBR0_EL2   4 KiB granule, 48-bit input (T0SZ 16), output as PARange says (at most 48 bits),
 *               walks Inner Shareable Write-Back; nothing at TTBR1_EL2 (EPD1) with E2H
 *   MAIR_EL2    attr0 Normal Write-Back 0xff, attr1 Write-Through 0xbb, attr2 Non-cacheable 0x44,
 *               attr3 Device-nGnRE 0x04
 * The direct map has the ranges of every kind but BOOT_RANGE_RESERVED and BOOT_RANGE_MMIO, as
 * Normal Write-Back, and neither holes nor devices nor the framebuffer; @direct_map_end is the end
 * of the highest. One page of the loader's is identity-mapped besides, for the jump. The core's
 * whole image is clean to the Point of Coherency. Every other register is as the firmware left it.
 */
#pragma once

#include "mm/types.h"

#define BOOT_INFO_MAGIC  0x0001454c434f53ULL /* "SOCLE", version 1 */
#define BOOT_MAX_VMS     8
#define BOOT_VM_MODULES  4 /* that a VM's kernel is given besides an initrd */
#define BOOT_MAX_MODULES ((2 + BOOT_VM_MODULES) * BOOT_MAX_VMS)
#define BOOT_NAME_MAX    32
#define BOOT_PATH_MAX    128
#define BOOT_OPTIONS_MAX 1024
#define BOOT_TEXT_MAX    64
#define BOOT_NO_MODULE   0xffffffffu
#define DIRECT_MAP_BASE  0x0000400000000000ULL

/*
 * The UEFI variable in which a panic leaves its report, as text, for the loader's next start: its
 * GUID, its name in UTF-16, the most that it holds, and its attributes (non-volatile, for boot and
 * run time). Where the firmware has no room for all of it, the first BOOT_CRASH_MIN bytes.
 */
#define BOOT_CRASH_GUID                                                \
	{                                                              \
		0x5e0c1e50, 0x6c61, 0x4d73,                            \
		{                                                      \
			0x8c, 0x1e, 0x73, 0x6f, 0x63, 0x6c, 0x65, 0x01 \
		}                                                      \
	}
#define BOOT_CRASH_NAME                                             \
	{                                                           \
		'S', 'o', 'c', 'l', 'e', 'C', 'r', 'a', 's', 'h', 0 \
	}
#define BOOT_CRASH_MAX        4096
#define BOOT_CRASH_MIN        960
#define BOOT_CRASH_ATTRIBUTES 7

struct boot_guid { /* EFI_GUID */
	u32 a;
	u16 b, c;
	u8 d[8];
};

enum boot_range_kind {
	BOOT_RANGE_FREE,     /* ordinary memory, nobody's */
	BOOT_RANGE_LOADER,   /* boot_info, loader's page tables, core ELF file (for its symbols) */
	BOOT_RANGE_MODULE,   /* images named by the configuration */
	BOOT_RANGE_CORE,     /* the core's segments */
	BOOT_RANGE_RUNTIME,  /* UEFI runtime services code and data: keep, identity-map to call */
	BOOT_RANGE_ACPI,     /* ACPI tables and NVS: keep */
	BOOT_RANGE_RESERVED, /* memory that is not ours */
	BOOT_RANGE_MMIO,     /* device registers the firmware declares */
};

struct boot_range {
	u64 base, size; /* page-aligned; sorted by base; no overlap */
	u32 kind;       /* enum boot_range_kind */
	u32 pad;
};

struct boot_module {
	char path[BOOT_PATH_MAX]; /* as written in the configuration */
	u64 base, size;           /* size in bytes, unpacked; memory is page-aligned and padded */
};

enum boot_pixel_format { BOOT_PIXEL_BGRX8, BOOT_PIXEL_RGBX8 };

/* The firmware's linear framebuffer; width 0: none. */
struct boot_framebuffer {
	u64 base, size;
	u32 width, height, stride_pixels;
	u32 format; /* enum boot_pixel_format */
};

/* What a VM's kernel is, and how it is entered. */
enum boot_image_kind {
	BOOT_IMAGE_LINUX,     /* x86: bzImage; arm64: Image */
	BOOT_IMAGE_ELF,       /* x86: Linux' protocol for its entry's mode; arm64: as Image */
	BOOT_IMAGE_MULTIBOOT, /* x86: Multiboot 1 */
	BOOT_IMAGE_PVH,       /* x86: ELF with Xen's note of a 32-bit entry */
	BOOT_IMAGE_RAW,       /* arm64: bytes that run where they lie */
	BOOT_IMAGE_KINDS
};

struct boot_vm_module {
	u32 module; /* index into modules */
	char text[BOOT_TEXT_MAX];
};

enum boot_vm_flag {
	BOOT_VM_NESTED = 1,      /* the guest may be a hypervisor */
	BOOT_VM_WAITING = 2,     /* created and not started, until the user says so */
	BOOT_VM_FRAMEBUFFER = 4, /* has the machine's; one VM at most */
};

struct boot_vm {
	char name[BOOT_NAME_MAX];
	char options[BOOT_OPTIONS_MAX];
	u64 memory; /* bytes, multiple of 2 MiB */
	u64 cpus;   /* host CPUs that may run it, a bit each; 0: all */
	u32 vcpus;
	u32 linux_module, initrd_module; /* index into modules, or BOOT_NO_MODULE */
	u32 line;                        /* of its `vm` header in the configuration, for messages */
	u32 kind;                        /* enum boot_image_kind, of what linux_module is */
	u32 flags;                       /* of enum boot_vm_flag */
	u32 debug_exit_port;             /* x86: where the guest ends itself, 0: nowhere */
	u32 module_count;
	struct boot_vm_module modules[BOOT_VM_MODULES];
};

/* The parsed configuration: settings of Socle's own, then the VMs. */
struct boot_config {
	u32 timeout_s;
	u32 debug_exit_port; /* x86: QEMU isa-debug-exit port; arm64: any, semihosting; 0: none */
	u32 vm_count;
	u32 front_vm; /* index of the one at the console when Socle starts */
	struct boot_vm vms[BOOT_MAX_VMS];
};

struct boot_info {
	u64 magic;
	u64 direct_map_end;          /* above all that is mapped at DIRECT_MAP_BASE, physical */
	u64 core_base, core_size;    /* where the core's lowest link address lies; contiguous */
	u64 core_elf, core_elf_size; /* the core's ELF file, whole */
	u64 acpi_rsdp;               /* 0: none */
	u64 fdt;                     /* a copy of the flattened device tree, 0: none */
	u64 efi_reset_system;        /* UEFI runtime ResetSystem entry, 0: none */
	u64 efi_set_variable;        /* the same of SetVariable */
	u64 unix_time;  /* seconds since 1970-01-01 UTC by the firmware's clock, 0: unknown */
	u64 loader_tsc; /* cycle counter at loader entry */
	struct boot_framebuffer framebuffer;
	struct boot_range *ranges;
	u64 range_count;
	struct boot_module modules[BOOT_MAX_MODULES];
	u64 module_count;
	struct boot_config config;
};
