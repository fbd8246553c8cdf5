// SPDX-License-Identifier: Apache-2.0
/* Guest memory at the first instruction: linux_image.h has the picture. */
#include "arch/arm64/linux_boot.h"

#include <errno.h>
#include <string.h>

#include "arch/arm64/guest_dt.h"
#include "arch/arm64/linux_image.h"
#include "mm/bits.h"
#include "mm/page.h"
#include "vmm/log.h"

#define DTB_BUFFER  0x10000
#define CMDLINE_MAX 2048 /* COMMAND_LINE_SIZE of arm64 */

/* SPSR_EL2, "Saved Program Status Register (EL2)": D, A, I, F masked; EL1h. */
#define PSTATE_DAIF GENMASK(9, 6)
#define PSTATE_EL1H 0x5

static_assert(BOOT_OPTIONS_MAX <= CMDLINE_MAX, "the kernel takes what the configuration allows");

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
	const struct boot_module *initrd = module_at(vm, vm->config->initrd_module);
	struct guest_dt dt = {
		.memory = ranges,
		.memory_count = count,
		.vcpu_count = vm->vcpu_count,
		.bootargs = vm->config->options,
		.initrd_start = layout->initrd,
		.initrd_end = layout->initrd + (initrd ? initrd->size : 0),
	};
	int size = guest_dt_build(&dt, buffer, sizeof(buffer));

	assert(size > 0);
	return vm_write(vm, gpa(layout->dtb), buffer, (size_t)size);
}

int linux_boot_load(struct vm *vm, struct linux_entry *out)
{
	static struct guest_dt_range ranges[MEMSLOT_MAX];
	const struct boot_module *kernel = module_at(vm, vm->config->linux_module);
	const struct boot_module *initrd = module_at(vm, vm->config->initrd_module);
	u32 count = memory_ranges(&vm->slots, ranges);
	struct linux_layout layout;
	struct linux_image image;
	const char *expected;
	int err;

	expected = linux_image_parse(phys_ptr(hpa(kernel->base)), kernel->size, &image);
	if (expected) {
		log_vm(LOG_WARN, vm->config->name, "%s: expected %s", kernel->path, expected);
		return -ENOEXEC;
	}
	assert(count && ranges[0].base == GUEST_RAM_BASE);
	err = place(vm, &image, ranges[0].size, &layout);
	if (err) {
		return err;
	}
	/* Memory is zero: what follows the file up to image_size is as it must be. */
	if (load_module(vm, kernel, layout.image) ||
	    (layout.initrd && load_module(vm, initrd, layout.initrd)) ||
	    load_dtb(vm, &layout, ranges, count)) {
		return -EFAULT;
	}
	*out = (struct linux_entry){
		.pc = layout.image, .x0 = layout.dtb, .pstate = PSTATE_DAIF | PSTATE_EL1H};
	return 0;
}
