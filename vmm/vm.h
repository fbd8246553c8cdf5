// SPDX-License-Identifier: Apache-2.0
/* A virtual machine: its memory, its second-level tables, its vCPUs and its end. */
#pragma once

#include "arch/vm.h"
#include "mm/tdp.h"
#include "vmm/boot_info.h"
#include "vmm/explain.h"
#include "vmm/memslot.h"
#include "vmm/sched.h"
#include "vmm/vconsole.h"

#define VM_MAX_VCPUS 8

enum vm_state {
	VM_OFF,     /* has no memory */
	VM_LOADING, /* vCPU 0 clears the memory, a part in each of its runs, and loads the images */
	VM_RUNNING,
	VM_PAUSED,
};

/* What somebody wants of a VM that is on: done when no vCPU runs any more. The greatest wins. */
enum vm_wish {
	VM_WISH_NONE,
	VM_WISH_PAUSE,
	VM_WISH_RESUME,    /* a pause that is taken back before all vCPUs know of it */
	VM_WISH_RESET,     /* by the guest */
	VM_WISH_RESTART,   /* the same by the operator */
	VM_WISH_STOP,      /* by the operator */
	VM_WISH_POWER_OFF, /* by the guest */
	VM_WISH_KILL,      /* for what the guest did: the reason has been logged */
};

struct vm {
	struct lock lock; /* devices and interrupt controllers */
	struct lock life; /* state, wish, active */
	u16 id;
	_Atomic(enum vm_state) state; /* changes under @life */
	atomic_uint wish;             /* enum vm_wish */
	atomic_uint active;           /* vCPUs that the scheduler has */
	enum vm_wish end;             /* OFF: what ended it, NONE: it has not been on */
	const struct boot_vm *config;
	const struct boot_info *boot;
	struct memslots slots;
	struct memslot framebuffer; /* the machine's; size 0: not this VM's. No memory otherwise */
	struct tdp tdp;             /* gpa -> hpa, faulted in */
	struct guest_paging paging; /* vCPU 0's, when it parked or vm_paging_note() was called */
	atomic_bool paging_wanted;
	struct vcpu *vcpu[VM_MAX_VCPUS];
	u32 vcpu_count;
	u64 memory_pages; /* allocated for the guest */
	u64 cleared;      /* LOADING: bytes of the memory */
	u64 resets;
	u64 start_ns; /* when it was last started */
	u64 seen_ns;  /* when the console last showed its shares */
	struct {
		u64 fixed, spurious, mmio;
	} faults;
	struct vconsole console;
	struct vm_arch arch;
};

/*
 * Creates the VM that @config describes, as number @id: OFF. NULL: refused, reason logged, nothing
 * kept.
 */
struct vm *vm_create(const struct boot_info *bi, const struct boot_vm *config, u16 id);

/* Gives everything back. @vm is OFF. */
void vm_destroy(struct vm *vm);

/* The VM with number @id, NULL: none; numbers are below vm_count(). */
struct vm *vm_get(u32 id);
u32 vm_count(void);

/*
 * Whether the machine has nothing left to do: no VM is on, and the last one to end did so itself.
 * One that the operator has stopped, or that waits to be started, may be wanted again; until
 * vms_power_off(), which stops them all.
 */
bool vms_are_done(void);
void vms_power_off(void);

/*
 * From OFF to its first instruction; counters begin anew. Errors: -ENOMEM, logged; -EBUSY: it is
 * on.
 */
int vm_start(struct vm *vm) __must_check;

/* From PAUSED, or on the way there: goes on. Time has gone on, too. Errors: -EBUSY: it is not. */
int vm_resume(struct vm *vm) __must_check;

/*
 * Wishes for what is not OFF; a PAUSED one takes those behind VM_WISH_PAUSE at once. Errors:
 * -EBUSY: it is off, paused already, or on its way to something that outweighs the wish.
 */
int vm_ask(struct vm *vm, enum vm_wish wish);

static inline bool vm_is_stopping(const struct vm *vm)
{
	return atomic_load_explicit(&vm->wish, memory_order_relaxed) != VM_WISH_NONE;
}

/*
 * How vCPU 0 translates: vm_paging_ask() has it noted in vm->paging when its run has ended, and
 * returns 0; 1: it is there, for the VM is paused. Errors: -EBUSY: it does not run.
 */
int vm_paging_ask(struct vm *vm) __must_check;

/* For the loop of a host CPU: @vcpu's run has ended on this CPU, or it is parked for now. */
void vm_run_ended(struct vcpu *vcpu, bool parked);

/* For the loop of a host CPU: a part of the loading; and that a vCPU has been parked. */
enum sched_how vm_load_step(struct vm *vm) __must_check;
void vm_parked(struct vm *vm);

/*
 * Ends the VM for what its guest did: says why, with the state of the vCPU that runs here. Others
 * go on.
 */
void vm_kill(struct vm *vm, const char *fmt, ...) __printf(2, 3);

/*
 * Copies from and to guest-physical memory; a range may cross slots.
 * Errors: -EFAULT when a byte of it is no memory (read: the buffer's rest is zeroed).
 */
int vm_read(const struct vm *vm, gpa_t addr, void *buf, size_t size) __must_check;
int vm_write(const struct vm *vm, gpa_t addr, const void *buf, size_t size) __must_check;

/* Sets [@addr, +@size) to zero. Errors: -EFAULT. */
int vm_zero(const struct vm *vm, gpa_t addr, size_t size) __must_check;
