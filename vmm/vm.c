// SPDX-License-Identifier: Apache-2.0
/*
 * A VM's memory is taken from the page allocator in the largest blocks that it has, each a slot,
 * so that the second-level tables can use large pages wherever host memory allows.
 */
#include "vmm/vm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "mm/bits.h"
#include "mm/page.h"
#include "vmm/arch.h"
#include "vmm/log.h"

#define GUEST_ORDER_MAX 18 /* 1 GiB */

static unsigned order_for(size_t size)
{
	unsigned order = 0;

	while ((PAGE_SIZE << order) < size) {
		order++;
	}
	return order;
}

static void *object_alloc(size_t size)
{
	hpa_t p = page_alloc_zeroed(order_for(size), PAGE_OWNER_CORE);

	return hpa_is_none(p) ? NULL : phys_ptr(p);
}

/* The largest order for a block at @addr with @left bytes still wanted. */
static unsigned order_at(gpa_t addr, u64 left)
{
	unsigned order = GUEST_ORDER_MAX;

	while (order && ((PAGE_SIZE << order) > left || !is_aligned(addr.v, PAGE_SIZE << order))) {
		order--;
	}
	return order;
}

static int memory_add_block(struct vm *vm, gpa_t addr, u64 left, u64 *size)
{
	unsigned order = order_at(addr, left);
	struct memslot slot = {.base = addr};
	int err;

	for (;;) {
		slot.hpa = page_alloc(order, PAGE_OWNER_GUEST);
		if (!hpa_is_none(slot.hpa)) {
			break;
		}
		if (!order--) {
			return -ENOMEM;
		}
	}
	slot.size = *size = PAGE_SIZE << order;
	err = memslot_add(&vm->slots, &slot);
	if (err) {
		page_free(slot.hpa, order);
	}
	return err;
}

static int memory_alloc(struct vm *vm, u64 total)
{
	u64 left = total, size, room;
	gpa_t addr = gpa(0);

	while (left) {
		int err;

		addr = arch_vm_memory_next(addr, &room);
		err = memory_add_block(vm, addr, min_u64(left, room), &size);
		if (err) {
			log_error("vm %s: memory %lu MiB: %lu MiB could be had (%s)",
				  vm->config->name, total >> 20, (total - left) >> 20,
				  err == -ENOSPC ? "too fragmented" : "no more");
			return err;
		}
		left -= size;
		addr.v += size;
	}
	vm->memory_pages = total >> PAGE_SHIFT;
	return 0;
}

static int vcpus_create(struct vm *vm)
{
	for (u32 i = 0; i < vm->config->vcpus && i < VM_MAX_VCPUS; i++) {
		struct vcpu *vcpu = object_alloc(sizeof(*vcpu));
		int err;

		if (!vcpu) {
			return -ENOMEM;
		}
		vcpu->vm = vm;
		vcpu->id = i;
		err = arch_vcpu_init(vcpu);
		if (err) {
			return err;
		}
		vm->vcpu[vm->vcpu_count++] = vcpu;
	}
	return 0;
}

struct vm *vm_create(const struct boot_info *bi, const struct boot_vm *config, u16 id)
{
	struct vm *vm = object_alloc(sizeof(*vm));

	if (!vm) {
		log_error("vm %s: no memory for it", config->name);
		return NULL;
	}
	vm->id = id;
	vm->config = config;
	vm->boot = bi;
	/* Its pages stay with it on failure: a machine that cannot start its VM ends. */
	if (memory_alloc(vm, config->memory) || arch_vm_init(vm) || vcpus_create(vm)) {
		return NULL;
	}
	return vm;
}

int vm_load(struct vm *vm)
{
	int err;

	for (u32 i = 0; i < vm->slots.count; i++) {
		memset(phys_ptr(vm->slots.slot[i].hpa), 0, vm->slots.slot[i].size);
	}
	err = arch_vm_load(vm);
	vm->state = err ? VM_DEAD : VM_RUNNING;
	return err;
}

void vm_kill(struct vm *vm, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warn("vm %s: stopped: %s", vm->config->name, text);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		arch_vcpu_dump(vm->vcpu[i]);
	}
	vm->state = VM_DEAD;
}

/* The host's view of guest memory at @addr, up to @size bytes of it in *chunk; NULL: none. */
static void *memory_at(const struct vm *vm, gpa_t addr, size_t size, size_t *chunk)
{
	const struct memslot *slot = memslot_find(&vm->slots, addr);
	u64 offset;

	if (!slot) {
		return NULL;
	}
	offset = addr.v - slot->base.v;
	*chunk = min_u64(size, slot->size - offset);
	return phys_ptr(hpa(slot->hpa.v + offset));
}

int vm_read(const struct vm *vm, gpa_t addr, void *buf, size_t size)
{
	char *to = buf;

	while (size) {
		size_t chunk;
		const void *from = memory_at(vm, addr, size, &chunk);

		if (!from) {
			memset(to, 0, size);
			return -EFAULT;
		}
		memcpy(to, from, chunk);
		to += chunk;
		addr.v += chunk;
		size -= chunk;
	}
	return 0;
}

int vm_write(const struct vm *vm, gpa_t addr, const void *buf, size_t size)
{
	const char *from = buf;

	while (size) {
		size_t chunk;
		void *to = memory_at(vm, addr, size, &chunk);

		if (!to) {
			return -EFAULT;
		}
		memcpy(to, from, chunk);
		from += chunk;
		addr.v += chunk;
		size -= chunk;
	}
	return 0;
}

int vm_zero(const struct vm *vm, gpa_t addr, size_t size)
{
	while (size) {
		size_t chunk;
		void *to = memory_at(vm, addr, size, &chunk);

		if (!to) {
			return -EFAULT;
		}
		memset(to, 0, chunk);
		addr.v += chunk;
		size -= chunk;
	}
	return 0;
}
