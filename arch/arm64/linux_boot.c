// SPDX-License-Identifier: Apache-2.0
/*
 * Guest memory at the first instruction: linux_image.h has the picture for an Image. ELF and raw
 * bytes lie where they want to, from the RAM base up; initrd and device tree far behind, as with
 * QEMU's -kernel, since nothing says how much memory such a kernel takes beyond its file.
 */
#include "arch/arm64/linux_boot.h"

#include <errno.h>
#include <string.h>

#include "arch/arm64/guest_dt.h"
#include "arch/arm64/linux_image.h"
#include "mm/bits.h"
#include "mm/page.h"
#include "vmm/guest_image.h"
#include "vmm/log.h"

#define DTB_BUFFER        0x10000
#define INITRD_MAX_OFFSET BIT(27) /* from the RAM base, of a kernel that is no Image */
#define CMDLINE_MAX       2048    /* COMMAND_LINE_SIZE of arm64 */

/* SPSR_EL2, "Saved Program Status Register (EL2)": D, A, I, F masked; EL1h. */
#define PSTATE_DAIF GENMASK(9, 6)
#define PSTATE_EL1H 0x5

static_assert(BOOT_OPTIONS_MAX <= CMDLINE_MAX, "the kernel takes what the configuration allows");

static_assert(GUEST_RAM_BASE == 0x40000000, "guest_image_ram_base()");

/* Slots that touch are one range to the guest. Returns how many there are. */
static u32 memory_ranges(const struct memslots *slots, struct guest_dt_range *ranges)
{
	u32 count = 0;

	for (u32 i = 0; i < slots->count; i++) {
		const struct memslot *s = &slots->slot[i];
		struct guest_dt_range *last = &ranges[count - 1];

		if (count && last->base + last->size == s->base.v) {
			last->size += s->size;
		} else {
			ranges[count++] = (struct guest_dt_range){s->base.v, s->size};
		}
	}
	return count;
}

static const struct boot_module *module_at(const struct vm *vm, u32 index)
{
	return index == BOOT_NO_MODULE ? NULL : &vm->boot->modules[index];
}

static u64 mib_up(u64 size)
{
	return (size + BIT(20) - 1) >> 20;
}

/* The layout, checked against the memory at the RAM base: the file at fault is named. */
static int place(const struct vm *vm, const struct linux_image *image, u64 ram_size,
		 struct linux_layout *layout)
{
	const struct boot_module *kernel = module_at(vm, vm->config->linux_module);
	const struct boot_module *initrd = module_at(vm, vm->config->initrd_module);
	struct linux_layout alone;

	if (linux_image_place(image, GUEST_RAM_BASE, 0, &alone) ||
	    linux_image_place(image, GUEST_RAM_BASE, initrd ? initrd->size : 0, layout)) {
		log_vm(LOG_WARN, vm->config->name, "%s: too large", initrd->path);
		return -ENOMEM;
	}
	if (alone.end - GUEST_RAM_BASE > ram_size) {
		log_vm(LOG_WARN, vm->config->name, "%s: needs %lu MiB of memory, has %lu",
		       kernel->path, (unsigned long)mib_up(alone.end - GUEST_RAM_BASE),
		       (unsigned long)(ram_size >> 20));
		return -ENOMEM;
	}
	if (layout->end - GUEST_RAM_BASE > ram_size) {
		log_vm(LOG_WARN, vm->config->name,
		       "%s: needs %lu MiB of memory behind the kernel's %lu MiB, has %lu MiB",
		       initrd->path, (unsigned long)mib_up(initrd->size),
		       (unsigned long)((layout->initrd - GUEST_RAM_BASE) >> 20),
		       (unsigned long)(ram_size >> 20));
		return -ENOMEM;
	}
	return 0;
}

static int load_module(struct vm *vm, const struct boot_module *m, u64 addr)
{
	return vm_write(vm, gpa(addr), phys_ptr(hpa(m->base)), m->size);
}

static int load_dtb(struct vm *vm, const struct linux_layout *layout,
		    const struct guest_dt_range *ranges, u32 count)
{
	static u64 buffer[DTB_BUFFER / sizeof(u64)]; /* VMs are loaded one at a time */
	const struct boot_framebuffer fb = vm->boot->framebuffer;
	const struct boot_module *initrd = module_at(vm, vm->config->initrd_module);
	struct guest_dt dt = {
		.memory = ranges,
		.memory_count = count,
		.vcpu_count = vm->vcpu_count,
		.bootargs = vm->config->options,
		.initrd_start = layout->initrd,
		.initrd_end = layout->initrd + (initrd ? initrd->size : 0),
		.screen = {{vm->framebuffer.base.v, vm->framebuffer.size},
			   fb.width,
			   fb.height,
			   fb.stride_pixels * (u32)sizeof(u32),
			   fb.format == BOOT_PIXEL_RGBX8},
	};
	int size = guest_dt_build(&dt, buffer, sizeof(buffer));

	assert(size > 0);
	return vm_write(vm, gpa(layout->dtb), buffer, (size_t)size);
}

static int load_image(struct vm *vm, const struct guest_dt_range *ram, struct linux_layout *layout)
{
	const struct boot_module *kernel = module_at(vm, vm->config->linux_module);
	const struct boot_module *initrd = module_at(vm, vm->config->initrd_module);
	struct linux_image image;
	const char *expected;
	int err;

	expected = linux_image_parse(phys_ptr(hpa(kernel->base)), kernel->size, &image);
	if (expected) {
		log_vm(LOG_WARN, vm->config->name, "%s: expected %s", kernel->path, expected);
		return -ENOEXEC;
	}
	err = place(vm, &image, ram->size, layout);
	if (err) {
		return err;
	}
	/* Memory is zero: what follows the file up to image_size is as it must be. */
	return load_module(vm, kernel, layout->image) ||
			       (layout->initrd && load_module(vm, initrd, layout->initrd))
		       ? -EFAULT
		       : 0;
}

static int segments_copy(struct vm *vm, const u8 *file, const struct guest_image *image)
{
	for (u32 i = 0; i < image->segment_count; i++) {
		const struct guest_segment *s = &image->segment[i];

		if (vm_write(vm, gpa(s->addr), file + s->file_offset, s->file_size)) {
			return -EFAULT;
		}
	}
	return 0;
}

/* Initrd and device tree from the middle of memory up, or from 128 MiB. */
static int load_flat(struct vm *vm, const struct guest_dt_range *ram, struct linux_layout *layout)
{
	const struct boot_module *kernel = module_at(vm, vm->config->linux_module);
	const struct boot_module *initrd = module_at(vm, vm->config->initrd_module);
	struct guest_file file = {phys_ptr(hpa(kernel->base)), kernel->size, GUEST_MACHINE_ARM64};
	u64 middle = GUEST_RAM_BASE + min_u64(ram->size / 2, INITRD_MAX_OFFSET);
	struct guest_image_fault fault;
	struct guest_image image;

	if (guest_image_parse(&file, (enum boot_image_kind)vm->config->kind, &image, &fault)) {
		log_vm(LOG_WARN, vm->config->name, "%s: %s: expected %s, found %#lx", kernel->path,
		       fault.field, fault.expected, (unsigned long)fault.found);
		return -ENOEXEC;
	}
	middle = align_up(max_u64(middle, image.end), LINUX_DTB_SPACE);
	*layout = (struct linux_layout){.image = image.entry, .initrd = initrd ? middle : 0};
	layout->dtb = align_up(middle + (initrd ? initrd->size : 0), LINUX_DTB_SPACE);
	layout->end = layout->dtb + DTB_BUFFER;
	if (layout->end - GUEST_RAM_BASE > ram->size) {
		log_vm(LOG_WARN, vm->config->name,
		       "%s: needs %lu MiB of memory with its initrd and device tree, has %lu",
		       kernel->path, (unsigned long)mib_up(layout->end - GUEST_RAM_BASE),
		       (unsigned long)(ram->size >> 20));
		return -ENOMEM;
	}
	return segments_copy(vm, file.bytes, &image) ||
			       (initrd && load_module(vm, initrd, layout->initrd))
		       ? -EFAULT
		       : 0;
}

int linux_boot_load(struct vm *vm, struct linux_entry *out)
{
	static struct guest_dt_range ranges[MEMSLOT_MAX];
	u32 count = memory_ranges(&vm->slots, ranges);
	struct linux_layout layout;
	int err;

	assert(count && ranges[0].base == GUEST_RAM_BASE);
	err = vm->config->kind == BOOT_IMAGE_LINUX ? load_image(vm, &ranges[0], &layout)
						   : load_flat(vm, &ranges[0], &layout);
	if (err) {
		return err;
	}
	if (load_dtb(vm, &layout, ranges, count)) {
		return -EFAULT;
	}
	*out = (struct linux_entry){
		.pc = layout.image, .x0 = layout.dtb, .pstate = PSTATE_DAIF | PSTATE_EL1H};
	return 0;
}
