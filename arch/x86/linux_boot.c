// SPDX-License-Identifier: Apache-2.0
/* bzImage, and ELF by the same protocol: what a bzImage's header says of itself is then filled in.
 */
#include "arch/x86/linux_boot.h"

#include <errno.h>
#include <string.h>

#include "arch/x86/guest_setup.h"
#include "arch/x86/image_boot.h"
#include "mm/page.h"
#include "vmm/log.h"
#include "vmm/vcpu.h"

/* boot_params; struct screen_info is at its beginning. */
#define BP_VIDEO_TYPE  0x00f
#define BP_LFB_WIDTH   0x012
#define BP_LFB_HEIGHT  0x014
#define BP_LFB_DEPTH   0x016
#define BP_LFB_BASE    0x018
#define BP_LFB_SIZE    0x01c
#define BP_LFB_LINE    0x024
#define BP_LFB_COLOURS 0x026 /* size and position of red, green, blue, the rest */
#define VIDEO_TYPE_EFI 0x70
#define BP_ACPI_RSDP   0x070
#define BP_E820_COUNT  0x1e8
#define BP_HDR         0x1f1
#define BP_BOOT_FLAG   0x1fe
#define BP_MAGIC       0x202
#define BP_LOADER_TYPE 0x210
#define BP_INITRD_ADDR 0x218
#define BP_INITRD_SIZE 0x21c
#define BP_CMDLINE     0x228
#define BP_E820        0x2d0
#define E820_MAX       128
#define LOADER_UNKNOWN 0xff
#define BOOT_FLAG      0xaa55
#define HEADER_MAGIC   0x53726448 /* "HdrS" */

struct e820_entry {
	u64 base, size;
	u32 type;
} __attribute__((packed));

struct zero_page {
	u8 bytes[4096];
};

/* Where the kernel is, and what else may be put where. */
struct kernel {
	u64 entry, end;
	u64 initrd_max; /* last byte an initrd may have */
	u32 cmdline_max;
	bool is_64;
};

static void put(struct zero_page *zp, u32 offset, u64 val, u32 size)
{
	memcpy(zp->bytes + offset, &val, size);
}

static void put_map(struct zero_page *zp, const struct vm *vm)
{
	static struct guest_map map; /* VMs are loaded one at a time */
	u32 count;

	guest_map_make(vm, &map);
	count = (u32)min_u64(map.count, E820_MAX);
	for (u32 i = 0; i < count; i++) {
		const struct guest_range *r = &map.range[i];
		struct e820_entry e = {r->base, r->size, r->type};

		memcpy(zp->bytes + BP_E820 + sizeof(e) * i, &e, sizeof(e));
	}
	put(zp, BP_E820_COUNT, count, 1);
}

/* As EFI's framebuffer: 32 bits a pixel, no address above 4 GiB. */
static void put_screen(struct zero_page *zp, const struct vm *vm)
{
	static const u8 colours[][8] = {
		[BOOT_PIXEL_BGRX8] = {8, 16, 8, 8, 8, 0, 8, 24},
		[BOOT_PIXEL_RGBX8] = {8, 0, 8, 8, 8, 16, 8, 24},
	};
	const struct boot_framebuffer *fb = &vm->boot->framebuffer;

	if (!vm->framebuffer.size) {
		return;
	}
	put(zp, BP_VIDEO_TYPE, VIDEO_TYPE_EFI, 1);
	put(zp, BP_LFB_WIDTH, fb->width, 2);
	put(zp, BP_LFB_HEIGHT, fb->height, 2);
	put(zp, BP_LFB_DEPTH, 32, 2);
	put(zp, BP_LFB_BASE, vm->framebuffer.base.v, 4);
	put(zp, BP_LFB_SIZE, vm->framebuffer.size, 4);
	put(zp, BP_LFB_LINE, fb->stride_pixels * sizeof(u32), 2);
	memcpy(zp->bytes + BP_LFB_COLOURS, colours[fb->format], sizeof(colours[0]));
}

static int load_initrd(struct vm *vm, const struct kernel *k, struct zero_page *zp)
{
	u64 top = min_u64(guest_low_memory_end(vm), k->initrd_max + 1);
	u32 index = vm->config->initrd_module;
	int err;

	if (index == BOOT_NO_MODULE) {
		return 0;
	}
	err = guest_module_load(vm, index, k->end, &top);
	put(zp, BP_INITRD_ADDR, top, 4);
	put(zp, BP_INITRD_SIZE, vm->boot->modules[index].size, 4);
	return err;
}

static int load_bzimage(struct vm *vm, struct kernel *k, struct zero_page *zp)
{
	const struct boot_module *m = &vm->boot->modules[vm->config->linux_module];
	const u8 *image = phys_ptr(hpa(m->base));
	struct bzimage bz;
	const char *expected = bzimage_parse(image, m->size, &bz);

	if (expected) {
		log_vm(LOG_WARN, vm->config->name, "%s: expected %s", m->path, expected);
		return -ENOEXEC;
	}
	*k = (struct kernel){bz.load_addr + 0x200, bz.load_addr + bz.init_size, bz.initrd_max,
			     bz.cmdline_max, true};
	if (k->end > guest_low_memory_end(vm)) {
		log_vm(LOG_WARN, vm->config->name, "%s: needs %lu MiB of memory, has %lu", m->path,
		       (k->end + BIT(20) - 1) >> 20, guest_low_memory_end(vm) >> 20);
		return -ENOMEM;
	}
	memcpy(zp->bytes + BP_HDR, image + BP_HDR, bz.setup_header_end - BP_HDR);
	return vm_write(vm, gpa(bz.load_addr), image + bz.payload_offset, bz.payload_size);
}

static int load_elf(struct vm *vm, struct kernel *k, struct zero_page *zp)
{
	struct guest_image image;
	int err = guest_kernel_load(vm, &image);

	*k = (struct kernel){image.entry, image.end, ~(u32)0, BOOT_OPTIONS_MAX, image.is_64};
	put(zp, BP_BOOT_FLAG, BOOT_FLAG, 2);
	put(zp, BP_MAGIC, HEADER_MAGIC, 4);
	return err;
}

static int load_cmdline(struct vm *vm, const struct kernel *k)
{
	size_t size = strlen(vm->config->options) + 1;

	if (size - 1 > k->cmdline_max) {
		log_vm(LOG_WARN, vm->config->name, "options: %lu characters, the kernel takes %u",
		       size - 1, k->cmdline_max);
		return -EINVAL;
	}
	return vm_write(vm, gpa(GUEST_TEXT_ADDR), vm->config->options, size);
}

/* "64-bit Boot Protocol", or "32-bit Boot Protocol" for an ELF32: [ER]SI at boot_params. */
static int enter(struct vm *vm, const struct kernel *k)
{
	int err = 0;

	if (k->is_64) {
		err = guest_enter_64(vm, k->entry);
	} else {
		guest_enter_32(vm, k->entry);
	}
	vm->vcpu[0]->arch.gpr[6] = GUEST_INFO_ADDR;
	return err;
}

static int zero_page_boot(struct vm *vm)
{
	static struct zero_page zp; /* VMs are loaded one at a time */
	struct kernel k;
	int err;

	memset(&zp, 0, sizeof(zp));
	err = vm->config->kind == BOOT_IMAGE_ELF ? load_elf(vm, &k, &zp)
						 : load_bzimage(vm, &k, &zp);
	if (err) {
		return err;
	}
	err = load_initrd(vm, &k, &zp);
	if (err) {
		return err;
	}
	err = load_cmdline(vm, &k);
	if (err) {
		return err;
	}
	put_map(&zp, vm);
	put_screen(&zp, vm);
	put(&zp, BP_LOADER_TYPE, LOADER_UNKNOWN, 1);
	put(&zp, BP_CMDLINE, GUEST_TEXT_ADDR, 4);
	put(&zp, BP_ACPI_RSDP, GUEST_ACPI_ADDR, 8);
	if (guest_tables_load(vm, k.is_64) ||
	    vm_write(vm, gpa(GUEST_INFO_ADDR), zp.bytes, sizeof(zp.bytes))) {
		return -EFAULT;
	}
	return enter(vm, &k);
}

int guest_boot(struct vm *vm)
{
	switch ((enum boot_image_kind)vm->config->kind) {
	case BOOT_IMAGE_LINUX:
	case BOOT_IMAGE_ELF:
		return zero_page_boot(vm);
	case BOOT_IMAGE_MULTIBOOT:
		return multiboot_boot(vm);
	case BOOT_IMAGE_PVH:
		return pvh_boot(vm);
	case BOOT_IMAGE_RAW:
	case BOOT_IMAGE_KINDS:
		break;
	}
	log_vm(LOG_WARN, vm->config->name, "no x86 guest is entered so (%u)", vm->config->kind);
	return -ENOEXEC;
}
