// SPDX-License-Identifier: Apache-2.0
/* The header of a bzImage. Pure. Offsets: "The Real-Mode Kernel Header". */
#include <string.h>

#include "arch/x86/linux_boot.h"

#define HDR_SETUP_SECTS  0x1f1
#define HDR_BOOT_FLAG    0x1fe
#define HDR_JUMP         0x200
#define HDR_MAGIC        0x202
#define HDR_VERSION      0x206
#define HDR_LOADFLAGS    0x211
#define HDR_INITRD_MAX   0x22c
#define HDR_RELOCATABLE  0x234
#define HDR_XLOADFLAGS   0x236
#define HDR_CMDLINE_SIZE 0x238
#define HDR_PREF_ADDRESS 0x258
#define HDR_INIT_SIZE    0x260
#define HDR_END          0x264

#define XLF_KERNEL_64  BIT(0)
#define VERSION_MIN    0x20c
#define ENTRY64_OFFSET 0x200
#define LOAD_MIN       0x100000

static u64 field(const u8 *image, u32 offset, u32 size)
{
	u64 v = 0;

	memcpy(&v, image + offset, size);
	return v;
}

const char *bzimage_parse(const u8 *image, u64 size, struct bzimage *out)
{
	u64 setup_sects, init_size;

	if (size < 0x1000) {
		return "a file of at least 4 KiB";
	}
	if (field(image, HDR_BOOT_FLAG, 2) != 0xaa55 || field(image, HDR_MAGIC, 4) != 0x53726448) {
		return "a bzImage (0xAA55 at 0x1fe, \"HdrS\" at 0x202)";
	}
	if (field(image, HDR_VERSION, 2) < VERSION_MIN ||
	    !(field(image, HDR_XLOADFLAGS, 2) & XLF_KERNEL_64)) {
		return "boot protocol 2.12 or newer with the 64-bit entry (XLF_KERNEL_64)";
	}
	setup_sects = field(image, HDR_SETUP_SECTS, 1);
	setup_sects = setup_sects ? setup_sects : 4;
	out->payload_offset = (setup_sects + 1) * 512;
	if (size <= out->payload_offset + ENTRY64_OFFSET) {
		return "a file that holds its setup sectors and the kernel";
	}
	out->payload_size = size - out->payload_offset;
	out->load_addr = field(image, HDR_PREF_ADDRESS, 8);
	init_size = field(image, HDR_INIT_SIZE, 4);
	out->init_size = max_u64(init_size, out->payload_size);
	out->initrd_max = field(image, HDR_INITRD_MAX, 4);
	out->cmdline_max = (u32)field(image, HDR_CMDLINE_SIZE, 4);
	out->setup_header_end = (u32)min_u64(HDR_JUMP + 2 + image[HDR_JUMP + 1], 0x290);
	if (out->load_addr < LOAD_MIN || out->load_addr >= BIT(32) ||
	    !is_aligned(out->load_addr, PAGE_SIZE) || out->setup_header_end < HDR_END) {
		return "a load address (pref_address) from 1 MiB up, below 4 GiB";
	}
	return NULL;
}
