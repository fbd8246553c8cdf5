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

#include "arch/percpu.h"
#include "mm/bits.h"
#include "mm/page.h"
#include "vmm/arch.h"
#include "vmm/log.h"
#include "vmm/monitor.h"

#define GUEST_ORDER_MAX 18 /* 1 GiB */
#define CLEAR_STEP      0x400000ULL

static struct vm *vms[BOOT_MAX_VMS];
static u32 vms_count;
static _Atomic(enum vm_wish) last_end = VM_WISH_STOP; /* of the VM that ended last */
static atomic_bool powering_off;

static void *object_alloc(size_t size)
{
	hpa_t p = page_alloc_zeroed(page_order(size), PAGE_OWNER_CORE);

	return hpa_is_none(p) ? NULL : phys_ptr(p);
}

static void object_free(void *p, size_t size)
{
	page_free(ptr_phys(p), page_order(size));
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
		err = room ? memory_add_block(vm, addr, min_u64(left, room), &size) : -ENOSPC;
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

/* No vCPU is in the guest. What the tables cached of it is gone before anybody has it. */
static void memory_free(struct vm *vm)
{
	struct tlb_batch batch;

	if (vm->tdp.ops) {
		tlb_batch_init(&batch, &vm->tdp);
		(void)!tdp_unmap(&vm->tdp, gpa(0), BIT(vm->tdp.ia_bits), &batch);
		tlb_batch_flush(&batch);
	}
	for (u32 i = 0; i < vm->slots.count; i++) {
		page_free(vm->slots.slot[i].hpa, page_order(vm->slots.slot[i].size));
	}
	vm->slots.count = 0;
	vm->memory_pages = 0;
}

static int sched_join(const struct vm *vm, struct vcpu *vcpu)
{
	int err = sched_add(&vcpu->sched, vm->config->cpus ? vm->config->cpus : SCHED_ALL_CPUS);

	if (err) {
		log_error("vm %s: %s", vm->config->name,
			  err == -EINVAL ? "this machine has none of the CPUs that it may use"
					 : "there are too many vCPUs");
	}
	return err;
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
		err = err ? err : sched_join(vm, vcpu);
		if (err) {
			arch_vcpu_fini(vcpu);
			object_free(vcpu, sizeof(*vcpu));
			return err;
		}
		vm->vcpu[vm->vcpu_count++] = vcpu;
	}
	return 0;
}

void vm_destroy(struct vm *vm)
{
	/* Whoever turned it off has left it. */
	lock_take(&vm->life);
	assert(vm->state == VM_OFF);
	lock_drop(&vm->life);
	while (vm->vcpu_count) {
		struct vcpu *vcpu = vm->vcpu[--vm->vcpu_count];

		sched_remove(&vcpu->sched);
		arch_vcpu_fini(vcpu);
		object_free(vcpu, sizeof(*vcpu));
	}
	memory_free(vm);
	arch_vm_fini(vm);
	if (vms[vm->id] == vm) {
		vms[vm->id] = NULL;
	}
	object_free(vm, sizeof(*vm));
}

/* Its own pages and no others: the loader has seen to it that it ends at page borders. */
static void framebuffer_lend(struct vm *vm)
{
	const struct boot_framebuffer *fb = &vm->boot->framebuffer;
	u64 size = align_up((u64)fb->stride_pixels * fb->height * sizeof(u32), PAGE_SIZE);

	if (!(vm->config->flags & BOOT_VM_FRAMEBUFFER)) {
		return;
	}
	if (!fb->width || size > ARCH_SCREEN_SIZE_MAX || size > fb->size) {
		log_warn("vm %s: the framebuffer cannot be given to it", vm->config->name);
		return;
	}
	vm->framebuffer = (struct memslot){arch_vm_screen_base(), size, hpa(fb->base), 0};
	log_info("vm %s: has the framebuffer, %u x %u, at %lx", vm->config->name, fb->width,
		 fb->height, vm->framebuffer.base.v);
}

struct vm *vm_create(const struct boot_info *bi, const struct boot_vm *config, u16 id)
{
	struct vm *vm = object_alloc(sizeof(*vm));

	if (!vm) {
		log_error("vm %s: no memory for it", config->name);
		return NULL;
	}
	lock_init(&vm->lock, LOCK_RANK_VM);
	lock_init(&vm->life, LOCK_RANK_LIFE);
	vm->id = id;
	vm->config = config;
	vm->boot = bi;
	if (arch_vm_init(vm) || vcpus_create(vm)) {
		vm_destroy(vm);
		return NULL;
	}
	framebuffer_lend(vm);
	vms[id] = vm;
	vms_count = vms_count > id ? vms_count : id + 1u;
	return vm;
}

struct vm *vm_get(u32 id)
{
	return id < vms_count ? vms[id] : NULL;
}

u32 vm_count(void)
{
	return vms_count;
}

bool vms_are_done(void)
{
	bool any = false;

	for (u32 i = 0; i < vms_count; i++) {
		if (vms[i] && vms[i]->state != VM_OFF) {
			return false;
		}
		any |= vms[i] != NULL;
	}
	return !any || powering_off || last_end != VM_WISH_STOP;
}

void vms_power_off(void)
{
	powering_off = true;
	for (u32 i = 0; i < vms_count; i++) {
		if (vms[i]) {
			(void)vm_ask(vms[i], VM_WISH_STOP);
		}
	}
}

/* Clearing and loading are vCPU 0's work, in its share of time. */
static void load_begin(struct vm *vm)
{
	vm->cleared = 0;
	vm->state = VM_LOADING;
	atomic_store(&vm->wish, VM_WISH_NONE);
	atomic_store(&vm->active, 1);
	sched_start(&vm->vcpu[0]->sched, arch_uptime_ns());
}

/* Nobody counts: no vCPU runs. */
static void counters_clear(struct vm *vm)
{
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		struct vcpu *vcpu = vm->vcpu[i];

		vcpu->exits = 0;
		vcpu->sched.ran_ns = 0;
		vcpu->seen_ns = 0;
		memset(vcpu->arch.exit_count, 0, sizeof(vcpu->arch.exit_count));
	}
	memset(&vm->faults, 0, sizeof(vm->faults));
	vm->resets = 0;
	vm->start_ns = arch_uptime_ns();
}

static int start(struct vm *vm)
{
	if (vm->state != VM_OFF) {
		return -EBUSY;
	}
	if (memory_alloc(vm, vm->config->memory)) {
		memory_free(vm);
		return -ENOMEM;
	}
	counters_clear(vm);
	load_begin(vm);
	return 0;
}

int vm_start(struct vm *vm)
{
	int err;

	lock_take(&vm->life);
	err = start(vm);
	lock_drop(&vm->life);
	return err;
}

/* Up to CLEAR_STEP bytes of a slot. Returns whether all is clear. */
static bool clear_some(struct vm *vm)
{
	u64 at = vm->cleared;

	for (u32 i = 0; i < vm->slots.count; i++) {
		const struct memslot *slot = &vm->slots.slot[i];

		if (at < slot->size) {
			u64 size = min_u64(slot->size - at, CLEAR_STEP);

			memset((u8 *)phys_ptr(slot->hpa) + at, 0, size);
			vm->cleared += size;
			return false;
		}
		at -= slot->size;
	}
	return true;
}

/* Its devices are begun anew: nobody is to give them anything meanwhile. */
static int load(struct vm *vm)
{
	static struct lock one = {.rank = LOCK_RANK_LOAD};
	int err;

	lock_take(&one);
	lock_take(&vm->lock);
	err = arch_vm_load(vm);
	lock_drop(&vm->lock);
	lock_drop(&one);
	return err;
}

enum sched_how vm_load_step(struct vm *vm)
{
	if (atomic_load(&vm->wish) > VM_WISH_RESUME) {
		return SCHED_PARK;
	}
	if (!clear_some(vm)) {
		return SCHED_YIELD;
	}
	if (load(vm)) {
		(void)vm_ask(vm, VM_WISH_KILL);
		return SCHED_PARK;
	}
	log_info("vm %s: starting, %lu MiB, %u vCPU", vm->config->name,
		 vm->memory_pages >> (20 - PAGE_SHIFT), vm->vcpu_count);
	lock_take(&vm->life);
	vm->state = VM_RUNNING;
	atomic_fetch_add(&vm->active, vm->vcpu_count - 1);
	for (u32 i = 1; i < vm->vcpu_count; i++) {
		sched_start(&vm->vcpu[i]->sched, arch_uptime_ns());
	}
	lock_drop(&vm->life);
	arch_vm_input(vm);
	return SCHED_YIELD;
}

static u64 exits_of(const struct vm *vm)
{
	u64 exits = 0;

	for (u32 i = 0; i < vm->vcpu_count; i++) {
		exits += vm->vcpu[i]->exits;
	}
	return exits;
}

static void turn_off(struct vm *vm, enum vm_wish why)
{
	arch_vm_stopped(vm);
	memory_free(vm);
	if (why == VM_WISH_POWER_OFF) {
		log_info("vm %s: powered off by the guest after %lu exits", vm->config->name,
			 exits_of(vm));
	} else if (why == VM_WISH_STOP) {
		log_info("vm %s: stopped", vm->config->name);
	}
	if (why != VM_WISH_STOP) {
		vconsole_ended(vm);
	}
	vm->end = why;
	last_end = why;
	atomic_store(&vm->wish, VM_WISH_NONE);
	/* It may have been the last: then CPU 0 gives all VMs back, this one when @life is free. */
	vm->state = VM_OFF;
	sched_kick_cpu(0);
}

static void resume(struct vm *vm)
{
	log_info("vm %s: goes on", vm->config->name);
	arch_vm_resumed(vm);
	vm->state = VM_RUNNING;
	atomic_store(&vm->wish, VM_WISH_NONE);
	atomic_store(&vm->active, vm->vcpu_count);
	for (u32 i = 0; i < vm->vcpu_count; i++) {
		sched_start(&vm->vcpu[i]->sched, arch_uptime_ns());
	}
}

/* No vCPU runs, or will: what is wished for happens. */
static void settle(struct vm *vm)
{
	enum vm_wish wish = (enum vm_wish)atomic_load(&vm->wish);

	switch (wish) {
	case VM_WISH_NONE:
		break;
	case VM_WISH_PAUSE:
		vm->state = VM_PAUSED;
		log_info("vm %s: paused", vm->config->name);
		break;
	case VM_WISH_RESUME:
		resume(vm);
		break;
	case VM_WISH_RESET:
	case VM_WISH_RESTART:
		arch_vm_stopped(vm);
		log_info("vm %s: reset %s", vm->config->name,
			 wish == VM_WISH_RESET ? "by the guest" : "from the console");
		vm->resets++;
		load_begin(vm);
		break;
	case VM_WISH_STOP:
	case VM_WISH_POWER_OFF:
	case VM_WISH_KILL:
		turn_off(vm, wish);
		break;
	}
}

void vm_parked(struct vm *vm)
{
	lock_take(&vm->life);
	if (atomic_fetch_sub(&vm->active, 1) == 1) {
		settle(vm);
	}
	lock_drop(&vm->life);
}

int vm_resume(struct vm *vm)
{
	int err = 0;

	lock_take(&vm->life);
	if (vm->state == VM_PAUSED) {
		resume(vm);
	} else if (vm->state != VM_OFF && atomic_load(&vm->wish) == VM_WISH_PAUSE) {
		atomic_store(&vm->wish, VM_WISH_RESUME);
	} else {
		err = -EBUSY;
	}
	lock_drop(&vm->life);
	arch_vm_input(vm); /* what was typed meanwhile */
	return err;
}

int vm_ask(struct vm *vm, enum vm_wish wish)
{
	enum vm_wish now;
	int err = -EBUSY;

	lock_take(&vm->life);
	now = (enum vm_wish)atomic_load(&vm->wish);
	if (vm->state != VM_OFF &&
	    (now < wish || (now == VM_WISH_RESUME && wish == VM_WISH_PAUSE))) {
		err = 0;
		atomic_store(&vm->wish, wish);
		if (vm->state == VM_PAUSED) {
			settle(vm);
		}
		for (u32 i = 0; i < vm->vcpu_count; i++) {
			sched_leave(&vm->vcpu[i]->sched, arch_uptime_ns());
		}
	}
	lock_drop(&vm->life);
	return err;
}

int vm_paging_ask(struct vm *vm)
{
	int result = -EBUSY;

	lock_take(&vm->life);
	if (vm->state == VM_PAUSED) {
		result = 1;
	} else if (vm->state == VM_RUNNING && !vm_is_stopping(vm)) {
		/* None has parked: vCPU 0 runs at least once more, if only to park. */
		atomic_store(&vm->paging_wanted, true);
		sched_leave(&vm->vcpu[0]->sched, arch_uptime_ns());
		result = 0;
	}
	lock_drop(&vm->life);
	return result;
}

void vm_run_ended(struct vcpu *vcpu, bool parked)
{
	struct vm *vm = vcpu->vm;

	if (vcpu->id != 0 || !(parked || atomic_load(&vm->paging_wanted))) {
		return;
	}
	lock_take(&vm->life);
	arch_vcpu_paging(vcpu, &vm->paging);
	lock_drop(&vm->life);
	if (atomic_exchange(&vm->paging_wanted, false)) {
		monitor_paging_noted();
	}
}

void vm_kill(struct vm *vm, const char *fmt, ...)
{
	const struct vcpu *here = this_cpu()->vcpu;
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	log_warn("vm %s: stopped: %s", vm->config->name, text);
	if (here && here->vm == vm) {
		arch_vcpu_dump(here);
	}
	(void)vm_ask(vm, VM_WISH_KILL);
}

/* The host's view of guest memory at @addr, up to @size bytes of it in *chunk; NULL: none. */
static void *memory_at(const struct vm *vm, gpa_t addr, size_t size, size_t *chunk)
{
	const struct memslot *slot = memslot_find(&vm->slots, addr);

	if (!slot) {
		return NULL;
	}
	*chunk = min_u64(size, slot->size - (addr.v - slot->base.v));
	return phys_ptr(memslot_hpa(slot, addr));
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
