// SPDX-License-Identifier: Apache-2.0
/* Linux by its boot protocol (Linux, "The Linux/x86 Boot Protocol"), and the way to the others. */
#pragma once

#include "vmm/vm.h"

/* What a bzImage's header says. */
struct bzimage {
	u64 payload_offset, payload_size; /* of the protected-mode kernel in the file */
	u64 load_addr;                    /* where it wants to be */
	u64 init_size;                    /* memory it needs from there on */
	u64 initrd_max;                   /* last byte an initrd may have */
	u32 cmdline_max;
	u32 setup_header_end; /* offset in the file */
};

/*
 * Reads the header of the @size bytes at @image. Pure. Returns NULL, or what was expected.
 */
const char *bzimage_parse(const u8 *image, u64 size, struct bzimage *out);

/*
 * Puts kernel, initrd or modules, command line, tables into guest memory and sets the boot vCPU's
 * registers, by the protocol of the kernel's kind.
 */
int guest_boot(struct vm *vm) __must_check;
